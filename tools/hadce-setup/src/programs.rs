//! DCE's own programs, and the scripts that the cluster manager runs.

use crate::checklist::{Chapter, Findings};
use crate::facts::{Look, Seen};
use crate::finding::Node;
use crate::place::Entry;

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
