//! A whole source, and a standby that says what it likes.

use super::DIRECTORIES;
use super::frames::pieces;
use super::scene::{Scene, large};
use super::standby::{Bits, bytes, kept};
use crate::beneath::Beneath;
use crate::delta::{BLOCK, Reach, SEGMENT, block_hashes, sign};
use crate::events::Events;
use crate::filter::Filters;
use crate::options::{DeleteWhen, Options};
use crate::source::{Roots, Source};
use crate::wire::{Frame, Plea, ToSource, ToStandby};
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How long the standby waits for what it asks about, in all it says.
const SOON: Duration = Duration::from_millis(4);

/// Bits for the options, then messages.
pub fn source(data: &[u8]) {
    let Some((bits, rest)) = data.split_first_chunk::<3>() else { return };
    let bits = Bits(bits.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte)));
    let options = options(bits);
    let removes = options.remove_source_files && !options.dry_run;
    let scene = Scene::furnished();
    let (beside, inside) = (scene.beside(), scene.inside());
    let path = match bits.0 >> 20 & 3 {
        0 | 1 => [&bytes(scene.root())[..], b"/"].concat(),
        2 => bytes(scene.root()),
        _ => bytes(scene.root().join("big")),
    };
    let confined = !bits.on(23);
    let beneath = match confined {
        true => Beneath::open(scene.root().into_os_string()).ok(),
        false => None,
    };
    let paths = [OsString::from_vec(path)];
    let Ok(roots) = Roots::open(&paths, None, &options, beneath.as_ref()) else { return };
    let Ok(filters) = Filters::new(&options) else { return };
    let source = Source::new(roots, Arc::new(filters), options, DIRECTORIES);
    let (out, told) = sync_channel::<ToStandby>(crate::QUEUE);
    let (hear, heard) = channel();
    // It takes what is said, whatever the standby does.
    let listener = thread::spawn(move || {
        for message in told {
            let content = message.payload().map_or(&[][..], |payload| payload);
            let leaks = confined && content.windows(8).any(|window| window == b"outside/");
            assert!(!leaks, "what lies outside was told");
            let _ = hear.send(match message {
                ToStandby::Head(head) => Heard::Head(head.id),
                ToStandby::AskBlocks { offset, .. } => Heard::Blocks(offset),
                ToStandby::AskRolling { offset, length, far, .. } => {
                    Heard::Rolling(offset, length, far)
                }
                _ => continue,
            });
        }
    });
    let mut frames = pieces(rest);
    let mut standby = Standby::new(heard);
    let _ = source.run(|| Ok(standby.next(&mut frames)), out, &Events::unheard());
    assert!(listener.join().is_ok());
    assert_eq!(scene.beside(), beside, "something outside of the source was touched");
    assert!(removes || scene.inside() == inside, "the source was changed");
}

enum Heard {
    Head(u32),
    Blocks(u64),
    Rolling(u64, u64, bool),
}

fn options(bits: Bits) -> Options {
    let on = |bit| bits.on(bit);
    Options {
        checksum: on(6),
        copy_links: on(7),
        hard_links: on(8),
        acls: on(9),
        xattrs: on(10),
        atimes: on(11),
        remove_source_files: on(12),
        dry_run: on(13),
        inplace: on(14),
        sparse: on(15),
        verify: on(16),
        whole_file: on(17),
        prune_empty_dirs: on(18),
        safe_links: on(19),
        delete: on(22).then_some(DeleteWhen::Before),
        timeout_seconds: 1,
        implied_dirs: true,
        ..kept(bits)
    }
}

/// The standby. What nobody could guess, it is given: what it says of its old file has the length
/// that it must have, and is right where it says 0.
struct Standby {
    heard: Receiver<Heard>,
    heads: HashSet<u32>,
    ready: bool,
    /// Where the blocks begin that are told next, and how long the old file is.
    place: u64,
    old: u64,
    rolling: Option<(u64, u64, bool)>,
}

impl Standby {
    fn new(heard: Receiver<Heard>) -> Standby {
        Standby { heard, heads: HashSet::new(), ready: false, place: 0, old: 0, rolling: None }
    }

    fn next<'a>(&mut self, frames: &mut impl Iterator<Item = &'a [u8]>) -> Option<ToSource> {
        if !std::mem::replace(&mut self.ready, true) {
            return Some(ToSource::Ready { owner: true, digests: false });
        }
        for frame in frames {
            if let Ok(message) = ToSource::decode(&mut frame.to_vec()) {
                return Some(self.fit(message));
            }
        }
        None
    }

    fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Head(id) => drop(self.heads.insert(id)),
            Heard::Blocks(offset) => self.place = offset,
            Heard::Rolling(offset, length, far) => self.rolling = Some((offset, length, far)),
        }
    }

    /// Hears until that is so, or nothing is said any more.
    fn until(&mut self, is_so: impl Fn(&Standby) -> bool) {
        while !is_so(self) {
            let Ok(heard) = self.heard.recv_timeout(SOON) else { return };
            self.take(heard);
        }
    }

    fn fit(&mut self, message: ToSource) -> ToSource {
        while let Ok(heard) = self.heard.try_recv() {
            self.take(heard);
        }
        match message {
            ToSource::Get { directory, files } => {
                self.until(|standby| standby.heads.contains(&directory) || directory >= 8);
                for (_, plea) in &files {
                    if let Plea::Delta(old) = plea {
                        (self.place, self.old) = (0, *old);
                    }
                }
                ToSource::Get { directory, files }
            }
            ToSource::Want { directory } => {
                self.until(|standby| standby.heads.contains(&directory) || directory >= 8);
                ToSource::Want { directory }
            }
            ToSource::Blocks { file, hashes } if !hashes.is_empty() => {
                let length = self.old.saturating_sub(self.place).min(SEGMENT as u64);
                let count = length.div_ceil(BLOCK as u64) as usize;
                let at = usize::try_from(self.place).unwrap_or(usize::MAX).min(large().len());
                let own = block_hashes(&large()[at..]);
                let own = own.into_iter().chain(std::iter::repeat(1));
                let told = hashes.into_iter().cycle();
                let hashes = told.zip(own).map(|(told, own)| if told == 0 { own } else { told });
                self.place += length;
                ToSource::Blocks { file, hashes: hashes.take(count).collect() }
            }
            ToSource::Rolling { file, signature } if signature.len() < 20 => {
                self.until(|standby| standby.rolling.is_some());
                let Some((offset, length, far)) = self.rolling.take() else {
                    return ToSource::Rolling { file, signature };
                };
                let reach = if far { Reach::Far } else { Reach::Near };
                let mut at = usize::try_from(offset).unwrap_or(usize::MAX).min(large().len());
                let other = signature.first().copied().unwrap_or(0);
                let signature = sign(reach, length.min(reach.most()), |buffer| {
                    for byte in buffer {
                        *byte = large().get(at).copied().unwrap_or(0) ^ other;
                        at += 1;
                    }
                });
                ToSource::Rolling { file, signature }
            }
            other => other,
        }
    }
}
