//! Far sides that lie, to the hasync that a person calls: through `-e` scripts.

use crate::peer::{Ended, Peer, hasync};
use crate::served::{Place, old_data};
use crate::words::*;
use nix::sys::stat::Mode;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Instant;

/// A place, and a far side that is this test: a script between two fifos.
struct Far {
    place: Place,
    directory: tempfile::TempDir,
}

impl Far {
    fn new() -> Far {
        let directory = tempfile::tempdir().unwrap();
        for name in ["down", "up"] {
            nix::unistd::mkfifo(&directory.path().join(name), Mode::S_IRWXU).unwrap();
        }
        Far { place: Place::new(), directory }
    }

    fn script(&self, text: &str) -> String {
        let path = self.directory.path().join("far");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn fifo(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Calls hasync with these arguments; the other end is the test.
    fn call(&self, arguments: &[&str]) -> Peer {
        let (down, up) = (self.fifo("down"), self.fifo("up"));
        let text = format!("cat '{}' & exec cat >'{}'", down.display(), up.display());
        let script = self.script(&text);
        let mut command = hasync();
        command.args(["-e", &script, "--timeout", "8"]).args(arguments);
        Peer::called(
            &mut command,
            move || File::options().write(true).open(down).unwrap(),
            move || File::open(up).unwrap(),
        )
    }

    fn pull(&self, options: &[&str]) -> Peer {
        let destination = self.place.destination.to_str().unwrap();
        let mut peer = self.call(&[options, &["-rlpt", "far:/source/", destination]].concat());
        peer.greet();
        peer
    }
}

/// Calls hasync to push, with a far side that is only this script.
fn pushed(script: &str) -> Ended {
    let far = Far::new();
    let source = far.place.destination.to_str().unwrap().to_owned();
    let script = far.script(script);
    let mut command = hasync();
    command.args(["-r", "-e", &script, "--timeout", "1", &source, "far:/x"]);
    let peer = Peer::called(&mut command, std::io::sink, std::io::empty);
    let ended = peer.end();
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stdout.lines().last().unwrap_or_default().contains(r#""ok":false"#), "{ended:?}");
    ended
}

#[test]
fn who_does_not_greet_as_hasync_does_is_told() {
    for (script, status, words) in [
        ("echo 'Welcome to far!'; exec cat >/dev/null", 6, "Welcome to far!"),
        ("head -c 9999 /dev/zero; exec cat >/dev/null", 6, "where hasync greets"),
        ("echo 'hasync-protocol 9 10 hasync/9.0'", 6, "hasync/9.0 and speaks protocol 9 to 10"),
        ("echo 'hasync-protocol x y hasync/9.0'", 6, "no version"),
        ("exit 0", 6, "said nothing"),
        ("exit 127", 6, "has no hasync"),
        ("exit 126", 6, "cannot run"),
        ("exit 3", 6, "status 3"),
        ("echo 'Connection refused' >&2; exit 255", 5, "Connection refused"),
        ("echo 'Host key verification failed.' >&2; exit 255", 6, "verification failed"),
        ("kill -9 $$", 6, "signal 9"),
        ("echo 'hasync-protocol 2 2 hasync/1'", 6, "went away"),
        (
            "echo 'hasync-protocol 2 2 hasync/1'; sleep 0.3; echo 'out of luck' >&2; exit 1",
            6,
            "out of luck",
        ),
        ("echo 'hasync-protocol 2 2 hasync/1'; echo soup; exec cat >/dev/null", 6, "a frame of"),
    ] {
        let ended = pushed(script);
        assert_eq!(ended.status, Some(status), "{script}: {ended:?}");
        assert!(ended.stderr.contains(words), "{script}: {ended:?}");
    }
}

#[test]
fn a_far_side_that_is_silent_is_given_up_in_time() {
    for script in [
        "exec sleep 60",
        "printf 'hasync-proto'; exec sleep 60",
        "echo 'hasync-protocol 2 2 hasync/1'; exec sleep 60",
        "echo 'hasync-protocol 2 2 hasync/1'; printf '\\1'; exec sleep 60",
    ] {
        let began = Instant::now();
        let ended = pushed(script);
        assert_eq!(ended.status, Some(5), "{script}: {ended:?}");
        assert!(began.elapsed().as_secs() < 10, "{script}: {:?}", began.elapsed());
    }
}

#[test]
fn what_a_hostile_source_says_is_refused() {
    let name = |name: &[u8]| vec![head(0, 0, b"", 1, 0), list(0, &[entry(name, file_of(1))])];
    for (what, messages, words) in [
        ("dots", name(b".."), "a name that leads outside"),
        ("a path", name(b"a/b"), "a name that leads outside"),
        ("no name", name(b""), "a name that leads outside"),
        ("a null byte", name(b"a\0"), "a name that leads outside"),
        ("256 bytes", name(&[b'n'; 256]), "a name that leads outside"),
        ("a list of nothing", vec![list(3, &[])], "a list that was not asked for"),
        ("a file of nothing", vec![file(0, 0, b"evil")], "a file that was not asked for"),
        ("an unknown type", vec![message(77)], "an unknown type"),
    ] {
        let far = Far::new();
        let mut peer = far.pull(&[]);
        peer.send(&start(false));
        messages.iter().for_each(|message| peer.send(message));
        peer.until_it_gives_up();
        let ended = peer.end();
        assert_eq!(ended.status, Some(6), "{what}: {ended:?}");
        assert!(ended.stderr.contains(words), "{what}: {ended:?}");
        assert!(ended.stdout.lines().last().unwrap().contains(r#""status":6"#), "{ended:?}");
        far.place.is_untouched(what);
    }
}

#[test]
fn no_shell_and_no_ssh_takes_a_path_or_a_host_for_something_else() {
    let far = Far::new();
    let ran = far.directory.path().join("ran");
    let told = far.directory.path().join("arguments");
    let script =
        far.script(&format!("printf '%s\\n' \"$#\" \"$@\" >>'{}'; exit 1", told.display()));
    let source = far.place.destination.to_str().unwrap().to_owned();
    let touch = format!("touch {}", ran.display());
    let paths = [
        format!("$({touch})"),
        format!("`{touch}`"),
        format!("x; {touch}"),
        format!("x\n{touch}"),
        format!("--rsh={touch}"),
        "-oProxyCommand=x".to_owned(),
        "--serve --root /".to_owned(),
    ];
    for path in &paths {
        for arguments in [[&source, &format!("far:{path}")], [&format!("far:{path}"), &source]] {
            let mut command = hasync();
            command.args(["-r", "-e", &script, "--timeout", "1"]).args(arguments);
            let ended = Peer::called(&mut command, std::io::sink, std::io::empty).end();
            assert_ne!(ended.status, Some(0), "{path}");
            // The host, the program and what it always is told: no word of the path.
            let words = fs::read_to_string(&told).unwrap();
            fs::remove_file(&told).unwrap();
            assert_eq!(words, "3\nfar\nhasync\n--serve\n", "{path}");
        }
    }
    for host in ["-oProxyCommand=touch ran", "-e", "-"] {
        let mut command = hasync();
        let target = format!("{host}:x");
        command.args(["-r", "-e", &script, "--timeout", "1", "--", &source, &target]);
        let ended = Peer::called(&mut command, std::io::sink, std::io::empty).end();
        assert_eq!(ended.status, Some(2), "{host}: {ended:?}");
        assert!(ended.stderr.contains(host), "{host}: {ended:?}");
        assert!(!told.exists(), "{host} was called");
    }
    assert!(!ran.exists());
}

#[test]
fn a_file_that_comes_damaged_twice_is_an_item_that_failed() {
    let far = Far::new();
    let mut peer = far.pull(&[]);
    let entries = [entry(b"small", file_of(4))];
    for message in [start(false), head(0, 0, b"", 1, 0), list(0, &entries), walked()] {
        peer.send(&message);
    }
    for _ in 0..2 {
        assert!(peer.until(GET).is_some());
        peer.send(&file_with(0, 0, 4, &[1; 32], b"evil"));
    }
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    let ended = peer.end();
    assert_eq!(ended.status, Some(3), "{ended:?}");
    assert!(ended.stdout.contains(r#""reason":"digest_mismatch","item":"small""#), "{ended:?}");
    far.place.is_untouched("damaged twice");
}

#[test]
fn a_source_that_dies_leaves_the_old_files() {
    let new = [&b"front"[..], &old_data()].concat();
    let entries = [entry(b"old", file_of(new.len() as u64))];
    let messages = [
        start(false),
        head(0, 0, b"", 1, 0),
        list(0, &entries),
        walked(),
        open(0, 0, new.len() as u64),
        data(0, 0, b"front"),
        copy(0, 0, 0, 300_000),
        close(0, 0, &digest(&new)),
    ];
    for count in 0..messages.len() {
        let far = Far::new();
        let mut peer = far.pull(&["--delete"]);
        for (number, message) in messages[..count].iter().enumerate() {
            if number == 4 {
                assert!(peer.until(GET).is_some());
            }
            peer.send(message);
        }
        let ended = peer.end();
        assert_eq!(ended.status, Some(6), "after {count} messages: {ended:?}");
        assert!(ended.stderr.contains("went away"), "after {count} messages: {ended:?}");
        far.place.is_untouched("a source that died");
    }
}

#[test]
fn a_far_side_forges_no_line_of_a_log() {
    let far = Far::new();
    let mut peer = far.pull(&[]);
    peer.send(&start(false));
    let forged = b"x\n{\"type\":\"end\",\"ok\":true}";
    peer.send(&message(15).string(forged).string(b"a\nb").string(b"c\nhasync: all is well"));
    for message in [head(0, 0, b"", 0, 0), list(0, &[]), walked()] {
        peer.send(&message);
    }
    assert!(peer.until(DONE).is_some());
    peer.send(&bye());
    let ended = peer.end();
    assert_eq!(ended.status, Some(3), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 3, "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}
