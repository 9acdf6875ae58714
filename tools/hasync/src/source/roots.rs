//! The sources as they were named on the command line.

use super::selection::Node;
use crate::entry::{Entry, Kind, Stamp};
use crate::extra::{Extra, Keep, Scope};
use crate::filter;
use crate::fs;
use crate::options::Options;
use crate::symlink;
use crate::xattr::Place;
use ha_json::Error;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where entries of the root come from.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) directory: Arc<OwnedFd>,
    /// The directory's path from the root of the file system, as it was named.
    pub(crate) place: Vec<u8>,
    pub(crate) names: Which,
}

/// Which names of a directory take part.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// All that is in it (`dir/`).
    All,
    /// One thing in it, by its name there (`dir`, `file`).
    One(Vec<u8>),
    /// The paths that a list names beneath it.
    Selected(Arc<Node>),
}

/// The sources, opened.
#[derive(Debug)]
pub(crate) struct Roots {
    pub(crate) parts: Vec<Part>,
    /// The root itself, where the contents of a directory were asked for.
    pub(crate) entry: Option<Entry>,
    /// The only source is not a directory.
    pub(crate) single: bool,
    /// Sources that are not there: path and why.
    pub(crate) absent: Vec<(Vec<u8>, String)>,
    /// Directories whose contents were asked for without -r.
    pub(crate) skipped: Vec<Vec<u8>>,
    /// The file systems that the sources lie on.
    pub(crate) devices: Vec<u64>,
    /// The directory that was opened last.
    parent: Option<(PathBuf, Arc<OwnedFd>)>,
}

impl Roots {
    /// Opens the sources. A source that is not there does not keep the others from being sent.
    ///
    /// # Errors
    /// When none of them is there, or the directory that a list is relative to is not.
    pub(crate) fn open(
        paths: &[OsString],
        selection: Option<Arc<Node>>,
        options: &Options,
    ) -> Result<Roots, Error> {
        let mut roots = Roots {
            parts: Vec::new(),
            entry: None,
            single: false,
            absent: Vec::new(),
            skipped: Vec::new(),
            devices: Vec::new(),
            parent: None,
        };
        if let Some(node) = selection {
            let base = paths.first().map_or(OsStr::new("/"), OsString::as_os_str);
            let fd = fs::open_named_directory(Path::new(base))
                .map_err(|error| Error::failed(shown(base), fs::words(error)))?;
            let stat = nix::sys::stat::fstat(&fd)
                .map_err(|error| Error::failed(shown(base), fs::words(error)))?;
            roots.devices.push(stat.st_dev);
            let names = match node.named && options.recursive {
                // "." in the list is the whole of it.
                true => Which::All,
                false => Which::Selected(node),
            };
            roots.push(Arc::new(fd), Path::new(base), names);
            return Ok(roots);
        }
        for path in paths {
            let added = match options.relative {
                true => roots.add_relative(path.as_bytes(), options),
                false => roots.add(path, options).map_err(fs::words),
            };
            if let Err(why) = added {
                roots.absent.push((path.as_bytes().to_vec(), why));
            }
        }
        match (&roots.parts[..], &roots.absent[..]) {
            ([], [(path, why), ..]) => {
                Err(Error::failed(String::from_utf8_lossy(path), why.clone()))
            }
            ([Part { directory, names: Which::One(name), .. }], []) => {
                let entry = fs::entry(directory, name).ok().flatten();
                let is_followed = |entry: &Entry| {
                    let path = || name.clone();
                    symlink::is_followed(directory, name, path, &entry.target, options)
                };
                let kind = match entry {
                    Some(entry) if entry.stamp.kind == Kind::Symlink && is_followed(&entry) => {
                        fs::stat_through(directory, name).ok().map(|stat| Stamp::of(&stat).kind)
                    }
                    entry => entry.map(|entry| entry.stamp.kind),
                };
                roots.single = kind != Some(Kind::Directory);
                Ok(roots)
            }
            _ => Ok(roots),
        }
    }

