//! A file of the source, read so that what is sent is one state of it and not two.

use super::listing::Listing;
use crate::beneath;
use crate::content;
use crate::entry::{Entry, Kind, Stamp};
use crate::sys;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat};
use std::fs::File;
use std::time::Duration;

/// How often a file that changes while it is read is read again.
pub(crate) const ATTEMPTS: u32 = 3;

/// Why a file could not be brought over; the standby's old one stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Loss {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Loss {
        Loss { reason, message: message.into() }
    }

    pub(crate) fn read(error: Errno) -> Loss {
        match error {
            Errno::ENOENT => Loss::new("vanished", "vanished before it was read"),
            error => Loss::new("read_error", beneath::words(error)),
        }
    }

    pub(crate) fn changing() -> Loss {
        let message = "changed while it was read, each of 3 times; the old copy stays";
        Loss::new("changed_while_reading", message)
    }
}

/// Waits a little longer before each further attempt.
pub(crate) fn pause(attempt: u32) {
    std::thread::sleep(Duration::from_millis(30) * attempt);
}

/// Opens a file of a listing.
///
/// # Errors
/// When it is gone, cannot be read, or is no file any more.
pub(crate) fn open(listing: &Listing, index: u32) -> Result<(File, FileStat), Loss> {
    let (Some(spot), Some(entry)) = (listing.spot_of(index), listing.entry(index)) else {
        return Err(Loss::new("vanished", "was never listed"));
    };
    let follow = listing.is_linked(index);
    let quietly = entry.extra.as_ref().is_some_and(|extra| extra.atime.is_some());
    let file = spot.open_file(&entry.name, follow, quietly).map_err(Loss::read)?;
    let stat = fstat(&file).map_err(Loss::read)?;
    if Kind::of_mode(stat.st_mode) != Kind::File {
        return Err(Loss::new("vanished", "is no longer a file"));
    }
    Ok((file, stat))
}

/// True when nothing was written to the file between the two looks at it.
pub(crate) fn is_unchanged(before: &FileStat, after: &FileStat) -> bool {
    Stamp::of(before).same_content(&Stamp::of(after))
        && (before.st_ctime, before.st_ctime_nsec) == (after.st_ctime, after.st_ctime_nsec)
}

/// Reads a file of at most `limit` bytes to `data` behind its first `used` bytes, whole and in one
/// state; gives its stamp, or `None` when it is larger by now. `data` grows where it must.
///
/// # Errors
/// When it cannot be read, or changes each time.
pub(crate) fn read_whole(
    listing: &Listing,
    index: u32,
    limit: u64,
    data: &mut Vec<u8>,
    used: usize,
) -> Result<Option<Stamp>, Loss> {
    for attempt in 0..ATTEMPTS {
        pause(attempt);
        let (file, before) = open(listing, index)?;
        let stamp = Stamp::of(&before);
        if stamp.size > limit {
            return Ok(None);
        }
        // One byte more than there should be tells a file that grows.
        let end = used + stamp.size as usize + 1;
        if data.len() < end {
            data.resize(end, 0);
        }
        let read = content::read_some(&file, &mut data[used..end], 0)
            .map_err(|error| Loss::read(sys::errno(&error)))?;
        let after = fstat(&file).map_err(Loss::read)?;
        if read as u64 == stamp.size && is_unchanged(&before, &after) {
            return Ok(Some(stamp));
        }
    }
    Err(Loss::changing())
}

/// Checks a file against what a record said of it.
///
/// # Errors
/// When size or digest are not what was said.
pub(crate) fn check_expected(
    listing: &Listing,
    index: u32,
    size: u64,
    digest: &[u8; 32],
) -> Result<(), Loss> {
    let Some(expected) = listing.expected(index) else { return Ok(()) };
    let same = expected.size.is_none_or(|said| said == size)
        && expected.digest.is_none_or(|said| said == *digest);
    if same {
        return Ok(());
    }
    Err(Loss::new("digest_mismatch", "is not what its record says: it changed since"))
}

/// The size that the listing told, in bytes.
pub(crate) fn listed_size(entry: Option<&Entry>) -> u64 {
    entry.map_or(0, |entry| entry.stamp.size)
}
