//! The command line: rsync's letters with rsync's meanings.

use crate::filter::add_rule;
use crate::options::{Options, Rule};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use ha_json::{Error, reason};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Make a standby's files what the primary's are: rsync's habits, verified, told as JSON.
#[derive(Debug, Parser)]
#[command(
    name = "hasync",
    version,
    override_usage = "hasync [OPTIONS] SRC... DEST
       hasync [OPTIONS] --from-json DEST
       hasync --serve [--root DIR] [--read-only]"
)]
pub(crate) struct Flags {
    /// Archive: the same as -rlptgoD
    #[arg(short, long)]
    archive: bool,
    /// Take directories with all that is beneath them
    #[arg(short, long)]
    recursive: bool,
    /// Take symbolic links as links
    #[arg(short, long)]
    links: bool,
    /// Take what symbolic links point to
    #[arg(short = 'L', long)]
    copy_links: bool,
    /// Keep permissions
    #[arg(short, long)]
    perms: bool,
    /// Keep modification times
    #[arg(short, long)]
    times: bool,
    /// Keep the group
    #[arg(short, long)]
    group: bool,
    /// Keep the owner (root only)
    #[arg(short, long)]
    owner: bool,
    /// Take devices, fifos and sockets
    #[arg(short = 'D')]
    devices: bool,
    /// Compress on the way to or from a host
    #[arg(short = 'z', long)]
    compress: bool,
    /// Compare contents, not sizes and times
    #[arg(short, long)]
    checksum: bool,
    /// Tell what would be done, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Write one record for each changed entry
    #[arg(short, long)]
    itemize_changes: bool,
    /// Send changed files whole, without the difference to the old ones
    #[arg(short = 'W', long)]
    whole_file: bool,
    /// Stay on the file systems of the sources
    #[arg(short = 'x', long)]
    one_file_system: bool,
    /// The command that reaches a host, in place of ssh
    #[arg(short = 'e', long, value_name = "COMMAND")]
    rsh: Option<String>,
    /// Delete at the destination what the source does not have
    #[arg(long)]
    delete: bool,
    /// Leave out what matches the pattern
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<OsString>,
    /// Do not leave out what matches the pattern
    #[arg(long, value_name = "PATTERN")]
    include: Vec<OsString>,
    /// Read patterns to leave out from a file, one a line
    #[arg(long, value_name = "FILE")]
    exclude_from: Vec<OsString>,
    /// Take only the paths in this file, one a line, relative to SRC (- is standard input)
    #[arg(long, value_name = "FILE")]
    files_from: Option<OsString>,
    /// Paths in --files-from and patterns in --exclude-from end with a null byte, not a line
    #[arg(short = '0', long)]
    from0: bool,
    /// Keep owners by number, not by name
    #[arg(long)]
    numeric_ids: bool,
    /// The most that is sent in a second, in KiB, or with the suffix K, M or G
    #[arg(long, value_name = "RATE")]
    bwlimit: Option<String>,
    /// Write totals for a person to standard error at the end
    #[arg(long)]
    stats: bool,
    /// Show progress when standard error is a terminal
    #[arg(long)]
    progress: bool,
    /// The path of hasync on the host
    #[arg(long, value_name = "PATH", default_value = "hasync")]
    hasync_path: String,
    /// Read a stream with file records on standard input, and make those paths true beneath DEST
    #[arg(long)]
    from_json: bool,
    /// Wait so many seconds for another run that changes the same destination
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    lock_wait: u64,
    /// Give up when the other end is silent for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Be the other end of a connection, on standard input and output
    #[arg(long)]
    serve: bool,
    /// With --serve: let nothing outside this directory be read or changed
    #[arg(long, value_name = "DIR", requires = "serve")]
    root: Option<OsString>,
    /// With --serve: let nothing be changed
    #[arg(long, requires = "serve")]
    read_only: bool,
    /// The same as -i
    #[arg(short, long)]
    verbose: bool,
    #[arg(value_name = "SRC... DEST", hide = true)]
    paths: Vec<OsString>,
}

