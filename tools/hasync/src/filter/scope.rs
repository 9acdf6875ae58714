//! The rules that hold in one directory, beyond those of the command line: what the files of
//! per-directory rules say there and in the directories above it.

use super::pattern::Base;
use super::rule::{Style, Written, parse, split};
use super::{Filter, Item, Side, cvs};
use crate::fs;
use crate::options::{Modifiers, Rule};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// The most that a per-directory file may hold, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// A per-directory rule.
#[derive(Debug)]
pub(super) struct Spec {
    /// The file's name in each directory.
    name: Vec<u8>,
    /// The directory above the root of the transfer where looking begins, where the rule names one.
    from: Option<Vec<u8>>,
    style: Style,
}

impl Spec {
    pub(super) fn new(rule: &Rule) -> Spec {
        let name = file_name(&rule.pattern).to_vec();
        let from = rule.pattern.len() > name.len();
        Spec {
            from: from.then(|| rule.pattern[..rule.pattern.len() - name.len()].to_vec()),
            name,
            style: Style::of(rule),
        }
    }

    /// True when its files cannot let anything through.
    pub(super) fn only_excludes(&self) -> bool {
        self.style.merge.plain && !self.style.include
    }
}

/// The name that a per-directory rule looks for in each directory.
pub(super) fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// What one file says, and what those above it do.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) items: Vec<Item>,
    pub(super) base: Base,
    above: Option<Arc<Frame>>,
}

/// The rules of per-directory files that hold in one directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Where the root of the transfer lies.
    root: Arc<[u8]>,
    /// The per-directory rules, and what they say here. One in a file comes after those that are
    /// known when the file is read, so that a number means the same in the directories beneath.
    lists: Vec<(Arc<Spec>, Option<Arc<Frame>>)>,
    /// The directories above the root of the transfer have been looked into.
    looked_above: bool,
    /// Nothing above it may be read, nor what links lead to.
    confined: bool,
    /// A file could not be read: nobody knows what holds here.
    unknown: bool,
}

/// A per-directory file that cannot be read or understood.
#[derive(Debug)]
pub(crate) struct Fault {
    /// As a path of the transfer, or a whole one above its root.
    pub(crate) path: Vec<u8>,
    pub(crate) message: String,
}

impl Scope {
    /// The scope of what is named itself: no file has been read. `root` is where the root of the
    /// transfer lies, from the root of the file system. `confined`: nothing outside it may be read.
    pub(crate) fn top(filter: &Filter, root: Vec<u8>, confined: bool) -> Scope {
        Scope {
            root: root.into(),
            lists: filter.merges.iter().map(|spec| (Arc::clone(spec), None)).collect(),
            looked_above: confined,
            confined,
            unknown: false,
        }
    }

    /// The scope of a directory beneath this one in which nothing may be done.
    pub(crate) fn unknown(&self) -> Scope {
        Scope { unknown: true, ..self.clone() }
    }

    pub(super) fn root(&self) -> &[u8] {
        &self.root
    }

    /// True where a file that has a say could not be read.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// What a per-directory rule says here, the nearest file first.
    pub(super) fn frames(&self, number: usize) -> impl Iterator<Item = &Frame> {
        let first = self.lists.get(number).and_then(|(_, frame)| frame.as_deref());
        std::iter::successors(first, |frame| frame.above.as_deref())
    }

    /// The scope of a directory, `path` beneath the root of the transfer, whose parent has this one.
    ///
    /// # Errors
    /// When a file in it, or above the root, is there and cannot be read or understood.
    pub(crate) fn enter(
        &self,
        filter: &Filter,
        directory: &OwnedFd,
        path: &[u8],
    ) -> Result<Scope, Fault> {
        let mut scope = Scope { looked_above: true, ..self.clone() };
        let path = if path == b"." { b"" } else { path };
        let mut number = 0;
        // A file may add rules, whose files are read here, too.
        while let Some((spec, frame)) = scope.lists.get(number) {
            let spec = Arc::clone(spec);
            let mut frame = frame.clone();
            if !self.looked_above
                && number < self.lists.len()
                && let Some(from) = &spec.from
            {
                for (file, base) in files_above(&self.root, path, from, &spec.name) {
                    let fault = |message| Fault { path: file.clone(), message };
                    let text = read_named(Path::new(OsStr::from_bytes(&file))).map_err(fault)?;
                    frame = frame.filter(|_| !spec.style.merge.alone);
                    if let Some(text) = text {
                        let read = scope.frame(filter, &spec, &text, base, frame);
                        frame = Some(read.map_err(fault)?);
                    }
                }
            }
            frame = frame.filter(|_| !spec.style.merge.alone);
            let fault = |message| Fault { path: crate::entry::join(path, &spec.name), message };
            // The standby follows no link: it would let whoever can make one ask, by what is kept,
            // what stands in a file that is none of theirs.
            let follow = filter.side == Side::Source && !self.confined;
            if let Some(text) = read_in(directory, &spec.name, follow).map_err(fault)? {
                let base = Base::Within(if path.is_empty() { 0 } else { path.len() + 1 });
                frame = Some(scope.frame(filter, &spec, &text, base, frame).map_err(fault)?);
            }
            scope.lists[number].1 = frame;
            number += 1;
        }
        Ok(scope)
    }

