//! The sources as they were named on the command line.

use super::selection::Node;
use super::spot::Spot;
use crate::beneath::{self, Beneath};
use crate::entry::{Entry, Kind, Stamp};
use crate::extra::{Extra, Keep, Scope};
use crate::filter;
use crate::fs;
use crate::options::Options;
use crate::symlink;
use crate::xattr::Place;
use ha_json::Error;
use nix::sys::stat::FileStat;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where entries of the root come from.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) spot: Spot,
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

impl Which {
    /// What of a directory takes part whose name here does: all that is in it, and what was named
    /// beneath it, whatever the rules say of the directories on the way there.
    pub(super) fn beneath(&self, name: &[u8], recursive: bool) -> Vec<Which> {
        match self {
            Which::All => vec![Which::All],
            Which::One(one) if one == name => vec![Which::All],
            Which::One(_) => Vec::new(),
            Which::Selected(node) => match node.children.get(name) {
                Some(node) => Which::of_node(node, recursive),
                None => Vec::new(),
            },
        }
    }

    fn of_node(node: &Arc<Node>, recursive: bool) -> Vec<Which> {
        let mut which = Vec::new();
        if !node.children.is_empty() {
            which.push(Which::Selected(Arc::clone(node)));
        }
        if which.is_empty() || node.named && recursive {
            which.push(Which::All);
        }
        which
    }
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
    parent: Option<(PathBuf, Spot)>,
}

impl Roots {
    /// Opens the sources, none of them outside of `within`. A source that is not there does not keep
    /// the others from being sent.
    ///
    /// # Errors
    /// When none of them is there, or the directory that a list is relative to is not.
    pub(crate) fn open(
        paths: &[OsString],
        selection: Option<Arc<Node>>,
        options: &Options,
        within: Option<&Beneath>,
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
            let fail = |error| Error::failed(shown(base), beneath::words(error));
            let spot = Spot::named(base, within).map_err(fail)?;
            let stat = nix::sys::stat::fstat(&spot.fd).map_err(fail)?;
            roots.devices.push(stat.st_dev);
            let names = match node.children.is_empty() && !(node.named && options.recursive) {
                true => vec![Which::Selected(node)],
                // "." in the list is the whole of it.
                false => Which::of_node(&node, options.recursive),
            };
            for names in names {
                roots.push(spot.clone(), Path::new(base), names, within);
            }
            return Ok(roots);
        }
        for path in paths {
            let added = match options.relative {
                true => roots.add_relative(path.as_bytes(), options, within),
                false => roots.add(path, options, within).map_err(beneath::words),
            };
            if let Err(why) = added {
                roots.absent.push((path.as_bytes().to_vec(), why));
            }
        }
        match (&roots.parts[..], &roots.absent[..]) {
            // A directory that is passed over is there.
            ([], [(path, why), ..]) if roots.skipped.is_empty() => {
                Err(Error::failed(String::from_utf8_lossy(path), why.clone()))
            }
            ([Part { spot, names: Which::One(name), .. }], []) => {
                let entry = fs::entry(&spot.fd, name).ok().flatten();
                let look = || spot.stat_through(name);
                let is_followed = |entry: &Entry| {
                    symlink::is_followed(|| name.clone(), &entry.target, look, options)
                };
                let kind = match entry {
                    Some(entry) if entry.stamp.kind == Kind::Symlink && is_followed(&entry) => {
                        look().ok().map(|stat| Stamp::of(&stat).kind)
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
    fn add_relative(
        &mut self,
        path: &[u8],
        options: &Options,
        within: Option<&Beneath>,
    ) -> Result<(), String> {
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
            return self.add(OsStr::from_bytes(&whole), options, within).map_err(beneath::words);
        }
        let spot = Spot::named(base, within).map_err(beneath::words)?;
        let follow = options.follows_links() || rest.ends_with(b"/");
        let found = look(&spot, rest, follow).or_else(|error| match options.copy_links {
            true => Err(error),
            // One that leads nowhere, or round in a circle, may yet be taken as a link.
            false => look(&spot, rest, false),
        });
        let stat = found.map_err(beneath::words)?;
        let is_directory = Stamp::of(&stat).kind == Kind::Directory;
        if is_directory && !options.recursive && !options.dirs {
            self.skipped.push(path.to_vec());
            return Ok(());
        }
        self.devices.push(stat.st_dev);
        if rest.ends_with(b"/") || rest.ends_with(b"/.") {
            node.ask_contents(rest);
        }
        self.push(spot, Path::new(base), Which::Selected(Arc::new(node)), within);
        Ok(())
    }

    fn add(
        &mut self,
        path: &OsStr,
        options: &Options,
        within: Option<&Beneath>,
    ) -> nix::Result<()> {
        let path = if path.is_empty() { OsStr::new(".") } else { path };
        let bytes = path.as_bytes();
        let last = bytes.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if matches!(last, b"" | b"." | b"..") {
            let spot = Spot::named(path, within)?;
            if !options.recursive && !options.dirs {
                self.skipped.push(bytes.to_vec());
                return Ok(());
            }
            let stat = nix::sys::stat::fstat(&spot.fd)?;
            self.devices.push(stat.st_dev);
            if self.entry.is_none() {
                let keep = Keep::new(options);
                let mut extra = Extra::of_stat(&stat, Kind::Directory, keep);
                if let Some(extra) = &mut extra {
                    extra.read(Place::open(&*spot.fd), keep, Scope::All)?;
                }
                self.entry = Some(Entry { extra, ..Entry::nameless(Stamp::of(&stat)) });
            }
            self.push(spot, Path::new(path), Which::All, within);
            return Ok(());
        }
        let parent = match &bytes[..bytes.len() - last.len()] {
            b"" => Path::new("."),
            parent => Path::new(OsStr::from_bytes(parent)),
        };
        // A thousand files of one directory are one open directory.
        let spot = match self.parent.take() {
            Some((path, spot)) if path == parent => spot,
            _ => Spot::named(parent.as_os_str(), within)?,
        };
        self.parent = Some((parent.to_owned(), spot.clone()));
        // What is not there is told now; a link that points nowhere is told when it is read.
        let mut stat = fs::stat(&spot.fd, last)?;
        if options.copy_links {
            stat = spot.stat_through(last)?;
        }
        self.devices.push(stat.st_dev);
        self.push(spot, parent, Which::One(last.to_vec()), within);
        Ok(())
    }

    fn push(&mut self, spot: Spot, path: &Path, names: Which, within: Option<&Beneath>) {
        let here = match within {
            Some(beneath) => beneath.path.clone(),
            // Where it is not known, rules from the root of the file system match less.
            None => std::env::current_dir().unwrap_or_default(),
        };
        let place = filter::absolute(here.as_os_str().as_bytes(), path.as_os_str().as_bytes());
        self.parts.push(Part { spot, place, names });
    }
}

/// What stands under a path, over links at its end or not.
pub(super) fn look(spot: &Spot, path: &[u8], follow: bool) -> nix::Result<FileStat> {
    if follow {
        return spot.stat_through(path);
    }
    let cut = path.iter().rposition(|&byte| byte == b'/').map_or(0, |cut| cut + 1);
    let (above, name) = path.split_at(cut);
    if above.is_empty() || !spot.is_confined() {
        return fs::stat(&spot.fd, path);
    }
    fs::stat(&spot.enter(above, true, false)?.fd, name)
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
