//! One run at a time.

use ha_json::{Error, reason};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

/// A lock that is held; it goes with the value, and with the process however that ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] Flock<OwnedFd>);

/// Locks an open directory (or file) against other runs, for which it waits at most `wait`. The
/// lock is the kernel's own on the directory itself: no lock file is left by a run that was killed.
///
/// # Errors
/// Kind `busy` when another run held it all that time; `failed` where it cannot be locked.
pub fn lock_directory(fd: OwnedFd, name: &str, wait: Duration) -> Result<Lock, Error> {
    lock_unless(fd, name, wait, &|| false)
}

/// As [`lock_directory`], but the wait is over when `give_up` says so, too.
///
/// # Errors
/// As [`lock_directory`].
pub fn lock_unless(
    fd: OwnedFd,
    name: &str,
    wait: Duration,
    give_up: &dyn Fn() -> bool,
) -> Result<Lock, Error> {
    // Whoever waits for ages has no end.
    let ends = Instant::now().checked_add(wait);
    let mut fd = fd;
    loop {
        match Flock::lock(fd, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Lock(lock)),
            Err((back, Errno::EWOULDBLOCK | Errno::EINTR)) => fd = back,
            Err((_, error)) => return Err(Error::failed(name, reason(&error.into()))),
        }
        let now = Instant::now();
        if ends.is_some_and(|ends| now >= ends) || give_up() {
            return Err(Error::busy(
                name,
                format!(
                    "another run holds it since {} s or more (--lock-wait waits longer)",
                    wait.as_secs()
                ),
            ));
        }
        let turn = Duration::from_millis(50);
        thread::sleep(ends.map_or(turn, |ends| turn.min(ends - now)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &tempfile::TempDir) -> OwnedFd {
        std::fs::File::open(directory.path()).unwrap().into()
    }

    #[test]
    fn the_second_waits_and_then_says_busy() {
        let directory = tempfile::tempdir().unwrap();
        let first = lock_directory(open(&directory), "d", Duration::ZERO).unwrap();
        let started = Instant::now();
        let error = lock_directory(open(&directory), "d", Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind, ha_json::Kind::Busy);
        assert!(started.elapsed() >= Duration::from_millis(200));
        drop(first);
        lock_directory(open(&directory), "d", Duration::MAX).unwrap();
    }
}
