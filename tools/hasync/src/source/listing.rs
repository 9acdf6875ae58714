//! A directory of the source as it was read: entries sorted by name, and where each one lies.

use super::roots::{self, Part, Which};
use super::selection::{Expected, Node};
use super::spot::Spot;
use crate::beneath;
use crate::entry::{Entry, Kind, Stamp, join};
use crate::extra::{Extra, Keep, MOST_BYTES, Scope};
use crate::filter::Filter;
use crate::fs;
use crate::leftover;
use crate::options::Options;
use crate::symlink;
use crate::xattr::Place;
use nix::errno::Errno;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A place that entries come from: a directory, and which of its names.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) spot: Spot,
    pub(crate) names: Which,
    /// Links to directories may be followed.
    follow: bool,
    /// The rules that hold in it; until it is read, those that hold in its parent.
    pub(crate) scope: Arc<crate::filter::Scope>,
}

static LISTINGS: AtomicU64 = AtomicU64::new(0);

/// A directory of the source.
#[derive(Debug)]
pub(crate) struct Listing {
    /// No other listing of this process has it.
    pub(crate) number: u64,
    /// Relative to the root of the transfer.
    pub(crate) path: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) origins: Vec<Origin>,
    /// The origin of each entry, for a directory the first.
    origin_of: Vec<u32>,
    /// The further origins of directories, by index.
    also_of: HashMap<u32, Vec<u32>>,
    /// It was read to its end, with nothing missed, and all of it takes part.
    pub(crate) whole: bool,
    expected: HashMap<u32, Expected>,
    /// The directories that were reached over a symbolic link, by index.
    linked: Vec<u32>,
    pub(crate) devices: Vec<u64>,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) skipped: Vec<(Vec<u8>, &'static str)>,
}

/// Something that could not be read.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Trouble {
    pub(crate) path: Vec<u8>,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

struct Found {
    entry: Entry,
    origin: u32,
    /// Other origins that have a directory of this name.
    also: Vec<u32>,
    linked: bool,
    expected: Option<Expected>,
}

impl Listing {
    /// The origins that the parts of a command line make.
    pub(crate) fn roots(parts: &[Part], follow: bool, filter: &Filter) -> Vec<Origin> {
        let mut origins: Vec<Origin> = Vec::with_capacity(parts.len());
        for part in parts {
            // Parts of one directory share what holds in it, and so are known to be.
            let shared = origins.last().filter(|last| Arc::ptr_eq(&last.spot.fd, &part.spot.fd));
            let scope = shared.map(|last| Arc::clone(&last.scope)).unwrap_or_else(|| {
                let confined = part.spot.is_confined();
                Arc::new(crate::filter::Scope::top(filter, part.place.clone(), confined))
            });
            origins.push(Origin {
                spot: if follow { part.spot.counting() } else { part.spot.clone() },
                names: part.names.clone(),
                follow,
                scope,
            });
        }
        origins
    }

    /// Reads the origins into one list. Where two have the same name, the first is taken, but for
    /// directories, which are merged.
    pub(crate) fn read(
        path: Vec<u8>,
        origins: Vec<Origin>,
        options: &Options,
        filter: &Filter,
        keep_implied: bool,
    ) -> Listing {
        let mut listing = Listing {
            number: LISTINGS.fetch_add(1, Ordering::Relaxed),
            path,
            entries: Vec::new(),
            // What is named beside a whole directory takes nothing from its being whole.
            whole: origins.iter().any(|origin| matches!(origin.names, Which::All)),
            origins,
            origin_of: Vec::new(),
            also_of: HashMap::new(),
            expected: HashMap::new(),
            linked: Vec::new(),
            devices: Vec::new(),
            troubles: Vec::new(),
            skipped: Vec::new(),
        };
        let mut found: Vec<Found> = Vec::new();
        for (origin, _) in (0u32..).zip(0..listing.origins.len()) {
            listing.read_origin(origin, options, filter, keep_implied, &mut found);
        }
        // The sort is stable: of equal names the first source's comes first.
        found.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
        found.dedup_by(|later, first| {
            let same = later.entry.name == first.entry.name;
            let is_directory = |found: &Found| found.entry.stamp.kind == Kind::Directory;
            if same && is_directory(later) && is_directory(first) {
                first.entry.implied &= later.entry.implied;
                first.also.push(later.origin);
            }
            if same && is_directory(later) && !is_directory(first) {
                std::mem::swap(later, first);
            }
            same
        });
        for (index, found) in (0u32..).zip(found) {
            if let Some(expected) = found.expected {
                listing.expected.insert(index, expected);
            }
            if found.linked {
                listing.linked.push(index);
            }
            if !found.also.is_empty() {
                listing.also_of.insert(index, found.also);
            }
            listing.entries.push(found.entry);
            listing.origin_of.push(found.origin);
        }
        if listing.origins.len() > 1 {
            // One that lies in two of them is told once.
            listing.skipped.sort();
            listing.skipped.dedup();
            listing.troubles.sort();
            listing.troubles.dedup();
        }
        listing
    }

