//! The corpus that is kept, run as the fuzz targets run it; and its seeds.

use super::scene::{Scene, large};
use super::{DIRECTORIES, TARGETS, Target, standby};
use crate::acl::{ACCESS, Allowed, Lists, Tag};
use crate::beneath::Beneath;
use crate::entry::Kind;
use crate::events::Events;
use crate::filter::Filters;
use crate::job::{Job, Role};
use crate::options::Options;
use crate::source::{Roots, Source, from_channel};
use crate::standby::{Ledger, Root, Site, Told};
use crate::wire::{Frame, ToSource, ToStandby};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any input takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);
/// How many inputs are run at once: those with both ends in them mostly wait.
const AT_ONCE: usize = 8;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Counts the panics of all threads: what a thread of a run fails with is not seen by who joins it.
fn panics() -> &'static AtomicUsize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        before(panic);
    }));
    &PANICS
}

fn replay((name, target): Target, failed: &Mutex<Vec<String>>) {
    let mut inputs: Vec<_> =
        fs::read_dir(corpus(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{name} has no corpus");
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let data = fs::read(input).unwrap();
                    let begun = Instant::now();
                    let ended = std::panic::catch_unwind(|| target(&data)).is_ok();
                    if !ended || begun.elapsed() > DEADLINE {
                        failed.lock().unwrap().push(input.display().to_string());
                    }
                }
            });
        }
    });
}

#[test]
fn what_was_kept_of_fuzzing_breaks_nothing() {
    // In a process of its own: a standby reads the umask by changing it, which other tests would see.
    let test = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "fuzz::corpus::replayed", "--nocapture"];
    let ended = Command::new(test).args(arguments).output().unwrap();
    let (said, told) = (&ended.stdout, String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{told}");
    assert!(String::from_utf8_lossy(said).contains("1 passed"), "nothing was run");
}

#[test]
#[ignore = "is run by the test above"]
fn replayed() {
    let panics = panics();
    let failed = Mutex::default();
    TARGETS.into_iter().for_each(|target| replay(target, &failed));
    assert!(failed.lock().unwrap().is_empty(), "{failed:#?}");
    assert_eq!(panics.load(Ordering::Relaxed), 0, "a thread panicked: its words stand above");
}

/// Everything that two ends said to each other.
#[derive(Default)]
struct Said {
    to_standby: Vec<Vec<u8>>,
    to_source: Vec<Vec<u8>>,
}

fn frame(message: &impl Frame) -> Vec<u8> {
    let mut frame = Vec::new();
    message.encode(&mut frame);
    frame.extend_from_slice(message.payload().map_or(&[][..], |payload| payload));
    frame
}

/// A tree that differs from that of a furnished scene in all the ways that are brought.
fn other() -> Scene {
    let scene = Scene::furnished();
    let mut big = large().to_vec();
    big[140_000] ^= 1;
    scene.write("root/big", &big);
    scene.write("root/moved", &big[1..]);
    scene.write("root/a", b"new");
    scene.write("root/fresh", b"fresh");
    for directory in ["root/empty", "root/d/new"] {
        fs::create_dir(scene.path().join(directory)).unwrap();
    }
    scene.write("root/d/new/z", &[7; 300]);
    fs::hard_link(scene.path().join("root/fresh"), scene.path().join("root/hard")).unwrap();
    symlink("fresh", scene.path().join("root/soft")).unwrap();
    fs::File::create(scene.path().join("root/holes")).unwrap().set_len(1 << 20).unwrap();
    let x = scene.path().join("root/d/x");
    fs::set_permissions(&x, fs::Permissions::from_mode(0o600)).unwrap();
    let _ = xattr::set(&x, "user.a", b"value");
    scene
}

