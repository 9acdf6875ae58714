//! Small files, many to a frame.

use super::file::{self, Loss};
use super::listing::Listing;
use crate::SMALL;
use crate::entry::Stamp;
use crate::wire::{Payload, SmallFile, buffer};

/// A frame of small files is sent when it holds so many bytes.
const FULL: usize = 192 << 10;

/// Files that were asked for together, read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// How many of them.
    pub(super) taken: usize,
    pub(super) files: Vec<SmallFile>,
    /// Of all that is in `data`.
    pub(super) digest: [u8; 32],
    /// One after the other.
    pub(super) data: Payload,
    /// What the other end has is the same.
    pub(super) same: Vec<u32>,
    /// What would be sent, where nothing is.
    pub(super) opened: Vec<(u32, Stamp)>,
    /// What is no small file any more, and the digest of what the other end has.
    pub(super) grown: Vec<(u32, Option<[u8; 32]>)>,
    pub(super) lost: Vec<(u32, Loss)>,
    /// What was read for it, in bytes.
    pub(super) bytes_read: u64,
}

impl Batch {
    /// Reads files of a listing until a frame is full, each but where it is what a digest tells.
    pub(super) fn read(
        listing: &Listing,
        files: &[(u32, Option<[u8; 32]>)],
        dry_run: bool,
    ) -> Batch {
        let mut batch = Batch::default();
        // As large as it will get: a buffer that grows leaves holes behind.
        let size = |&(index, _): &(u32, _)| file::listed_size(listing.entry(index)).min(SMALL) + 1;
        let size = files.iter().map(size).sum::<u64>() as usize;
        let mut data = buffer(size.min(FULL + SMALL as usize + 1));
        let mut used = 0;
        for &(index, unless) in files {
            if used >= FULL {
                break;
            }
            batch.taken += 1;
            let stamp = match file::read_whole(listing, index, SMALL, &mut data, used) {
                Ok(Some(stamp)) => stamp,
                Ok(None) => {
                    batch.grown.push((index, unless));
                    continue;
                }
                Err(loss) => {
                    batch.lost.push((index, loss));
                    continue;
                }
            };
            batch.bytes_read += stamp.size;
            let end = used + stamp.size as usize;
            let known = unless.is_some() || listing.expected(index).is_some();
            let digest = known.then(|| *blake3::hash(&data[used..end]).as_bytes());
            let as_told = digest
                .map_or(Ok(()), |digest| file::check_expected(listing, index, stamp.size, &digest));
            match as_told {
                Err(loss) => batch.lost.push((index, loss)),
                Ok(()) if unless.is_some() && unless == digest => batch.same.push(index),
                Ok(()) if dry_run => batch.opened.push((index, stamp)),
                Ok(()) => {
                    batch.files.push(SmallFile { index, stamp });
                    used = end;
                }
            }
        }
        if !batch.files.is_empty() {
            batch.digest = *blake3::hash(&data[..used]).as_bytes();
        }
        batch.data = Payload::head(data, used);
        batch
    }
}