    /// What a file says, before what those above it do.
    fn frame(
        &mut self,
        filter: &Filter,
        spec: &Spec,
        text: &[u8],
        base: Base,
        mut above: Option<Arc<Frame>>,
    ) -> Result<Arc<Frame>, String> {
        let mut items = Vec::new();
        for (at, line) in split(text, spec.style.merge) {
            // Its number, not its words: the file may be one that was not meant to be told.
            let number = || 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count();
            let lined = |why: String| format!("line {} {why}", number());
            for written in parse(line, &spec.style).map_err(lined)? {
                match written {
                    Written::Clear => {
                        items.clear();
                        above = None;
                    }
                    Written::Rule(rule) if rule.merge.is_some() => {
                        let name = file_name(&rule.pattern);
                        if name.is_empty() {
                            return Err(lined("names no file in a directory".into()));
                        }
                        let known = self.lists.iter().any(|(spec, _)| spec.name == name);
                        if !known && filter.concerns(&rule) {
                            items.push(Item::Merge(self.lists.len()));
                            self.lists.push((Arc::new(Spec::new(&rule)), None));
                        }
                    }
                    Written::Itself(pattern) => {
                        // Here it is for both sides whatever --delete-excluded says, as with rsync.
                        let modifiers =
                            Modifiers { source: true, standby: true, ..Modifiers::default() };
                        let rule = Rule { pattern, modifiers, ..Rule::default() };
                        items.extend(filter.item(&rule));
                    }
                    Written::Rule(rule) => items.extend(filter.item(&rule)),
                    Written::Cvs(rule) => {
                        for rule in cvs::rules(&rule).map_err(|error| lined(error.to_string()))? {
                            items.extend(filter.item(&rule));
                        }
                    }
                    Written::File(_) => {
                        let why = "merges a file, which only the command line may";
                        return Err(lined(why.into()));
                    }
                }
            }
        }
        Ok(Arc::new(Frame { items, base, above }))
    }
}

/// The files that a rule looks for above the first directory of a transfer, from `from` down to its
/// parent, and what their patterns begin at. None when `from` is not above it.
fn files_above(root: &[u8], path: &[u8], from: &[u8], name: &[u8]) -> Vec<(Vec<u8>, Base)> {
    let first = absolute(root, path);
    let from = absolute(&first, from);
    let mut files = Vec::new();
    let mut directory = from;
    loop {
        let inside = if directory == b"/" { 1 } else { directory.len() + 1 };
        if !first.starts_with(&directory) || first.len() <= inside || first[inside - 1] != b'/' {
            return files;
        }
        let file = [&first[..inside], name].concat();
        // What is to be taken off, or put before, a path of the transfer.
        let base = match root.len() {
            1 if root == b"/" => Base::Within(inside - 1),
            length if length < inside => Base::Within(inside - length - 1),
            _ => Base::Above([&root[inside..], b"/"].concat()),
        };
        files.push((file, base));
        let next = first[inside..].iter().position(|&byte| byte == b'/');
        directory = first[..next.map_or(first.len(), |end| inside + end)].to_vec();
    }
}

/// A path from the root of the file system, without `.`, `..` and doubled slashes; one that does
/// not begin there begins in `directory`.
pub(crate) fn absolute(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let before: &[u8] = if path.starts_with(b"/") { b"" } else { directory };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in before.split(|&byte| byte == b'/').chain(path.split(|&byte| byte == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    [b"/", &names.join(&b'/')[..]].concat()
}

/// What a file in a directory holds; `None` when there is no such file.
fn read_in(directory: &OwnedFd, name: &[u8], follow: bool) -> Result<Option<Vec<u8>>, String> {
    // One that waits for a writer is none.
    let mut flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    if !follow {
        flags |= OFlag::O_NOFOLLOW;
    }
    match openat(directory, name, flags, Mode::empty()) {
        Ok(fd) => read(fd),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(Errno::ELOOP) if !follow => Err("is a symbolic link, which is not followed".into()),
        Err(error) => Err(fs::words(error)),
    }
}

fn read_named(file: &Path) -> Result<Option<Vec<u8>>, String> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    match nix::fcntl::open(file, flags, Mode::empty()) {
        Ok(fd) => read(fd),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(error) => Err(fs::words(error)),
    }
}

fn read(fd: OwnedFd) -> Result<Option<Vec<u8>>, String> {
    use crate::entry::Kind;
    let stat = fstat(&fd).map_err(fs::words)?;
    match Kind::of_mode(stat.st_mode) {
        Kind::File => {}
        Kind::Directory => return Ok(None),
        _ => return Err("is no file".into()),
    }
    let mut text = Vec::new();
    File::from(fd)
        .take(MOST_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| fs::words(crate::sys::errno(&error)))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!("is larger than {MOST_BYTES} bytes"));
    }
    Ok(Some(text))
}