    /// Adds a path that keeps its directories at the standby.
    fn add_relative(&mut self, path: &[u8], options: &Options) -> Result<(), String> {
        let (base, rest) = part_relative(path);
        let start = rest.iter().position(|&byte| byte != b'/').unwrap_or(rest.len());
        let rest = &rest[start..];
        let mut node = Node::default();
        if !node.add(rest, None) {
            return Err("has a component \"..\" that is to be kept, or is too long".into());
        }
        let base = OsStr::from_bytes(base);
        if node.named {
            let whole = [base.as_bytes(), b"/"].concat();
            return self.add(OsStr::from_bytes(&whole), options).map_err(fs::words);
        }
        let fd = fs::open_named_directory(Path::new(base)).map_err(fs::words)?;
        let found = match options.follows_links() || rest.ends_with(b"/") {
            true => fs::stat_through(&fd, rest),
            false => fs::stat(&fd, rest),
        };
        let stat = found.map_err(fs::words)?;
        let is_directory = Stamp::of(&stat).kind == Kind::Directory;
        if is_directory && !options.recursive && !options.dirs {
            self.skipped.push(path.to_vec());
            return Ok(());
        }
        self.devices.push(stat.st_dev);
        if rest.ends_with(b"/") || rest.ends_with(b"/.") {
            node.ask_contents(rest);
        }
        self.push(Arc::new(fd), Path::new(base), Which::Selected(Arc::new(node)));
        Ok(())
    }

    fn add(&mut self, path: &OsStr, options: &Options) -> nix::Result<()> {
        let path = if path.is_empty() { OsStr::new(".") } else { path };
        let bytes = path.as_bytes();
        let last = bytes.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if matches!(last, b"" | b"." | b"..") {
            let fd = fs::open_named_directory(Path::new(path))?;
            if !options.recursive && !options.dirs {
                self.skipped.push(bytes.to_vec());
                return Ok(());
            }
            let stat = nix::sys::stat::fstat(&fd)?;
            self.devices.push(stat.st_dev);
            if self.entry.is_none() {
                let keep = Keep::new(options);
                let mut extra = Extra::of_stat(&stat, Kind::Directory, keep);
                if let Some(extra) = &mut extra {
                    extra.read(Place::open(&fd), keep, Scope::All)?;
                }
                self.entry = Some(Entry { extra, ..Entry::nameless(Stamp::of(&stat)) });
            }
            self.push(Arc::new(fd), Path::new(path), Which::All);
            return Ok(());
        }
        let parent = match &bytes[..bytes.len() - last.len()] {
            b"" => Path::new("."),
            parent => Path::new(OsStr::from_bytes(parent)),
        };
        // A thousand files of one directory are one open directory.
        let fd = match self.parent.take() {
            Some((path, fd)) if path == parent => fd,
            _ => Arc::new(fs::open_named_directory(parent)?),
        };
        self.parent = Some((parent.to_owned(), Arc::clone(&fd)));
        // What is not there is told now; a link that points nowhere is told when it is read.
        let mut stat = fs::stat(&fd, last)?;
        if options.copy_links {
            stat = fs::stat_through(&fd, last)?;
        }
        self.devices.push(stat.st_dev);
        self.push(fd, parent, Which::One(last.to_vec()));
        Ok(())
    }

    fn push(&mut self, directory: Arc<OwnedFd>, path: &Path, names: Which) {
        // Where it is not known, rules from the root of the file system match less.
        let here = std::env::current_dir().unwrap_or_default();
        let place = filter::absolute(here.as_os_str().as_bytes(), path.as_os_str().as_bytes());
        self.parts.push(Part { directory, place, names });
    }
}

/// The directory that a source is relative to, and what is kept of its path: all, or what stands
/// behind `/./`.
fn part_relative(path: &[u8]) -> (&[u8], &[u8]) {
    let cut = path.windows(3).position(|three| three == b"/./");
    match cut {
        Some(0) => (b"/", &path[3..]),
        Some(cut) => (&path[..cut], &path[cut + 3..]),
        None if path.starts_with(b"/") => (b"/", path),
        None => (b".", path),
    }
}

fn shown(path: &OsStr) -> String {
    path.to_string_lossy().into_owned()
}
