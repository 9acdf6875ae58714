//! The command line: rsync's letters with rsync's meanings.

mod amount;
mod flags;
mod negated;
mod refused;
mod sets;
mod transport;
mod verify;

use crate::filter::{List, contents};
use crate::mode::Changes;
use crate::options::{Basis, DeleteWhen, Modifiers, Options, Rule};
use crate::owner::check_map;
use crate::report::Format;
use crate::set;
use crate::standby::partial;
use amount::{rate, size};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use flags::Flags;
use ha_json::Error;
use nix::sys::stat::{Mode, umask};
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use transport::Transport;

/// The arguments, with the rules in the order in which they stand on the command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    flags: Flags,
    rules: Vec<RuleArgument>,
    /// The options that a `--no-` after them switched off.
    off: HashSet<&'static str>,
    /// It began with the word `verify`.
    verify: Result<bool, Error>,
    /// It is about a set.
    set: Result<Option<sets::Asked>, Error>,
    refused: Result<(), Error>,
}

/// A line of a log, where nothing else is said.
const LOG_LINE: &str = "%i %n%L";

/// What gives rules, with where it stands on the command line.
#[derive(Debug)]
enum RuleArgument {
    Pattern { include: bool, text: OsString },
    File { include: bool, file: OsString },
    Rule(OsString),
}

impl CommandFactory for Arguments {
    fn command() -> clap::Command {
        let command = negated::known(refused::known(Flags::command()));
        // As with rsync, what follows an option that takes a value is that value: `-f '- *.log'`.
        command.mut_args(|arg| {
            // -F is counted by values that nobody gives.
            let gets = arg.get_action().takes_values() && arg.get_id() != "filter_files";
            if gets && !arg.is_positional() { arg.allow_hyphen_values(true) } else { arg }
        })
    }

    fn command_for_update() -> clap::Command {
        Self::command()
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut rules = Vec::new();
        for option in ["exclude", "include", "exclude_from", "include_from", "filter"] {
            let places = matches.indices_of(option).into_iter().flatten();
            let values = matches.get_many::<OsString>(option).into_iter().flatten();
            for (place, text) in places.zip(values) {
                let text = text.clone();
                let include = option.starts_with("include");
                let rule = match option {
                    "filter" => RuleArgument::Rule(text),
                    "exclude" | "include" => RuleArgument::Pattern { include, text },
                    _ => RuleArgument::File { include, file: text },
                };
                rules.push((place, rule));
            }
        }
        let places = matches.indices_of("filter_files").into_iter().flatten();
        for (place, rule) in places.zip([": /.rsync-filter", "- .rsync-filter"]) {
            rules.push((place, RuleArgument::Rule(rule.into())));
        }
        rules.sort_by_key(|(place, _)| *place);
        let rules = rules.into_iter().map(|(_, rule)| rule).collect();
        let mut flags = Flags::from_arg_matches(matches)?;
        let verify = verify::taken(matches, &mut flags.paths);
        let set = sets::taken(matches, &mut flags.paths);
        if flags.human_readable && flags.paths.is_empty() && !flags.serve {
            Self::command().try_get_matches_from(["hasync", "--help"])?;
        }
        let refused = refused::refuse(matches);
        Ok(Arguments { flags, rules, off: negated::off(matches), verify, set, refused })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Parser for Arguments {}

/// Where the paths to take come from.
#[derive(Debug)]
pub(crate) enum Chosen {
    All,
    /// A list, relative to the source.
    List(Vec<Vec<u8>>),
    /// The records on standard input.
    Records,
}

/// What was asked for, checked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) sources: Vec<OsString>,
    pub(crate) destination: OsString,
    pub(crate) chosen: Chosen,
    pub(crate) options: Options,
    pub(crate) reach: Reach,
    pub(crate) stats: bool,
    /// The form of a line for each change.
    pub(crate) out_format: Option<Format>,
    /// A log, and the form of its lines.
    pub(crate) log: Option<(OsString, Format)>,
    /// Changes are told as records.
    pub(crate) records: bool,
}

/// How a host is reached, and hasync there.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) rsh: Option<String>,
    pub(crate) transport: Transport,
    pub(crate) port: Option<u16>,
    pub(crate) hasync_path: String,
    /// How long a host may take to answer at the beginning, in seconds.
    pub(crate) connect_timeout_seconds: Option<u64>,
}

