//! What was read of a source, for several runs that bring it at the same time: a directory is listed, a
//! file read and its digest taken by the first that wants it, as far as the others are not far behind.
//!
//! Nobody waits for another's line: who is left behind reads by itself.

use super::batch::Batch;
use super::listing::Listing;
use crate::content::Sum;
use crate::wire::Payload;
use nix::sys::stat::FileStat;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Content that is kept, in bytes.
const MOST_CONTENT: usize = 32 << 20;
/// Entries of listings that are kept.
const MOST_ENTRIES: usize = 65_536;
/// What keeping one costs beside its content, in bytes.
const EACH: usize = 256;
/// Digests that are kept.
const MOST_DIGESTS: usize = 4096;

/// Shared by all the runs.
#[derive(Debug)]
pub(crate) struct Readings {
    listings: Memo<Vec<u8>, Arc<Listing>>,
    batches: Memo<(u64, Request), Arc<Batch>>,
    pieces: Memo<(Version, u64), Option<Piece>>,
    digests: Memo<Version, Option<[u8; 32]>>,
    sums: Memo<(Version, bool), Arc<SharedSum>>,
}

/// Files of a listing, and the digest of what the other end has of each.
pub(super) type Request = Vec<(u32, Option<[u8; 32]>)>;

/// What comes next in a large file.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Data(Payload),
    /// So many bytes.
    Zeros(u64),
}