/// The arguments, with the rules in the order in which they stand on the command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) flags: Flags,
    rules: Vec<RuleArgument>,
}

#[derive(Debug)]
enum RuleArgument {
    Pattern { include: bool, text: OsString },
    File(OsString),
}

impl CommandFactory for Arguments {
    fn command() -> clap::Command {
        Flags::command()
    }

    fn command_for_update() -> clap::Command {
        Flags::command_for_update()
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut rules = Vec::new();
        for option in ["exclude", "include", "exclude_from"] {
            let places = matches.indices_of(option).into_iter().flatten();
            let values = matches.get_many::<OsString>(option).into_iter().flatten();
            for (place, text) in places.zip(values) {
                let text = text.clone();
                let rule = match option {
                    "exclude_from" => RuleArgument::File(text),
                    _ => RuleArgument::Pattern { include: option == "include", text },
                };
                rules.push((place, rule));
            }
        }
        rules.sort_by_key(|(place, _)| *place);
        let rules = rules.into_iter().map(|(_, rule)| rule).collect();
        Ok(Arguments { flags: Flags::from_arg_matches(matches)?, rules })
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
    pub(crate) rsh: Option<String>,
    pub(crate) hasync_path: String,
    pub(crate) stats: bool,
}

/// To be the other end.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) root: Option<OsString>,
    pub(crate) read_only: bool,
}

/// What hasync is to do.
#[derive(Debug)]
pub(crate) enum Task {
    Sync(Box<Request>),
    Serve(Service),
}

impl Arguments {
    /// Checks what belongs together.
    ///
    /// # Errors
    /// Usage, naming the option and what is wrong with it.
    pub(crate) fn task(self) -> Result<Task, Error> {
        let rules = rules(self.rules, self.flags.from0)?;
        let flags = self.flags;
        if flags.serve {
            return Ok(Task::Serve(Service { root: flags.root, read_only: flags.read_only }));
        }
        let mut options = flags.options(rules)?;
        let mut sources = flags.paths;
        let destination = sources
            .pop()
            .ok_or_else(|| Error::usage("usage", "SRC and DEST are missing (--help tells more)"))?;
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
                options.recursive = flags.recursive;
                options.listed = true;
                Chosen::List(items(&read(file)?, flags.from0).map(<[u8]>::to_vec).collect())
            }
            (false, None) => Chosen::All,
        };
        if matches!(chosen, Chosen::All) && sources.is_empty() {
            return Err(Error::usage("usage", "DEST is missing (--help tells more)"));
        }
        if options.delete && !options.recursive {
            let why = "does not work without -r: a directory must be read whole before";
            return Err(Error::usage("--delete", why));
        }
        Ok(Task::Sync(Box::new(Request {
            sources,
            destination,
            chosen,
            options,
            rsh: flags.rsh,
            hasync_path: flags.hasync_path,
            stats: flags.stats,
        })))
    }
}

impl Flags {
    fn options(&self, rules: Vec<Rule>) -> Result<Options, Error> {
        let all = self.archive;
        Ok(Options {
            recursive: self.recursive || all,
            links: self.links || all,
            copy_links: self.copy_links,
            perms: self.perms || all,
            times: self.times || all,
            group: self.group || all,
            owner: self.owner || all,
            devices: self.devices || all,
            compress: self.compress,
            checksum: self.checksum,
            dry_run: self.dry_run,
            itemize: self.itemize_changes || self.verbose,
            whole_file: self.whole_file,
            one_file_system: self.one_file_system,
            delete: self.delete,
            listed: false,
            numeric_ids: self.numeric_ids,
            progress: self.progress && std::io::IsTerminal::is_terminal(&std::io::stderr()),
            bandwidth_limit: self.bwlimit.as_deref().map_or(Ok(0), rate)?,
            lock_wait_seconds: self.lock_wait,
            timeout_seconds: self.timeout,
            rules,
        })
    }
}