/// To be the other end.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pub(crate) root: Option<OsString>,
    pub(crate) read_only: bool,
    pub(crate) write_only: bool,
}

/// What hasync is to do.
#[derive(Debug)]
pub(crate) enum Task {
    Sync(Box<Request>),
    Serve(Service),
    Set(Box<set::Run>),
    Command {
        command: set::Command,
        state: Option<PathBuf>,
        /// How long to wait for another run's lock.
        wait: Duration,
    },
}

impl Arguments {
    /// Checks what belongs together.
    ///
    /// # Errors
    /// Usage, naming the option and what is wrong with it.
    pub(crate) fn task(self) -> Result<Task, Error> {
        self.refused?;
        let verify = self.verify?;
        if let Some(task) = self.set? {
            return task.task(self.flags);
        }
        let rules = rules(self.rules, &self.flags)?;
        let flags = self.flags;
        if flags.serve {
            return Ok(Task::Serve(Service {
                root: flags.root,
                read_only: flags.read_only,
                write_only: flags.write_only,
            }));
        }
        let mut options = flags.options(rules, &self.off)?;
        let mut sources = flags.paths;
        let destination = sources
            .pop()
            .ok_or_else(|| Error::usage("usage", "SRC and DEST are missing (--help tells more)"))?;
        let records = options.itemize || flags.out_format.is_some();
        options.itemize = records || flags.log_file.is_some();
        let out_format = flags.out_format.as_deref();
        let out_format = out_format.map(|text| Format::parse("--out-format", text.as_bytes()));
        let log_format = flags.log_file_format.as_deref().unwrap_or(LOG_LINE);
        let log_format = Format::parse("--log-file-format", log_format.as_bytes())?;
        let log = flags.log_file.map(|file| (file, log_format));
        let chosen = match (flags.from_json, &flags.files_from) {
            (true, Some(_)) => {
                return Err(Error::usage("--from-json", "does not go with --files-from"));
            }
            (true, None) => {
                if !sources.is_empty() {
                    let why = "takes only DEST: the records name what is taken";
                    return Err(Error::usage("--from-json", why));
                }
                // What a record names is brought with all that belongs to it, and compared by
                // content: its digest is known.
                options.links = true;
                options.perms = true;
                options.times = true;
                options.owner = true;
                options.group = true;
                options.checksum = true;
                options.listed = true;
                Chosen::Records
            }
            (false, Some(file)) => {
                if sources.len() != 1 {
                    return Err(Error::usage("--files-from", "takes exactly one SRC, and DEST"));
                }
                if self.off.contains("relative") {
                    return Err(Error::usage("--no-relative", "does not go with --files-from"));
                }
                options.recursive = flags.recursive && !self.off.contains("recursive");
                options.listed = true;
                Chosen::List(items(&contents(file)?, flags.from0).map(<[u8]>::to_vec).collect())
            }
            (false, None) => Chosen::All,
        };
        if matches!(chosen, Chosen::All) && sources.is_empty() {
            return Err(Error::usage("usage", "DEST is missing (--help tells more)"));
        }
        flags.transport.check(flags.rsh.as_deref(), flags.port)?;
        partial::check(&options, false)?;
        if options.inplace && options.partial_dir.is_some() {
            return Err(Error::usage("--inplace", "does not go with --partial-dir"));
        }
        if options.append_verify && options.whole_file {
            return Err(Error::usage("--append-verify", "does not go with --whole-file"));
        }
        if let Some(suffix) = &options.suffix {
            if suffix.contains(&b'/') {
                return Err(Error::usage("--suffix", "holds a slash"));
            }
            if suffix.is_empty() && options.backup && options.backup_dir.is_none() {
                return Err(Error::usage("--suffix", "is empty, and there is no --backup-dir"));
            }
        }
        if options.delete.is_some() && !options.recursive && !options.dirs {
            let why = "does not work without -r or -d: a directory must be read whole before";
            return Err(Error::usage("--delete", why));
        }
        let mut request = Request {
            sources,
            destination,
            chosen,
            options,
            reach: Reach {
                rsh: flags.rsh,
                transport: flags.transport,
                port: flags.port,
                hasync_path: flags.hasync_path,
                connect_timeout_seconds: flags.contimeout,
            },
            stats: flags.stats && !flags.quiet,
            out_format: out_format.transpose()?,
            log,
            records,
        };
        if verify {
            verify::asked(&mut request);
        }
        Ok(Task::Sync(Box::new(request)))
    }
}