/// A run from one scene to another, in the frames that a connection would carry.
fn conversation(options: &Options) -> Said {
    let (here, there) = (other(), Scene::furnished());
    // For `moved` there is something to compare.
    there.write("root/moved", large());
    let from = [here.root().into_os_string(), "/".into()].into_iter().collect();
    let roots = Roots::open(&[from], None, options, None).unwrap();
    let filters = Arc::new(Filters::new(options).unwrap());
    let source = Source::new(roots, Arc::clone(&filters), options.clone(), DIRECTORIES);
    let (out, told) = sync_channel(crate::QUEUE);
    let (ask, asked) = sync_channel::<ToSource>(crate::ANSWERS);
    let (forward, forwarded) = channel();
    let mut said = Said::default();
    let sending =
        thread::spawn(move || source.run(from_channel(forwarded), out, &Events::unheard()));
    let recording = thread::spawn(move || {
        let recorded = |message: ToSource| {
            let bytes = frame(&message);
            let _ = forward.send(message);
            bytes
        };
        asked.into_iter().map(recorded).collect()
    });
    let ledger = Ledger::new(Told::There(ask.clone()), true, true);
    let site = Site::new(options.clone(), filters, ledger, ask, None).unwrap();
    let beneath = Beneath::open(there.root().into_os_string()).unwrap();
    let root = Root { path: ".".into(), beneath: Some(beneath) };
    let outcome = crate::standby::run(&site, &root, || {
        let message = told.recv().ok();
        said.to_standby.extend(message.as_ref().map(frame));
        Ok(message)
    });
    assert!(outcome.unwrap().error.is_none());
    sending.join().unwrap().unwrap();
    drop(site);
    said.to_source = recording.join().unwrap();
    said
}

/// Frames with lengths of two bytes; longer ones are left out.
fn pieces(frames: &[Vec<u8>]) -> Vec<u8> {
    let short = frames.iter().filter_map(|frame| u16::try_from(frame.len()).ok().zip(Some(frame)));
    short.flat_map(|(length, frame)| [&length.to_le_bytes()[..], frame].concat()).collect()
}

fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|frame| [&(frame.len() as u32).to_le_bytes()[..], frame].concat())
        .collect()
}

/// The messages with zeros for digests, which a target puts right.
fn without_digests(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let without = |bytes: &Vec<u8>| match ToStandby::decode(&mut bytes.clone()).unwrap() {
        ToStandby::Start(_) | ToStandby::Bye(_) => Vec::new(),
        ToStandby::Files { directory, files, data, .. } => {
            frame(&ToStandby::Files { directory, files, digest: [0; 32], data })
        }
        ToStandby::Close { file, .. } => frame(&ToStandby::Close { file, digest: [0; 32] }),
        _ => bytes.clone(),
    };
    frames.iter().map(without).filter(|frame| !frame.is_empty()).collect()
}

fn begin(group: &str) -> Vec<u8> {
    format!(
        "{{\"begin\":{{\"group\":{group},\"root\":\"/\",\"state\":null,\
         \"role\":{{\"generation\":1,\"primary\":\"mn1\",\"since\":\"2026-11-30T00:00:00Z\"}},\
         \"names\":[\"mn1\"],\"substitutions\":{{\"mn1\":\"mn2\"}},\"dry_run\":false,\
         \"accept_loss\":true,\"lock_wait_seconds\":0}}}}"
    )
    .into_bytes()
}

fn list(paths: &[&str]) -> Vec<u8> {
    let one = |path: &&str| {
        let kind = if path.ends_with('x') { "file" } else { "directory" };
        format!(
            "{{\"path\":\"{path}\",\"kind\":\"{kind}\",\"size\":4,\
             \"modified\":{{\"seconds\":1,\"nanoseconds\":0}}}}"
        )
    };
    format!("{{\"listed\":[{}]}}", paths.iter().map(one).collect::<Vec<_>>().join(",")).into_bytes()
}

fn commit() -> Vec<u8> {
    b"{\"commit\":{\"complete\":true}}".to_vec()
}

