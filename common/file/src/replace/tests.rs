use super::*;
use std::os::unix::fs::{chown, symlink};
use std::process::Command;

const UNSYNCED: Durability = Durability::Unsynced;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Says on the terminal of `cargo test` what could not be tried here.
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

#[test]
fn a_new_file_gets_the_mode_that_was_asked_for_whatever_the_umask() {
    let root = tempfile::tempdir().unwrap();
    for (name, durability) in [("a", Durability::Synced), ("b", UNSYNCED)] {
        let path = root.path().join(name);
        replace(&path, b"new", 0o666, durability).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), 0o666));
    }
    assert_eq!(names(root.path()), ["a", "b"]);
}

#[test]
fn the_mode_of_the_old_file_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    for bits in [0o600, 0o664, 0o4711] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        replace(&path, b"new", 0o644, UNSYNCED).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), bits));
    }
}

#[test]
fn the_owner_of_the_old_file_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "old").unwrap();
    if chown(&path, Some(12345), Some(54321)).is_err() {
        return skipped("only root gives files away");
    }
    replace(&path, b"new", 0o644, UNSYNCED).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (12345, 54321));
}

#[test]
fn extended_attributes_are_kept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "old").unwrap();
    if xattr::set(&path, "user.hatools", b"kept\0\xff").is_err() {
        return skipped("no user attributes in the temporary directory");
    }
    replace(&path, b"new", 0o644, UNSYNCED).unwrap();
    assert_eq!(xattr::get(&path, "user.hatools").unwrap().unwrap(), b"kept\0\xff");
}

/// u::rw-, u:12345:rw-, g::r--, m::rw-, o::---
const ACCESS_LIST: [u8; 44] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 0x39, 0x30, 0, 0, 4, 0, 4, 0, 255, 255,
    255, 255, 0x10, 0, 6, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255, 255, 255,
];

#[test]
fn an_access_list_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "old").unwrap();
    if xattr::set(&path, "system.posix_acl_access", &ACCESS_LIST).is_err() {
        return skipped("no access lists in the temporary directory");
    }
    let bits = mode(&path);
    replace(&path, b"new", 0o644, UNSYNCED).unwrap();
    assert_eq!(xattr::get(&path, "system.posix_acl_access").unwrap().unwrap(), ACCESS_LIST);
    assert_eq!(mode(&path), bits);
}

#[test]
fn no_access_list_comes_from_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "old").unwrap();
    if xattr::set(root.path(), "system.posix_acl_default", &ACCESS_LIST).is_err() {
        return skipped("no access lists in the temporary directory");
    }
    replace(&path, b"new", 0o644, UNSYNCED).unwrap();
    assert_eq!(xattr::get(&path, "system.posix_acl_access").unwrap(), None);
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("elsewhere")).unwrap();
    fs::write(path("elsewhere/file"), "old").unwrap();
    symlink("elsewhere/file", path("second")).unwrap();
    symlink(path("second"), path("first")).unwrap();
    symlink("elsewhere/none yet", path("dangling")).unwrap();
    replace(&path("first"), b"new", 0o644, UNSYNCED).unwrap();
    replace(&path("dangling"), b"made", 0o640, UNSYNCED).unwrap();
    assert_eq!(fs::read(path("elsewhere/file")).unwrap(), b"new");
    assert_eq!(fs::read(path("elsewhere/none yet")).unwrap(), b"made");
    assert!(["first", "second", "dangling"].iter().all(|name| path(name).is_symlink()));
    assert_eq!(names(&path("elsewhere")), ["file", "none yet"]);
}

#[test]
fn a_link_that_leads_to_itself_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("loop");
    symlink("loop", &path).unwrap();
    let error = replace(&path, b"new", 0o644, UNSYNCED).unwrap_err();
    assert!(error.why.contains("too many"), "{error}");
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let fifo = root.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let directory = root.path().join("directory");
    fs::create_dir(&directory).unwrap();
    for path in [&fifo, &directory, Path::new("/dev/null")] {
        let error = replace(path, b"new", 0o644, UNSYNCED).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: is no regular file", path.display()));
    }
    assert_eq!(names(root.path()), ["directory", "fifo"]);
}

#[test]
fn a_file_with_two_names_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "old").unwrap();
    fs::hard_link(&path, root.path().join("other")).unwrap();
    let error = replace(&path, b"new", 0o644, UNSYNCED).unwrap_err();
    assert!(error.why.starts_with("has 2 names"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn a_missing_directory_is_named() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("missing/file");
    let error = replace(&path, b"new", 0o644, UNSYNCED).unwrap_err();
    assert_eq!(error.what, path.display().to_string());
    assert!(error.why.contains("no such file or directory"), "{error}");
}

#[test]
fn a_name_without_a_directory_is_one_in_this_directory() {
    assert_eq!(follow(Path::new("Cargo.toml")).unwrap(), Path::new("Cargo.toml"));
    let error = replace(Path::new("src"), b"new", 0o644, UNSYNCED).unwrap_err();
    assert_eq!(error.to_string(), "src: is no regular file");
}

const FULL: &str = "HA_FILE_TEST_FULL";

/// The test runs itself again under a limit on the size of files, as a full disk would be.
#[test]
fn where_there_is_no_room_the_old_file_stays_and_nothing_is_left() {
    if let Some(directory) = std::env::var_os(FULL) {
        let path = Path::new(&directory).join("file");
        let error = replace(&path, &[b'x'; 100_000], 0o644, UNSYNCED).unwrap_err();
        assert!(error.why.starts_with("cannot be written: "), "{error}");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "old").unwrap();
    // Ignored in the shell, the signal is ignored in the test, too, which then sees an error.
    let script = "trap '' XFSZ && ulimit -f 8 && exec \"$@\"";
    let name = "replace::tests::where_there_is_no_room_the_old_file_stays_and_nothing_is_left";
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(FULL, root.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    assert_eq!(names(root.path()), ["file"]);
    assert_eq!(fs::read(root.path().join("file")).unwrap(), b"old");
}
