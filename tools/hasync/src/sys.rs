//! What Linux does better than POSIX; elsewhere each has a plain way to the same end. The cargo feature
//! `posix` takes that way on Linux, too, so that it is tested.

use nix::errno::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

/// Reading leaves the access time alone.
#[cfg(all(target_os = "linux", not(feature = "posix")))]
pub(crate) const NO_ATIME: nix::fcntl::OFlag = nix::fcntl::OFlag::O_NOATIME;
#[cfg(any(not(target_os = "linux"), feature = "posix"))]
pub(crate) const NO_ATIME: nix::fcntl::OFlag = nix::fcntl::OFlag::empty();

/// Opens a directory that need not be listed, only passed.
#[cfg(all(target_os = "linux", not(feature = "posix")))]
pub(crate) const SEARCH: nix::fcntl::OFlag = nix::fcntl::OFlag::O_PATH;
#[cfg(any(not(target_os = "linux"), feature = "posix"))]
pub(crate) const SEARCH: nix::fcntl::OFlag = nix::fcntl::OFlag::O_RDONLY;

/// Processes are told of beneath /proc.
const HAS_PROC: bool = cfg!(all(target_os = "linux", not(feature = "posix")));

const PIECE: usize = 1 << 20;
#[cfg(all(target_os = "linux", not(feature = "posix")))]
const PIPE: i32 = 512 << 10;

/// Copies the rest of `from` to `to`, at most `length` bytes; gives the count. The kernel does it
/// where it can, and shares the blocks where the file system can.
pub(crate) fn copy(from: &File, to: &File, length: u64) -> nix::Result<u64> {
    let copied = copy_in_kernel(from, to, length)?;
    Ok(copied + copy_plainly(from, to, length - copied)?)
}