    fn read_origin(
        &mut self,
        number: u32,
        options: &Options,
        filter: &Filter,
        keep_implied: bool,
        found: &mut Vec<Found>,
    ) {
        let origin = &mut self.origins[number as usize];
        let which = origin.names.clone();
        if filter.has_merges() && matches!(which, Which::All) {
            match origin.scope.enter(filter, &origin.spot.fd, &self.path) {
                Ok(scope) => origin.scope = Arc::new(scope),
                // What it hides is not known, so nothing here may be sent.
                Err(fault) => return self.trouble(fault.path, "filter", fault.message),
            }
        }
        let origin = &self.origins[number as usize];
        let scope = Arc::clone(&origin.scope);
        let names = match &which {
            Which::All => fs::names(&origin.spot.fd),
            Which::One(name) => Ok(vec![name.clone()]),
            Which::Selected(node) => Ok(node.children.keys().cloned().collect()),
        };
        match nix::sys::stat::fstat(&origin.spot.fd) {
            Ok(stat) => self.devices.push(stat.st_dev),
            Err(_) => self.devices.push(0),
        }
        let names = match names {
            Ok(names) => names,
            Err(error) => {
                let path = self.path.clone();
                return self.trouble(
                    path,
                    "read_error",
                    format!("cannot be listed: {}", fs::words(error)),
                );
            }
        };
        found.reserve(names.len());
        for name in names {
            if leftover::is_temporary(&name) {
                continue;
            }
            let node = match &which {
                Which::Selected(node) => node.children.get(&name).cloned(),
                _ => None,
            };
            let Some((mut entry, linked)) =
                self.look(number, &name, options, filter, node.as_deref())
            else {
                continue;
            };
            let is_directory = entry.stamp.kind == Kind::Directory;
            let excluded = !filter.is_empty()
                && filter.excludes(&scope, &join(&self.path, &name), is_directory);
            let node = match node {
                // What was named beneath it may come all the same.
                Some(node) if excluded && is_directory && !node.children.is_empty() => {
                    self.only_on_the_way(number, &name)
                }
                node => node,
            };
            match &node {
                // It is on the way to what was named, and rules are asked of that alone.
                Some(node) if is_directory && !node.named => {
                    let spot = &self.origins[number as usize].spot;
                    let way = Way { spot, copy_links: options.copy_links, scope: &scope };
                    if !way.leads(filter, &name, &join(&self.path, &name), node) {
                        self.absent_beneath(number, &name, node, options.copy_links);
                        continue;
                    }
                }
                _ if excluded => continue,
                _ => {}
            }
            if let Some(why) = passed_over(
                &entry,
                options,
                node.as_ref()
                    .is_some_and(|node| !node.children.is_empty() || node.named && options.listed),
            ) {
                self.skipped.push((join(&self.path, &name), why));
                // All else still holds its name: what the standby has of it is not deleted.
                if is_directory {
                    continue;
                }
            }
            entry.implied = keep_implied && node.as_ref().is_some_and(|node| !node.named);
            let expected = node.and_then(|node| node.expected.clone());
            found.push(Found { entry, origin: number, also: Vec::new(), linked, expected });
        }
    }

    /// Takes what was named beneath a name of an origin, and not the name itself.
    fn only_on_the_way(&mut self, number: u32, name: &[u8]) -> Option<Arc<Node>> {
        let Which::Selected(node) = &mut self.origins[number as usize].names else { return None };
        let child = Arc::make_mut(node).children.get_mut(name)?;
        let inner = Arc::make_mut(child);
        (inner.named, inner.contents) = (false, false);
        Some(Arc::clone(child))
    }

    /// Tells what was named beneath a name of an origin, and is not there.
    fn absent_beneath(&mut self, number: u32, inner: &[u8], node: &Node, copy_links: bool) {
        for (name, child) in &node.children {
            let inner = join(inner, name);
            let look = |follow| roots::look(&self.origins[number as usize].spot, &inner, follow);
            if let Err(error) = look(copy_links).map(drop)
                && child.named
            {
                let reason = match error {
                    Errno::EXDEV => "outside",
                    _ if look(false).is_ok() => "dangling",
                    _ => "absent",
                };
                self.absent(join(&self.path, &inner), reason, beneath::words(error));
            }
            self.absent_beneath(number, &inner, child, copy_links);
        }
    }

