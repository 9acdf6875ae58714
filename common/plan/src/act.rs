//! What a step does to files. Programs and the host name are in `step`.

use crate::stream::{parts, permissions};
use crate::{Act, condition};
use ha_file::Durability;
use ha_json::{Error, reason};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::{CStr, CString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// No text file that a line is put into is larger.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// How long another that changes the same file is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Does the act, or with `look` only tells whether it would change anything. `Ok(None)`: it is true
/// already; else what was, or would be, done.
///
/// # Errors
/// A sentence that names the thing.
pub(crate) fn on_files(act: &Act, look: bool) -> Result<Option<String>, String> {
    match act {
        Act::Remove { directory, lies_on, beneath, names } => {
            remove(directory, lies_on, beneath, names, look)
        }
        Act::Line { file, line, replaces_prefix } => {
            put_line(Path::new(file), line, replaces_prefix.as_deref(), look)
        }
        Act::File { path, content, mode } => put_file(Path::new(path), content, mode, look),
        Act::Directory { path, mode } => make_directory(Path::new(path), mode, look),
        Act::Link { path, target } => make_link(Path::new(path), target, look),
        Act::Run { .. } | Act::Wait { .. } | Act::HostName { .. } | Act::RestoreHostName {} => {
            Err("is not an act on files".to_owned())
        }
    }
}

fn told(path: impl std::fmt::Display, error: impl Into<std::io::Error>) -> String {
    format!("{path}: {}", reason(&error.into()))
}

/// Everything happens beneath one open directory: what is renamed or linked in the meantime can
/// lead nowhere else.
fn remove(
    directory: &str,
    lies_on: &[String],
    beneath: &str,
    names: &[String],
    look: bool,
) -> Result<Option<String>, String> {
    let Some((mut open, path)) = open_beneath(directory, lies_on, beneath)? else {
        return Ok(None);
    };
    let every = names == ["*"];
    let wanted = match every {
        true => entries(&mut open).map_err(|error| told(&path, error))?,
        false => names
            .iter()
            .map(|name| CString::new(name.as_str()))
            .collect::<Result<_, _>>()
            .map_err(|_| "a name has a NUL character".to_owned())?,
    };
    let (mut removed, mut left) = (0u64, Vec::new());
    for name in wanted {
        let shown = format!("{path}/{}", name.to_string_lossy());
        match remove_one(&open, &name, look).map_err(|error| told(&shown, error))? {
            Removed::Yes => removed += 1,
            Removed::WasNotThere => {}
            Removed::NoRegularFile if every => left.push(name.to_string_lossy().into_owned()),
            Removed::NoRegularFile => {
                return Err(format!("{shown} is not a regular file: it is left, look what it is"));
            }
        }
    }
    if removed == 0 && left.is_empty() {
        return Ok(None);
    }
    let mut text = format!("{removed} removed");
    if !left.is_empty() {
        text.push_str(&format!(", left because they are no regular files: {}", left.join(" ")));
    }
    Ok(Some(text))
}

/// The directory `beneath` beneath `directory`, and its path; `None` where it is not there. The
/// links in `directory` are the administrator's; beneath it there may be none.
fn open_beneath(
    directory: &str,
    lies_on: &[String],
    beneath: &str,
) -> Result<Option<(Dir, String)>, String> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut path = directory.to_owned();
    let mut open = match Dir::open(directory, flags, Mode::empty()) {
        Ok(open) => open,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(told(directory, error)),
    };
    let device = |open: &Dir, path: &str| {
        fstat(open).map(|found| found.st_dev).map_err(|error| told(path, error))
    };
    let on = device(&open, directory)?;
    if !lies_on.is_empty() && condition::lies_on(Path::new(directory), lies_on)? != on {
        return Err(format!("{directory} was exchanged while it was looked at"));
    }
    for part in parts(beneath) {
        path = format!("{path}/{part}");
        open = match Dir::openat(&open, part, flags | OFlag::O_NOFOLLOW, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::ENOENT) => return Ok(None),
            // With O_DIRECTORY, Linux says of a link that it is no directory.
            Err(Errno::ELOOP | Errno::ENOTDIR) => {
                return Err(format!("{path} is no directory, but a link or something else"));
            }
            Err(error) => return Err(told(&path, error)),
        };
        if device(&open, &path)? != on {
            return Err(format!("{path} is on another file system than {directory}"));
        }
    }
    Ok(Some((open, path)))
}

enum Removed {
    Yes,
    WasNotThere,
    NoRegularFile,
}

