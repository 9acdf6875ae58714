//! DCE's own programs, configuration, variable and scripts.

use crate::addresses::{VARIABLE, judge};
use crate::checklist::{Chapter, Findings};
use crate::facts::{Content, Look, Seen};
use crate::finding::{Finding, Node, Step};
use crate::place::Entry;
use ha_dce::Client;
use ha_environment::EnvironmentFile;
use ha_plan::Act;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Steps 3.
pub(crate) fn excluded_addresses(chapter: &Chapter<'_>) -> Findings {
    let what = format!("{VARIABLE} excludes every address but the service addresses");
    let step = chapter.step(3, "excluded-addresses", what);
    let Some(content) = chapter.facts.environment.clone() else {
        let why = "environment_file of the configuration is null";
        return vec![Ok(step.not_applicable(why))];
    };
    let find = || -> Look<Finding> {
        let here = chapter.facts.addresses.clone().transpose()?;
        let content = content?;
        Ok(variable(chapter, step.of(&content.seen.path), &content, here.as_deref()))
    };
    vec![find()]
}

fn variable(
    chapter: &Chapter<'_>,
    step: Step,
    content: &Content,
    here: Option<&[Ipv4Addr]>,
) -> Finding {
    let file = EnvironmentFile::parse(content.bytes.as_deref().unwrap_or_default());
    let services = &chapter.configuration.service_addresses;
    let why = match judge(file.get(VARIABLE), services, here) {
        Ok(found) => return step.ok(found),
        Err(why) => why,
    };
    let Some(here) = here else {
        return step.failed(why, "run haenv on the machine that the image is for");
    };
    // Before a takeover the service addresses are on the other node's adapters.
    let at_home = services.iter().all(|service| here.contains(service));
    let option = match at_home || !chapter.takes_over() {
        true => "--exclude-all-but",
        false => "--before-takeover",
    };
    let services = services.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let haenv = ["haenv", option, &services, "--write", &content.seen.path];
    let fix = format!("{}; log in again before DCE is configured", haenv.join(" "));
    let act = content.seen.place.real.to_str().map(|file| Act::Run {
        argv: [&chapter.facts.haenv, option, &services, "--write", file]
            .map(str::to_owned)
            .to_vec(),
        environment: BTreeMap::new(),
    });
    step.failed(why, fix).mended_by(act.into_iter().collect())
}

/// Steps 6.
pub(crate) fn installed(chapter: &Chapter<'_>) -> Findings {
    let what = "a program of DCE or DFS is installed";
    let fix = "install DCE, and DFS if it is used; the shared file systems are mounted by then";
    executable(chapter, 6, "program", what, &chapter.facts.programs, fix)
}

/// Step 9 of the highest priority node, 10 of the standby.
pub(crate) fn scripts(chapter: &Chapter<'_>) -> Findings {
    let number = match chapter.node {
        Node::HighestPriority => 9,
        Node::Standby => 10,
    };
    let what = "a script of the cluster manager is where its configuration says";
    let fix = "put it there, and make it executable";
    if chapter.facts.scripts.is_empty() {
        let fix = "put event and application server scripts where the cluster manager's configuration \
                   says, and name them with --script to have them looked at";
        return vec![Ok(chapter.step(number, "script", what).for_a_person(fix))];
    }
    executable(chapter, number, "script", what, &chapter.facts.scripts, fix)
}

fn executable(
    chapter: &Chapter<'_>,
    number: u8,
    name: &'static str,
    what: &str,
    all: &[Look<Seen>],
    fix: &str,
) -> Findings {
    let find = |seen: &Look<Seen>| {
        let seen = seen.clone()?;
        let step = chapter.step(number, name, what).of(&seen.path);
        Ok(match seen.entry {
            Entry::File { executable: true } => step.ok("there, and executable"),
            Entry::File { executable: false } => step.failed("there, and not executable", fix),
            Entry::Missing => step.failed("not there", fix),
            _ => step.failed("there, and no file", fix),
        })
    };
    all.iter().map(find).collect()
}

/// Steps 7.
pub(crate) fn configured(chapter: &Chapter<'_>) -> Findings {
    let what = match (chapter.takes_over(), chapter.node) {
        (false, _) => "the clients of DCE and DFS are configured on this node",
        (true, Node::HighestPriority) => "DCE is configured, on the shared file systems",
        (true, Node::Standby) => "DCE is not configured on this node",
    };
    let step = chapter.step(7, "dce-configuration", what);
    vec![chapter.facts.dce.clone().map(|content| {
        let step = step.of(&content.seen.path);
        let there = content.bytes.is_some();
        match (chapter.takes_over(), chapter.node) {
            (false, _) => clients(chapter, step, there),
            (true, Node::HighestPriority) => owner(chapter, step, &content.seen, there),
            (true, Node::Standby) => standby(chapter, step, &content.seen, there),
        }
    })]
}

fn clients(chapter: &Chapter<'_>, step: Step, there: bool) -> Finding {
    let dce = [Client::Dce, Client::Dfs];
    match there {
        _ if !dce.iter().any(|client| chapter.configuration.clients.contains(client)) => {
            step.not_applicable("the configuration has no clients")
        }
        true => step.ok("configured"),
        false => step.failed("not configured", "configure the clients on this node"),
    }
}

fn owner(chapter: &Chapter<'_>, step: Step, file: &Seen, there: bool) -> Finding {
    let unmounted = unmounted(chapter);
    match there {
        true if is_beneath_shared(chapter, file) => step.ok("configured, on a shared file system"),
        true => step.undecided(
            format!("configured, in {}, which is on no shared file system", file.place.inside.display()),
            "if DCE was configured before the shared file systems were mounted, unconfigure it, have \
             them mounted, and configure it again",
        ),
        false if unmounted.is_empty() => step.failed("not configured", "configure DCE, and DFS if it is used"),
        false => step.undecided(
            format!("not to be seen: {} is not mounted", unmounted.join(", ")),
            "look again when the shared file systems are mounted",
        ),
    }
}

fn standby(chapter: &Chapter<'_>, step: Step, file: &Seen, there: bool) -> Finding {
    match there {
        _ if is_beneath_shared(chapter, file) => step.undecided(
            "not to be seen: a shared file system hides what is beneath it on this node's own disk",
            "look again when the shared file systems are not mounted here",
        ),
        true => step.failed(
            format!("configured on this node's own disk, in {}", file.place.inside.display()),
            "unconfigure DCE here: what the other node configured is taken over",
        ),
        false => step.ok("not configured"),
    }
}

fn is_beneath_shared(chapter: &Chapter<'_>, file: &Seen) -> bool {
    let mut shared = chapter.facts.shared_mounts.iter().flatten();
    shared.any(|mount| mount.mounted && file.place.inside.starts_with(&mount.place.inside))
}

fn unmounted<'a>(chapter: &'a Chapter<'_>) -> Vec<&'a str> {
    let shared = chapter.facts.shared_mounts.iter().flatten();
    shared.filter(|mount| !mount.mounted).map(|mount| mount.path.as_str()).collect()
}