impl Flags {
    fn options(&self, rules: Vec<Rule>, off: &HashSet<&str>) -> Result<Options, Error> {
        let all = self.archive;
        let on = |name: &str, given: bool| given && !off.contains(name);
        let bytes = |text: &OsString| text.as_bytes().to_vec();
        let (usermap, groupmap) = self.maps()?;
        Ok(Options {
            recursive: on("recursive", self.recursive || all),
            dirs: self.dirs,
            links: on("links", self.links || all),
            copy_links: on("copy_links", self.copy_links),
            copy_unsafe_links: self.copy_unsafe_links,
            safe_links: self.safe_links,
            copy_dirlinks: self.copy_dirlinks,
            hard_links: on("hard_links", self.hard_links),
            perms: on("perms", self.perms || all) || on("acls", self.acls),
            executability: self.executability,
            chmod: Changes::parse(&self.chmod, own_umask())?,
            acls: on("acls", self.acls),
            xattrs: on("xattrs", self.xattrs),
            times: on("times", self.times || all),
            atimes: on("atimes", self.atimes),
            // A backup beside its file changes the directory's time.
            omit_dir_times: on("omit_dir_times", self.omit_dir_times)
                || self.backup && self.backup_dir.is_none(),
            omit_link_times: on("omit_link_times", self.omit_link_times),
            group: on("group", self.group || all || groupmap.is_some()),
            owner: on("owner", self.owner || all || usermap.is_some()),
            usermap,
            groupmap,
            numeric_ids: on("numeric_ids", self.numeric_ids),
            devices: on("devices", self.devices || self.device_files || all),
            specials: on("specials", self.specials || self.device_files || all),
            sparse: on("sparse", self.sparse),
            compress: on("compress", self.compress),
            checksum: on("checksum", self.checksum),
            verify: false,
            size_only: self.size_only,
            ignore_times: self.ignore_times,
            modify_window: self.modify_window,
            update: self.update,
            existing: self.existing,
            ignore_existing: self.ignore_existing,
            max_size: self.max_size.as_deref().map(|text| size("--max-size", text)).transpose()?,
            min_size: self.min_size.as_deref().map(|text| size("--min-size", text)).transpose()?,
            dry_run: self.dry_run,
            itemize: self.itemize_changes || self.verbose,
            whole_file: on("whole_file", self.whole_file),
            inplace: on("inplace", self.inplace) || self.append_verify,
            append_verify: self.append_verify,
            partial: on("partial", self.partial || self.partial_progress),
            partial_dir: self.partial_dir().map(<[u8]>::to_vec),
            delay_updates: self.delay_updates,
            temp_dir: self.temp_dir.as_ref().map(bytes),
            backup: self.backup || self.backup_dir.is_some(),
            backup_dir: self.backup_dir.as_ref().map(bytes),
            suffix: self.suffix.as_ref().map(bytes),
            basis: self.basis()?,
            remove_source_files: self.remove_source_files,
            relative: on("relative", self.relative),
            implied_dirs: !off.contains("implied_dirs"),
            mkpath: self.mkpath,
            one_file_system: on("one_file_system", self.one_file_system),
            delete: self.delete_when()?,
            delete_excluded: self.delete_excluded,
            ignore_errors: self.ignore_errors,
            max_delete: self.max_delete,
            force: self.force,
            prune_empty_dirs: on("prune_empty_dirs", self.prune_empty_dirs),
            listed: false,
            progress: on("progress", self.progress || self.partial_progress)
                && !self.quiet
                && std::io::IsTerminal::is_terminal(&std::io::stderr()),
            bandwidth_limit: self.bwlimit.as_deref().map_or(Ok(0), rate)?,
            stop_after_seconds: self.stop_after.map(|minutes| minutes * 60),
            lock_wait_seconds: self.lock_wait,
            timeout_seconds: self.timeout,
            rules: self.without_partials(rules),
        })
    }

