//! Lines in rsync's form: `--out-format` and `--log-file-format`.

use crate::entry::{Kind, Moment, join};
use crate::options::Options;
use crate::wire::{Action, Change, Why};
use ha_json::Error;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// What stands in a line.
#[derive(Debug)]
enum Part {
    Text(Vec<u8>),
    Field { letter: u8, commas: usize, width: usize, left: bool },
}

/// The form of a line.
#[derive(Debug)]
pub(crate) struct Format(Vec<Part>);

/// The letters that may stand behind a percent sign.
const LETTERS: &[u8] = b"BGLMUbfilnopt";
/// No field is wider.
const MOST_WIDTH: usize = 4096;

/// What a line tells that is the same for all of a run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Files go from here to a host.
    pub(crate) push: bool,
    /// They come from a host.
    pub(crate) pull: bool,
    pub(crate) times: bool,
    pub(crate) owner: bool,
    pub(crate) group: bool,
    pub(crate) checksum: bool,
    /// Where the paths begin at the source, as it was named; empty where there are several.
    pub(crate) from: Vec<u8>,
}

impl Run {
    pub(crate) fn new(options: &Options, push: bool, pull: bool, sources: &[Vec<u8>]) -> Run {
        let from = match sources {
            [source] => above(source),
            _ => Vec::new(),
        };
        let &Options { times, owner, group, checksum, .. } = options;
        Run { push, pull, times, owner, group, checksum, from }
    }
}

/// The directory whose entries the paths of a run begin with.
fn above(source: &[u8]) -> Vec<u8> {
    let inside = source.ends_with(b"/") || source.ends_with(b"/.") || source == b".";
    let end = match source.iter().rposition(|&byte| byte == b'/') {
        _ if source == b"." => 0,
        Some(slash) => slash,
        None if inside => source.len(),
        None => 0,
    };
    let start = source[..end].iter().position(|&byte| byte != b'/').unwrap_or(end);
    source[start..end].to_vec()
}

impl Format {
    /// Reads what `option` says.
    ///
    /// # Errors
    /// Usage, for an escape that is not known.
    pub(crate) fn parse(option: &str, text: &[u8]) -> Result<Format, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(percent) = rest.iter().position(|&byte| byte == b'%') {
            if percent > 0 {
                parts.push(Part::Text(rest[..percent].to_vec()));
            }
            rest = &rest[percent + 1..];
            let (part, tail) = field(rest).ok_or_else(|| {
                let shown = String::from_utf8_lossy(&rest[..rest.len().min(8)]).into_owned();
                let known = String::from_utf8_lossy(LETTERS).into_owned();
                let why = format!("does not know \"%{shown}\": the letters are {known}, and %%");
                Error::usage(option, why)
            })?;
            parts.push(part);
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_vec()));
        }
        Ok(Format(parts))
    }

    /// The line of a change.
    pub(crate) fn line(&self, run: &Run, change: &Change) -> Vec<u8> {
        let mut line = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => line.extend_from_slice(text),
                Part::Field { letter, commas, width, left } => {
                    let value = value(*letter, *commas, run, change);
                    let pad = width.saturating_sub(value.len());
                    let blanks = std::iter::repeat_n(b' ', pad);
                    if *left {
                        line.extend_from_slice(&value);
                        line.extend(blanks);
                    } else {
                        line.extend(blanks);
                        line.extend_from_slice(&value);
                    }
                }
            }
        }
        line
    }
}

/// What stands behind a percent sign, and what comes after that: apostrophes, a width, a letter.
fn field(text: &[u8]) -> Option<(Part, &[u8])> {
    let (mut commas, mut width, mut left) = (0, 0, false);
    let mut rest = text;
    loop {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        match byte {
            b'\'' => commas += 1,
            b'-' if width == 0 && !left => left = true,
            b'0'..=b'9' => width = width * 10 + usize::from(byte - b'0'),
            b'%' if rest.len() + 1 == text.len() => {
                return Some((Part::Text(b"%".to_vec()), rest));
            }
            letter if LETTERS.contains(&letter) => {
                return Some((Part::Field { letter, commas, width, left }, rest));
            }
            _ => return None,
        }
        if width > MOST_WIDTH {
            return None;
        }
    }
}

