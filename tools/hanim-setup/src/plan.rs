//! The steps of a set-up.

use crate::options::{Initialisation, Options};
use crate::preflight::Seen;
use crate::preflight::machines::chosen;
use crate::preflight::masters::{name_here, name_there};
use crate::question::Question;
use crate::redefinition;
use crate::side::Side;
use ha_json::Error;
use ha_nim::client::Protocol;
use ha_plan::{Act, Answer, OnFailure, Plan, Probe, Step};
use std::collections::BTreeMap;

/// What runs the steps: this very program, and how it reaches the machines.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    /// The absolute path of the program.
    pub(crate) program: String,
    pub(crate) options: &'a Options,
}

/// The plan for what was seen.
///
/// # Errors
/// Usage, where an interface must be given.
pub(crate) fn plan(seen: &Seen, caller: &Caller) -> Result<Plan, Error> {
    let (pair, options) = (&seen.pair, caller.options);
    let mut steps = Vec::new();
    let that = pair.that.as_ref().ok();
    let (this, whose) = (&pair.this, pair.shown());
    let own = chosen(&pair.this, options.initialisation.interface.as_deref());
    if let Some(interface) = needed(own, pair.is_alternate(), "--interface")? {
        let names = [name_here(pair, options), interface, pair.master.as_str()];
        let argv = niminit(names, &options.initialisation);
        let what = format!("make {} an alternate of {whose}", this.shown);
        steps.push(caller.initialise(
            "initialise",
            &what,
            "localhost",
            Question::Alternate,
            argv,
        )?);
    }
    if options.back {
        let given = options.return_interface.as_deref();
        let its = that.map_or(given, |that| chosen(that, given));
        if let Some(interface) = needed(its, pair.is_return(), "--return-interface")? {
            let names = [name_there(pair, options), interface, this.host.as_str()];
            let argv = niminit(names, &options.initialisation);
            let what = format!("make {whose} an alternate of {}", this.shown);
            let host = options.master()?;
            steps.push(caller.initialise(
                "return-direction",
                &what,
                host,
                Question::Return,
                argv,
            )?);
        }
    }
    for client in seen.to_redefine(options) {
        if let Some(that) = that {
            steps.push(caller.redefine(client, that)?);
        }
    }
    let seconds: u64 = steps.iter().map(|step| step.timeout_seconds).sum();
    Ok(Plan {
        name: "hanim-setup".to_owned(),
        state: ha_nim::STATE.to_owned(),
        state_directory: options.state_directory.clone(),
        // The runner keeps a third of it for undoing.
        deadline_seconds: (seconds * 2 + 60).min(ha_plan::MAX_SECONDS),
        conditions: Vec::new(),
        steps,
    })
}

/// The interface, or none where the step is not needed any more.
fn needed<'a>(found: Option<&'a str>, is_so: bool, option: &str) -> Result<Option<&'a str>, Error> {
    match (found, is_so) {
        (None, false) => Err(Error::usage(option, "must be given: it is not plain which")),
        (found, _) => Ok(found),
    }
}

/// What makes a machine an alternate: its name, its interface, and whose alternate it becomes.
fn niminit([name, interface, master]: [&str; 3], options: &Initialisation) -> Vec<String> {
    let port = |port: Option<u16>| port.map(|port| port.to_string());
    let attributes = [
        ("is_alternate", Some("yes".to_owned())),
        ("name", Some(name.to_owned())),
        ("pif_name", Some(interface.to_owned())),
        ("master", Some(master.to_owned())),
        ("connect", Some(options.connect.clone())),
        ("platform", Some(options.platform.clone())),
        ("netboot_kernel", Some(options.netboot_kernel.clone())),
        ("master_port", port(options.master_port)),
        ("registration_port", port(options.registration_port)),
        ("cable_type", options.cable_type.clone()),
    ];
    command(&attributes)
}

/// What defines a client again: the form of the manual that rebuilds /etc/niminfo.
fn niminit_of_client(client: &crate::client::Client, that: &Side) -> Vec<String> {
    let connect = client.object.get("connect").map(str::trim);
    // A secure nimsh would be made a plain one.
    let connect = connect.filter(|text| *text == Protocol::of(Some(text)).word());
    command(&[
        ("name", Some(client.name.clone())),
        ("master", Some(that.master.hostname().unwrap_or(&that.host).trim().to_owned())),
        ("master_port", Some(that.port("NIM_MASTER_PORT", 1058).to_string())),
        ("connect", connect.map(str::to_owned)),
    ])
}

fn command(attributes: &[(&str, Option<String>)]) -> Vec<String> {
    let mut argv = vec!["niminit".to_owned()];
    for (name, value) in attributes {
        if let Some(value) = value {
            argv.extend(["-a".to_owned(), format!("{name}={value}")]);
        }
    }
    argv
}

