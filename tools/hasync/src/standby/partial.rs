//! What came of a large file when a run was cut: kept for the next one, where that is asked for.

use super::directory::Directory;
use super::elsewhere::carry;
use crate::SMALL;
use crate::entry::{Kind, Stamp, components};
use crate::fs;
use crate::options::Options;
use ha_json::Error;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{Uid, UnlinkatFlags, unlinkat};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where it is kept.
#[derive(Debug)]
enum Keep {
    /// Under the file's own name.
    UnderItsName,
    /// In this directory, component by component, in the file's own.
    Beside(Vec<Vec<u8>>),
    /// In this directory.
    Apart(PathBuf),
}

/// A file under way.
#[derive(Debug)]
struct UnderWay {
    directory: Arc<Directory>,
    /// What it shall have.
    name: Vec<u8>,
    /// It is where temporary files are asked for, and not in its directory.
    apart: bool,
}

/// The partial files of a run and of those before it.
#[derive(Debug)]
pub(crate) struct Partials {
    keep: Option<Keep>,
    /// Whole files wait there, too.
    wait: bool,
    /// By temporary name.
    under_way: Mutex<HashMap<Vec<u8>, UnderWay>>,
}

/// Checks `--partial-dir`; `confined` tells that nothing outside a root may be touched.
///
/// # Errors
/// Usage, for a directory that leads out.
pub(crate) fn check(options: &Options, confined: bool) -> Result<(), Error> {
    if options.delay_updates && options.inplace {
        let other = if options.append_verify { "--append-verify" } else { "--inplace" };
        return Err(Error::usage(other, "does not go with --delay-updates"));
    }
    let wrong = |why| Err(Error::usage("--partial-dir", why));
    let Some(path) = &options.partial_dir else {
        return if options.delay_updates { wrong("names no directory") } else { Ok(()) };
    };
    if path.split(|&byte| byte == b'/').any(|part| part == b"..") || path.contains(&0) {
        return wrong("has a component \"..\"");
    }
    if components(path).next().is_none() {
        return wrong("names no directory");
    }
    if confined && path.starts_with(b"/") {
        return wrong("must be relative where the other end has --root");
    }
    if options.delay_updates && path.starts_with(b"/") {
        return wrong("must be relative with --delay-updates: files of one name would share it");
    }
    Ok(())
}

impl Partials {
    pub(crate) fn new(options: &Options) -> Partials {
        let keep = match &options.partial_dir {
            // What is written where it stands stays there by itself.
            _ if options.inplace || options.dry_run => None,
            Some(path) if path.starts_with(b"/") => {
                Some(Keep::Apart(PathBuf::from(OsString::from_vec(path.clone()))))
            }
            Some(path) => Some(Keep::Beside(components(path).map(<[u8]>::to_vec).collect())),
            None => options.partial.then_some(Keep::UnderItsName),
        };
        Partials { keep, wait: options.delay_updates, under_way: Mutex::default() }
    }