fn remove_one(open: &Dir, name: &CStr, look: bool) -> nix::Result<Removed> {
    let found = match fstatat(open, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => return Ok(Removed::WasNotThere),
        found => found?,
    };
    if SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Ok(Removed::NoRegularFile);
    }
    if look {
        return Ok(Removed::Yes);
    }
    match unlinkat(open, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::ENOENT) => Ok(Removed::WasNotThere),
        done => done.map(|()| Removed::Yes),
    }
}

fn entries(open: &mut Dir) -> nix::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in open.iter() {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn put_line(
    file: &Path,
    line: &str,
    prefix: Option<&str>,
    look: bool,
) -> Result<Option<String>, String> {
    let _lock = match look {
        true => None,
        false => Some(ha_file::lock(file, LOCK_WAIT).map_err(|error| error.to_string())?),
    };
    let text = read(file)?.unwrap_or_default();
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let bare = |line: &[u8]| line.strip_suffix(b"\n").unwrap_or(line).to_vec();
    let with_newline = format!("{line}\n");
    let at =
        prefix.and_then(|prefix| lines.iter().rposition(|one| one.starts_with(prefix.as_bytes())));
    let done = match at {
        Some(at) if bare(lines[at]) == line.as_bytes() => return Ok(None),
        Some(at) => {
            lines[at] = with_newline.as_bytes();
            "line replaced"
        }
        None if lines.iter().any(|one| bare(one) == line.as_bytes()) => return Ok(None),
        None => {
            if lines.last().is_some_and(|last| !last.ends_with(b"\n")) {
                lines.push(b"\n");
            }
            lines.push(with_newline.as_bytes());
            "line appended"
        }
    };
    if !look {
        replace(file, &lines.concat(), 0o644)?;
    }
    Ok(Some(done.to_owned()))
}

fn put_file(path: &Path, content: &str, mode: &str, look: bool) -> Result<Option<String>, String> {
    let mode = permissions(mode)?;
    let found = read(path)?;
    if found.as_deref() == Some(content.as_bytes()) {
        return Ok(None);
    }
    if !look {
        replace(path, content.as_bytes(), mode)?;
    }
    Ok(Some(if found.is_some() { "content replaced" } else { "made" }.to_owned()))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    ha_file::read(path, MAX_TEXT_BYTES).map_err(|error| error.to_string())
}

fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), String> {
    ha_file::replace(path, content, mode, Durability::Synced)
        .map_err(|error: Error| error.to_string())
}

