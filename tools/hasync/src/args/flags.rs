//! The flags as they stand on the command line.

use super::Transport;
use clap::{ArgAction, Parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// Make a standby's files what the primary's are: rsync's habits, verified, told as JSON.
#[derive(Debug, Parser)]
#[command(
    name = "hasync",
    version,
    args_override_self = true,
    disable_help_flag = true,
    override_usage = "hasync [OPTIONS] SRC... DEST
       hasync [OPTIONS] --from-json DEST
       hasync verify [OPTIONS] SRC... DEST
       hasync --serve [--root DIR] [--read-only | --write-only]"
)]
pub(crate) struct Flags {
    /// Archive: the same as -rlptgoD
    #[arg(short, long)]
    pub(super) archive: bool,
    /// Take directories with all that is beneath them
    #[arg(short, long)]
    pub(super) recursive: bool,
    /// Take directories without what is in them
    #[arg(short, long)]
    pub(super) dirs: bool,
    /// Take symbolic links as links
    #[arg(short, long)]
    pub(super) links: bool,
    /// Take what symbolic links point to
    #[arg(short = 'L', long)]
    pub(super) copy_links: bool,
    /// Take what links that lead out of the tree point to
    #[arg(long)]
    pub(super) copy_unsafe_links: bool,
    /// Leave out links that lead out of the tree
    #[arg(long)]
    pub(super) safe_links: bool,
    /// Take links to directories as directories
    #[arg(short = 'k', long)]
    pub(super) copy_dirlinks: bool,
    /// Keep hard links
    #[arg(short = 'H', long)]
    pub(super) hard_links: bool,
    /// Keep permissions
    #[arg(short, long)]
    pub(super) perms: bool,
    /// Keep who may execute a file
    #[arg(short = 'E', long)]
    pub(super) executability: bool,
    /// Change permissions on the way
    #[arg(long, value_name = "CHMOD", action = ArgAction::Append)]
    pub(super) chmod: Vec<String>,
    /// Keep access control lists (implies -p)
    #[arg(short = 'A', long)]
    pub(super) acls: bool,
    /// Keep extended attributes
    #[arg(short = 'X', long)]
    pub(super) xattrs: bool,
    /// Keep modification times
    #[arg(short, long)]
    pub(super) times: bool,
    /// Keep access times
    #[arg(short = 'U', long)]
    pub(super) atimes: bool,
    /// Leave the times of directories alone
    #[arg(short = 'O', long)]
    pub(super) omit_dir_times: bool,
    /// Leave the times of symbolic links alone
    #[arg(short = 'J', long)]
    pub(super) omit_link_times: bool,
    /// Keep the group
    #[arg(short, long)]
    pub(super) group: bool,
    /// Keep the owner (root only)
    #[arg(short, long)]
    pub(super) owner: bool,
    /// Give everything this owner, group or both
    #[arg(long, value_name = "USER:GROUP")]
    pub(super) chown: Option<String>,
    /// Give what these users own to others
    #[arg(long, value_name = "FROM:TO,...")]
    pub(super) usermap: Option<String>,
    /// Give what these groups own to others
    #[arg(long, value_name = "FROM:TO,...")]
    pub(super) groupmap: Option<String>,
    /// Keep owners by number, not by name
    #[arg(long)]
    pub(super) numeric_ids: bool,
    /// Take devices, fifos and sockets: --devices --specials
    #[arg(short = 'D')]
    pub(super) device_files: bool,
    /// Take devices
    #[arg(long)]
    pub(super) devices: bool,
    /// Take fifos and sockets
    #[arg(long)]
    pub(super) specials: bool,
    /// Leave holes where files have nothing but zeros
    #[arg(short = 'S', long)]
    pub(super) sparse: bool,
    /// Compress on the way to or from a host
    #[arg(short = 'z', long)]
    pub(super) compress: bool,
    /// Compare contents, not sizes and times
    #[arg(short, long)]
    pub(super) checksum: bool,
    /// Compare sizes, not times
    #[arg(long)]
    pub(super) size_only: bool,
    /// Take files of equal size and time for changed, too
    #[arg(short = 'I', long)]
    pub(super) ignore_times: bool,
    /// Take times that are no more than so many seconds apart for equal
    #[arg(short = '@', long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub(super) modify_window: Option<i64>,
    /// Leave files alone that are newer at the destination
    #[arg(short, long)]
    pub(super) update: bool,
    /// Make nothing that is not there
    #[arg(long, alias = "ignore-non-existing")]
    pub(super) existing: bool,
    /// Leave alone what is there
    #[arg(long)]
    pub(super) ignore_existing: bool,
    /// Leave out files that are larger
    #[arg(long, value_name = "SIZE")]
    pub(super) max_size: Option<String>,
    /// Leave out files that are smaller
    #[arg(long, value_name = "SIZE")]
    pub(super) min_size: Option<String>,
    /// Tell what would be done, and do nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// Write one record for each changed entry
    #[arg(short, long)]
    pub(super) itemize_changes: bool,
    /// Send changed files whole, without the difference to the old ones
    #[arg(short = 'W', long)]
    pub(super) whole_file: bool,
    /// Write into files where they stand
    #[arg(long)]
    pub(super) inplace: bool,
    /// Bring only what files have grown by, and verify the whole
    #[arg(long)]
    pub(super) append_verify: bool,
    /// Keep what came of a file when the run ends before it is whole
    #[arg(long)]
    pub(super) partial: bool,
    /// Keep it in this directory
    #[arg(long, value_name = "DIR")]
    pub(super) partial_dir: Option<OsString>,
    /// Write new files in this directory until they are whole
    #[arg(short = 'T', long, value_name = "DIR")]
    pub(super) temp_dir: Option<OsString>,
    /// Put everything in place at the end
    #[arg(long)]
    pub(super) delay_updates: bool,
    /// The same as --partial --progress
    #[arg(short = 'P')]
    pub(super) partial_progress: bool,
    /// Keep what is replaced or deleted under another name
    #[arg(short, long)]
    pub(super) backup: bool,
    /// Keep it in this directory
    #[arg(long, value_name = "DIR")]
    pub(super) backup_dir: Option<OsString>,
    /// What its name ends with (~, or nothing with --backup-dir)
    #[arg(long, value_name = "SUFFIX")]
    pub(super) suffix: Option<OsString>,
    /// Take content that stands in this directory from there
    #[arg(long, value_name = "DIR", action = ArgAction::Append)]
    pub(super) copy_dest: Vec<OsString>,
    /// Leave out what stands in this directory
    #[arg(long, value_name = "DIR", action = ArgAction::Append)]
    pub(super) compare_dest: Vec<OsString>,
    /// Make what stands in this directory a hard link to it
    #[arg(long, value_name = "DIR", action = ArgAction::Append)]
    pub(super) link_dest: Vec<OsString>,
    /// Remove files from the source that are in place
    #[arg(long)]
    pub(super) remove_source_files: bool,
    /// Use the whole path as named beneath the destination
    #[arg(short = 'R', long)]
    pub(super) relative: bool,
    /// Make missing directories above the destination
    #[arg(long)]
    pub(super) mkpath: bool,
    /// Stay on the file systems of the sources
    #[arg(short = 'x', long)]
    pub(super) one_file_system: bool,
    /// The command that reaches a host, in place of ssh
    #[arg(short = 'e', long, value_name = "COMMAND")]
    pub(super) rsh: Option<String>,
    /// What carries the connection: the system's ssh, or libssh2 in this program
    #[arg(long, value_enum, value_name = "TRANSPORT", default_value = "ssh")]
    pub(super) transport: Transport,
    /// With --transport libssh2: the port of the host's sshd
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// Delete at the destination what the source does not have
    #[arg(long)]
    pub(super) delete: bool,
    /// Delete before anything is brought
    #[arg(long)]
    pub(super) delete_before: bool,
    /// Delete in each directory as it is brought
    #[arg(long, alias = "del")]
    pub(super) delete_during: bool,
    /// Find what is to go in the meantime, and delete at the end
    #[arg(long)]
    pub(super) delete_delay: bool,
    /// Delete at the end
    #[arg(long)]
    pub(super) delete_after: bool,
    /// Delete what is left out by a pattern, too
    #[arg(long)]
    pub(super) delete_excluded: bool,
    /// Delete even when something of the source could not be read
    #[arg(long)]
    pub(super) ignore_errors: bool,
    /// Delete no more than so many
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(super) max_delete: Option<i64>,
    /// Remove a directory that is not empty where something else is to be
    #[arg(long)]
    pub(super) force: bool,
    /// Leave out directories in which nothing is
    #[arg(short = 'm', long)]
    pub(super) prune_empty_dirs: bool,
    /// Leave out what matches the pattern
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) exclude: Vec<OsString>,
    /// Do not leave out what matches the pattern
    #[arg(long, value_name = "PATTERN", action = ArgAction::Append)]
    pub(super) include: Vec<OsString>,
    /// Read patterns to leave out from a file, one a line
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    pub(super) exclude_from: Vec<OsString>,
    /// Read patterns not to leave out from a file, one a line
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    pub(super) include_from: Vec<OsString>,
    /// A filter rule
    #[arg(short, long, value_name = "RULE", action = ArgAction::Append)]
    pub(super) filter: Vec<OsString>,
    /// Take rules from .rsync-filter files; twice, leave those files out
    #[arg(short = 'F', action = ArgAction::Append, num_args = 0, default_missing_value = "true")]
    pub(super) filter_files: Vec<bool>,
    /// Leave out what CVS would
    #[arg(short = 'C', long)]
    pub(super) cvs_exclude: bool,
    /// Take only the paths in this file, one a line, relative to SRC (- is standard input)
    #[arg(long, value_name = "FILE")]
    pub(super) files_from: Option<OsString>,
    /// Paths in --files-from and patterns in files end with a null byte, not a line
    #[arg(short = '0', long)]
    pub(super) from0: bool,
    /// The most that is sent in a second, in KiB, or with the suffix K, M or G
    #[arg(long, value_name = "RATE")]
    pub(super) bwlimit: Option<String>,
    /// Stop after so many minutes, in order
    #[arg(long, alias = "time-limit", value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=5_256_000))]
    pub(super) stop_after: Option<u64>,
    /// Write totals for a person to standard error at the end
    #[arg(long)]
    pub(super) stats: bool,
    /// Show progress when standard error is a terminal
    #[arg(long)]
    pub(super) progress: bool,
    /// Give each change record a line in rsync's form
    #[arg(long, value_name = "FORMAT")]
    pub(super) out_format: Option<String>,
    /// Write a line for each change to a file
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<OsString>,
    /// The form of those lines
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_file_format: Option<String>,
    /// The path of hasync on the host
    #[arg(long, value_name = "PATH", default_value = "hasync")]
    pub(super) hasync_path: String,
    /// Read a stream with file records on standard input, and make those paths true beneath DEST
    #[arg(long)]
    pub(super) from_json: bool,
    /// Wait so many seconds for another run that changes the same destination
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    pub(super) lock_wait: u64,
    /// Give up when the other end is silent for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) timeout: u64,
    /// Give up when the host does not answer for so many seconds at the beginning
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) contimeout: Option<u64>,
    /// Be the other end of a connection, on standard input and output
    #[arg(long)]
    pub(super) serve: bool,
    /// With --serve: let nothing outside this directory be changed, and nothing be read; with
    /// --read-only, let what is beneath it be read
    #[arg(long, value_name = "DIR", requires = "serve")]
    pub(super) root: Option<OsString>,
    /// With --serve: let nothing be changed
    #[arg(long, requires = "serve")]
    pub(super) read_only: bool,
    /// With --serve: let nothing be read
    #[arg(long, requires = "serve", conflicts_with = "read_only")]
    pub(super) write_only: bool,
    /// Bring the groups of a document, hasync-set(5), to its targets; with --group NAME, those alone
    #[arg(long, value_name = "FILE")]
    pub(super) set: Option<String>,
    /// With --set: bring what looks like a loss on the primary, too
    #[arg(long)]
    pub(super) accept_loss: bool,
    /// With explain: ask no target what would happen
    #[arg(long)]
    pub(super) offline: bool,
    /// With --set: append the records to this file
    #[arg(long, value_name = "FILE")]
    pub(super) log: Option<OsString>,
    /// With --set: write what a monitor asks to this file, as Prometheus' textfile collector reads it
    #[arg(long, value_name = "FILE")]
    pub(super) metrics: Option<PathBuf>,
    /// Where this node keeps what it knows of sets
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// The same as -i
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Take back --stats and --progress
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Tell sizes as a person reads them, which --stats always does; alone, print help
    #[arg(short = 'h', long)]
    pub(super) human_readable: bool,
    /// Let no shell on the host read the paths, which none ever does
    #[arg(short = 's', long, alias = "protect-args")]
    pub(super) secluded_args: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    pub(super) help: Option<bool>,
    #[arg(value_name = "SRC... DEST", hide = true)]
    pub(super) paths: Vec<OsString>,
}
