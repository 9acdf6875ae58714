//! The steps of giving up: what a takeover did, in reverse order, and each of them, whatever failed
//! before it. It fails at its end where something remains.

#[cfg(test)]
mod tests;

use ha_pair::{Pair, Parts, Service, script, words};
use ha_plan::{Act, Answer, Check, OnFailure, Plan, Probe, Step};

/// Who keeps a file system from being unmounted is said: nobody finds out at three in the morning.
const UNMOUNT: &str = "umount \"$1\" && exit; s=$?; h=$(for p in $(fuser $2 \"$1\" 2>/dev/null); do echo \"$p ($(ps -o comm= -p \"$p\"))\"; done | head -n 5 | \
     paste -s -d ' ' -); echo \"umount $1: status $s${h:+: held by $h}\" >&2; exit $s";

/// It may be there with another prefix, or on another adapter than a takeover would put it. Where it came
/// before the node's own address, the system takes that away with it, unless it is told to promote it.
const LINUX_DOWN: &str = "ip -o address show to \"$1\" | while read -r n d f a r; do p=/proc/sys/net/ipv4/conf/$d/promote_secondaries; \
     w=$(cat \"$p\" 2>/dev/null); echo 1 2>/dev/null >\"$p\"; ip address del \"$a\" dev \"$d\"; s=$?; \
     test -z \"$w\" || echo \"$w\" 2>/dev/null >\"$p\"; test $s = 0 || exit $s; done";

/// The plan of giving up. It has no conditions: what is here is given up, whoever brought it.
pub(crate) fn plan(pair: &Pair, parts: &Parts<'_>, aix: bool) -> Plan {
    Plan {
        name: "haxcat-deactivate".to_owned(),
        state: "haxcat".to_owned(),
        state_directory: pair.state_directory.clone(),
        deadline_seconds: pair.seconds.deadline,
        conditions: Vec::new(),
        steps: Steps { pair, parts, aix }.in_order(),
    }
}

struct Steps<'a> {
    pair: &'a Pair,
    parts: &'a Parts<'a>,
    aix: bool,
}

impl Steps<'_> {
    fn in_order(&self) -> Vec<Step> {
        let pair = self.pair;
        let nothing: Vec<Probe> = self.nothing_left();
        let mut steps = of_the_site(&pair.before_deactivate, &nothing);
        let what = "forget that a takeover came to its end";
        steps.push(step("xcat-forget", what, self.parts.forget(), pair.seconds.probe));
        // The database is the first of those that are started; exports go before it, and behind xcatd.
        let services: Vec<&Service> = self.parts.started().collect();
        let database = pair.database.service.as_ref();
        let others = services.iter().rev().filter(|service| Some(**service) != database);
        steps.extend(others.map(|service| self.stop(service)));
        steps.push(self.no_xcatd());
        if pair.exports {
            steps.push(self.unexport());
        }
        steps.extend(database.map(|service| self.stop(service)));
        if pair.mount {
            let numbered = pair.shared_mounts.iter().enumerate().rev();
            steps.extend(numbered.map(|(number, path)| self.unmount(number + 1, path)));
        }
        if pair.vip.manage {
            steps.push(self.address());
        }
        if pair.host_name.is_some() {
            let what = "set the host name to the node's own, if a takeover set another";
            steps.push(step(
                "restore-host-name",
                what,
                Act::RestoreHostName {},
                pair.seconds.probe,
            ));
        }
        steps.extend(of_the_site(&pair.after_deactivate, &nothing));
        steps
    }

    fn nothing_left(&self) -> Vec<Probe> {
        let pair = self.pair;
        let mut all: Vec<Probe> =
            self.parts.started().map(|service| self.parts.running(service, Answer::No)).collect();
        if pair.mount {
            all.extend(pair.shared_mounts.iter().map(|path| self.parts.mounted(path, Answer::No)));
        }
        if pair.vip.manage {
            all.push(self.parts.vip(Answer::No));
        }
        all
    }

    /// What runs no more was stopped, whatever its manager says of itself.
    fn stop(&self, service: &Service) -> Step {
        let gone = self.parts.running(service, Answer::No);
        let act = self.parts.run(self.parts.manager.stop(&service.unit));
        Step {
            unless: vec![gone.clone()],
            ready: Some(gone),
            ready_decides: true,
            ..step(
                &format!("stop-{}", service.name),
                &format!("stop {}", service.unit),
                act,
                self.pair.seconds.stop,
            )
        }
    }

    /// One that was started by hand, beside the service manager, holds the database, and answers.
    fn no_xcatd(&self) -> Step {
        let gone = self.parts.no_xcatd();
        let act = Act::Wait { until: Check::Probe { probe: gone.clone() } };
        Step {
            unless: vec![gone],
            ..step("xcatd-gone", "see that no process of xcatd is left", act, 5)
        }
    }

    /// A standby need not have the programs of NFS.
    fn unexport(&self) -> Step {
        let exported = self.parts.probe(script("test -n \"$(exportfs 2>/dev/null)\"", &[]));
        let act = self.parts.run(words(&["exportfs", "-ua"]));
        Step {
            only_if: vec![exported],
            ..step("unexport", "export nothing any more: exportfs -ua", act, self.pair.seconds.stop)
        }
    }

    fn unmount(&self, number: usize, path: &str) -> Step {
        let gone = self.parts.mounted(path, Answer::No);
        let of_file_system = if self.aix { "-c" } else { "-m" };
        Step {
            unless: vec![gone.clone()],
            ready: Some(gone),
            ..step(
                &format!("unmount-{number}"),
                &format!("unmount {path}"),
                self.parts.run(script(UNMOUNT, &[path, of_file_system])),
                self.pair.seconds.mount,
            )
        }
    }

    fn address(&self) -> Step {
        let vip = &self.pair.vip;
        let address = vip.address.to_string();
        let gone = self.parts.vip(Answer::No);
        let argv = match self.aix {
            true => words(&["ifconfig", &vip.adapter, "delete", &address]),
            false => script(LINUX_DOWN, &[&address]),
        };
        Step {
            unless: vec![gone.clone()],
            ready: Some(gone),
            ..step(
                "vip-down",
                &format!("take {address} off"),
                self.parts.run(argv),
                self.pair.seconds.probe,
            )
        }
    }
}

fn of_the_site(steps: &[Step], nothing: &[Probe]) -> Vec<Step> {
    steps.iter().map(|step| step.needless_when(nothing)).collect()
}

fn step(id: &str, what: &str, act: Act, seconds: u64) -> Step {
    Step { on_failure: OnFailure::FailAtEnd, ..Step::new(id, what, act, seconds) }
}