fn make_directory(path: &Path, mode: &str, look: bool) -> Result<Option<String>, String> {
    let mode = permissions(mode)?;
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(None),
        Ok(_) => return Err(format!("{} is there, and is no directory", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(told(path.display(), error)),
    }
    if !look {
        fs::create_dir(path)
            .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
            .map_err(|error| told(path.display(), error))?;
    }
    Ok(Some("made".to_owned()))
}

fn make_link(path: &Path, target: &str, look: bool) -> Result<Option<String>, String> {
    match fs::read_link(path) {
        Ok(found) if found == Path::new(target) => return Ok(None),
        Ok(found) => {
            let (path, found) = (path.display(), found.display());
            return Err(format!("{path} leads to {found}: it is left, remove it if it is wrong"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            return Err(format!("{} is there, and is no link", path.display()));
        }
        Err(error) => return Err(told(path.display(), error)),
    }
    if !look {
        std::os::unix::fs::symlink(target, path).map_err(|error| told(path.display(), error))?;
    }
    Ok(Some("made".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn text(path: &Path) -> String {
        path.to_str().unwrap().to_owned()
    }

    fn removal(directory: &Path, beneath: &str, names: &[&str], lies_on: &[&str]) -> Act {
        Act::Remove {
            directory: text(directory),
            lies_on: words(lies_on),
            beneath: beneath.to_owned(),
            names: words(names),
        }
    }

    #[test]
    fn a_link_in_place_of_the_directory_leads_nowhere() {
        let ground = tempfile::tempdir().unwrap();
        let at = |name: &str| ground.path().join(name);
        fs::create_dir_all(at("krb5")).unwrap();
        fs::create_dir_all(at("var/real")).unwrap();
        fs::write(at("krb5/principal"), "x").unwrap();
        std::os::unix::fs::symlink(at("krb5"), at("var/creds")).unwrap();
        std::os::unix::fs::symlink(at("var"), at("local")).unwrap();
        for beneath in ["creds", "creds/deeper"] {
            let error = on_files(&removal(&at("local"), beneath, &["*"], &[]), false).unwrap_err();
            assert!(error.contains("/local/creds is no directory, but a link"), "{error}");
        }
        assert!(at("krb5/principal").exists());
        let none = removal(&at("local"), "real/none", &["*"], &[]);
        assert_eq!(on_files(&none, false).unwrap(), None);
        let other = removal(Path::new("/"), "proc", &["*"], &[]);
        assert!(on_files(&other, true).unwrap_err().contains("on another file system"));
    }

    #[test]
    fn every_regular_file_goes_and_nothing_else() {
        let ground = tempfile::tempdir().unwrap();
        let (creds, outside) = (ground.path().join("creds"), ground.path().join("outside"));
        fs::create_dir_all(creds.join("deeper")).unwrap();
        for name in ["a", ".hidden", "b c"] {
            fs::write(creds.join(name), "x").unwrap();
        }
        fs::write(&outside, "x").unwrap();
        std::os::unix::fs::symlink(&outside, creds.join("link")).unwrap();
        let act = removal(ground.path(), "creds", &["*"], &[]);
        assert!(on_files(&act, true).unwrap().unwrap().starts_with("3 removed"));
        assert!(creds.join("a").exists());
        let done = on_files(&act, false).unwrap().unwrap();
        assert_eq!(done, "3 removed, left because they are no regular files: deeper link");
        let again = on_files(&act, false).unwrap().unwrap();
        assert!(again.starts_with("0 removed, left"), "{again}");
        assert!(outside.exists() && creds.join("deeper").is_dir());
    }

    #[test]
    fn a_link_where_the_endpoint_map_should_be_is_refused() {
        let ground = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", ground.path().join("Ep.db")).unwrap();
        let act = removal(ground.path(), "", &["Ep.db", "Srvrexec.db"], &[]);
        assert!(on_files(&act, false).unwrap_err().contains("not a regular file"));
        assert!(fs::symlink_metadata(ground.path().join("Ep.db")).is_ok());
    }

    #[test]
    fn files_off_the_wanted_file_system_are_not_removed() {
        let ground = tempfile::tempdir().unwrap();
        fs::write(ground.path().join("Ep.db"), "x").unwrap();
        let act = removal(ground.path(), "", &["Ep.db"], &["/proc"]);
        assert!(on_files(&act, false).unwrap_err().contains("is not on /proc"));
        assert!(ground.path().join("Ep.db").exists());
    }

    #[test]
    fn a_line_is_put_once_and_the_others_stay() {
        let ground = tempfile::tempdir().unwrap();
        let file = ground.path().join("services");
        let put = |line: &str, prefix: Option<&str>| {
            let act = Act::Line {
                file: text(&file),
                line: line.to_owned(),
                replaces_prefix: prefix.map(str::to_owned),
            };
            on_files(&act, false).unwrap()
        };
        assert_eq!(put("a 1", None).as_deref(), Some("line appended"));
        fs::write(&file, b"\xff\nA=1\nb\nA=2\nlast").unwrap();
        assert_eq!(put("b", None), None);
        assert_eq!(put("A=3", Some("A=")).as_deref(), Some("line replaced"));
        assert_eq!(put("A=3", Some("A=")), None);
        assert_eq!(put("new", None).as_deref(), Some("line appended"));
        assert_eq!(fs::read(&file).unwrap(), b"\xff\nA=1\nb\nA=3\nlast\nnew\n");
    }

    #[test]
    fn files_directories_and_links_are_made_once() {
        let ground = tempfile::tempdir().unwrap();
        let at = |name: &str| text(&ground.path().join(name));
        let acts = [
            Act::Directory { path: at("d"), mode: "0750".into() },
            Act::File { path: at("d/f"), content: "x\n".into(), mode: "0640".into() },
            Act::Link { path: at("l"), target: "d/f".into() },
        ];
        for act in &acts {
            assert_eq!(on_files(act, true).unwrap().as_deref(), Some("made"));
            assert_eq!(on_files(act, false).unwrap().as_deref(), Some("made"));
            assert_eq!(on_files(act, false).unwrap(), None);
        }
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("d"), mode("d/f")), (0o750, 0o640));
        assert_eq!(fs::read_to_string(at("l")).unwrap(), "x\n");
        let other = Act::Link { path: at("l"), target: "elsewhere".into() };
        assert!(on_files(&other, false).unwrap_err().contains("leads to d/f"));
        let in_the_way = Act::Directory { path: at("d/f"), mode: "0755".into() };
        assert!(on_files(&in_the_way, false).unwrap_err().contains("no directory"));
    }
}