fn value(letter: u8, commas: usize, run: &Run, change: &Change) -> Vec<u8> {
    let stamp = change.details.as_ref().map(|details| details.stamp);
    let target = change.details.as_ref().map(|details| &details.target[..]);
    match letter {
        b'n' => path(change),
        b'f' => match change.action {
            Action::Delete => change.path.clone(),
            _ if run.from.is_empty() => change.path.clone(),
            _ => join(&run.from, &change.path),
        },
        b'L' => match target {
            Some(target) if change.kind == Kind::Symlink && change.action != Action::Delete => {
                [b" -> ", target].concat()
            }
            _ => Vec::new(),
        },
        b'l' => {
            let size = match (change.action, change.kind, target) {
                (Action::Delete, ..) => 0,
                (_, Kind::Symlink, Some(target)) => target.len() as u64,
                _ => change.size,
            };
            number(size, commas).into_bytes()
        }
        b'b' => {
            let sent = change.details.as_ref().map_or(0, |details| details.sent);
            number(sent, commas).into_bytes()
        }
        b'o' => match change.action {
            Action::Delete => b"del.".to_vec(),
            _ if run.pull => b"recv".to_vec(),
            _ => b"send".to_vec(),
        },
        b't' => now().into_bytes(),
        b'M' => moment(stamp.map(|stamp| stamp.mtime)).into_bytes(),
        b'B' => permissions(stamp.map_or(0, |stamp| stamp.mode)).into_bytes(),
        b'U' => {
            let owner = stamp.filter(|_| run.owner).map_or(0, |stamp| stamp.uid);
            owner.to_string().into_bytes()
        }
        b'G' if !run.group => b"DEFAULT".to_vec(),
        b'G' => stamp.map_or(0, |stamp| stamp.gid).to_string().into_bytes(),
        b'p' => std::process::id().to_string().into_bytes(),
        b'i' => itemized(run, change).into_bytes(),
        _ => Vec::new(),
    }
}

/// The path; a directory's ends with a slash.
fn path(change: &Change) -> Vec<u8> {
    let mut path = change.path.clone();
    if change.kind == Kind::Directory {
        path.push(b'/');
    }
    path
}

/// rsync's eleven letters.
fn itemized(run: &Run, change: &Change) -> String {
    if change.action == Action::Delete {
        return "*deleting  ".to_owned();
    }
    let is_file = change.kind == Kind::File;
    let is_special = matches!(change.kind, Kind::Fifo | Kind::Socket);
    let kind = match change.kind {
        Kind::File => 'f',
        Kind::Directory => 'd',
        Kind::Symlink => 'L',
        _ if is_special => 'S',
        _ => 'D',
    };
    let done = match change.action {
        Action::Attributes => '.',
        _ if !is_file => 'c',
        _ if run.push => '<',
        _ => '>',
    };
    let mut line = format!("{done}{kind}");
    if change.action == Action::Create {
        return line + "+++++++++";
    }
    let why = change.why;
    let content = match change.action {
        Action::Update if is_file => run.checksum,
        Action::Update => true,
        _ => false,
    };
    // Without -t what is written gets the time that it is written.
    let (time, retimed) = match run.times {
        true => ('t', why.has(Why::TIME)),
        false => ('T', change.action == Action::Update),
    };
    for (letter, holds) in [
        ('c', content),
        ('s', is_file && why.has(Why::SIZE)),
        (time, retimed),
        ('p', why.has(Why::MODE)),
        ('o', why.has(Why::OWNER)),
        ('g', why.has(Why::GROUP)),
        ('u', false),
        ('a', false),
        ('x', false),
    ] {
        line.push(if holds { letter } else { '.' });
    }
    line
}

/// A number as one, two or three apostrophes want it: with commas, or in units of 1000 or 1024.
fn number(value: u64, commas: usize) -> String {
    let step = match commas {
        0 => return value.to_string(),
        1 => return with_commas(value),
        2 => 1000.0,
        _ => 1024.0,
    };
    if (value as f64) < step {
        return with_commas(value);
    }
    let mut units = ["K", "M", "G", "T", "P"].into_iter();
    let mut size = value as f64 / step;
    let mut unit = units.next().unwrap_or_default();
    while size >= step
        && let Some(next) = units.next()
    {
        size /= step;
        unit = next;
    }
    format!("{size:.2}{unit}")
}

