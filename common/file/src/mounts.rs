//! Where file systems are mounted: Linux tells it in a table, every system by the device.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The mount points of this machine.
#[derive(Debug)]
pub enum Mounts {
    /// The system's table.
    Table(Vec<PathBuf>),
    /// A directory on another device than its parent is one.
    ByDevice,
}

impl Mounts {
    /// Reads the system's table where there is one.
    pub fn of_this_machine() -> Mounts {
        match fs::read("/proc/self/mountinfo") {
            Ok(table) => Mounts::Table(mount_points(&table).collect()),
            Err(_) => Mounts::ByDevice,
        }
    }

    /// Whether a file system is mounted at this very directory, a path without links. That of a
    /// server that is gone is found in the table without looking at it.
    ///
    /// # Errors
    /// When it is not there, or cannot be looked at.
    pub fn has(&self, directory: &Path) -> io::Result<bool> {
        match (self, directory.parent()) {
            (Mounts::Table(points), _) => Ok(points.iter().any(|point| point == directory)),
            (Mounts::ByDevice, None) => Ok(true),
            (Mounts::ByDevice, Some(parent)) => {
                Ok(fs::metadata(directory)?.dev() != fs::metadata(parent)?.dev())
            }
        }
    }
}

/// The fifth field of each line of proc_pid_mountinfo(5).
fn mount_points(table: &[u8]) -> impl Iterator<Item = PathBuf> {
    table.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        Some(PathBuf::from(OsString::from_vec(without_escapes(field))))
    })
}

/// Blanks and backslashes stand there as three octal digits.
fn without_escapes(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut left = field;
    while let Some((first, behind)) = left.split_first() {
        let digits = behind.get(..3).filter(|_| *first == b'\\');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                left = &behind[3..];
            }
            None => {
                bytes.push(*first);
                left = behind;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_ways_see_the_same_mount_points() {
        for mounts in [Mounts::of_this_machine(), Mounts::ByDevice] {
            assert!(mounts.has(Path::new("/")).unwrap(), "{mounts:?}");
            assert!(mounts.has(Path::new("/proc")).unwrap(), "{mounts:?}");
            assert!(!mounts.has(Path::new("/usr/bin")).unwrap(), "{mounts:?}");
        }
    }

    #[test]
    fn a_path_with_a_blank_is_read() {
        let table = b"36 35 98:0 / /a\\040b\\134c rw - ext4 /dev/x rw\n\nshort\n";
        assert_eq!(mount_points(table).collect::<Vec<_>>(), [Path::new("/a b\\c")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table(table: Vec<u8>) {
            let lines = table.split(|byte| *byte == b'\n').count();
            prop_assert!(mount_points(&table).count() <= lines);
        }
    }
}
