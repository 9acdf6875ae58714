//! `hasync verify SRC DEST`: what of a run it takes, and what not.

use super::Request;
use crate::options::DeleteWhen;
use clap::ArgMatches;
use clap::parser::ValueSource;
use ha_json::Error;
use std::ffi::OsString;

/// The word with which the command line begins; a source of this name is written `./verify`.
const WORD: &str = "verify";

/// Options that say how something is brought, or which of it; nothing is brought here. What verify
/// does anyway (`-c`, `-i`, `-n`, `--delete`) may be said.
const OUT_OF_PLACE: &[&str] = &[
    "append_verify",
    "backup",
    "backup_dir",
    "compare_dest",
    "copy_dest",
    "delay_updates",
    "delete_after",
    "delete_before",
    "delete_delay",
    "delete_during",
    "existing",
    "force",
    "from_json",
    "ignore_errors",
    "ignore_existing",
    "ignore_times",
    "inplace",
    "link_dest",
    "lock_wait",
    "log_file",
    "log_file_format",
    "max_delete",
    "mkpath",
    "out_format",
    "partial",
    "partial_dir",
    "partial_progress",
    "remove_source_files",
    "size_only",
    "sparse",
    "suffix",
    "temp_dir",
    "update",
    "whole_file",
];

/// Takes the word off the paths; true when it was there.
///
/// # Errors
/// Usage, naming an option that does not go with it.
pub(super) fn taken(matches: &ArgMatches, paths: &mut Vec<OsString>) -> Result<bool, Error> {
    let begins = matches.indices_of("paths").and_then(|mut places| places.next()) == Some(1);
    if !begins || paths.first().is_none_or(|path| path != WORD) {
        return Ok(false);
    }
    paths.remove(0);
    let given = |id: &&&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    match OUT_OF_PLACE.iter().find(given) {
        Some(id) => {
            let option = format!("--{}", id.replace('_', "-"));
            Err(Error::usage(option, "does not go with verify, which brings nothing"))
        }
        None => Ok(true),
    }
}

/// What a run would do that brings nothing, compares all content, and finds what is too much.
pub(super) fn asked(request: &mut Request) {
    let options = &mut request.options;
    options.verify = true;
    options.dry_run = true;
    options.checksum = true;
    options.itemize = true;
    if options.recursive || options.dirs {
        options.delete = Some(DeleteWhen::After);
    }
    request.records = true;
}
