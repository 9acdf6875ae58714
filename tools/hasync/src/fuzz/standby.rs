//! A whole standby, as one behind `--root`, and a source that says what it likes.

use super::frames::pieces;
use super::scene::{Scene, large};
use crate::beneath::Beneath;
use crate::content::Sum;
use crate::entry::{Entry, Kind, Moment, Stamp};
use crate::filter::Filters;
use crate::leftover::is_temporary;
use crate::options::{Basis, DeleteWhen, Options, Rule};
use crate::standby::{self, Ledger, Root, Site, Told, partial};
use crate::wire::{FileId, Frame, Part, Plea, Start, ToSource, ToStandby, Totals};
use ha_json::Error;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How long the source waits to be asked, after it said what may be asked for.
const SOON: Duration = Duration::from_millis(4);
/// How long it waits for the end.
const LAST: Duration = Duration::from_millis(15);

/// Bits for the options, then messages.
pub fn standby(data: &[u8]) {
    let Some((bits, rest)) = data.split_first_chunk::<6>() else { return };
    let bits = Bits(bits.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte)));
    let options = options(bits);
    if partial::check(&options, true).is_err() {
        return;
    }
    let scene = Scene::furnished();
    let before = scene.beside();
    let Ok(beneath) = Beneath::open(scene.root().into_os_string()) else { return };
    let root = Root { path: destination(bits, &scene), beneath: Some(beneath) };
    let (ask, asks) = sync_channel(crate::ANSWERS);
    let (hear, asked) = channel();
    // It takes what is said, whatever the source does.
    let listener = thread::spawn(move || {
        for message in asks {
            let _ = hear.send(message);
        }
    });
    let ledger = Ledger::new(Told::There(ask.clone()), options.itemize, options.progress);
    let Ok(filters) = Filters::new(&options) else { return };
    let Ok(site) = Site::new(options, Arc::new(filters), ledger, ask, None) else { return };
    let mut frames = pieces(rest);
    let mut source = Source::new(bits, asked);
    let outcome = standby::run(&site, &root, || source.next(&mut frames));
    if let Ok(outcome) = outcome
        && let Some(error) = outcome.error
    {
        assert!(!error.why.contains("this is a defect"), "{error}");
    }
    drop((site, root));
    assert!(listener.join().is_ok());
    assert_eq!(scene.beside(), before, "something outside of the root was touched");
    for (path, ..) in scene.inside() {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        assert!(!is_temporary(name), "{path:?} was left behind");
    }
}

#[derive(Clone, Copy)]
pub(super) struct Bits(pub(super) u64);

impl Bits {
    pub(super) fn on(self, bit: u32) -> bool {
        self.0 >> bit & 1 != 0
    }
}

/// What is brought and kept, by the first six bits, as both ends are asked. Most is wanted most of the
/// time: a bit takes it away.
pub(super) fn kept(bits: Bits) -> Options {
    let on = |bit| bits.on(bit);
    Options {
        recursive: !on(0),
        links: !on(1),
        perms: !on(2),
        times: !on(3),
        owner: !on(4),
        group: !on(4),
        devices: on(5),
        specials: on(5),
        ..Options::default()
    }
}

pub(super) fn options(bits: Bits) -> Options {
    let on = |bit| bits.on(bit);
    let some = |bit, path: &[u8]| on(bit).then(|| path.to_vec());
    let basis = match (on(24), on(25)) {
        (false, false) => None,
        (true, false) => Some(Basis::Link(vec![b"d".to_vec(), b"../outside".to_vec()])),
        (false, true) => Some(Basis::Copy(vec![b"../outside".to_vec(), b"d".to_vec()])),
        (true, true) => Some(Basis::Compare(vec![b"out".to_vec(), b"d".to_vec()])),
    };
    let backup_dir = some(13, b"bak").or(some(39, b"../outside")).or(some(40, b"out"));
    let rule = Rule { include: on(37), pattern: b"x*".to_vec(), ..Rule::default() };
    Options {
        delete: match (on(6), on(7)) {
            (false, false) => None,
            (true, false) => Some(DeleteWhen::During),
            (false, true) => Some(DeleteWhen::Delay),
            (true, true) if on(29) => Some(DeleteWhen::Before),
            (true, true) => Some(DeleteWhen::After),
        },
        inplace: on(8),
        sparse: on(9),
        partial: on(10),
        partial_dir: some(11, b".part").or(some(41, b"out")),
        backup: on(12) || backup_dir.is_some(),
        backup_dir,
        force: on(14),
        hard_links: on(15),
        acls: on(16),
        xattrs: on(17),
        safe_links: on(18),
        checksum: on(19),
        dry_run: on(20),
        update: on(21),
        existing: on(22),
        ignore_existing: on(23),
        append_verify: on(26),
        mkpath: on(27),
        itemize: !on(28),
        progress: on(29),
        relative: on(30),
        implied_dirs: !on(31),
        verify: on(32),
        size_only: on(33),
        temp_dir: some(34, b"d/e").or(some(35, b"out")),
        remove_source_files: on(36),
        rules: if on(37) || on(38) { vec![rule] } else { Vec::new() },
        delay_updates: on(42),
        atimes: on(43),
        basis,
        timeout_seconds: 2,
        ..kept(bits)
    }
}