/// A rate as rsync's `--bwlimit` takes it, in bytes a second: KiB where there is no suffix.
fn rate(text: &str) -> Result<u64, Error> {
    let bad = || Error::usage("--bwlimit", format!("{text:?} is no rate such as 500, 1.5M or 1G"));
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => text.split_at(at),
        None => (text, "K"),
    };
    let unit: f64 = match unit.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(bad()),
    };
    let rate: f64 = number.parse::<f64>().map_err(|_| bad())? * unit;
    // 0 is no limit, in rsync too.
    if rate.is_finite() && rate < 1e15 { Ok(rate as u64) } else { Err(bad()) }
}

fn rules(arguments: Vec<RuleArgument>, null: bool) -> Result<Vec<Rule>, Error> {
    let mut rules = Vec::new();
    for argument in arguments {
        match argument {
            RuleArgument::Pattern { include, text } => {
                add_rule(&mut rules, text.as_bytes(), include);
            }
            RuleArgument::File(file) => {
                let text = read(&file)?;
                for line in items(&text, null) {
                    add_rule(&mut rules, line, false);
                }
            }
        }
    }
    Ok(rules)
}

fn read(file: &OsString) -> Result<Vec<u8>, Error> {
    let read = if file == "-" {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut text).map(|_| text)
    } else {
        std::fs::read(Path::new(file))
    };
    read.map_err(|error| Error::usage(file.to_string_lossy(), reason(&error)))
}

/// The items of a file: lines but for comments, or strings that end with a null byte.
fn items(text: &[u8], null: bool) -> impl Iterator<Item = &[u8]> {
    text.split(move |&byte| if null { byte == 0 } else { byte == b'\n' })
        .map(move |line| if null { line } else { line.strip_suffix(b"\r").unwrap_or(line) })
        .filter(move |line| !line.is_empty() && (null || !matches!(line[0], b'#' | b';')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Result<Request, Error> {
        let arguments = Arguments::try_parse_from([&["hasync"], words].concat())
            .map_err(|error| Error::usage("clap", error.to_string()))?;
        match arguments.task()? {
            Task::Sync(request) => Ok(*request),
            Task::Serve(_) => Err(Error::usage("serve", "")),
        }
    }

    #[test]
    fn the_crontab_line_of_old_is_understood() {
        let request = request(&["-Lprogtz", "/install", "aixmn2:/"]).unwrap();
        let o = request.options;
        assert!(o.copy_links && o.perms && o.recursive && o.owner && o.group && o.times);
        assert!(o.compress && !o.links && !o.devices && !o.delete);
        assert_eq!(request.sources, ["/install"]);
        assert_eq!(request.destination, "aixmn2:/");
    }

    #[test]
    fn rules_keep_the_order_of_the_command_line() {
        let words = ["-r", "--exclude=a", "--include", "b", "--exclude=c", "x", "y"];
        let rules = request(&words).unwrap().options.rules;
        let told: Vec<_> = rules.iter().map(|r| (r.include, &r.pattern[..])).collect();
        assert_eq!(told, [(false, &b"a"[..]), (true, b"b"), (false, b"c")]);
    }

    #[test]
    fn rates_are_read_as_rsync_reads_them() {
        assert_eq!(rate("100").unwrap(), 102_400);
        assert_eq!(rate("1.5m").unwrap(), 1_572_864);
        assert_eq!(rate("2MB").unwrap(), 2_000_000);
        assert!(rate("fast").is_err());
        assert!(rate("-1").is_err());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        for words in [
            &["x"][..],
            &[],
            &["--delete", "x", "y"],
            &["--from-json", "x", "y"],
            &["--root=/x", "x", "y"],
            &["--timeout=0", "x", "y"],
        ] {
            assert!(request(words).is_err(), "{words:?}");
        }
    }
}
