//! The steps of a takeover, in the order of xCAT's documents. None has an undo: a step that fails ends
//! the run, what was done stays, and the next run goes on from there.

mod conditions;
#[cfg(test)]
mod tests;

use crate::Arguments;
use ha_json::Error;
use ha_pair::{Pair, Parts, Service, script, words};
use ha_plan::{Act, Answer, Check, OnFailure, Plan, Probe, Step};

/// A database without a row in it is not the one of the pair: that of a disk that is not mounted, perhaps.
const SITE_TABLE: &str = "rows=$(\"$1\" --engine \"$2\" --lock-wait 5 site) && case $rows in *'\"table\":\"site\"'*) ;; *) exit 1 ;; esac";

/// What the plan depends on beside the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The caller says so.
    pub(crate) peer_down: bool,
    /// This machine has the service address already, because an earlier run that was begun here, or the
    /// cluster, has seen to it: an address alone may be a mistake, or left behind.
    pub(crate) has_role: bool,
    /// The arping of iputils is here, which can tell whether an address is in use.
    pub(crate) arping: bool,
    /// The file of the configuration, where it is one.
    pub(crate) config: Option<String>,
    pub(crate) haxcat_dump: String,
    pub(crate) hastandby: String,
    pub(crate) aix: bool,
}

impl Facts {
    /// Looks at this machine.
    ///
    /// # Errors
    /// Failed, where harun is not there to be asked.
    pub(crate) fn look(
        arguments: &Arguments,
        pair: &Pair,
        parts: &Parts<'_>,
    ) -> Result<Facts, Error> {
        parts.is_a_node()?;
        // Both end with 0 for -V; the other arping takes -D for something else.
        let arping = script("arping -V 2>&1 | grep -q iputils", &[]);
        Ok(Facts {
            peer_down: arguments.peer_down,
            has_role: ha_plan::ask(&parts.vip(Answer::Yes))?
                && (!pair.vip.manage || ha_plan::ask(&parts.begun())?),
            arping: ha_plan::ask(&parts.probe(arping))?,
            config: absolute(&arguments.config),
            haxcat_dump: ha_command::beside("haxcat-dump"),
            hastandby: ha_command::beside("hastandby"),
            aix: cfg!(target_os = "aix"),
        })
    }
}

/// Programs run in `/`, whatever directory the caller stands in.
fn absolute(config: &str) -> Option<String> {
    let path = std::path::absolute(config).ok().filter(|_| config != "-")?;
    path.to_str().map(str::to_owned)
}

/// The plan of a takeover.
pub(crate) fn plan(pair: &Pair, parts: &Parts<'_>, facts: &Facts) -> Plan {
    let steps = Steps { pair, parts, facts, complete: parts.all_up() };
    Plan {
        name: "haxcat-activate".to_owned(),
        state: "haxcat".to_owned(),
        state_directory: pair.state_directory.clone(),
        deadline_seconds: pair.seconds.deadline,
        conditions: conditions::conditions(pair, parts, facts),
        steps: steps.in_order(),
    }
}

struct Steps<'a> {
    pair: &'a Pair,
    parts: &'a Parts<'a>,
    facts: &'a Facts,
    /// All answer as expected where an earlier run came to its end, and everything is still up.
    complete: Vec<Probe>,
}

