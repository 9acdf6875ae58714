//! `--no-OPTION`: what an option before it switched on is off again, as with rsync; the last decides.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};
use std::collections::HashSet;

/// Options, their negations by name and by letter, and whether `-a` switches them on.
const NEGATABLE: &[(&str, &str, &str, bool)] = &[
    ("recursive", "no-recursive", "no-r", true),
    ("links", "no-links", "no-l", true),
    ("perms", "no-perms", "no-p", true),
    ("times", "no-times", "no-t", true),
    ("group", "no-group", "no-g", true),
    ("owner", "no-owner", "no-o", true),
    ("devices", "no-devices", "", true),
    ("specials", "no-specials", "", true),
    ("D", "no-D", "", true),
    ("hard_links", "no-hard-links", "no-H", false),
    ("acls", "no-acls", "no-A", false),
    ("xattrs", "no-xattrs", "no-X", false),
    ("sparse", "no-sparse", "no-S", false),
    ("copy_links", "no-copy-links", "no-L", false),
    ("compress", "no-compress", "no-z", false),
    ("checksum", "no-checksum", "no-c", false),
    ("whole_file", "no-whole-file", "no-W", false),
    ("one_file_system", "no-one-file-system", "no-x", false),
    ("omit_dir_times", "no-omit-dir-times", "no-O", false),
    ("omit_link_times", "no-omit-link-times", "no-J", false),
    ("atimes", "no-atimes", "no-U", false),
    ("relative", "no-relative", "no-R", false),
    ("prune_empty_dirs", "no-prune-empty-dirs", "no-m", false),
    ("inplace", "no-inplace", "", false),
    ("partial", "no-partial", "", false),
    ("numeric_ids", "no-numeric-ids", "", false),
    ("progress", "no-progress", "", false),
    ("implied_dirs", "no-implied-dirs", "", false),
];

/// Knows the negations.
pub(super) fn known(command: clap::Command) -> clap::Command {
    command.args(NEGATABLE.iter().map(|&(_, no, letter, _)| {
        let arg = Arg::new(no).long(no).action(ArgAction::SetTrue).hide(true);
        if letter.is_empty() { arg } else { arg.alias(letter) }
    }))
}

/// The options that are off because their negation came after all that switches them on.
pub(super) fn off(matches: &ArgMatches) -> HashSet<&'static str> {
    let last = |id: &str| {
        let given = matches.try_contains_id(id).is_ok()
            && matches.value_source(id) == Some(ValueSource::CommandLine);
        given.then(|| matches.indices_of(id).and_then(|mut places| places.next_back())).flatten()
    };
    let mut off = HashSet::new();
    for &(name, no, _, archive) in NEGATABLE {
        let both = matches!(name, "devices" | "specials");
        let no = last(no).max(if both { last("no-D") } else { None });
        let on = last(name).max(if both { last("device_files") } else { None }).max(if archive {
            last("archive")
        } else {
            None
        });
        // Who names owners keeps them.
        let on = match name {
            "owner" => on.max(last("chown")).max(last("usermap")),
            "group" => on.max(last("chown")).max(last("groupmap")),
            _ => on,
        };
        if no.is_some() && no > on {
            off.insert(name);
        }
    }
    off
}
