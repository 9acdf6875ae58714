//! Whether DCE is configured, and on which disks.

use crate::checklist::{Chapter, Findings};
use crate::facts::Seen;
use crate::finding::{Finding, Node, Step};
use ha_dce::Client;

/// Steps 7.
pub(crate) fn dce(chapter: &Chapter<'_>) -> Findings {
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
        // Of the clients nothing else was looked at.
        true => step.ok("DCE is configured: its configuration file is there"),
        false => step.failed(
            "DCE is not configured: its configuration file is not there",
            "configure the clients on this node",
        ),
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
    shared.any(|mount| mount.is_mounted() && file.place.inside.starts_with(&mount.place.inside))
}

fn unmounted<'a>(chapter: &'a Chapter<'_>) -> Vec<&'a str> {
    let shared = chapter.facts.shared_mounts.iter().flatten();
    shared.filter(|mount| !mount.is_mounted()).map(|mount| mount.path.as_str()).collect()
}