/// As much of it as the kernel copies by itself.
#[cfg(all(target_os = "linux", not(feature = "posix")))]
fn copy_in_kernel(from: &File, to: &File, length: u64) -> nix::Result<u64> {
    let mut copied = 0;
    while copied < length {
        let piece = usize::try_from(length - copied).unwrap_or(usize::MAX).min(1 << 30);
        match nix::fcntl::copy_file_range(from, None, to, None, piece) {
            // Some file systems (procfs) answer 0 for files that are not empty.
            Ok(0) => break,
            Ok(count) => copied += count as u64,
            Err(Errno::EINTR) => {}
            Err(Errno::EXDEV | Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(copied)
}

#[cfg(any(not(target_os = "linux"), feature = "posix"))]
fn copy_in_kernel(_: &File, _: &File, _: u64) -> nix::Result<u64> {
    Ok(0)
}

/// [`copy`] by read and write alone.
pub(crate) fn copy_plainly(mut from: &File, mut to: &File, length: u64) -> nix::Result<u64> {
    if length == 0 {
        return Ok(0);
    }
    let mut buffer = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    let mut copied = 0;
    while copied < length {
        let piece = buffer.len().min(usize::try_from(length - copied).unwrap_or(usize::MAX));
        let count = match from.read(&mut buffer[..piece]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(errno(&error)),
        };
        to.write_all(&buffer[..count]).map_err(|error| errno(&error))?;
        copied += count as u64;
    }
    Ok(copied)
}

/// Where the next bytes of a file lie that are no hole, from `offset` on, in bytes; `None` where
/// there are none. Moves the file's position.
pub(crate) fn next_data(file: &File, offset: u64) -> nix::Result<Option<u64>> {
    #[cfg(all(target_os = "linux", not(feature = "posix")))]
    return match seek(file, offset, nix::unistd::Whence::SeekData) {
        Err(Errno::ENXIO) => Ok(None),
        // A file system that knows no holes.
        Err(Errno::EINVAL) => Ok(Some(offset)),
        result => result.map(Some),
    };
    #[cfg(any(not(target_os = "linux"), feature = "posix"))]
    {
        let _ = file;
        Ok(Some(offset))
    }
}

/// Where the next hole of a file begins, from `offset` on, in bytes; its end is one. Moves the
/// file's position.
pub(crate) fn next_hole(file: &File, offset: u64) -> nix::Result<u64> {
    #[cfg(all(target_os = "linux", not(feature = "posix")))]
    return match seek(file, offset, nix::unistd::Whence::SeekHole) {
        Err(Errno::ENXIO | Errno::EINVAL) => Ok(u64::MAX),
        result => result,
    };
    #[cfg(any(not(target_os = "linux"), feature = "posix"))]
    {
        let _ = (file, offset);
        Ok(u64::MAX)
    }
}

#[cfg(all(target_os = "linux", not(feature = "posix")))]
fn seek(file: &File, offset: u64, whence: nix::unistd::Whence) -> nix::Result<u64> {
    let offset = i64::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
    let found = nix::unistd::lseek(file, offset, whence)?;
    u64::try_from(found).map_err(|_| Errno::EOVERFLOW)
}

/// How many bytes there is room for on the file system of a directory; `None` where a file may need
/// less than its length there: where contents are packed, or shared with others (`shares`: a copy
/// from the same file system may be).
pub(crate) fn room(directory: &OwnedFd, shares: bool) -> Option<u64> {
    #[cfg(all(target_os = "linux", not(feature = "posix")))]
    {
        use nix::sys::statfs::{EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, fstatfs};
        let kind = fstatfs(directory).ok()?.filesystem_type();
        let plain = kind == EXT4_SUPER_MAGIC || kind == TMPFS_MAGIC;
        if !plain && (shares || kind != XFS_SUPER_MAGIC) {
            return None;
        }
    }
    #[cfg(any(not(target_os = "linux"), feature = "posix"))]
    let _ = shares;
    let stat = nix::sys::statvfs::fstatvfs(directory).ok()?;
    // A tmpfs without a limit has no blocks.
    if stat.blocks() == 0 {
        return None;
    }
    let free = match nix::unistd::geteuid().is_root() {
        true => stat.blocks_free(),
        false => stat.blocks_available(),
    };
    Some(free.saturating_mul(stat.fragment_size()))
}

/// Makes a part of a file a hole, or zeros where that cannot be; the file keeps its length.
pub(crate) fn punch_hole(file: &File, offset: u64, length: u64) -> nix::Result<()> {
    #[cfg(all(target_os = "linux", not(feature = "posix")))]
    {
        use nix::fcntl::{FallocateFlags, fallocate};
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let signed = |number| i64::try_from(number).map_err(|_| Errno::EOVERFLOW);
        match fallocate(file, flags, signed(offset)?, signed(length)?) {
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => {}
            result => return result,
        }
    }
    put_zeros(file, offset, length)
}

fn put_zeros(file: &File, mut offset: u64, mut length: u64) -> nix::Result<()> {
    use std::os::unix::fs::FileExt;
    let zeros = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    while length > 0 {
        let piece = zeros.len().min(usize::try_from(length).unwrap_or(PIECE));
        file.write_all_at(&zeros[..piece], offset).map_err(|error| errno(&error))?;
        offset += piece as u64;
        length -= piece as u64;
    }
    Ok(())
}

/// The number behind an error of std.
pub(crate) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Gives a pipe room for so many bytes, where the system lets it: two programs then take turns less
/// often.
pub(crate) fn widen(pipe: impl std::os::fd::AsFd) {
    #[cfg(all(target_os = "linux", not(feature = "posix")))]
    {
        use nix::fcntl::{FcntlArg, fcntl};
        // A user has only so much of it: whoever gets none goes on with what there is.
        let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE));
    }
    #[cfg(any(not(target_os = "linux"), feature = "posix"))]
    let _ = pipe;
}

/// Brings everything written to the file system of `directory` to its disk.
pub(crate) fn sync_file_system(directory: &OwnedFd) -> nix::Result<()> {
    #[cfg(all(target_os = "linux", not(feature = "posix")))]
    return nix::unistd::syncfs(directory);
    #[cfg(any(not(target_os = "linux"), feature = "posix"))]
    {
        let _ = directory;
        nix::unistd::sync();
        Ok(())
    }
}

/// The list that what is made in a directory gets, if it has one.
///
/// # Errors
/// Where that is not known.
pub(crate) fn default_acl(directory: &OwnedFd) -> nix::Result<Option<Vec<u8>>> {
    if cfg!(any(not(target_os = "linux"), feature = "posix")) {
        return Err(Errno::ENOSYS);
    }
    let again = directory.try_clone().map_err(|error| errno(&error))?;
    match xattr::FileExt::get_xattr(&File::from(again), "system.posix_acl_default") {
        Ok(list) => Ok(list),
        Err(error) => match errno(&error) {
            Errno::EOPNOTSUPP => Ok(None),
            error => Err(error),
        },
    }
}

/// True for a directory of the kernel's own, in which a link may stand for what is open.
pub(crate) fn is_proc(directory: &OwnedFd) -> bool {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
        fstatfs(directory).is_ok_and(|stat| stat.filesystem_type() == PROC_SUPER_MAGIC)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        false
    }
}