    /// Whether anything is kept.
    pub(crate) fn are_kept(&self) -> bool {
        self.keep.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file of this size is begun under a temporary name.
    pub(super) fn begin(
        &self,
        temporary: &[u8],
        directory: &Arc<Directory>,
        name: &[u8],
        size: u64,
        apart: bool,
    ) {
        if self.are_kept() && size > SMALL {
            let (directory, name) = (Arc::clone(directory), name.to_vec());
            self.lock().insert(temporary.to_vec(), UnderWay { directory, name, apart });
        }
    }

    /// The temporary name is gone.
    pub(super) fn end(&self, temporary: &[u8]) {
        if self.are_kept() {
            self.lock().remove(temporary);
        }
    }

    /// The run is cut: keeps what is under way. What cannot be kept is lost, as without the option.
    pub(crate) fn keep_all(&self) {
        let under_way = std::mem::take(&mut *self.lock());
        for (temporary, under_way) in under_way {
            let _ = self.keep(&temporary, &under_way);
        }
    }

    fn keep(&self, temporary: &[u8], under_way: &UnderWay) -> nix::Result<()> {
        let UnderWay { directory, name, apart } = under_way;
        let site = directory.site();
        let fd = directory.fd().ok_or(Errno::ENOENT)?;
        let elsewhere = site.elsewhere.get().filter(|_| *apart);
        let from = elsewhere.map_or(fd, |elsewhere| &elsewhere.fd);
        if fs::stat(from, temporary)?.st_size == 0 {
            return Ok(());
        }
        if let Some(Keep::UnderItsName) = self.keep {
            return match fs::stat(fd, name).map(|stat| Stamp::of(&stat).kind) {
                Ok(Kind::File) | Err(Errno::ENOENT) => carry(site, (from, temporary), (fd, name)),
                Ok(_) => Err(Errno::EEXIST),
                Err(error) => Err(error),
            };
        }
        let place = self.place(fd, true)?;
        carry(site, (from, temporary), (&place, name))
    }

    /// The directory that partial files of this one lie in; no link is followed to it.
    fn place(&self, directory: &OwnedFd, make: bool) -> nix::Result<OwnedFd> {
        match &self.keep {
            Some(Keep::Beside(components)) => enter(directory, components, make),
            Some(Keep::Apart(path)) => fs::open_named_directory(path),
            Some(Keep::UnderItsName) | None => Err(Errno::ENOENT),
        }
    }

    /// The directory in this one that whole files wait in, made where it is missing.
    ///
    /// # Errors
    /// `EPERM` where somebody may write in it who may not write beside it; the system's own.
    pub(super) fn place_to_wait(&self, directory: &OwnedFd) -> nix::Result<OwnedFd> {
        let Some(Keep::Beside(components)) = &self.keep else { return Err(Errno::ENOENT) };
        let mut place = fs::open_directory(directory, b".")?;
        for name in components {
            let above = fstat(&place)?;
            fs::make_directory(&place, name, Mode::S_IRWXU)?;
            place = fs::open_directory(&place, name)?;
            if !is_as_safe(&above, &fstat(&place)?) {
                return Err(Errno::EPERM);
            }
        }
        Ok(place)
    }

    /// True for the name in a directory beneath which partial files lie.
    pub(super) fn lie_in(&self, name: &[u8]) -> bool {
        matches!(&self.keep, Some(Keep::Beside(components)) if components[0] == name)
    }

    /// True where the place of partial files in a directory is there, and empty.
    pub(super) fn holds_nothing(&self, directory: &Directory) -> bool {
        let place = directory.fd().ok_or(Errno::ENOENT).and_then(|fd| self.place(fd, false));
        place.and_then(|place| fs::names(&place)).is_ok_and(|names| names.is_empty())
    }

    /// True for the name in a directory beneath which whole files wait.
    pub(super) fn wait_in(&self, name: &[u8]) -> bool {
        self.wait && self.lie_in(name)
    }

    /// How long the partial file of this name is, in bytes; `None` where there is none.
    pub(super) fn find(&self, directory: &Directory, name: &[u8]) -> Option<u64> {
        if !self.are_kept() {
            return None;
        }
        let place = self.place(directory.fd()?, false).ok()?;
        let stamp = Stamp::of(&fs::stat(&place, name).ok()?);
        (stamp.kind == Kind::File).then_some(stamp.size)
    }

    /// Opens the partial file of this name.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn open(&self, directory: &Directory, name: &[u8]) -> nix::Result<File> {
        let place = self.place(directory.fd().ok_or(Errno::ENOENT)?, false)?;
        fs::open_to_read(&place, name, OFlag::O_NOFOLLOW, false)
    }

