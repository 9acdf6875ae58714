//! rsync's options that hasync does not have: refused by name, with the nearest that it does have.

use clap::{Arg, ArgAction, ArgMatches};
use ha_json::Error;

/// Of an option: its long name, its letter where it has one, whether it takes a value, and what to
/// do instead.
type Refused = (&'static str, Option<char>, bool, &'static str);

const REFUSED: &[Refused] = &[
    ("8-bit-output", Some('8'), false, "records are JSON and keep every byte"),
    ("address", None, true, "give ssh the address: -e 'ssh -b ADDRESS'"),
    ("append", None, false, "--append-verify does not trust what is there"),
    ("block-size", Some('B'), true, "blocks have one size; -W sends files whole"),
    ("blocking-io", None, false, "nothing blocks here"),
    ("checksum-choice", None, true, "content is always compared by BLAKE3; -c compares it"),
    ("cc", None, true, "content is always compared by BLAKE3; -c compares it"),
    ("checksum-seed", None, true, "digests have no seed"),
    ("compress-choice", None, true, "-z is zstd"),
    ("zc", None, true, "-z is zstd"),
    ("compress-level", None, true, "-z chooses its level"),
    ("zl", None, true, "-z chooses its level"),
    ("compress-threads", None, true, "-z chooses its threads"),
    ("zt", None, true, "-z chooses its threads"),
    ("config", None, true, "there is no daemon: --serve --root in authorized_keys confines a key"),
    ("copy-as", None, true, "--chown and --numeric-ids say who owns what"),
    ("copy-devices", None, false, "-D brings devices as devices"),
    (
        "crtimes",
        Some('N'),
        false,
        "no file system here lets a creation time be set; -t keeps times",
    ),
    ("daemon", None, false, "there is no daemon: ssh runs hasync --serve"),
    ("debug", None, true, "-i tells of each change and why"),
    ("delete-missing-args", None, false, "--files-from with --delete in named directories"),
    ("dparam", None, true, "there is no daemon"),
    ("early-input", None, true, "there is no daemon"),
    ("fake-super", None, false, "owners and devices are kept where the standby's end runs as root"),
    ("fsync", None, false, "every file is on disk before it is in place"),
    ("fuzzy", Some('y'), false, "--copy-dest names where else content may be found"),
    ("iconv", None, true, "names are bytes and stay what they are"),
    ("ignore-missing-args", None, false, "what is absent is an item that failed: status 3"),
    ("info", None, true, "-i, --stats and --progress tell more"),
    ("ipv4", Some('4'), false, "give it to ssh: -e 'ssh -4'"),
    ("ipv6", Some('6'), false, "give it to ssh: -e 'ssh -6'"),
    (
        "keep-dirlinks",
        Some('K'),
        false,
        "name the directory behind the link itself: hasync -a SRC/dir/ DEST/link/",
    ),
    ("list-only", None, false, "-n -i tells what would be brought"),
    ("max-alloc", None, true, "memory is bounded always"),
    ("msgs2stderr", None, false, "records go to standard output, words to standard error"),
    ("munge-links", None, false, "--safe-links leaves out links that lead outside"),
    ("no-motd", None, false, "there is no daemon"),
    ("old-args", None, false, "remote paths go through no shell"),
    ("old-compress", None, false, "-z is zstd"),
    ("new-compress", None, false, "-z is zstd"),
    (
        "only-write-batch",
        None,
        true,
        "there are no batches: --files-from, or a stream to --from-json",
    ),
    ("open-noatime", None, false, "mount the source with noatime"),
    ("outbuf", None, true, "records are written as they come"),
    ("password-file", None, true, "there is no daemon: ssh keys are the passwords"),
    ("preallocate", None, false, "space is looked at before anything is written"),
    ("protocol", None, true, "both ends agree by themselves"),
    ("read-batch", None, true, "there are no batches: --files-from, or a stream to --from-json"),
    ("remote-option", Some('M'), true, "both ends work with the same options"),
    ("rsync-path", None, true, "--hasync-path names hasync on the host"),
    ("sender", None, false, "hasync does not speak to rsync: it runs on both ends"),
    ("server", None, false, "hasync does not speak to rsync: it runs on both ends"),
    ("skip-compress", None, true, "what does not become smaller is sent as it is"),
    ("sockopts", None, true, "give ssh what the connection needs"),
    ("stderr", None, true, "records go to standard output, words to standard error"),
    ("super", None, false, "owners are set where the standby's end runs as root"),
    ("trust-sender", None, false, "no end trusts the other"),
    ("write-batch", None, true, "there are no batches: --files-from, or a stream to --from-json"),
    ("write-devices", None, false, "-D brings devices as devices"),
];

/// Knows the refused options, so that they are understood before they are refused.
pub(super) fn known(command: clap::Command) -> clap::Command {
    command.args(REFUSED.iter().map(|&(name, letter, has_value, _)| {
        let action = if has_value { ArgAction::Append } else { ArgAction::SetTrue };
        let arg = Arg::new(name).long(name).action(action).hide(true);
        letter.into_iter().fold(arg, Arg::short)
    }))
}

/// Refuses the first of them that was given.
///
/// # Errors
/// Usage, naming it and what comes nearest.
pub(super) fn refuse(matches: &ArgMatches) -> Result<(), Error> {
    for (name, _, _, instead) in REFUSED {
        if matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine) {
            return Err(Error::usage(
                format!("--{name}"),
                format!("is rsync's and not here: {instead}"),
            ));
        }
    }
    Ok(())
}
