//! A source that breaks the protocol, to `hasync --serve` as a standby: it refuses, and everything
//! that it has stays as it was.

use crate::peer::Peer;
use crate::served::{Place, old_data, refused};
use crate::words::*;
use serde_json::json;
use std::fs;
use std::io::Write;

/// A step of a hostile source: bytes, or to wait until the standby has asked for a file.
enum Step {
    Say(Vec<u8>),
    Asked(usize),
}
use Step::{Asked, Say};

fn say(messages: &[Message]) -> Step {
    Say(messages.iter().flat_map(Message::framed).collect())
}

/// Every attempt is refused with these words, and nothing changes.
fn all_are_refused(words: &str, attempts: Vec<(&str, Vec<Step>)>) {
    for (what, steps) in attempts {
        let place = Place::new();
        let mut peer = place.standby(&json!({}));
        for step in steps {
            match step {
                Say(bytes) => peer.raw(&bytes),
                Asked(times) => {
                    for _ in 0..times {
                        assert!(
                            peer.until(GET).is_some(),
                            "{what}: was not asked: {:?}",
                            peer.told
                        );
                    }
                }
            }
        }
        peer.until_it_gives_up();
        let ended = peer.end();
        refused(&ended, words, what);
        place.is_untouched(what);
    }
}

/// One file is told, and asked for.
fn one(name: &[u8], size: u64) -> Step {
    say(&[start_of_one(), list(0, &[entry(name, file_of(size))]), walked()])
}

fn start_of_one() -> Message {
    head(0, 0, b"", 1, 0)
}

#[test]
fn names_that_are_not_one_component() {
    let long = vec![b'n'; 256];
    for name in
        [&b""[..], b".", b"..", b"/", b"a/b", b"../outside/file", b"/etc/passwd", b"a\0b", &long]
    {
        let lists = say(&[start_of_one(), list(0, &[entry(name, file_of(1))])]);
        let heads = say(&[head(0, 0, b"", 1, 1), head(1, 0, name, 0, 0)]);
        let links = say(&[start_of_one(), list(0, &[link(name, b"x")])]);
        let shown = String::from_utf8_lossy(name).into_owned();
        let attempts =
            vec![(&shown[..], vec![lists]), (&shown[..], vec![heads]), (&shown[..], vec![links])];
        all_are_refused("a name that leads outside its directory", attempts);
    }
}

#[test]
fn what_a_rule_excludes_is_refused_unless_a_file_of_the_source_may_have_let_it_through() {
    let exclude = json!({ "pattern": b"new" });
    let file = json!({ "pattern": b".rules", "merge": {} });
    for (rules, refuses) in
        [(json!([exclude]), true), (json!([exclude, file]), true), (json!([file, exclude]), false)]
    {
        let place = Place::new();
        let mut peer = place.standby(&json!({ "rules": rules }));
        if let Say(bytes) = one(b"new", 4) {
            peer.raw(&bytes);
        }
        if refuses {
            peer.until_it_gives_up();
            refused(&peer.end(), "an entry that is excluded", "a rule");
        } else {
            assert!(peer.until(GET).is_some(), "{:?}", peer.told);
        }
        place.is_untouched("a rule");
    }
}

#[test]
fn targets_that_no_link_has() {
    let long = vec![b't'; 4097];
    let attempts = [&b"a\0b"[..], &long]
        .map(|target| ("target", vec![say(&[start_of_one(), list(0, &[link(b"l", target)])])]));
    all_are_refused("a symbolic link that points nowhere", attempts.into());
}