    /// The file is whole and in place: its partial one goes, and the directory of it when that is
    /// empty. What cannot be removed does no harm.
    pub(super) fn remove(&self, directory: &Directory, name: &[u8]) {
        let Some(fd) = directory.fd() else { return };
        let Ok(place) = self.place(fd, false) else { return };
        let _ = unlinkat(&place, name, UnlinkatFlags::NoRemoveDir);
        self.remove_place(directory);
    }

    /// The directory of partial files in this one goes, when it is empty.
    pub(super) fn remove_place(&self, directory: &Directory) {
        if let (Some(fd), Some(Keep::Beside(components))) = (directory.fd(), &self.keep) {
            let mut left = &components[..];
            while let Some((name, above)) = left.split_last() {
                let gone = enter(fd, above, false)
                    .and_then(|place| unlinkat(&place, &name[..], UnlinkatFlags::RemoveDir));
                if gone.is_err() {
                    break;
                }
                left = above;
            }
        }
    }
}

/// True when nobody may change what is in a directory who may not do the same in the one above it.
fn is_as_safe(above: &FileStat, place: &FileStat) -> bool {
    const OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let may = if above.st_mode & STICKY == 0 { above.st_mode & OTHERS } else { 0 };
    let owned = place.st_uid == Uid::effective().as_raw() || place.st_uid == above.st_uid;
    owned && place.st_mode & OTHERS & !may == 0
}

/// Opens a directory beneath another, by its components, and follows no link; `make` makes what is
/// missing.
fn enter(directory: &OwnedFd, components: &[Vec<u8>], make: bool) -> nix::Result<OwnedFd> {
    let mut place = fs::open_directory(directory, b".")?;
    for name in components {
        if make {
            fs::make_directory(&place, name, Mode::S_IRWXU)?;
        }
        place = fs::open_directory(&place, name)?;
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_wait_only_where_nobody_else_writes_than_beside_them() {
        let root = tempfile::tempdir().unwrap();
        let set = |name: &str, mode: u32| {
            let path = root.path().join(name);
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
        };
        std::fs::create_dir_all(root.path().join("above/place")).unwrap();
        let stat = |name: &str| nix::sys::stat::stat(&root.path().join(name)).unwrap();
        for (above, place, safe) in [
            (0o755, 0o700, true),
            (0o755, 0o755, true),
            (0o755, 0o777, false),
            (0o755, 0o770, false),
            (0o775, 0o770, true),
            (0o777, 0o777, true),
            (0o1777, 0o777, false),
            (0o1777, 0o700, true),
        ] {
            set("above", above).unwrap();
            set("above/place", place).unwrap();
            let found = is_as_safe(&stat("above"), &stat("above/place"));
            assert_eq!(found, safe, "{place:o} in {above:o}");
        }
        let (above, mut place) = (stat("above"), stat("above/place"));
        place.st_uid = above.st_uid + 1;
        let is_own = place.st_uid == Uid::effective().as_raw();
        assert_eq!(is_as_safe(&above, &place), is_own);
    }

    #[test]
    fn a_directory_for_partial_files_never_leads_out() {
        let of = |path: &[u8]| Options { partial_dir: Some(path.to_vec()), ..Options::default() };
        for path in [&b".."[..], b"a/../../b", b"/a/..", b"", b".", b"/", b"a\0b"] {
            assert!(check(&of(path), false).is_err(), "{}", String::from_utf8_lossy(path));
        }
        assert!(check(&of(b".partial"), true).is_ok());
        let delayed = |options| check(&Options { delay_updates: true, ..options }, true);
        assert!(delayed(of(b".partial")).is_ok());
        assert!(delayed(Options::default()).is_err());
        assert!(delayed(Options { inplace: true, ..of(b".partial") }).is_err());
        let apart = Options { delay_updates: true, ..of(b"/var/partial") };
        assert!(check(&apart, false).is_err());
        assert!(check(&of(b"/var/partial"), false).is_ok());
        assert!(check(&of(b"/var/partial"), true).is_err());
    }
}