    /// Whom the source's users and groups become: `--chown` is a map of everyone.
    fn maps(&self) -> Result<(Option<String>, Option<String>), Error> {
        let chown = self.chown.as_deref().unwrap_or_default();
        let (user, group) = chown.split_once(':').unwrap_or((chown, ""));
        let map = |option: &str, given: &Option<String>, all: &str| match given {
            Some(_) if !all.is_empty() => {
                Err(Error::usage("--chown", format!("does not go with {option}")))
            }
            Some(map) => check_map(option, map).map(|()| Some(map.clone())),
            None if all.is_empty() => Ok(None),
            None if all.contains([',', ':']) => {
                Err(Error::usage("--chown", format!("{chown:?} is not like USER:GROUP")))
            }
            None => Ok(Some(format!("*:{all}"))),
        };
        let users = map("--usermap", &self.usermap, user)?;
        Ok((users, map("--groupmap", &self.groupmap, group)?))
    }

    /// Where partial files are kept; with `--delay-updates`, all files until the end.
    fn partial_dir(&self) -> Option<&[u8]> {
        let named = self.partial_dir.as_ref().map(|path| path.as_bytes());
        named.or(self.delay_updates.then_some(b".~tmp~"))
    }

    /// The directories of partial files take no part, unless a rule says that they do.
    fn without_partials(&self, mut rules: Vec<Rule>) -> Vec<Rule> {
        if let Some(path) = self.partial_dir().filter(|path| !path.starts_with(b"/")) {
            let pattern = [path.strip_suffix(b"/").unwrap_or(path), b"/"].concat();
            let modifiers = Modifiers { perishable: true, ..Modifiers::default() };
            rules.push(Rule { pattern, modifiers, ..Rule::default() });
        }
        rules
    }

    /// When to delete, if at all: `--delete` alone leaves it to us, and we delete last.
    fn delete_when(&self) -> Result<Option<DeleteWhen>, Error> {
        let moments = [
            (self.delete_before, DeleteWhen::Before),
            (self.delete_during, DeleteWhen::During),
            (self.delete_delay, DeleteWhen::Delay),
            (self.delete_after, DeleteWhen::After),
        ];
        let mut chosen = moments.into_iter().filter_map(|(given, when)| given.then_some(when));
        let first = chosen.next();
        if chosen.next().is_some() {
            let why = "takes one moment: only one of --delete-before, -during, -delay and -after";
            return Err(Error::usage("--delete", why));
        }
        let asked = self.delete || self.delete_excluded;
        Ok(first.or(asked.then_some(DeleteWhen::After)))
    }

    fn basis(&self) -> Result<Option<Basis>, Error> {
        let bytes = |dirs: &[OsString]| dirs.iter().map(|d| d.clone().into_vec()).collect();
        if [&self.compare_dest, &self.copy_dest, &self.link_dest].iter().any(|d| d.len() > 20) {
            return Err(Error::usage("the other directory", "may be one of 20, not more"));
        }
        match (&self.compare_dest[..], &self.copy_dest[..], &self.link_dest[..]) {
            ([], [], []) => Ok(None),
            (dirs, [], []) => Ok(Some(Basis::Compare(bytes(dirs)))),
            ([], dirs, []) => Ok(Some(Basis::Copy(bytes(dirs)))),
            ([], [], dirs) => Ok(Some(Basis::Link(bytes(dirs)))),
            _ => {
                let why = "is one of --compare-dest, --copy-dest and --link-dest";
                Err(Error::usage("the other directory", why))
            }
        }
    }
}

/// The umask that this process has: it can only be read by setting it.
pub(crate) fn own_umask() -> u32 {
    let own = umask(Mode::empty());
    umask(own);
    own.bits()
}

fn rules(arguments: Vec<RuleArgument>, flags: &Flags) -> Result<Vec<Rule>, Error> {
    let mut list = List::new(flags.from0);
    for argument in arguments {
        match argument {
            RuleArgument::Pattern { include, text } => list.pattern(text.as_bytes(), include)?,
            RuleArgument::File { include, file } => list.file(&file, include)?,
            RuleArgument::Rule(text) => list.rule(text.as_bytes())?,
        }
    }
    if flags.cvs_exclude {
        list.cvs()?;
    }
    Ok(list.into_rules())
}

/// The items of a file: lines but for comments, or strings that end with a null byte.
pub(crate) fn items(text: &[u8], null: bool) -> impl Iterator<Item = &[u8]> {
    text.split(move |&byte| if null { byte == 0 } else { byte == b'\n' })
        .map(move |line| if null { line } else { line.strip_suffix(b"\r").unwrap_or(line) })
        .filter(move |line| !line.is_empty() && (null || !matches!(line[0], b'#' | b';')))
}

#[cfg(test)]
mod tests;