fn destination(bits: Bits, scene: &Scene) -> OsString {
    let outside = scene.path().join("outside").into_os_string();
    match bits.0 >> 44 & 7 {
        0 | 1 => scene.root().into_os_string(),
        2 => ".".into(),
        3 => "d/new".into(),
        4 => "new/er/".into(),
        5 => "out/in".into(),
        6 => "../outside".into(),
        _ => outside,
    }
}

/// The source. What nobody could guess, it is given: the files that were asked for, and the digest
/// of what it said where it says one of zeros.
struct Source {
    asked: Receiver<ToSource>,
    single: bool,
    started: bool,
    walked: bool,
    /// Something was said that may lead to questions.
    expects: bool,
    over: bool,
    asks: Vec<(FileId, Plea)>,
    open: Vec<(FileId, u64)>,
    sums: HashMap<FileId, Sum>,
}

impl Source {
    fn new(bits: Bits, asked: Receiver<ToSource>) -> Source {
        Source {
            asked,
            single: bits.on(47),
            started: false,
            walked: false,
            expects: false,
            over: false,
            asks: Vec::new(),
            open: Vec::new(),
            sums: HashMap::new(),
        }
    }

    fn next<'a>(
        &mut self,
        frames: &mut impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<ToStandby>, Error> {
        if !self.started {
            self.started = true;
            let mtime = Moment { seconds: 1, nanoseconds: 0 };
            let (kind, mode) = (Kind::Directory, 0o700);
            let stamp = Stamp { kind, mode, size: 0, mtime, uid: 0, gid: 0, device: 0 };
            let root = (!self.single).then(|| Entry::nameless(stamp));
            return Ok(Some(ToStandby::Start(Start { single: self.single, root })));
        }
        for frame in frames {
            if let Ok(message) = ToStandby::decode(&mut frame.to_vec()) {
                return Ok(Some(self.fit(message)));
            }
        }
        Ok(self.farewell())
    }

    /// What can still be asked for is lost; then the end.
    fn farewell(&mut self) -> Option<ToStandby> {
        if !self.walked {
            self.walked = true;
            return Some(ToStandby::Walked { files: 1, bytes: 1 });
        }
        self.hear(Duration::ZERO);
        if self.asks.is_empty() && !self.over {
            self.hear(LAST);
        }
        let lost =
            |file| ToStandby::Lost { file, reason: "vanished".into(), message: "is gone".into() };
        match self.open.pop().map(|(file, _)| file).or(self.asks.pop().map(|(file, _)| file)) {
            Some(file) => Some(lost(file)),
            None if self.over => Some(ToStandby::Bye(Totals::default())),
            None => None,
        }
    }

    fn hear(&mut self, wait: Duration) {
        let first = match wait.is_zero() {
            true => None,
            false => self.asked.recv_timeout(wait).ok(),
        };
        for message in first.into_iter().chain(self.asked.try_iter()) {
            match message {
                ToSource::Get { directory, files } => {
                    let id = |index| FileId { directory, index };
                    self.asks.extend(files.into_iter().map(|(index, plea)| (id(index), plea)));
                }
                // It wants all of it once more.
                ToSource::Ready { .. } if self.walked => self.walked = false,
                ToSource::Done { .. } | ToSource::Fatal(_) => self.over = true,
                _ => {}
            }
        }
    }