/// A file in one state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    pub(super) fn new(stat: &FileStat) -> Version {
        Version {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

impl Readings {
    /// Holds at most so many directories open.
    pub(crate) fn new(directories: usize) -> Readings {
        Readings {
            listings: Memo::new(MOST_ENTRIES.max(directories), directories),
            batches: Memo::new(MOST_CONTENT, MOST_CONTENT / EACH),
            pieces: Memo::new(MOST_CONTENT, MOST_CONTENT / EACH),
            digests: Memo::new(MOST_DIGESTS, MOST_DIGESTS),
            sums: Memo::new(MOST_DIGESTS, MOST_DIGESTS),
        }
    }

    pub(super) fn listing(&self, path: Vec<u8>, read: impl FnOnce() -> Listing) -> Arc<Listing> {
        let weight = |listing: &Arc<Listing>| listing.weight();
        self.listings.get(path, weight, || Arc::new(read()))
    }

    pub(super) fn batch(
        &self,
        listing: &Arc<Listing>,
        files: &[(u32, Option<[u8; 32]>)],
        read: impl FnOnce() -> Batch,
    ) -> Arc<Batch> {
        let weight = |batch: &Arc<Batch>| batch.data.len() + batch.taken * EACH;
        // What is kept holds no directory open.
        let key = (listing.number, files.to_vec());
        self.batches.get(key, weight, || {
            let mut batch = read();
            batch.data = batch.data.compact();
            Arc::new(batch)
        })
    }

    /// A piece of a file from so many bytes on; `None` where `read` fails, and each has to see why.
    pub(super) fn piece(
        &self,
        version: Version,
        offset: u64,
        read: impl FnOnce() -> Option<Piece>,
    ) -> Option<Piece> {
        let weight = |piece: &Option<Piece>| match piece {
            Some(Piece::Data(data)) => data.len() + EACH,
            _ => EACH,
        };
        let read = || match read()? {
            Piece::Data(data) => Some(Piece::Data(data.compact())),
            zeros => Some(zeros),
        };
        self.pieces.get((version, offset), weight, read)
    }

    /// The digest of a whole file.
    pub(super) fn digest(
        &self,
        version: &Version,
        read: impl FnOnce() -> Option<[u8; 32]>,
    ) -> Option<[u8; 32]> {
        self.digests.get(version.clone(), |_| 1, read)
    }

    /// The sum of a file that several send, with or without its `holes` told.
    pub(super) fn sum(&self, version: &Version, holes: bool) -> Arc<SharedSum> {
        self.sums.get((version.clone(), holes), |_| 1, Arc::default)
    }
}

/// A sum to which each part of a file is added once, by whoever comes to it first.
#[derive(Debug, Default)]
pub(crate) struct SharedSum(Mutex<Summed>);

#[derive(Debug, Default)]
struct Summed {
    sum: Sum,
    at: u64,
    finished: Option<[u8; 32]>,
}

impl SharedSum {
    /// The content from `offset` on; it may have been added, as a whole or in part.
    pub(super) fn update(&self, offset: u64, data: &[u8]) {
        let mut summed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = summed.at.checked_sub(offset).and_then(|had| data.get(had as usize..)) {
            summed.sum.update(new);
            summed.at += new.len() as u64;
        }
    }

    /// So many zeros from `offset` on.
    pub(super) fn zeros(&self, offset: u64, length: u64) {
        let mut summed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = summed.at.checked_sub(offset).and_then(|had| length.checked_sub(had)) {
            summed.sum.zeros(new);
            summed.at += new;
        }
    }

    /// The sum of all; `None` where it is not of so many bytes.
    pub(super) fn finish(&self, size: u64) -> Option<[u8; 32]> {
        let mut summed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if summed.at != size {
            return None;
        }
        let sum = std::mem::take(&mut summed.sum);
        Some(*summed.finished.get_or_insert_with(|| sum.finish()))
    }
}

/// Values that are made once for all who ask for them; the oldest are forgotten.
#[derive(Debug)]
struct Memo<K, V> {
    kept: Mutex<Kept<K, V>>,
    most_weight: usize,
    most: usize,
}

#[derive(Debug)]
struct Kept<K, V> {
    slots: HashMap<K, Arc<OnceLock<V>>>,
    /// Those that were made, with what they weigh, in the order in which they were.
    order: VecDeque<(K, usize)>,
    weight: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> Memo<K, V> {
    fn new(most_weight: usize, most: usize) -> Memo<K, V> {
        let kept = Kept { slots: HashMap::new(), order: VecDeque::new(), weight: 0 };
        Memo { kept: Mutex::new(kept), most_weight, most }
    }

    /// Makes it, or waits for the one that does.
    fn get(&self, key: K, weigh: impl FnOnce(&V) -> usize, make: impl FnOnce() -> V) -> V {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(lock().slots.entry(key.clone()).or_default());
        let mut made = false;
        let value = slot.get_or_init(|| {
            made = true;
            make()
        });
        if made {
            let mut kept = lock();
            let weight = weigh(value);
            kept.weight += weight;
            kept.order.push_back((key, weight));
            while kept.weight > self.most_weight || kept.order.len() > self.most {
                let Some((old, weight)) = kept.order.pop_front() else { break };
                kept.weight -= weight;
                kept.slots.remove(&old);
            }
        }
        value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_ask_for_is_made_once_and_the_oldest_is_forgotten() {
        let memo: Memo<u32, u32> = Memo::new(10, 3);
        let made = std::sync::atomic::AtomicU32::new(0);
        let get = |key, weight: usize| {
            let make = || made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            memo.get(key, |_| weight, make)
        };
        std::thread::scope(|scope| {
            let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| get(1, 4))).collect();
            assert!(askers.into_iter().all(|asker| asker.join().unwrap() == 0));
        });
        assert_eq!([get(2, 4), get(1, 4), get(3, 4)], [1, 0, 2]);
        // The first weighed too much with those after it.
        assert_eq!([get(2, 4), get(1, 0), get(4, 0), get(5, 0)], [1, 3, 4, 5]);
        assert_eq!([get(5, 0), get(1, 0)], [5, 3]);
        assert_eq!(memo.kept.lock().unwrap().slots.len(), 3);
    }

    #[test]
    fn a_shared_sum_is_that_of_the_content_however_it_is_cut_and_by_whom() {
        let data: Vec<u8> = (0..1000u32).map(|number| (number % 251) as u8).collect();
        let shared = SharedSum::default();
        shared.update(0, &data[..300]);
        shared.update(0, &data[..100]);
        shared.update(100, &data[100..500]);
        shared.update(300, &data[300..400]);
        // Who is ahead of all the others has passed there before.
        assert_eq!(shared.finish(1000), None);
        shared.update(500, &data[500..]);
        shared.update(400, &data[400..]);
        let wanted = Some(*blake3::hash(&data).as_bytes());
        assert_eq!([shared.finish(1000), shared.finish(1000)], [wanted, wanted]);
        let (shared, mut sum) = (SharedSum::default(), Sum::default());
        shared.update(0, &data);
        shared.zeros(1000, 70);
        shared.zeros(1000, 50);
        shared.zeros(1050, 100);
        sum.update(&data);
        sum.zeros(150);
        assert_eq!(shared.finish(1150), Some(sum.finish()));
    }
}