impl Caller<'_> {
    fn initialise(
        &self,
        id: &str,
        what: &str,
        host: &str,
        question: Question,
        niminit: Vec<String>,
    ) -> Result<Step, Error> {
        let timeout = self.options.step_timeout;
        let act = self.act(host, Some(&question), niminit, timeout)?;
        let probe = self.ask(&question)?;
        Ok(Step {
            unless: vec![probe.clone()],
            ready: Some(probe),
            ..Step::new(id, what, act, self.options.step_timeout)
        })
    }

    /// One client must not keep the others waiting.
    fn redefine(&self, client: &crate::client::Client, that: &Side) -> Result<Step, Error> {
        let (name, host) = (&client.name, &client.host);
        let what = format!("define {name} again, so that it knows both masters");
        let again = redefinition::again(&niminit_of_client(client, that));
        let question = Question::Client(name.clone());
        let (probe, timeout) = (self.ask(&question)?, self.options.step_timeout);
        let act = self.act(host, Some(&question), again, timeout)?;
        let back_timeout = self.options.carrier.ask_timeout;
        Ok(Step {
            unless: vec![probe.clone()],
            guard: Some(self.ask(&Question::Idle(name.clone()))?),
            ready: Some(probe),
            undo: Some(self.act(host, None, redefinition::back(), back_timeout)?),
            undo_timeout_seconds: Some(back_timeout),
            on_failure: OnFailure::GoOn,
            ..Step::new(&format!("redefine-{name}"), &what, act, self.options.step_timeout)
        })
    }

    /// This program runs the words there and judges what they say: a carrier's status says nothing.
    fn act(
        &self,
        host: &str,
        question: Option<&Question>,
        words: Vec<String>,
        timeout: u64,
    ) -> Result<Act, Error> {
        let mut argv = vec![self.program.clone(), "--step".into(), host.into()];
        argv.extend(self.rsh());
        // It tells that nobody answered before it is ended itself.
        let patience = (timeout * 9 / 10).max(1);
        argv.extend(["--ask-timeout".to_owned(), patience.to_string()]);
        if let Some(question) = question {
            argv.extend(["--is".to_owned(), question.text(), self.options.master()?.to_owned()]);
        }
        argv.push("--".to_owned());
        argv.extend(words);
        Ok(Act::Run { argv, environment: BTreeMap::new() })
    }

    fn ask(&self, question: &Question) -> Result<Probe, Error> {
        let timeout = self.options.carrier.ask_timeout;
        let mut argv = vec![self.program.clone(), "--is".into(), question.text()];
        argv.extend(self.rsh());
        argv.extend(["--ask-timeout".to_owned(), timeout.to_string()]);
        argv.push(self.options.master()?.to_owned());
        Ok(Probe {
            argv,
            environment: BTreeMap::new(),
            expect: Answer::Yes,
            // It asks two machines, and this one.
            timeout_seconds: timeout * 3,
            unanswered: Answer::No,
        })
    }

    fn rsh(&self) -> Vec<String> {
        let rsh = self.options.carrier.rsh.as_ref();
        rsh.map(|rsh| vec!["--rsh".to_owned(), rsh.clone()]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::tests::{asked, fresh, options, with_client};

    fn planned(seen: &Seen, words: &[&str]) -> Result<Plan, Error> {
        plan(seen, &Caller { program: "/usr/bin/hanim-setup".into(), options: &options(words) })
    }

    fn argv(step: &Step) -> String {
        let Act::Run { argv, .. } = &step.r#do else { panic!("{:?}", step.r#do) };
        argv.join(" ")
    }

    #[test]
    fn a_master_far_away_is_told_by_the_carrier_that_was_given() {
        let plan =
            planned(&fresh(), &["--return", "--rsh", "c_rsh -x", "--step-timeout", "100"]).unwrap();
        let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["initialise", "return-direction"]);
        assert_eq!(
            argv(&plan.steps[1]),
            "/usr/bin/hanim-setup --step nima --rsh c_rsh -x --ask-timeout 90 --is return nima -- niminit -a \
             is_alternate=yes -a name=nima -a pif_name=en0 -a master=nimb -a connect=nimsh -a platform=chrp -a \
             netboot_kernel=64"
        );
        assert_eq!(plan.steps[1].unless, [plan.steps[1].ready.clone().unwrap()]);
    }

    #[test]
    fn an_interface_that_is_not_plain_must_be_given() {
        let mut seen = fresh();
        seen.pair.this.adapters = None;
        assert!(planned(&seen, &[]).is_err());
        assert!(planned(&seen, &["--interface", "en3"]).is_ok());
    }

    #[test]
    fn a_client_keeps_its_protocol_and_a_secure_one_is_not_made_plain() {
        for (connect, wanted) in [("shell", true), ("nimsh", true), ("nimsh (secure)", false)] {
            let seen = with_client(asked(
                "standalone",
                &[("connect", connect)],
                Some("NIM_NAME=lpar07\n"),
            ));
            let plan = planned(&seen, &["--redefine-all"]).unwrap();
            let text = argv(&plan.steps[1]);
            assert!(
                text.contains(
                    "niminit -a name=lpar07 -a master=nima.example.com -a master_port=1058"
                ),
                "{text}"
            );
            assert_eq!(text.ends_with(&format!(" -a connect={connect}")), wanted, "{text}");
            assert_eq!(text.contains("connect="), wanted, "{text}");
        }
    }

    #[test]
    fn a_plan_is_one_that_the_runner_takes() {
        let seen = with_client(asked("standalone", &[], None));
        let plan = planned(&seen, &["--return", "--redefine-all"]).unwrap();
        let mut out = Vec::new();
        plan.write(&mut out, crate::TOOL).unwrap();
        assert_eq!(Plan::read(ha_json::read_to_change(&out[..]).unwrap()), Ok(plan));
    }
}
