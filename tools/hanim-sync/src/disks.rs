//! Where the resources of this master lie, here and on the alternate, and how much room is there.

use crate::facts::GiveUp;
use ha_json::Error;
use ha_nim::Object;
use ha_nim::lsnim::Listing;
use ha_remote::{Machine, Reply};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A file system, as `df -kP` of a path shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// Where it is mounted.
    pub(crate) point: String,
    /// What is free in it; `None` where that is not told.
    pub(crate) free_kib: Option<u64>,
}

/// A resource that this master serves, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// The resource's name in NIM.
    pub(crate) resource: String,
    /// Its type.
    pub(crate) kind: String,
    /// Absolute path, the same on both masters.
    pub(crate) path: String,
}

/// What both machines say of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) location: Location,
    /// Its file system on this master; `None` where it is not there.
    pub(crate) here: Option<FileSystem>,
    /// That of the alternate, of the deepest directory of the path that is there.
    pub(crate) there: Option<FileSystem>,
    /// Whether the alternate has that place already.
    pub(crate) is_there: bool,
    /// It is there, and has nothing in it: a file system made for what is to come, perhaps.
    pub(crate) is_empty: bool,
    /// What is to be brought, where the alternate does not have it; `None` where that is not known.
    pub(crate) size_kib: Option<u64>,
}

impl Place {
    /// Whether its content is not on the alternate yet.
    pub(crate) fn is_to_come(&self) -> bool {
        !self.is_there || self.is_empty
    }
}

/// The resources of this master that have content, but for NIM's own two.
pub(crate) fn locations(listing: &Listing) -> Vec<Location> {
    let all = listing.objects.iter().filter(|object| is_brought(object));
    all.filter_map(location).filter(|one| is_plain(&one.path)).collect()
}

/// Those of which the place is not one that can be asked for.
pub(crate) fn not_plain(listing: &Listing) -> Vec<Location> {
    let all = listing.objects.iter().filter(|object| is_brought(object));
    all.filter_map(location).filter(|one| !is_plain(&one.path)).collect()
}

fn location(object: &Object) -> Option<Location> {
    let (resource, kind) = (object.name.clone(), object.kind().to_owned());
    Some(Location { resource, kind, path: object.get("location")?.to_owned() })
}

/// Whether replication is about it: a resource that this master serves and an administrator made.
pub(crate) fn is_brought(object: &Object) -> bool {
    object.class() == "resources"
        && object.get("server") == Some("master")
        && object.get("reserved") != Some("yes")
        && !matches!(object.name.as_str(), "boot" | "nim_script")
}

/// Whether it is a path that leads to a place of its own, and nowhere else.
pub(crate) fn is_plain(path: &str) -> bool {
    let mut names = path.split('/').skip(1);
    path.starts_with('/')
        && path.len() > 1
        && !path.ends_with('/')
        && !path.contains(char::is_control)
        && names.all(|name| !matches!(name, "" | "." | ".."))
}

/// The path and every directory above it, the deepest first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| directory(path))
}

fn directory(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 if path == "/" => None,
        0 => Some("/"),
        at => Some(&path[..at]),
    }
}

/// `df -kP` of each path that must be known of the alternate, and what is in the places themselves.
pub(crate) fn questions_there(locations: &[Location]) -> Vec<(String, Vec<String>)> {
    let paths: BTreeSet<&str> = locations.iter().flat_map(|one| above(&one.path)).collect();
    let of_disks = paths.into_iter().map(|path| (path.to_owned(), df(path)));
    of_disks.chain(locations.iter().map(|one| (one.path.clone(), content(&one.path)))).collect()
}

/// What asks for the names in a directory; of a file, its own.
pub(crate) fn content(path: &str) -> Vec<String> {
    ["ls", "-A", path].map(str::to_owned).to_vec()
}

/// Whether that directory has nothing in it but what a new file system has.
pub(crate) fn is_empty(reply: &Reply) -> bool {
    reply.text().is_some_and(|names| names.lines().all(|name| name == "lost+found"))
}

fn df(path: &str) -> Vec<String> {
    ["df", "-kP", path].map(str::to_owned).to_vec()
}

/// What the alternate has of the paths that it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    file_systems: BTreeMap<String, FileSystem>,
    empty: BTreeSet<String>,
}

/// Reads the answers to [`questions_there`].
pub(crate) fn found(questions: &[(String, Vec<String>)], replies: &[Reply]) -> Found {
    let mut found = Found::default();
    for ((path, argv), reply) in questions.iter().zip(replies) {
        if *argv != df(path) {
            if is_empty(reply) {
                found.empty.insert(path.clone());
            }
        } else if let Some(file_system) = file_system(reply) {
            found.file_systems.insert(path.clone(), file_system);
        }
    }
    found
}