/// A name for the boot that this process runs in; the same for every process until the next boot.
pub(crate) fn boot() -> String {
    let id = match HAS_PROC {
        true => std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        false => String::new(),
    };
    let id: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    if id.len() == 8 { id } else { "00000000".to_owned() }
}

/// When a process started, in the kernel's ticks since boot; `None` when there is none. Where the
/// kernel does not tell, 0 for every process that is there.
pub(crate) fn process_start(pid: u32) -> Option<u64> {
    let told = HAS_PROC.then(|| std::fs::read_to_string(format!("/proc/{pid}/stat")));
    match told {
        // The name, in parentheses, may hold blanks; the start time is the 20th field after it.
        Some(Ok(stat)) => stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok(),
        Some(Err(_)) if std::path::Path::new("/proc/self/stat").exists() => None,
        _ => {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
            nix::sys::signal::kill(pid, None).ok().map(|()| 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    #[test]
    fn the_kernels_copy_and_the_plain_one_give_the_same() {
        let data: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        for way in [copy, copy_plainly] {
            let mut from = tempfile::tempfile().unwrap();
            let mut to = tempfile::tempfile().unwrap();
            from.write_all(&data).unwrap();
            from.rewind().unwrap();
            assert_eq!(way(&from, &to, 2_500_000).unwrap(), 2_500_000);
            assert_eq!(way(&from, &to, 9_000_000).unwrap(), 500_000);
            to.rewind().unwrap();
            let mut copied = Vec::new();
            to.read_to_end(&mut copied).unwrap();
            assert_eq!(copied, data);
        }
    }

    #[test]
    fn holes_are_found_where_the_file_system_tells_them() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        file.seek(std::io::SeekFrom::Start(4 << 20)).unwrap();
        file.write_all(&[1; 4096]).unwrap();
        let data = next_data(&file, 0).unwrap();
        assert!(data.is_some_and(|data| data <= 4 << 20), "{data:?}");
        assert!(next_hole(&file, 4 << 20).unwrap() >= (4 << 20) + 4096);
        let beyond = next_data(&file, 9 << 20).unwrap();
        assert!(beyond.is_none_or(|data| data >= 8 << 20), "{beyond:?}");
    }

    #[test]
    fn a_part_becomes_zeros_and_the_rest_stays() {
        for way in [punch_hole, put_zeros] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&[1; 20_000]).unwrap();
            way(&file, 5_000, 10_000).unwrap();
            file.rewind().unwrap();
            let mut read = Vec::new();
            file.read_to_end(&mut read).unwrap();
            assert_eq!(read, [&[1; 5_000][..], &[0; 10_000], &[1; 5_000]].concat());
        }
    }

    #[test]
    fn a_process_that_is_there_has_a_start_and_one_that_ended_has_none() {
        assert!(process_start(std::process::id()).is_some());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(process_start(pid), None);
    }
}
