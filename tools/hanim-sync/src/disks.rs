//! Where the resources of this master lie, here and on the alternate, and how much room is there.

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
    /// Whether the alternate has it already.
    pub(crate) is_there: bool,
    /// What is to be brought, where the alternate does not have it; `None` where that is not known.
    pub(crate) size_kib: Option<u64>,
}

/// The resources of this master that have content, but for NIM's own two.
pub(crate) fn locations(listing: &Listing) -> Vec<Location> {
    let of = |object: &Object| {
        let path = object.get("location")?;
        (is_brought(object) && is_plain(path)).then(|| Location {
            resource: object.name.clone(),
            kind: object.kind().to_owned(),
            path: path.to_owned(),
        })
    };
    listing.objects.iter().filter_map(of).collect()
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

/// `df -kP` of each path that must be known of the alternate.
pub(crate) fn questions_there(locations: &[Location]) -> Vec<(String, Vec<String>)> {
    let paths: BTreeSet<&str> = locations.iter().flat_map(|one| above(&one.path)).collect();
    paths.into_iter().map(|path| (path.to_owned(), df(path))).collect()
}

fn df(path: &str) -> Vec<String> {
    ["df", "-kP", path].map(str::to_owned).to_vec()
}

/// What the alternate has of the paths that it was asked for.
pub(crate) type Found = BTreeMap<String, FileSystem>;

/// Reads the answers to [`questions_there`].
pub(crate) fn found(questions: &[(String, Vec<String>)], replies: &[Reply]) -> Found {
    let read = |((path, _), reply): (&(String, Vec<String>), &Reply)| {
        Some((path.clone(), file_system(reply)?))
    };
    questions.iter().zip(replies).filter_map(read).collect()
}

/// Asks this machine where the resources lie, and how large those are that the alternate does not
/// have. Sizes of many files take long: `patience` is for all of them.
///
/// # Errors
/// When it gives no answer in time.
pub(crate) fn places(
    locations: Vec<Location>,
    there: &Found,
    patience: Duration,
) -> Result<Vec<Place>, Error> {
    let questions: Vec<Vec<String>> = locations.iter().map(|one| df(&one.path)).collect();
    let here = Machine::Here.ask(&questions, patience)?;
    let absent: Vec<&str> = locations
        .iter()
        .map(|one| one.path.as_str())
        .filter(|path| !there.contains_key(*path))
        .collect();
    let questions: Vec<Vec<String>> =
        absent.iter().map(|path| ["du", "-sk", path].map(str::to_owned).to_vec()).collect();
    let replies = Machine::Here.ask(&questions, patience)?;
    let sizes: BTreeMap<String, u64> = absent
        .iter()
        .zip(&replies)
        .filter_map(|(path, reply)| Some(((*path).to_owned(), size(reply)?)))
        .collect();
    let place = |(location, reply): (Location, &Reply)| {
        let deepest = above(&location.path).find_map(|path| there.get(path)).cloned();
        Place {
            here: file_system(reply),
            there: deepest,
            is_there: there.contains_key(&location.path),
            size_kib: sizes.get(&location.path).copied(),
            location,
        }
    };
    Ok(locations.into_iter().zip(&here).map(place).collect())
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
        assert_eq!(questions_there(&all).len(), 103);
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
