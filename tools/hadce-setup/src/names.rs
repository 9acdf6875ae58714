//! Names that the standby needs before DFS and Kerberos ever run there.

use crate::cell::{CELL_ROOT, FILE_SPACE};
use crate::checklist::{Chapter, Findings, NO_DFS};
use crate::disks::directory;
use crate::facts::{Content, Look, Seen};
use crate::finding::{Finding, Step};
use crate::place::Entry;
use crate::services::{self, Kerberos};
use crate::words::quoted;
use ha_plan::Act;

/// Step 8 of the standby.
pub(crate) fn dfs(chapter: &Chapter<'_>) -> Findings {
    let root = chapter.step(8, "dfs-root", "a directory is there to mount DFS on");
    if !chapter.has_dfs() {
        return vec![Ok(root.not_applicable(NO_DFS))];
    }
    let facts = chapter.facts;
    let (space, cell) = match &chapter.cell {
        Some(cell) => (Some(cell.file_space(chapter.junction)), Some(cell.root())),
        None => (None, None),
    };
    vec![
        facts.global_root.clone().map(|seen| directory(root.of(&seen.path), &seen)),
        link(
            chapter,
            FILE_SPACE,
            "the link to the cell's file space is there",
            space,
            &facts.file_space,
        ),
        link(chapter, CELL_ROOT, "the link to the cell is there", cell, &facts.cell_root),
    ]
}

fn link(
    chapter: &Chapter<'_>,
    path: &str,
    what: &str,
    target: Option<String>,
    seen: &Look<Seen>,
) -> Look<Finding> {
    let seen = seen.clone()?;
    let step = chapter.step(8, "dfs-link", what).of(path);
    Ok(match target {
        Some(target) => link_to(step, target, &seen),
        None => {
            let found = match &seen.entry {
                Entry::Link { target } => format!("leads to {target}, and the cell is not known"),
                _ => "the cell is not known".to_owned(),
            };
            step.failed(
                found,
                "say --cell NAME; on the other node dce_cf.db has it behind cellname",
            )
        }
    })
}

fn link_to(step: Step, target: String, seen: &Seen) -> Finding {
    let path = quoted(&seen.here);
    let fix = format!("ln -s {} {path}", quoted(&target));
    match &seen.entry {
        Entry::Link { target: found } if *found == target => step.ok(format!("leads to {found}")),
        Entry::Link { target: found } => step.failed(
            format!("leads to {found}"),
            format!("see who needs it, then rm {path} and {fix}"),
        ),
        Entry::Missing => {
            let link = seen.place.real.to_str().map(str::to_owned);
            let acts = link.map(|path| Act::Link { path, target });
            step.failed("not there", fix).mended_by(acts.into_iter().collect())
        }
        _ => {
            step.failed("there, and no link", format!("look what it is, move it away, then {fix}"))
        }
    }
}

/// Step 9 of the standby.
pub(crate) fn kerberos(chapter: &Chapter<'_>) -> Findings {
    let what = "kerberos5 is udp port 88";
    let step = chapter.step(9, "services-kerberos5", what);
    vec![
        chapter
            .facts
            .services
            .clone()
            .map(|content| kerberos_in(step.of(&content.seen.path), &content)),
    ]
}

fn kerberos_in(step: Step, content: &Content) -> Finding {
    let file = &content.seen.here;
    let by_hand = |line: usize| format!("mend line {line} of {file} by hand: who uses it decides");
    match services::kerberos(content.bytes.as_deref().unwrap_or_default()) {
        Kerberos::Defined { line } => step.ok(format!("line {line}")),
        Kerberos::OtherPort { line, port } => {
            step.failed(format!("line {line} gives it port {port}"), by_hand(line))
        }
        Kerberos::Taken { line, service } => {
            step.failed(format!("line {line} gives the port to {service}"), by_hand(line))
        }
        Kerberos::Missing => {
            let found =
                if content.bytes.is_some() { "no line has it" } else { "there is no such file" };
            let act = content.seen.place.real.to_str().map(|file| Act::Line {
                file: file.to_owned(),
                line: services::LINE.to_owned(),
                replaces_prefix: None,
            });
            let fix = format!("append \"kerberos5 88/udp kdc\" with tabs to {file}");
            step.failed(found, fix).mended_by(act.into_iter().collect())
        }
    }
}