#[test]
fn lists_that_do_not_fit_their_head() {
    let a = || entry(b"a", file_of(1));
    let b = || entry(b"b", file_of(1));
    all_are_refused(
        "more entries than it said",
        vec![("one more", vec![say(&[start_of_one(), list(0, &[a(), b()])])])],
    );
    all_are_refused(
        "fewer entries than it said",
        vec![("one less", vec![say(&[head(0, 0, b"", 2, 0), list(0, &[a()])])])],
    );
    let twice = say(&[head(0, 0, b"", 0, 0), list(0, &[]), list(0, &[])]);
    all_are_refused(
        "a list that was not asked for",
        vec![
            ("of nothing that was told", vec![say(&[list(7, &[a()])])]),
            ("of what was settled", vec![twice]),
        ],
    );
    let orphan = head(5, 4, b"d", 0, 0);
    let own_child = head(1, 1, b"d", 0, 0);
    let one_too_many = [head(0, 0, b"", 0, 0), head(1, 0, b"d", 0, 0)];
    all_are_refused(
        "a directory without its parent",
        vec![
            ("no parent", vec![say(&[orphan])]),
            ("its own parent", vec![say(&[own_child])]),
            ("one more than its parent said", vec![say(&one_too_many)]),
        ],
    );
    let again = [head(0, 0, b"", 2, 2), head(1, 0, b"d", 0, 0), head(1, 0, b"e", 0, 0)];
    all_are_refused("a directory twice", vec![("a number twice", vec![say(&again)])]);
}

#[test]
fn a_source_that_does_not_wait_for_its_releases_or_its_turn() {
    let early = [head(0, 0, b"", 2, 2), head(1, 0, b"d", 1, 1), head(2, 0, b"e", 0, 0)];
    all_are_refused(
        "a directory before those that it had to tell",
        vec![("beside one that is not told to its end", vec![say(&early)])],
    );
    let many: Vec<_> = (1..1100).map(|number| head(number, 0, b"d", 0, 0)).collect();
    all_are_refused(
        "more directories than it may before it is released",
        vec![
            ("directories", vec![say(&[head(0, 0, b"", 2000, 2000)]), say(&many)]),
            ("entries", vec![say(&[head(0, 0, b"", 70_000, 1), head(1, 0, b"d", 0, 0)])]),
        ],
    );
    all_are_refused(
        "more directories in a directory than entries",
        vec![("one more", vec![say(&[head(0, 0, b"", 1, 2)])])],
    );
    let owner = |length| message(3).byte(0).number(7).string(&vec![b'n'; length]);
    all_are_refused(
        "more names of owners than there can be",
        vec![("a long one", vec![say(&[owner(257)])])],
    );
    let ends = [head(0, 0, b"", 1, 0), walked(), walked()];
    all_are_refused("one end of the walk too many", vec![("a second", vec![say(&ends)])]);
    let long = message(16).string(&vec![b'x'; (1 << 20) + 1]).string(b"y");
    all_are_refused(
        "a path that is too long",
        vec![("of what was passed over", vec![say(&[long])])],
    );
}

#[test]
fn frames_that_hold_no_message() {
    let huge = Say(((4u32 << 20) + 1).to_le_bytes().to_vec());
    let most = Say(u32::MAX.to_le_bytes().to_vec());
    let frames = vec![("none", vec![Say(vec![0; 4])]), ("huge", vec![huge]), ("most", vec![most])];
    all_are_refused("a frame of", frames);
    let counts = [1 << 20, u64::from(u32::MAX), u64::MAX]
        .map(|count| ("count", vec![say(&[message(5).number(0).byte(1).number(count)])]));
    all_are_refused("a count that its frame cannot hold", counts.into());
    let cut = message(15).number(200).byte(b'n');
    all_are_refused("is cut", vec![("a string beyond its frame", vec![say(&[cut])])]);
    all_are_refused("too long", vec![("a byte more", vec![say(&[walked().byte(0)])])]);
    all_are_refused("unknown type", vec![("type 99", vec![say(&[message(99)])])]);
    all_are_refused(
        "neither 0 nor 1",
        vec![("flag 2", vec![say(&[message(5).number(0).byte(2)])])],
    );
    let wide = message(17).fixed(&[0xff; 10]);
    all_are_refused("64 bits", vec![("a number of 70 bits", vec![say(&[wide])])]);
    let mode = Stamp { mode: 0o170_777, ..file_of(0) };
    let odd = say(&[start_of_one(), list(0, &[entry(b"a", mode)])]);
    all_are_refused("a mode, size or time", vec![("mode", vec![odd])]);
    let kind = Stamp { kind: 7, ..file_of(0) };
    let odd = say(&[start_of_one(), list(0, &[entry(b"a", kind)])]);
    all_are_refused("unknown kind", vec![("kind", vec![odd])]);
    all_are_refused("a second start", vec![("start", vec![say(&[start(false)])])]);
}