/// A group whose content comes by a run of its own.
fn staged(job: &Job, to_standby: &[Vec<u8>]) -> Vec<u8> {
    let mut sent = Vec::new();
    job.send(&mut sent).unwrap();
    let mut frames = vec![begin("{\"name\":\"g\",\"paths\":[\"/d\"]}"), b"\"stage\"".to_vec()];
    let mut rest = &sent[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let (frame, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        frames.push(frame.to_vec());
        rest = after;
    }
    frames.extend(to_standby.iter().cloned());
    frames.extend([list(&["d", "d/new", "d/x"]), commit()]);
    pieces(&frames)
}

#[test]
#[ignore = "writes the seeds of the corpus: see fuzz/README.md"]
fn seeds() {
    let put = |target: &str, name: &str, bytes: &[u8]| {
        assert!(TARGETS.iter().any(|(known, _)| *known == target));
        fs::create_dir_all(corpus(target)).unwrap();
        fs::write(corpus(target).join(format!("seed-{name}")), bytes).unwrap();
    };
    // Bits of the standby's options, each with the rest as they are without.
    let kept = 1 << 15 | 1 << 16 | 1 << 17 | 1 << 43;
    for (name, bits) in [
        ("plain", 0),
        ("kept", kept),
        ("delete", 1 << 6 | 1 << 7),
        ("delete-during-force", 1 << 6 | 1 << 14),
        ("inplace", 1 << 8 | 1 << 9),
        ("partial", 1 << 10 | 1 << 11),
        ("backup", 1 << 12 | 1 << 13),
        ("checksum", 1 << 19),
        ("dry-run", 1 << 20),
        ("append", 1 << 26),
        ("delayed", 1 << 42),
        ("delete-before", 1 << 6 | 1 << 7 | 1 << 29),
        ("temp-dir", 1 << 34),
        ("verify", 1 << 32),
        ("remove", 1 << 36),
    ] {
        let options = standby::options(standby::Bits(bits));
        let said = conversation(&options);
        let header = &bits.to_le_bytes()[..6];
        let to_standby = pieces(&without_digests(&said.to_standby));
        put("standby", name, &[header, &to_standby].concat());
        // Ready is said by the target.
        let to_source: Vec<_> = said.to_source.iter().filter(|f| f[0] != 2).cloned().collect();
        put("source", name, &[&[0, 0, 0][..], &pieces(&to_source)].concat());
        put("to_standby", name, &[&[0][..], &pieces(&said.to_standby)].concat());
        put("to_source", name, &[&[0][..], &pieces(&said.to_source)].concat());
        if name == "kept" {
            let whole = stream(&without_digests(&said.to_standby));
            let packed = zstd::stream::encode_all(&whole[..whole.len().min(20_000)], 1).unwrap();
            put("to_standby", "packed", &[&[3][..], &packed].concat());
            put("to_source", "stream", &[&[1][..], &stream(&said.to_source)].concat());
        }
        let role = Role::Standby;
        let job = Job { role, options, paths: vec![b"a".into()], list: Some(vec![b"b/c".into()]) };
        let mut sent = Vec::new();
        job.send(&mut sent).unwrap();
        put("job", name, &[&[1][..], &sent].concat());
    }
    let options = standby::options(standby::Bits(0));
    let said = conversation(&options);
    let job = Job { role: Role::Standby, options, paths: vec![b"STAGE".into()], list: None };
    put("set", "stage", &staged(&job, &said.to_standby));
    for (name, group, listed) in [
        ("commits", "{\"name\":\"g\",\"paths\":[\"/d\"]}", &["d", "d/e", "d/x"][..]),
        (
            "deletes",
            "{\"name\":\"g\",\"paths\":[\"/d\",\"/a\"],\"delete\":\"trash\",\"max_delete\":{\"count\":99,\"percent\":100}}",
            &["d", "a"],
        ),
        (
            "links",
            "{\"name\":\"g\",\"paths\":[\"/d/in/z\",\"/out\"],\"delete\":\"trash\",\"acls\":true,\"xattrs\":true,\"rewrite\":[\"/out\"]}",
            &["out"],
        ),
    ] {
        put("set", name, &pieces(&[begin(group), list(listed), commit()]));
    }
    put(
        "set",
        "leaves",
        &pieces(&[begin("{\"name\":\"g\",\"paths\":[\"/d\"]}"), b"\"leave\"".to_vec()]),
    );
    let contract = |name: &str| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract").join(name))
            .unwrap()
    };
    for (number, name) in
        ["hasync-set-1/", "hasync-manifest-1/", "hasync-journal-1/"].iter().enumerate()
    {
        let directory =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract").join(name);
        for file in fs::read_dir(directory).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let text = contract(&format!("{name}{file}"));
            let seed = file.split('.').next().unwrap_or_default();
            put("set_files", &format!("{number}-{seed}"), &[&[number as u8][..], &text].concat());
        }
    }
    let mut lists = Lists::default();
    let one = |tag, id| Allowed { tag, id, bits: 5 };
    lists.default = vec![one(Tag::Owner, 0), one(Tag::User, 7), one(Tag::Other, 0)];
    lists.access = vec![one(Tag::User, 7), one(Tag::OwningGroup, 0), one(Tag::Group, 8)];
    for (name, value) in lists.values(Kind::Directory, 0o754) {
        put("attributes", if name == ACCESS { "access" } else { "default" }, &value.unwrap());
    }
    put("attributes", "extra", b"\x04\x01\x06user.a\x05value");
    for (target, texts) in [
        ("chmod", &["Dg+s,Fo=,u=rwX,go-w", "D2775,F664", "a=g,+X,o+t", "u+s,=u"][..]),
        ("maps", &["5000-6000:bin,da[!x]m?n:3,r*t:sys,:daemon,*:4\0daemon", "*:nobody\0x"]),
        ("format", &["%'l %-20n%L %i %t %M %B %U:%G %o %b %p %f%%\n"]),
        ("greeting", &["hasync-protocol 2 2 hasync/0.1.0\n", "hasync-protocol 1 9 x\n"]),
        ("files_from", &["etc/hosts\r\n# no\n./a//b/\n", "a\0b/c\0../x\0"]),
        ("patterns", &["/a*/b?[!c-e]\0a/xbz", "**/x***\0a/x/y", "[[:alpha:]]\\*/\0a", "a\0a/a"]),
        (
            "rules",
            &[
                "\0- *.o\n+ /a/b\nP core\nH,s x\n:C\nhide,! */\nclear\ndir-merge,en- .x\n",
                "\x01*.bak\n!\nCVS/\n",
                "\x02+_a -_b -C :w-_.w",
            ],
        ),
        (
            "records",
            &[
                "{\"type\":\"begin\",\"schema\":\"hadiff-1\",\"tool\":\"hadiff\",\"version\":\"0.1.0\"}\n\
               {\"type\":\"file\",\"key\":{\"path\":\"/d/x\"},\"values\":{\"size_bytes\":1}}\n\
               {\"type\":\"end\",\"records\":1,\"ok\":true}\n",
            ],
        ),
    ] {
        for (number, text) in texts.iter().enumerate() {
            put(target, &number.to_string(), text.as_bytes());
        }
    }
    put(
        "delta",
        "honest",
        &[&[0, 0xff, 0x8f][..], &[0, 0, 0xff, 0xff, 1, 0, 9, 0].repeat(3)].concat(),
    );
    put(
        "delta",
        "signature",
        &[&[1, 0, 0][..], &[0, 0, 2, 0, 0, 0, 0, 0].repeat(2), b"\0\x801234"].concat(),
    );
    let ask = [&[0; 8][..], &[2, 0], &[0; 16]].concat();
    put(
        "delta",
        "blocks",
        &[&[2][..], &[0, 0, 4, 0, 0, 0, 0, 0], b"\0\x80", &[0; 8], &[100, 0], &ask].concat(),
    );
}