    /// The entry of a name, and whether it is reached over a link; `None` when there is nothing to
    /// send, which has been told where it matters.
    fn look(
        &mut self,
        number: u32,
        name: &[u8],
        options: &Options,
        filter: &Filter,
        node: Option<&Node>,
    ) -> Option<(Entry, bool)> {
        let origin = &self.origins[number as usize];
        let keep = Keep::new(options);
        let entry = match fs::entry_kept(&origin.spot.fd, name.to_vec(), keep) {
            Ok(Some(entry)) => entry,
            Ok(None) if node.is_some() => {
                self.absent(join(&self.path, name), "absent", "no such file or directory".into());
                return None;
            }
            // It went between being listed and being looked at, as if it had never been there.
            Ok(None) => return None,
            Err(error) => {
                let path = join(&self.path, name);
                self.trouble(path, "read_error", fs::words(error));
                return None;
            }
        };
        let path = || join(&self.path, name);
        let look = || origin.spot.stat_through(name);
        let is_followed =
            || leads_on(node) || symlink::is_followed(path, &entry.target, look, options);
        if entry.stamp.kind != Kind::Symlink || !is_followed() {
            return Some((self.with_extra(number, entry, keep, false), false));
        }
        match look() {
            Ok(stat) => {
                let stamp = Stamp::of(&stat);
                let extra = Extra::of_stat(&stat, stamp.kind, keep);
                let entry = Entry { stamp, target: Vec::new(), extra, ..entry };
                Some((self.with_extra(number, entry, keep, true), true))
            }
            // What is left out may lead nowhere, whatever it would be; but what was named must be there.
            Err(_)
                if !filter.is_empty()
                    && (!options.copy_links || node.is_none_or(|node| !node.named))
                    && [false, true].iter().any(|is_directory| {
                        filter.excludes(&origin.scope, &path(), *is_directory)
                    }) =>
            {
                None
            }
            Err(error) => {
                let target = String::from_utf8_lossy(&entry.target).into_owned();
                let path = join(&self.path, name);
                let (reason, why) = match error {
                    Errno::EXDEV => ("outside", beneath::words(error)),
                    Errno::ENOENT => ("dangling", "nothing is there".into()),
                    error => ("dangling", fs::words(error)),
                };
                self.trouble(path, reason, format!("points to {target}: {why}"));
                None
            }
        }
    }