#[test]
fn attributes_that_nobody_asked_for_or_that_cannot_be() {
    let with = |extra: Vec<u8>| {
        let entry = Entry { extra, ..entry(b"new", file_of(4)) };
        vec![say(&[start_of_one(), list(0, &[entry])])]
    };
    let attribute = |name: &[u8], value: &[u8]| {
        [&[name.len() as u8], name, &[value.len() as u8], value].concat()
    };
    let one = |name: &[u8]| [&[4, 1], &attribute(name, b"v")[..]].concat();
    all_are_refused(
        "attributes that were not asked for",
        vec![
            ("an extended attribute", with(one(b"user.a"))),
            ("an access time", with(vec![1, 2, 0])),
            ("an access control list", with(vec![2, 1, 2, 5, 7, 0])),
        ],
    );
    all_are_refused(
        "an extended attribute that cannot be",
        vec![
            ("a list as an attribute", with(one(b"system.posix_acl_access"))),
            ("one that rsync keeps for itself", with(one(b"user.rsync.%stat"))),
            ("no name", with(one(b""))),
            ("a null byte", with(one(b"user.a\0b"))),
        ],
    );
    let first = |path: &[u8]| with([&[8, path.len() as u8], path].concat());
    all_are_refused("attributes that were not asked for", vec![("a link", first(b"old"))]);
    let outside = [&b"../secret"[..], b"/etc/shadow", b"a//b", b"a/../../b", b"", b"a/."];
    let outside = outside.map(|path| ("a link to what lies outside", first(path)));
    all_are_refused("a name that leads outside its directory", outside.into());
    let twice = [attribute(b"user.a", b"1"), attribute(b"user.a", b"2")].concat();
    let twice = vec![("one twice", with([&[4, 2], &twice[..]].concat()))];
    all_are_refused("too many attributes, or one twice", twice);
    all_are_refused(
        "an access control list that is none",
        vec![("bits", with(vec![2, 1, 2, 5, 8, 0])), ("whom", with(vec![2, 1, 3, 5, 7, 0]))],
    );
    all_are_refused(
        "a time that no file has",
        vec![("atime", { with([&[1, 2], &[0x80, 0x94, 0xeb, 0xdc, 0x03][..]].concat()) })],
    );
    all_are_refused("more of a file than there is", vec![("a bit", with(vec![128]))]);
}

#[test]
fn content_that_nobody_asked_for() {
    let words = "a file that was not asked for";
    all_are_refused(
        words,
        vec![
            ("a small file", vec![say(&[file(0, 0, b"evil")])]),
            ("a large file", vec![say(&[open(0, 0, 9)])]),
            ("a same file", vec![say(&[same(0, 0)])]),
            (
                "a lost file",
                vec![say(&[message(14).number(0).number(0).string(b"r").string(b"m")])],
            ),
            (
                "another than was asked for",
                vec![one(b"new", 4), Asked(1), say(&[file(0, 1, b"evil")])],
            ),
        ],
    );
    all_are_refused(
        "a file that is not open",
        vec![
            ("data", vec![say(&[data(0, 0, b"evil")])]),
            ("a copy", vec![say(&[copy(0, 0, 0, 1)])]),
            (
                "data of a file that was only asked for",
                vec![one(b"new", 4), Asked(1), say(&[data(0, 0, b"evil")])],
            ),
        ],
    );
    let end = say(&[close(0, 0, &[0; 32])]);
    all_are_refused("the end of a file that is not open", vec![("close", vec![end])]);
}

