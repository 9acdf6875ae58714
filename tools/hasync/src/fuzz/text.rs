//! Texts: lists, records, options with a language of their own.

use super::halves;
use crate::acl::{ACCESS, DEFAULT, Lists};
use crate::args::items;
use crate::entry::{Kind, Moment, Stamp};
use crate::mode::Changes;
use crate::options::Options;
use crate::owner::{Names, check_map};
use crate::report::{Format, Run};
use crate::serve::select;
use crate::wire::{Event, Frame, ToSource, ToStandby};

/// Values of access control lists, and the attributes of an entry.
pub fn attributes(data: &[u8]) {
    let (kind, mode) = (Kind::Directory, 0o751);
    for name in [ACCESS, DEFAULT] {
        let mut lists = Lists::default();
        if lists.take(name, data).is_err() {
            continue;
        }
        let mut again = Lists::default();
        for (name, value) in lists.values(kind, mode) {
            let taken = value.is_none_or(|value| again.take(name, &value).is_ok());
            assert!(taken, "what was written is no list: {lists:?}");
        }
        assert_eq!(again, lists);
        lists.renumber(|_, number| !number);
    }
    // The list of a directory with the one entry "a", whose extra these bytes are.
    let file = [0, 0, 0, 0, 0, 0, 0];
    let mut frame = [&[5, 0, 1, 1, 1, b'a'][..], &file, &[0], data].concat();
    if let Ok(ToStandby::List { entries, .. }) = ToStandby::decode(&mut frame) {
        let extra = entries.into_iter().find_map(|entry| entry.extra);
        let bytes = extra.map_or(0, |extra| extra.weight());
        assert!(bytes <= 64 + 8 * data.len(), "{bytes} bytes of {}", data.len());
    }
}

/// The text of `--files-from`.
pub fn files_from(data: &[u8]) {
    for null in [false, true] {
        let list: Vec<_> = items(data, null).map(<[u8]>::to_vec).collect();
        assert!(list.iter().all(|path| !path.is_empty()));
        let Ok(tree) = select(&list) else { continue };
        let mut twice = (*tree).clone();
        for path in &list {
            assert!(!path.split(|&byte| byte == b'/').any(|name| name == b".."));
            assert!(twice.add(path, None));
        }
        assert_eq!(twice, *tree);
    }
}

/// A stream of records on standard input.
pub fn records(data: &[u8]) {
    if crate::records::parse(data, false).is_ok() {
        assert!(crate::records::parse(data, true).is_ok(), "a dry run takes less");
    }
}

/// Maps of users and groups.
pub fn maps(data: &[u8]) {
    let (map, name) = halves(data);
    let Ok(map) = std::str::from_utf8(map) else { return };
    let form = check_map("--usermap", map);
    for group in [false, true] {
        let map = Some(map.to_owned());
        let options = match group {
            true => Options { groupmap: map, ..Options::default() },
            false => Options { usermap: map, ..Options::default() },
        };
        let Ok(mut names) = Names::of_standby(&options) else { continue };
        assert!(form.is_ok(), "the caller would have refused it");
        for number in [0, 7, 4242, u32::MAX] {
            names.learn(group, number, name);
            let _ = names.here(group, number);
        }
    }
}

/// `--chmod`.
pub fn chmod(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(changes) = Changes::parse(&[text.to_owned()], 0o022) else { return };
    let json = serde_json::to_vec(&changes).unwrap_or_default();
    assert_eq!(serde_json::from_slice::<Changes>(&json).ok().as_ref(), Some(&changes));
    for kind in Kind::ALL {
        for mode in [0, 0o644, 0o755, 0o7777] {
            let mtime = Moment::default();
            let stamp = Stamp { kind, mode, size: 0, mtime, uid: 0, gid: 0, device: 0 };
            let becomes = changes.of(&stamp);
            assert!(becomes <= 0o7777, "{becomes:o}");
            assert!(kind != Kind::Symlink || becomes == mode);
        }
    }
}

/// `--out-format`, and a change to be told by it.
pub fn format(data: &[u8]) {
    let (text, change) = halves(data);
    let Ok(format) = Format::parse("--out-format", text) else { return };
    let mut frame = [&[8][..], change].concat();
    let Ok(ToSource::Event(Event::Change(change))) = ToSource::decode(&mut frame) else { return };
    for times in [false, true] {
        let run = Run { times, owner: times, group: times, from: b"/a".to_vec(), ..Run::default() };
        let line = format.line(&run, &change);
        let field = 4096 + change.path.len() + 4096;
        assert!(line.len() <= text.len() * field, "{} bytes", line.len());
    }
}