impl Steps<'_> {
    fn in_order(&self) -> Vec<Step> {
        let pair = self.pair;
        let mut steps = vec![self.begin()];
        steps.extend(self.of_the_site(&pair.before_activate));
        if pair.vip.manage {
            steps.extend(self.address());
        }
        if pair.mount {
            steps.extend(self.mounts());
        }
        steps.extend(self.database());
        steps.extend(self.host_name());
        steps.extend(self.xcatd());
        steps.extend(self.commands());
        steps.extend(
            pair.services.iter().filter(|service| service.activate).map(|one| self.start(one)),
        );
        if pair.exports {
            steps.push(self.command("export", "export directories", &["exportfs", "-a"]));
        }
        steps.extend(self.of_the_site(&pair.after_activate));
        steps.extend(self.last_look());
        steps.extend(self.keep());
        steps
    }

    fn begin(&self) -> Step {
        let act = Act::File {
            path: self.parts.begun_file(),
            content: format!("{}\n", self.pair.vip.address),
            mode: "0644".to_owned(),
        };
        let what = "keep that a takeover was begun";
        let step = self.step("xcat-begin", what, act, self.pair.seconds.probe);
        // With a full disk, the next run wants to know once more that the other node is down.
        Step { on_failure: OnFailure::GoOn, ..step }
    }

    fn of_the_site(&self, steps: &[Step]) -> Vec<Step> {
        steps.iter().map(|step| step.needless_when(&self.complete)).collect()
    }

    /// A step that only a finished takeover makes needless.
    fn step(&self, id: &str, what: &str, act: Act, seconds: u64) -> Step {
        Step { unless: self.complete.clone(), ..Step::new(id, what, act, seconds) }
    }

    fn command(&self, id: &str, what: &str, argv: &[&str]) -> Step {
        let act = self.parts.run(words(argv));
        self.step(id, &format!("{what}: {}", argv.join(" ")), act, self.pair.seconds.command)
    }

    fn address(&self) -> Vec<Step> {
        let vip = &self.pair.vip;
        let (address, prefix) = (vip.address.to_string(), vip.prefix.to_string());
        let here = vec![self.parts.vip(Answer::Yes)];
        let arguments = [address.as_str(), vip.adapter.as_str(), prefix.as_str()];
        let free = match (vip.address.is_ipv4(), self.facts.arping, self.facts.aix) {
            // Who answers by ARP has it, whatever its firewall says of pings.
            (true, true, _) => "arping -D -q -c 2 -w 3 -I \"$2\" \"$1\"",
            (true, false, false) => "! ping -n -q -c 3 -w 4 \"$1\"",
            (false, _, false) => "! ping -6 -n -q -c 3 -w 4 \"$1\"",
            (_, _, true) => "! ping -n -q -c 3 -i 1 \"$1\"",
        };
        let text = format!(
            "if {free} >/dev/null; then exit 0; fi; echo \"another machine may have $1: it answers, or $2 cannot tell\" >&2; exit 1"
        );
        let free = Step {
            // An address that no takeover of this node put here is looked for elsewhere all the same.
            unless: here.iter().cloned().chain([self.parts.begun()]).collect(),
            ..Step::new(
                "vip-free",
                &format!("see that no other machine answers for {address}"),
                self.parts.run(script(&text, &arguments)),
                self.pair.seconds.probe,
            )
        };
        let argv = match self.facts.aix {
            false => words(&[
                "ip",
                "address",
                "add",
                &format!("{address}/{prefix}"),
                "dev",
                &vip.adapter,
            ]),
            true => words(&["ifconfig", &vip.adapter, "alias", &format!("{address}/{prefix}")]),
        };
        let up = Step {
            unless: here,
            ready: Some(self.parts.vip(Answer::Yes)),
            ready_decides: true,
            ..Step::new(
                "vip-up",
                &format!("put {address} on {}", vip.adapter),
                self.parts.run(argv),
                self.pair.seconds.probe,
            )
        };
        let mut steps = vec![free, up];
        if vip.address.is_ipv4() && self.facts.arping {
            let argv =
                words(&["arping", "-U", "-q", "-c", "2", "-w", "3", "-I", &vip.adapter, &address]);
            // Also where a run was killed between the two: that it is here does not say that it was told.
            let what = format!("tell the network where {address} is");
            let announce =
                self.step("vip-announce", &what, self.parts.run(argv), self.pair.seconds.probe);
            // Who has the old one in a cache asks again in its time.
            steps.push(Step { on_failure: OnFailure::GoOn, ..announce });
        }
        steps
    }

    fn mounts(&self) -> Vec<Step> {
        let mount = |(number, path): (usize, &String)| {
            let mounted = self.parts.mounted(path, Answer::Yes);
            Step {
                unless: vec![mounted.clone()],
                ready: Some(mounted),
                ..Step::new(
                    &format!("mount-{}", number + 1),
                    &format!("mount {path}"),
                    self.parts.run(words(&["mount", path])),
                    self.pair.seconds.mount,
                )
            }
        };
        self.pair.shared_mounts.iter().enumerate().map(mount).collect()
    }

    /// The engine is looked at before a server is started: one of another engine has old tables.
    fn database(&self) -> Vec<Step> {
        let engine = self.pair.database.engine.word();
        let dump = self.facts.haxcat_dump.as_str();
        let seconds = &self.pair.seconds;
        // What it tells is not needed, and where the disk of the state is full it could not be kept.
        let looks = script("exec \"$1\" --where --engine \"$2\" >/dev/null", &[dump, engine]);
        let looks = self.parts.run(looks);
        let what = format!("see that cfgloc names {engine}");
        let mut steps = vec![self.step("database-engine", &what, looks, seconds.probe)];
        steps.extend(self.pair.database.service.as_ref().map(|service| self.start(service)));
        let reads = self.parts.probe(script(SITE_TABLE, &[dump, engine]));
        let until = Act::Wait { until: Check::Probe { probe: reads } };
        steps.push(self.step(
            "site-table",
            "read the site table, past xcatd",
            until,
            seconds.start,
        ));
        steps
    }

    fn host_name(&self) -> Option<Step> {
        let name = self.pair.host_name.as_ref()?;
        let act = Act::HostName { name: name.clone() };
        Some(self.step(
            "host-name",
            &format!("set the host name to {name}"),
            act,
            self.pair.seconds.probe,
        ))
    }

    fn xcatd(&self) -> [Step; 2] {
        let xcatd = &self.pair.xcatd;
        let running = self.parts.running(xcatd, Answer::Yes);
        let answers = self.parts.xcatd_answers();
        let stopped = self.parts.running(xcatd, Answer::No);
        let deaf = Step {
            only_if: vec![running.clone(), Probe { expect: Answer::No, ..answers.clone() }],
            ready: Some(stopped),
            ready_decides: true,
            ..Step::new(
                "stop-deaf-xcatd",
                "stop xcatd, which runs and does not answer",
                self.parts.run(self.parts.manager.stop(&xcatd.unit)),
                self.pair.seconds.stop,
            )
        };
        let start = Step {
            unless: vec![running, answers.clone()],
            ready: Some(answers),
            ..Step::new(
                "start-xcatd",
                "start xcatd, until it answers",
                self.parts.run(self.parts.manager.start(&xcatd.unit)),
                self.pair.seconds.start,
            )
        };
        [deaf, start]
    }

    fn start(&self, service: &Service) -> Step {
        let running = self.parts.running(service, Answer::Yes);
        Step {
            unless: vec![running.clone()],
            ready: Some(running),
            // One of xCAT's commands may have started it: startsrc fails for what runs.
            ready_decides: true,
            ..Step::new(
                &format!("start-{}", service.name),
                &format!("start {}", service.unit),
                self.parts.run(self.parts.manager.start(&service.unit)),
                self.pair.seconds.start,
            )
        }
    }

    /// What xCAT makes of its database, on whichever node it is.
    fn commands(&self) -> Vec<Step> {
        let pair = self.pair;
        let mut steps = Vec::new();
        if pair.dns {
            steps.push(self.command("xcat-dns", "make the name service", &["makedns", "-n"]));
        }
        if pair.dhcp {
            let what = "make the configuration of DHCP";
            steps.push(self.command("xcat-dhcp", what, &["makedhcp", "-n"]));
            steps.push(self.command("xcat-dhcp-nodes", "make its nodes", &["makedhcp", "-a"]));
        }
        if let Some(nodes) = &pair.nim.standalone {
            let what = "have NIM know its nodes with a disk";
            steps.push(self.command("xcat-nim-standalone", what, &["nimnodeset", nodes]));
        }
        if let Some(nodes) = &pair.nim.diskless {
            let what = "have NIM know its nodes without one";
            steps.push(self.command("xcat-nim-diskless", what, &["mkdsklsnode", nodes]));
        }
        if let Some(conserver) = pair.conserver {
            let what = "make the configuration of the consoles";
            steps.push(self.command("xcat-consoles", what, &[conserver.command()]));
        }
        steps
    }

    /// Everything once more: a service may have died of what was made after it was started.
    fn last_look(&self) -> Vec<Step> {
        let mut looks: Vec<(String, String, Probe)> = Vec::new();
        looks.push((
            "vip".to_owned(),
            format!("{} is here", self.pair.vip.address),
            self.parts.vip(Answer::Yes),
        ));
        for (number, path) in self.pair.shared_mounts.iter().enumerate() {
            let probe = self.parts.mounted(path, Answer::Yes);
            looks.push((format!("mount-{}", number + 1), format!("{path} is mounted"), probe));
        }
        for service in self.parts.started() {
            let probe = self.parts.running(service, Answer::Yes);
            looks.push((service.name.clone(), format!("{} runs", service.unit), probe));
        }
        looks.push(("answer".to_owned(), "xcatd answers".to_owned(), self.parts.xcatd_answers()));
        let step = |(id, what, probe): (String, String, Probe)| {
            let act = Act::Wait { until: Check::Probe { probe } };
            self.step(&format!("xcat-look-{id}"), &what, act, self.pair.seconds.probe)
        };
        looks.into_iter().map(step).collect()
    }

    fn keep(&self) -> Vec<Step> {
        let act = Act::File {
            path: self.parts.marker(),
            content: format!("{}\n", self.pair.vip.address),
            mode: "0644".to_owned(),
        };
        let what = "keep that the takeover came to its end";
        let active = self.step("xcat-active", what, act, self.pair.seconds.probe);
        // The node serves, whether or not that can be written down.
        let mut steps = vec![Step { on_failure: OnFailure::GoOn, ..active }];
        if let Some(config) = &self.facts.config {
            let argv = words(&[&self.facts.hastandby, "--prove", "--config", config]);
            let act = self.parts.run(argv);
            let proof =
                self.step("proof", "record that xcatd runs here", act, self.pair.seconds.command);
            steps.push(Step { on_failure: OnFailure::GoOn, ..proof });
        }
        steps
    }
}