#[test]
fn more_content_than_was_said() {
    let opened = || say(&[open(0, 0, 4)]);
    let large = || one(b"new", 300_000);
    all_are_refused(
        "more of a file than it said",
        vec![("data", vec![large(), Asked(1), opened(), say(&[data(0, 0, b"evil!")])])],
    );
    let small = |size, bytes: &[u8]| {
        let message = file_with(0, 0, size, &digest(bytes), bytes);
        vec![one(b"new", 4), Asked(1), say(&[message])]
    };
    all_are_refused(
        "a file that is cut",
        vec![
            ("a byte less", small(5, b"1234")),
            ("far less", small(1 << 40, b"1234")),
            ("most there is", small(i64::MAX as u64, b"1234")),
        ],
    );
    all_are_refused("data that belongs to no file", vec![("more", small(3, b"1234"))]);
}

#[test]
fn a_packed_line_that_is_none_or_a_bomb() {
    let packed = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).unwrap();
    let begun = || packed(&start(false).framed());
    // A window of 128 MiB, which the frame's header asks for.
    let mut wide = begun();
    wide[4] = 0;
    wide[5] = 17 << 3;
    for (what, bytes, words) in [
        ("no zstd", b"this is no zstd at all".to_vec(), ""),
        ("zeros", packed(&vec![0; 64 << 20]), "a frame of 0 bytes"),
        ("a frame without end", packed(&[0xff; 64]), "a frame of"),
        ("a wide window", wide, ""),
        ("cut", begun()[..8].to_vec(), ""),
    ] {
        let place = Place::new();
        let mut peer = Peer::served(&[]);
        peer.greet();
        peer.raw(&job("standby", &json!({"compress": true}), &[place.path()]));
        peer.raw(&bytes);
        refused(&peer.end(), words, what);
        place.is_untouched(what);
    }
}

#[test]
fn a_packed_line_is_understood() {
    let place = Place::new();
    let mut peer = Peer::served(&[]);
    peer.greet();
    peer.raw(&job("standby", &json!({"compress": true}), &[place.path()]));
    let mut line = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let mut say = |peer: &mut Peer, messages: &[Message]| {
        for message in messages {
            line.write_all(&message.framed()).unwrap();
        }
        line.flush().unwrap();
        peer.raw(&std::mem::take(line.get_mut()));
    };
    let entries = [entry(b"small", file_of(3))];
    say(&mut peer, &[start(false), head(0, 0, b"", 1, 0), list(0, &entries), walked()]);
    assert!(peer.until(GET).is_some(), "{:?}", peer.told);
    say(&mut peer, &[file(0, 0, b"new")]);
    assert!(peer.until(DONE).is_some());
    say(&mut peer, &[bye()]);
    assert_eq!(peer.end().status, Some(0));
    assert_eq!(fs::read(place.destination.join("small")).unwrap(), b"new");
}

#[test]
fn parts_of_the_old_file_that_are_not_there() {
    let length = old_data().len() as u64;
    let difference = |messages: &[Message]| {
        let opened = say(&[open(0, 0, length)]);
        vec![one(b"old", length), Asked(1), opened, say(messages)]
    };
    let beyond = |what: &dyn Fn(u64, u64) -> Message| {
        vec![
            ("one byte more", difference(&[what(0, length + 1)])),
            ("after it", difference(&[what(length + 1, 1)])),
            ("past all numbers", difference(&[what(u64::MAX, 2)])),
        ]
    };
    all_are_refused("a copy of what is not there", beyond(&|at, many| copy(0, 0, at, many)));
    for far in [false, true] {
        let rolling = |at, many| ask_rolling(0, at, many, far);
        all_are_refused("a window beyond the old file", beyond(&rolling));
    }
    all_are_refused(
        "a question for blocks that are not there",
        vec![
            ("past the end", difference(&[ask_blocks(0, 1 << 40)])),
            ("within a block", difference(&[ask_blocks(0, 1)])),
        ],
    );
    // A segment in one message: its file, its pieces, and the bytes of those that are new.
    let segment = |pieces: u64| segment(0, 0, pieces);
    let old = |message: Message, offset, length| message.byte(0).number(offset).number(length);
    let new = |message: Message, length| message.byte(1).number(length);
    let past = old(segment(1), length, 1).string(b"");
    all_are_refused("a copy of what is not there", vec![("in a segment", difference(&[past]))]);
    let long = old(old(segment(2), 0, length), 0, length).string(b"");
    let new_too_long = new(segment(1), (512 << 10) + 1).string(&vec![0; (512 << 10) + 1]);
    all_are_refused(
        "a segment that is too long",
        vec![("two pieces", difference(&[long])), ("new", difference(&[new_too_long]))],
    );
    let cut = new(segment(1), 9).string(b"12345678");
    all_are_refused("a segment that is cut", vec![("a byte less", difference(&[cut]))]);
    let more = new(segment(1), 9).string(b"1234567890");
    all_are_refused("data that belongs to no piece", vec![("a byte more", difference(&[more]))]);
    let odd = segment(1).byte(2).number(1).string(b"");
    all_are_refused("a piece of an unknown type", vec![("type 2", difference(&[odd]))]);
    let none = |message| vec![one(b"new", 300_000), Asked(1), say(&[open(0, 0, 300_000), message])];
    all_are_refused(
        "a segment of no difference",
        vec![
            ("rolling without an old file", none(ask_rolling(0, 0, 1, false))),
            ("blocks without an old file", none(ask_blocks(0, 0))),
            ("a segment without an old file", none(copy(0, 0, 0, 1))),
        ],
    );
}

