//! What runs on the primary only: down on the standby, and started at boot on neither.

use crate::answers::Question;
use crate::finding::Finding;
use crate::mend;
use crate::sight::Sight;
use ha_pair::{BootState, Manager, Pair, RunState, Service};
use ha_remote::Reply;

/// The name of the question which service manager a node has.
pub(crate) const MANAGER: &str = "manager";

/// The daemon of xCAT is started by hand, too, beside the service manager.
const PROCESSES: &str = "processes";

pub(crate) fn first_questions(pair: &Pair) -> Vec<Question> {
    let mut questions = vec![(PROCESSES.to_owned(), ha_pair::xcatd_processes())];
    if pair.manager.is_none() {
        questions.push((MANAGER.to_owned(), Manager::question()));
    }
    questions
}

fn run(service: &Service) -> String {
    format!("runs {}", service.unit)
}

fn boot(service: &Service) -> String {
    format!("boot {}", service.unit)
}

pub(crate) fn questions(pair: &Pair, manager: Option<Manager>) -> Vec<Question> {
    let Some(manager) = manager else { return Vec::new() };
    let ask = |service: &Service| {
        let unit = &service.unit;
        [(run(service), manager.run_question(unit)), (boot(service), manager.boot_question(unit))]
    };
    pair.all_services().flat_map(ask).collect()
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let standby = sight.roles.standby;
    let mut findings = Vec::new();
    for service in sight.pair.all_services() {
        findings.push(stopped(sight, standby, service));
        findings.extend(installed(sight, standby, service));
        // Both nodes boot one day, and an old primary must not come up as one.
        findings.extend([0, 1].map(|number| not_at_boot(sight, number, service)));
    }
    findings.push(no_process(sight, standby));
    findings
}

/// The manager, and the reply that it has to make sense of.
fn heard<'a>(
    sight: &'a Sight<'_>,
    number: usize,
    name: &str,
) -> Result<(Manager, &'a Reply), String> {
    let manager = sight.managers[number].ok_or_else(|| {
        let why = sight.nodes[number].of(MANAGER).err().map(|error| error.to_string());
        why.unwrap_or_else(|| {
            "its service manager is not known: service_manager names it".to_owned()
        })
    })?;
    let reply = sight.nodes[number].of(name).map_err(|error| error.to_string())?;
    Ok((manager, reply))
}

fn state(
    sight: &Sight<'_>,
    number: usize,
    service: &Service,
) -> Result<(Manager, RunState), String> {
    let (manager, reply) = heard(sight, number, &run(service))?;
    let stdout = String::from_utf8_lossy(&reply.stdout);
    Ok((manager, manager.run_state(reply.status, &stdout, &reply.stderr)))
}

fn stopped(sight: &Sight<'_>, number: usize, service: &Service) -> Finding {
    let topic = sight.topic(number, "service-stopped", "does not run").of(&service.name);
    match state(sight, number, service) {
        Err(why) => topic.unknown(why),
        Ok((_, RunState::Stopped)) => topic.ok("stopped"),
        Ok((_, RunState::Absent)) => topic.ok("there is no such service"),
        Ok((_, RunState::Unknown(why))) => topic.unknown(why),
        Ok((manager, RunState::Running)) => {
            let argv = manager.stop(&service.unit);
            topic.failed("it runs", argv.join(" ")).mended_by(mend::run(argv))
        }
    }
}

/// Where it is not, a takeover cannot start it. `rmssys` of the seed takes a subsystem of AIX away.
fn installed(sight: &Sight<'_>, number: usize, service: &Service) -> Option<Finding> {
    if !service.activate {
        return None;
    }
    let topic = sight.topic(number, "service-installed", "can be started").of(&service.name);
    let hindrance = heard(sight, number, &run(service))
        .ok()
        .and_then(|(manager, reply)| manager.hindrance(&String::from_utf8_lossy(&reply.stdout)));
    Some(match state(sight, number, service) {
        Err(why) => topic.unknown(why),
        Ok(_) if hindrance.is_some() => {
            let state = hindrance.unwrap_or_default();
            topic.failed(format!("it is {state}"), format!("see systemctl status {}", service.unit))
        }
        Ok((Manager::Src, RunState::Absent)) => topic.not_applicable(
            "the subsystem is not defined: rmssys took it away, and mkssys brings it back",
        ),
        Ok((_, RunState::Absent)) => {
            topic.failed("there is no such service", format!("install {} there", service.unit))
        }
        Ok((_, RunState::Unknown(why))) => topic.unknown(why),
        Ok((_, RunState::Running | RunState::Stopped)) => topic.ok("it is there"),
    })
}

fn not_at_boot(sight: &Sight<'_>, number: usize, service: &Service) -> Finding {
    let topic = sight.topic(number, "service-boot", "is not started at boot").of(&service.name);
    let (manager, reply) = match heard(sight, number, &boot(service)) {
        Ok(heard) => heard,
        Err(why) => return topic.unknown(why),
    };
    let stdout = String::from_utf8_lossy(&reply.stdout);
    match manager.boot_state(reply.status, &stdout, &reply.stderr) {
        BootState::NotStarted => topic.ok("not started"),
        BootState::Absent => topic.ok("there is no such service"),
        BootState::Unknown(why) => topic.unknown(why),
        BootState::Started => {
            let argv = manager.disable(&service.unit);
            let fix = argv.join(" ");
            let finding = topic.failed("it is started at boot", fix);
            match number == sight.roles.standby {
                true => finding.mended_by(mend::run(argv)),
                false => finding,
            }
        }
    }
}

fn no_process(sight: &Sight<'_>, number: usize) -> Finding {
    let topic = sight.topic(number, "process", "no process of it runs").of("xcatd");
    match sight.nodes[number].of(PROCESSES) {
        Err(error) => topic.unknown(error.to_string()),
        Ok(reply) if reply.status == 1 => topic.ok("none"),
        Ok(_) => match sight.nodes[number].line(PROCESSES) {
            Err(error) => topic.unknown(error.to_string()),
            Ok(process) => {
                let process: String = process.chars().take(100).collect();
                topic.failed(process, "stop it: it runs beside the service manager")
            }
        },
    }
}