fn with_commas(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn permissions(mode: u32) -> String {
    let mut shown = String::new();
    for (index, letter) in "rwxrwxrwx".chars().enumerate() {
        shown.push(if mode & (0o400 >> index) != 0 { letter } else { '-' });
    }
    for (bit, place, over, alone) in
        [(0o4000, 2, "s", "S"), (0o2000, 5, "s", "S"), (0o1000, 8, "t", "T")]
    {
        if mode & bit != 0 {
            let executes = &shown[place..=place] == "x";
            shown.replace_range(place..=place, if executes { over } else { alone });
        }
    }
    shown
}

/// The time as it is here.
pub(super) fn now() -> String {
    Zoned::now().strftime("%Y/%m/%d %H:%M:%S").to_string()
}

fn moment(moment: Option<Moment>) -> String {
    let seconds = moment.unwrap_or_default().seconds;
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned(TimeZone::system()).strftime("%Y/%m/%d-%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Stamp;
    use crate::wire::Details;

    fn change(kind: Kind, action: Action, why: Why) -> Change {
        let stamp = Stamp {
            kind,
            mode: 0o4755,
            size: 1234567,
            mtime: Moment::default(),
            uid: 7,
            gid: 8,
            device: 0,
        };
        let details = Some(Details { stamp, target: b"there".to_vec(), sent: 5 });
        Change { path: b"d/n".to_vec(), kind, action, why, size: stamp.size, details }
    }

    fn line(format: &str, run: &Run, change: &Change) -> String {
        let line = Format::parse("--out-format", format.as_bytes()).unwrap().line(run, change);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn fields_have_width_and_apostrophes() {
        let run = Run { owner: true, from: b"src".to_vec(), ..Run::default() };
        let file = change(Kind::File, Action::Update, Why::default());
        assert_eq!(line("%l|%'l|%''l|%'''l|", &run, &file), "1234567|1,234,567|1.23M|1.18M|");
        assert_eq!(line("%-5n|%5n|%'10l|100%%", &run, &file), "d/n  |  d/n| 1,234,567|100%");
        assert_eq!(line("%f %U %G %B %b %o", &run, &file), "src/d/n 7 DEFAULT rwsr-xr-x 5 send");
        let link = change(Kind::Symlink, Action::Create, Why::default());
        assert_eq!(line("%i %n%L %l", &run, &link), "cL+++++++++ d/n -> there 5");
    }

    #[test]
    fn eleven_letters_tell_what_differed() {
        let run = Run { push: true, ..Run::default() };
        let why = Why(Why::SIZE.0 | Why::TIME.0 | Why::MODE.0);
        let shown = |action, kind| line("%i", &run, &change(kind, action, why));
        assert_eq!(shown(Action::Update, Kind::File), "<f.sTp.....");
        assert_eq!(shown(Action::Attributes, Kind::Directory), ".d...p.....");
        assert_eq!(shown(Action::Update, Kind::Symlink), "cLc.Tp.....");
        assert_eq!(shown(Action::Delete, Kind::File), "*deleting  ");
    }

    #[test]
    fn an_escape_that_is_not_known_is_refused() {
        for format in ["%q", "%", "%5", "100% sure", "%99999l", "%h"] {
            let error = Format::parse("--out-format", format.as_bytes()).unwrap_err();
            assert!(error.why.contains("%%"), "{format}: {error}");
        }
    }

    #[test]
    fn paths_at_the_source_begin_as_it_was_named() {
        for (source, from) in [
            ("/a/b/", "a/b"),
            ("/a/b", "a"),
            ("a/", "a"),
            ("a", ""),
            (".", ""),
            ("./", "."),
            ("/", ""),
            ("a/.", "a"),
        ] {
            assert_eq!(above(source.as_bytes()), from.as_bytes(), "{source}");
        }
    }
}