#[test]
fn a_window_is_bounded_however_large_the_old_file_is() {
    let place = Place::new();
    let file = fs::File::create(place.destination.join("old")).unwrap();
    file.set_len(64 << 20).unwrap();
    let mut peer = place.standby(&json!({}));
    for message in [start_of_one(), list(0, &[entry(b"old", file_of(64 << 20))]), walked()] {
        peer.send(&message);
    }
    assert!(peer.until(GET).is_some());
    peer.send(&open(0, 0, 64 << 20));
    peer.send(&ask_rolling(0, 0, 5 << 19, false));
    assert!(peer.until(ROLLING).is_some(), "two and a half MiB are a window");
    peer.send(&ask_rolling(0, 0, (5 << 19) + 1, false));
    peer.until_it_gives_up();
    refused(&peer.end(), "a window beyond the old file", "more than two and a half MiB");
    assert_eq!(place.names(), ["old", "small"]);
}

#[test]
fn names_twice_in_a_directory_or_out_of_order() {
    let list_of = |first: &[u8], second: &[u8]| {
        let entries = [entry(first, file_of(1)), entry(second, file_of(2))];
        vec![say(&[head(0, 0, b"", 2, 0), list(0, &entries)])]
    };
    all_are_refused(
        "names out of order",
        vec![("twice", list_of(b"a", b"a")), ("backwards", list_of(b"b", b"a"))],
    );
}

#[test]
fn further_names_of_what_is_excluded_or_lies_behind_a_link() {
    let further = |path: &[u8]| {
        let extra = [&[8, path.len() as u8], path].concat();
        list(0, &[Entry { extra, ..entry(b"new", file_of(4)) }])
    };
    let place = Place::new();
    let rule = json!({"include": false, "pattern": b"/old", "modifiers": {}, "merge": null});
    let mut peer = place.standby(&json!({"hard_links": true, "rules": [rule]}));
    peer.raw(&[start_of_one(), further(b"old"), walked()].map(|m| m.framed()).concat());
    peer.until_it_gives_up();
    refused(&peer.end(), "a link to what was not asked for", "excluded");
    place.is_untouched("excluded");

    let place = Place::new();
    std::os::unix::fs::symlink(&place.outside, place.destination.join("way")).unwrap();
    let mut peer = place.standby(&json!({"hard_links": true}));
    peer.raw(&[start_of_one(), further(b"way/file"), walked()].map(|m| m.framed()).concat());
    let failed = peer.until(EVENT).expect("the item fails");
    assert!(String::from_utf8_lossy(&failed).contains("cannot be made a link to way/file"));
    assert!(peer.until(DONE).is_some(), "{:?}", peer.told);
    assert_eq!(place.names(), ["old", "small", "way"]);
    place.outside_is_untouched("behind a link");
}