    /// The entry with its attributes. Where they cannot be read it goes without them, and those at
    /// the standby are left alone.
    fn with_extra(&mut self, number: u32, mut entry: Entry, keep: Keep, linked: bool) -> Entry {
        let Some(extra) = &mut entry.extra else { return entry };
        let origin = &self.origins[number as usize];
        let read = |place: Place<'_>| extra.read(place, keep, Scope::All);
        match origin.spot.attributes(&entry.name, linked, read) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => {
                let path = join(&self.path, &entry.name);
                let why = match error {
                    Errno::E2BIG => format!("they have more than {MOST_BYTES} bytes"),
                    error => fs::words(error),
                };
                self.trouble(path, "attributes", format!("attributes cannot be read: {why}"));
            }
        }
        entry
    }

    /// Takes the entries out that are not to be kept.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut expected = std::mem::take(&mut self.expected);
        let linked = std::mem::take(&mut self.linked);
        let entries = std::mem::take(&mut self.entries);
        let origins = std::mem::take(&mut self.origin_of);
        let mut also = std::mem::take(&mut self.also_of);
        for (old, (entry, origin)) in (0u32..).zip(entries.into_iter().zip(origins)) {
            if !keep.get(old as usize).is_some_and(|keep| *keep) {
                continue;
            }
            let new = self.entries.len() as u32;
            if let Some(expected) = expected.remove(&old) {
                self.expected.insert(new, expected);
            }
            if linked.binary_search(&old).is_ok() {
                self.linked.push(new);
            }
            if let Some(also) = also.remove(&old) {
                self.also_of.insert(new, also);
            }
            self.entries.push(entry);
            self.origin_of.push(origin);
        }
    }

    /// What was named is not there: nothing that is there was missed.
    fn absent(&mut self, path: Vec<u8>, reason: &'static str, message: String) {
        self.troubles.push(Trouble { path, reason, message });
    }

    fn trouble(&mut self, path: Vec<u8>, reason: &'static str, message: String) {
        self.whole = false;
        self.troubles.push(Trouble { path, reason, message });
    }

    /// The directory that an entry lies in.
    pub(crate) fn spot_of(&self, index: u32) -> Option<&Spot> {
        let origin = *self.origin_of.get(index as usize)?;
        Some(&self.origins[origin as usize].spot)
    }

    /// About how many entries without attributes it is as large as.
    pub(crate) fn weight(&self) -> usize {
        let extra = self.entries.iter().filter_map(|entry| entry.extra.as_ref());
        self.entries.len() + extra.map(|extra| extra.weight()).sum::<usize>() / 128
    }

    pub(crate) fn entry(&self, index: u32) -> Option<&Entry> {
        self.entries.get(index as usize)
    }

    pub(crate) fn expected(&self, index: u32) -> Option<&Expected> {
        self.expected.get(&index)
    }

    /// The entries of which more takes part than the name.
    pub(crate) fn taken<'a>(&'a self, options: &'a Options) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| options.takes(entry.stamp.kind))
    }

    /// True for a directory that leads to paths that were named beneath it.
    pub(crate) fn leads_on(&self, index: u32) -> bool {
        let Some(entry) = self.entry(index) else { return false };
        self.origins.iter().any(|origin| match &origin.names {
            Which::Selected(node) => {
                node.children.get(&entry.name).is_some_and(|node| node.leads_on())
            }
            _ => false,
        })
    }

    pub(crate) fn is_linked(&self, index: u32) -> bool {
        self.linked.binary_search(&index).is_ok()
    }

    /// Where the entries of a directory in this list come from: opened, merged over all origins in
    /// which a directory of this name takes part.
    pub(crate) fn descend(&self, index: u32, recursive: bool) -> nix::Result<Vec<Origin>> {
        let mut origins = Vec::new();
        let (Some(entry), Some(first)) = (self.entry(index), self.origin_of.get(index as usize))
        else {
            return Ok(origins);
        };
        let also = self.also_of.get(&index).map_or(&[][..], |also| also);
        let mut gone = None;
        for number in std::iter::once(first).chain(also) {
            let origin = &self.origins[*number as usize];
            // Where links are followed, one source may have a link where another has the directory.
            let is_link = self.is_linked(index);
            let spot = match origin.spot.enter(&entry.name, is_link || origin.follow, is_link) {
                Ok(spot) => spot,
                // It is no directory any more, and another source has one.
                Err(error @ (Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP))
                    if !also.is_empty() =>
                {
                    gone = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for names in origin.names.beneath(&entry.name, recursive) {
                // All of it once: what shares the scope is the same directory.
                let is_there = |other: &Origin| {
                    matches!((&other.names, &names), (Which::All, Which::All))
                        && Arc::ptr_eq(&other.scope, &origin.scope)
                };
                if !origins.iter().any(is_there) {
                    let (spot, scope) = (spot.clone(), Arc::clone(&origin.scope));
                    origins.push(Origin { spot, names, follow: origin.follow, scope });
                }
            }
        }
        match gone {
            Some(error) if origins.is_empty() => Err(error),
            _ => Ok(origins),
        }
    }
}

/// Where what was named is looked for.
struct Way<'a> {
    spot: &'a Spot,
    /// A link is what it points to.
    copy_links: bool,
    scope: &'a crate::filter::Scope,
}

impl Way<'_> {
    /// True where anything that was named beneath a directory takes part: else the directory does not
    /// come either. `inner` is its path in the open one, `path` that in the transfer.
    fn leads(&self, filter: &Filter, inner: &[u8], path: &[u8], node: &Node) -> bool {
        node.children.iter().any(|(name, child)| {
            let (inner, path) = (join(inner, name), join(path, name));
            child.named && self.takes_part(filter, &inner, &path)
                || self.leads(filter, &inner, &path, child)
        })
    }

    fn takes_part(&self, filter: &Filter, inner: &[u8], path: &[u8]) -> bool {
        let Ok(stat) = roots::look(self.spot, inner, self.copy_links) else { return false };
        let is_directory = Stamp::of(&stat).kind == Kind::Directory;
        filter.is_empty() || !filter.excludes(self.scope, path, is_directory)
    }
}

/// True for a name that paths beneath it were named with.
fn leads_on(node: Option<&Node>) -> bool {
    node.is_some_and(Node::leads_on)
}

/// Why an entry takes no part under these options, or `None` when it does.
fn passed_over(entry: &Entry, options: &Options, named: bool) -> Option<&'static str> {
    match entry.stamp.kind {
        Kind::Directory if !options.recursive && !options.dirs && !named => {
            Some("directory, and neither -r nor -d")
        }
        kind if options.takes(kind) => None,
        Kind::Symlink => Some("symbolic link, and neither -l nor -L"),
        kind if kind.is_device() => Some("device, and no -D"),
        _ => Some("fifo or socket, and no -D"),
    }
}
