//! Room on the disks: a large file is not begun where it could not end.

use super::Site;
use crate::SMALL;
use crate::sys;
use ha_json::Error;
use nix::sys::stat::fstat;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What files under way still take on each file system, in bytes, by device.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<BTreeMap<u64, Arc<AtomicU64>>>);

/// A file's part of that; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    all: Arc<AtomicU64>,
    left: u64,
}

impl Share {
    /// So many bytes of it are written.
    pub(crate) fn spend(&mut self, bytes: u64) {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.left, Ordering::Relaxed);
    }
}

/// It does not fit.
struct Full {
    room: u64,
    under_way: u64,
}

impl Room {
    /// Takes what a file of so many bytes will need; nothing for small ones, and where the file
    /// system may need less than it is told. Ends the run where there is less room than that.
    pub(super) fn take(
        &self,
        site: &Site,
        path: impl Fn() -> Vec<u8>,
        directory: &OwnedFd,
        bytes: u64,
    ) -> nix::Result<Option<Share>> {
        if bytes <= SMALL || site.options.sparse {
            return Ok(None);
        }
        let Some(room) = sys::room(directory, site.here.is_some()) else { return Ok(None) };
        match self.share(fstat(directory)?.st_dev, bytes, room) {
            Ok(share) => Ok(Some(share)),
            Err(Full { room, under_way }) => {
                let shown = String::from_utf8_lossy(&path()).into_owned();
                let more = match under_way {
                    0 => String::new(),
                    bytes => format!(", beside {bytes} of files under way"),
                };
                let elsewhere = site.elsewhere.get();
                let on = match elsewhere.is_some_and(|there| std::ptr::eq(&there.fd, directory)) {
                    true => "that of --temp-dir",
                    false => "its file system",
                };
                let why = format!(
                    "needs {bytes} bytes{more}, and {on} has room for {room}: nothing of it was \
                     written"
                );
                site.stop(Error::failed(shown, why));
                Err(nix::errno::Errno::ENOSPC)
            }
        }
    }

    fn share(&self, device: u64, bytes: u64, room: u64) -> Result<Share, Full> {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = Arc::clone(devices.entry(device).or_default());
        let under_way = all.load(Ordering::Relaxed);
        if under_way.saturating_add(bytes) > room {
            return Err(Full { room, under_way });
        }
        all.fetch_add(bytes, Ordering::Relaxed);
        Ok(Share { all, left: bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_counts_until_it_is_written_or_given_up() {
        let room = Room::default();
        let mut first = room.share(1, 60, 100).ok().unwrap();
        assert!(room.share(1, 50, 100).is_err());
        assert!(room.share(2, 50, 100).is_ok());
        // 30 bytes are on the disk: it has room for 70, and 30 more are to come.
        first.spend(30);
        let second = room.share(1, 40, 70).ok().unwrap();
        assert!(room.share(1, 1, 70).is_err());
        drop(first);
        drop(second);
        assert!(room.share(1, 70, 70).is_ok());
        assert!(room.share(1, u64::MAX, 70).is_err());
    }
}
