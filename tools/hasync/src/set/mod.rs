//! Sets: what belongs together is brought to one or many standbys and put in place all at once.
//!
//! The primary reads the document and drives (`primary`); each standby judges and commits
//! (`standby`, `commit`). The files themselves come by runs as of any other `hasync`, to where they wait.

mod beside;
mod bytes;
mod commands;
mod commit;
mod document;
mod explain;
mod found;
mod journal;
mod list;
mod manifest;
mod metrics;
mod news;
mod plan;
mod primary;
mod recover;
mod rewrite;
mod role;
mod run;
mod staged;
mod standby;
mod state;
mod talk;
mod target;
mod told;
mod tree;
mod watch;

pub(crate) use commands::{Command, command};
pub(crate) use primary::{Run, bring};
pub(crate) use standby::serve;

/// What stands in files: a document, a manifest or a journal's plan.
#[cfg(any(fuzzing, test))]
pub(crate) fn read_files(which: u8, text: &[u8]) {
    match which {
        0 => drop(document::Document::parse(text)),
        1 => drop(manifest::Manifest::parse(text)),
        _ => drop(serde_json::from_slice::<journal::Plan>(text)),
    }
}

/// What waits in a root counts as brought for this group, where it is `g`.
#[cfg(any(fuzzing, test))]
pub(crate) fn stage_for(root: &std::path::Path, group: &serde_json::Value) {
    let group = serde_json::from_value::<document::Group>(group.clone());
    if let (Ok(group), Ok(state)) = (group, state::State::open(root, None))
        && group.name == "g"
    {
        let place = state.group(&group.name);
        // The lock makes its directory.
        let _ = place.lock(std::time::Duration::ZERO);
        let _ = place.stage_for(&group);
    }
}