    fn fit(&mut self, message: ToStandby) -> ToStandby {
        match message {
            ToStandby::Head(_) | ToStandby::List { .. } => self.expects = true,
            ToStandby::Walked { .. } => self.walked = true,
            _ => {}
        }
        let is_content = matches!(
            message,
            ToStandby::Files { .. }
                | ToStandby::Open { .. }
                | ToStandby::Same { .. }
                | ToStandby::Digest { .. }
                | ToStandby::Lost { .. }
        );
        self.hear(Duration::ZERO);
        if is_content && self.asks.is_empty() && std::mem::take(&mut self.expects) {
            self.hear(SOON);
        }
        match message {
            ToStandby::Files { directory, files, digest, data } => {
                self.files(directory, files, digest, data)
            }
            ToStandby::Open { file, stamp, from } => {
                let (file, plea) = self.take(file);
                let from = match plea {
                    Some(Plea::Append(own)) if from != 0 => own,
                    _ => from,
                };
                let mut sum = Sum::default();
                sum.update(&large()[..large().len().min(usize::try_from(from).unwrap_or(0))]);
                self.sums.insert(file, sum);
                self.open.push((file, 0));
                ToStandby::Open { file, stamp, from }
            }
            ToStandby::Data { file, data } => {
                let file = self.opened(file);
                self.sums.entry(file).or_default().update(&data);
                ToStandby::Data { file, data }
            }
            ToStandby::Zeros { file, length } => {
                let file = self.opened(file);
                self.sums.entry(file).or_default().zeros(length);
                ToStandby::Zeros { file, length }
            }
            ToStandby::Segment { file, pieces, data } => {
                let file = self.opened(file);
                self.segment(file, &pieces, &data);
                ToStandby::Segment { file, pieces, data }
            }
            ToStandby::AskBlocks { file, offset } => {
                ToStandby::AskBlocks { file: self.opened(file), offset }
            }
            ToStandby::AskRolling { file, offset, length, far } => {
                ToStandby::AskRolling { file: self.opened(file), offset, length, far }
            }
            ToStandby::Close { file, digest } => {
                let file = self.opened(file);
                self.open.retain(|(open, _)| *open != file);
                let sum = self.sums.remove(&file).unwrap_or_default().finish();
                let digest = if digest == [0; 32] { sum } else { digest };
                ToStandby::Close { file, digest }
            }
            ToStandby::Same { file } => ToStandby::Same { file: self.take(file).0 },
            ToStandby::Digest { file, digest } => {
                ToStandby::Digest { file: self.take(file).0, digest }
            }
            ToStandby::Lost { file, reason, message } => {
                ToStandby::Lost { file: self.take(file).0, reason, message }
            }
            other => other,
        }
    }

    /// One of the files that were asked for: this one, or one in its stead; from 200 on nothing is
    /// mended.
    fn take(&mut self, file: FileId) -> (FileId, Option<Plea>) {
        if self.asks.is_empty() || file.directory >= 200 {
            return (file, None);
        }
        let exactly = self.asks.iter().position(|(asked, _)| *asked == file);
        let at = exactly.unwrap_or(file.index as usize % self.asks.len());
        let (file, plea) = self.asks.swap_remove(at);
        (file, Some(plea))
    }

    fn opened(&self, file: FileId) -> FileId {
        match &self.open[..] {
            _ if file.directory >= 200 => file,
            [] => file,
            open => open
                .iter()
                .find(|(open, _)| *open == file)
                .map_or_else(|| open[file.index as usize % open.len()].0, |(open, _)| *open),
        }
    }

    fn files(
        &mut self,
        directory: u32,
        mut files: Vec<crate::wire::SmallFile>,
        digest: [u8; 32],
        data: crate::wire::Payload,
    ) -> ToStandby {
        if digest != [0; 32] {
            return ToStandby::Files { directory, files, digest, data };
        }
        let mut rest = data.len() as u64;
        let mut of = directory;
        let last = files.len().saturating_sub(1);
        for (at, file) in files.iter_mut().enumerate() {
            if at == 0 {
                let (id, _) = self.take(FileId { directory, index: file.index });
                (of, file.index) = (id.directory, id.index);
            } else if let Some(next) = self.asks.iter().position(|(id, _)| id.directory == of) {
                file.index = self.asks.swap_remove(next).0.index;
            }
            file.stamp.size = if at == last { rest } else { file.stamp.size.min(rest) };
            rest -= file.stamp.size;
        }
        let digest = *blake3::hash(&data).as_bytes();
        ToStandby::Files { directory: of, files, digest, data }
    }

    /// What the standby puts together where the old file is the large one of the scene.
    fn segment(&mut self, file: FileId, pieces: &[Part], mut data: &[u8]) {
        let sum = self.sums.entry(file).or_default();
        for piece in pieces {
            let part = match *piece {
                Part::Old { offset, length } => usize::try_from(offset)
                    .ok()
                    .zip(usize::try_from(length).ok())
                    .and_then(|(offset, length)| large().get(offset..)?.get(..length)),
                Part::New { length } => {
                    let length = usize::try_from(length).unwrap_or(usize::MAX).min(data.len());
                    let (part, rest) = data.split_at(length);
                    data = rest;
                    Some(part)
                }
            };
            sum.update(part.unwrap_or_default());
        }
    }
}

/// The path of a scene as bytes.
pub(super) fn bytes(path: std::path::PathBuf) -> Vec<u8> {
    path.into_os_string().into_vec()
}
