//! What there is on the node: looked at once, and changed nowhere.

use crate::cell::{CELL_ROOT, FILE_SPACE, GLOBAL_ROOT};
use crate::place::{Entry, LastLink, Place, Root};
use crate::sys;
use ha_dce::Configuration;
use ha_file::{Mounted, Mounts};
use ha_json::Error;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Where the guide has the port of Kerberos.
const SERVICES: &str = "/etc/services";

/// Neither of the files that are read is longer on any node.
const MAX_BYTES: u64 = 4 << 20;

/// What was looked at, or why it could not be.
pub(crate) type Look<T> = Result<T, Error>;

/// Something that has a path on the node.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// As it was asked for.
    pub(crate) path: String,
    /// For commands on this machine: the same, or where it is in the image.
    pub(crate) here: String,
    pub(crate) place: Place,
    pub(crate) entry: Entry,
    /// The file system that is mounted at this very directory.
    pub(crate) mounted: Option<Mounted>,
    /// On this machine: what is not there of the path, itself last.
    pub(crate) missing: Vec<PathBuf>,
    /// What is there above it and is no directory.
    pub(crate) in_the_way: Option<PathBuf>,
}

impl Seen {
    pub(crate) fn is_mounted(&self) -> bool {
        self.mounted.is_some()
    }
}

/// A file and what it holds; `None` where it is not there.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) seen: Seen,
    pub(crate) bytes: Option<Vec<u8>>,
}

/// All that the guide's steps ask about.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) shared_mounts: Vec<Look<Seen>>,
    pub(crate) dfs_mounts: Vec<Look<Seen>>,
    pub(crate) cache: Look<Seen>,
    pub(crate) programs: Vec<Look<Seen>>,
    pub(crate) scripts: Vec<Look<Seen>>,
    pub(crate) environment: Option<Look<Content>>,
    pub(crate) services: Look<Content>,
    /// DCE's own configuration file, which is there once DCE was configured.
    pub(crate) dce: Look<Content>,
    pub(crate) global_root: Look<Seen>,
    pub(crate) file_space: Look<Seen>,
    pub(crate) cell_root: Look<Seen>,
    /// Of the adapters of this machine that are up; `None` for an image.
    pub(crate) addresses: Option<Look<Vec<Ipv4Addr>>>,
    /// The program that knows what to exclude.
    pub(crate) haenv: String,
}

/// Looks at everything.
pub(crate) fn gather(
    root: &Root,
    configuration: &Configuration,
    cache: &str,
    scripts: &[String],
) -> Facts {
    let eye = Eye { root, mounts: Mounts::of_this_machine() };
    let all = |paths: &[String]| paths.iter().map(|path| eye.followed(path)).collect();
    let points = |paths: &[String]| paths.iter().map(|path| eye.mount_point(path)).collect();
    let haenv = ha_command::beside("haenv");
    let dce = format!("{}/dce_cf.db", configuration.dce_local);
    Facts {
        shared_mounts: points(&configuration.shared_mounts),
        dfs_mounts: points(&configuration.dfs_mounts),
        cache: eye.mount_point(cache),
        programs: programs(configuration).iter().map(|name| eye.program(name)).collect(),
        scripts: all(scripts),
        environment: configuration.environment_file.as_deref().map(|path| eye.content(path)),
        services: eye.content(SERVICES),
        dce: eye.content(&dce),
        global_root: eye.mount_point(GLOBAL_ROOT),
        file_space: eye.look(FILE_SPACE, LastLink::Kept),
        cell_root: eye.look(CELL_ROOT, LastLink::Kept),
        addresses: root
            .is_this_machine()
            .then(|| sys::addresses(&haenv, &configuration.service_addresses)),
        haenv,
    }
}

fn programs(configuration: &Configuration) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for service in std::iter::once(&configuration.dce).chain(&configuration.dfs) {
        let commands = [&service.start, &service.stop];
        for name in commands.into_iter().filter_map(|argv| argv.first()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

struct Eye<'a> {
    root: &'a Root,
    mounts: Mounts,
}

impl Eye<'_> {
    fn followed(&self, path: &str) -> Look<Seen> {
        self.look(path, LastLink::Followed)
    }

    fn look(&self, path: &str, last_link: LastLink) -> Look<Seen> {
        self.seen(path, last_link, false).map_err(|error| Error::io(path, &error))
    }

    /// Who asks for a mount point: what the table has there is a directory, and is not looked at,
    /// because nothing comes back from a server that is gone.
    fn mount_point(&self, path: &str) -> Look<Seen> {
        self.seen(path, LastLink::Followed, true).map_err(|error| Error::io(path, &error))
    }

    fn seen(&self, path: &str, last_link: LastLink, by_table: bool) -> io::Result<Seen> {
        let place = self.root.place(Path::new(path), last_link, &self.mounts)?;
        let listed = self.mounts.listed(&place.real).filter(|_| by_table);
        let (entry, mounted) = match listed {
            Some(mounted) => (Entry::Directory, Some(mounted.clone())),
            None => {
                let entry = place.entry()?;
                let mounted = match entry {
                    Entry::Directory => self.mounts.at(&place.real)?,
                    _ => None,
                };
                (entry, mounted)
            }
        };
        let (missing, in_the_way) = match entry {
            Entry::Missing => missing(&place.real),
            _ => (Vec::new(), None),
        };
        let here = match self.root.is_this_machine() {
            true => path.to_owned(),
            false => place.real.display().to_string(),
        };
        Ok(Seen { path: path.to_owned(), here, place, entry, mounted, missing, in_the_way })
    }

    fn content(&self, path: &str) -> Look<Content> {
        let seen = self.followed(path)?;
        let bytes = ha_file::read(&seen.place.real, MAX_BYTES)?;
        Ok(Content { seen, bytes })
    }

    /// A program of a bare name is the first in `PATH`.
    fn program(&self, name: &str) -> Look<Seen> {
        if name.contains('/') {
            return self.followed(name);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).find_map(|directory: PathBuf| {
            let seen = self.followed(directory.join(name).to_str()?).ok()?;
            (seen.entry == Entry::File { executable: true }).then_some(seen)
        });
        found.map_or_else(|| self.followed(name), Ok)
    }
}

/// What is not there of a path, itself last, and what ends it without being a directory.
fn missing(path: &Path) -> (Vec<PathBuf>, Option<PathBuf>) {
    let mut missing = Vec::new();
    for above in path.ancestors() {
        match fs::symlink_metadata(above) {
            Ok(metadata) if metadata.is_dir() => break,
            Ok(_) => return (Vec::new(), Some(above.to_owned())),
            Err(_) => missing.insert(0, above.to_owned()),
        }
    }
    (missing, None)
}