/// Asks this machine where the resources lie, and how large those are that the alternate does not
/// have. Sizes of many files take long: `patience` is for all of them, and where it is over they are
/// not known.
///
/// # Errors
/// When it does not tell its file systems in time.
pub(crate) fn places(
    locations: Vec<Location>,
    there: &Found,
    patience: Duration,
    give_up: GiveUp,
) -> Result<Vec<Place>, Error> {
    let questions: Vec<Vec<String>> = locations.iter().map(|one| df(&one.path)).collect();
    let here = Machine::Here.ask_unless(&questions, patience, give_up)?;
    let place = |(location, reply): (Location, &Reply)| {
        let path = &location.path;
        let deepest = above(path).find_map(|path| there.file_systems.get(path)).cloned();
        Place {
            here: file_system(reply),
            there: deepest,
            is_there: there.file_systems.contains_key(path),
            is_empty: there.empty.contains(path),
            size_kib: None,
            location,
        }
    };
    let mut all: Vec<Place> = locations.into_iter().zip(&here).map(place).collect();
    let mut to_come: Vec<&mut Place> = all.iter_mut().filter(|one| one.is_to_come()).collect();
    let questions: Vec<Vec<String>> = to_come.iter().map(|one| du(&one.location.path)).collect();
    let replies = Machine::Here.ask_unless(&questions, patience, give_up).unwrap_or_default();
    for (place, reply) in to_come.iter_mut().zip(&replies) {
        place.size_kib = size(reply);
    }
    Ok(all)
}

fn du(path: &str) -> Vec<String> {
    ["du", "-sk", path].map(str::to_owned).to_vec()
}

/// Reads the one line of `df -kP PATH`: device, size, used, free, percent, mount point.
fn file_system(reply: &Reply) -> Option<FileSystem> {
    let text = reply.text()?;
    let line = text.lines().skip(1).last()?;
    let mut words = line.split_whitespace().skip(3);
    let free_kib = words.next()?.parse().ok();
    let point = words.skip(1).collect::<Vec<_>>().join(" ");
    point.starts_with('/').then_some(FileSystem { point, free_kib })
}

/// Reads what `du -sk PATH` printed, which is of use even where a file of many could not be read.
fn size(reply: &Reply) -> Option<u64> {
    let text = String::from_utf8_lossy(&reply.stdout);
    text.lines().last()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_nim::lsnim::parse_long;

    fn said(text: &str) -> Reply {
        Reply { status: 0, stdout: text.into(), stderr: String::new() }
    }

    #[test]
    fn the_line_of_df_is_read() {
        let text = include_str!("../../../tests/fixtures/nim/system/df-kP");
        let read = file_system(&said(text)).unwrap();
        assert_eq!(read, FileSystem { point: "/nim".into(), free_kib: Some(8_745_124) });
        let read = file_system(&said("Filesystem\n/proc - - - - /proc\n")).unwrap();
        assert_eq!(read.free_kib, None);
        for nothing in ["", "Filesystem\n", "Filesystem\n/dev/hd4 1 2 3\n", "a\nb c d e f g\n"] {
            assert_eq!(file_system(&said(nothing)), None, "{nothing:?}");
        }
        assert_eq!(file_system(&Reply { status: 1, ..said(text) }), None);
    }

    #[test]
    fn the_directories_above_a_path_end_with_the_root() {
        assert_eq!(
            above("/nim/lpp/a").collect::<Vec<_>>(),
            ["/nim/lpp/a", "/nim/lpp", "/nim", "/"]
        );
        assert_eq!(above("/nim").collect::<Vec<_>>(), ["/nim", "/"]);
    }

    #[test]
    fn each_path_is_asked_for_once() {
        let at = |path: &str| Location {
            resource: "x".into(),
            kind: "mksysb".into(),
            path: path.into(),
        };
        let all: Vec<_> = (0..100).map(|number| at(&format!("/nim/mksysb/{number}"))).collect();
        assert_eq!(questions_there(&all).len(), 203);
    }

    #[test]
    fn a_place_with_nothing_but_what_a_file_system_has_is_empty() {
        let at = Location { resource: "x".into(), kind: "mksysb".into(), path: "/a".into() };
        let questions = questions_there(&[at]);
        let file_system = "Filesystem\n/dev/fslv01 9 1 8 1% /a\n";
        for (names, is_empty) in [("lost+found\n", true), ("", true), ("usr\nlost+found\n", false)]
        {
            let found = found(&questions, &[said(file_system), said(file_system), said(names)]);
            assert_eq!(found.empty.contains("/a"), is_empty, "{names:?}");
            assert_eq!(found.file_systems.len(), 2);
        }
    }

    #[test]
    fn only_what_this_master_serves_is_brought() {
        let of = |attributes: &str| {
            locations(&parse_long(format!("r:\n   class = resources\n{attributes}").as_bytes()))
                .len()
        };
        assert_eq!(of("   server = master\n   location = /nim/a\n"), 1);
        assert_eq!(of("   server = lpar12\n   location = /nim/a\n"), 0);
        assert_eq!(of("   server = master\n   location = /nim/a\n   reserved = yes\n"), 0);
        assert_eq!(of("   server = master\n"), 0);
        for path in ["/", "nim", "/nim/../etc", "/nim/", "//nim", "/a/./b", ""] {
            assert!(!is_plain(path), "{path}");
        }
        assert!(is_plain("/nim/a b/c:d"));
    }
}
