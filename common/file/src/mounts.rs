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
    Table(Vec<Line>),
    /// A directory on another device than its parent is one.
    ByDevice,
}

/// A line of the system's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    id: Vec<u8>,
    /// The mount on which it is mounted.
    parent: Vec<u8>,
    point: PathBuf,
    mounted: Mounted,
}

/// What is mounted somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Two mounts of one file system have the same.
    pub device: String,
    /// Such as `ext4`; `None` where the system has no table.
    pub kind: Option<String>,
}

impl Mounts {
    /// Reads the system's table where there is one.
    pub fn of_this_machine() -> Mounts {
        match fs::read("/proc/self/mountinfo") {
            Ok(table) => Mounts::of_table(&table),
            Err(_) => Mounts::ByDevice,
        }
    }

    /// Reads such a table: proc_pid_mountinfo(5).
    pub fn of_table(table: &[u8]) -> Mounts {
        Mounts::Table(lines(table))
    }

    /// Whether a file system is mounted at this very directory, as [`Mounts::at`].
    ///
    /// # Errors
    /// When it is not there, or cannot be looked at.
    pub fn has(&self, directory: &Path) -> io::Result<bool> {
        // The root is a file system's, even where chroot(2) leaves it out of the table.
        match directory.parent() {
            None => Ok(true),
            Some(_) => self.at(directory).map(|mounted| mounted.is_some()),
        }
    }

    /// What is mounted at this very directory, a path without links, and can be seen there: not what
    /// a later mount above it hides. That of a server that is gone is found in the table without
    /// looking at it.
    ///
    /// # Errors
    /// When it is not there, or cannot be looked at.
    pub fn at(&self, directory: &Path) -> io::Result<Option<Mounted>> {
        if matches!(self, Mounts::Table(_)) {
            return Ok(self.listed(directory).cloned());
        }
        let device = fs::metadata(directory)?.dev();
        let is_point = match directory.parent() {
            None => true,
            Some(parent) => fs::metadata(parent)?.dev() != device,
        };
        Ok(is_point.then(|| Mounted { device: device.to_string(), kind: None }))
    }

    /// The same without looking at any directory: `None` also where there is no table.
    pub fn listed(&self, directory: &Path) -> Option<&Mounted> {
        let Mounts::Table(lines) = self else { return None };
        let mut current: Option<&Line> = None;
        let mut last = None;
        let mut above: Vec<&Path> = directory.ancestors().collect();
        above.reverse();
        for path in above {
            last = None;
            // One can be mounted over another at the same point.
            let mut steps = lines.len();
            while steps > 0
                && let Some(line) =
                    lines.iter().rfind(|line| line.point == path && line.is_on(current, lines))
            {
                current = Some(line);
                last = current;
                steps -= 1;
            }
        }
        last.map(|line| &line.mounted)
    }
}

impl Line {
    /// Mounted on `other`, or without one on what the table does not show.
    fn is_on(&self, other: Option<&Line>, all: &[Line]) -> bool {
        match other {
            Some(other) => self.parent == other.id && self.id != other.id,
            None => self.parent == self.id || all.iter().all(|line| line.id != self.parent),
        }
    }
}

/// proc_pid_mountinfo(5): the mount, its parent, the device, the root, the mount point, options, a
/// dash behind fields of any number, and the kind.
fn lines(table: &[u8]) -> Vec<Line> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let (id, parent) = (fields.next()?.to_vec(), fields.next()?.to_vec());
        let device = String::from_utf8_lossy(fields.next()?).into_owned();
        let point = PathBuf::from(OsString::from_vec(without_escapes(fields.nth(1)?)));
        let kind = fields.skip_while(|field| *field != b"-").nth(1);
        let kind = kind.map(|kind| String::from_utf8_lossy(kind).into_owned());
        Some(Line { id, parent, point, mounted: Mounted { device, kind } })
    };
    table.split(|byte| *byte == b'\n').filter_map(line).collect()
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
        let table = b"36 35 98:0 / /a\\040b\\134c rw shared:1 - ext4 /dev/x rw\n\nshort\n";
        let lines = lines(table);
        assert_eq!(
            lines.iter().map(|line| &line.point).collect::<Vec<_>>(),
            [Path::new("/a b\\c")]
        );
        assert_eq!(
            Mounts::Table(lines).listed(Path::new("/a b\\c")),
            Some(&Mounted { device: "98:0".into(), kind: Some("ext4".into()) })
        );
    }

    #[test]
    fn what_a_later_mount_hides_is_not_there() {
        let kind = |table: &str, path: &str| {
            let mounts = Mounts::Table(lines(table.as_bytes()));
            mounts.listed(Path::new(path)).and_then(|mounted| mounted.kind.clone())
        };
        let before = "1 1 0:1 / / rw - rootfs r rw\n2 1 8:1 / / rw - ext4 d rw\n\
            3 2 8:2 / /a/b rw - xfs d rw\n";
        assert_eq!(kind(before, "/").as_deref(), Some("ext4"));
        assert_eq!(kind(before, "/a"), None);
        assert_eq!(kind(before, "/a/b").as_deref(), Some("xfs"));
        let hidden = before.to_owned() + "4 2 0:9 / /a rw - tmpfs t rw\n";
        assert_eq!(kind(&hidden, "/a").as_deref(), Some("tmpfs"));
        assert_eq!(kind(&hidden, "/a/b"), None);
        let again = hidden + "5 4 8:3 / /a/b rw - jfs d rw\n";
        assert_eq!(kind(&again, "/a/b").as_deref(), Some("jfs"));
        // In a root of its own a process does not see what that is mounted on.
        assert_eq!(kind("7 6 8:2 / /a rw - xfs d rw\n", "/a").as_deref(), Some("xfs"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table(table: Vec<u8>) {
            let lines = table.split(|byte| *byte == b'\n').count();
            let mounts = Mounts::Table(super::lines(&table));
            prop_assert!(matches!(&mounts, Mounts::Table(read) if read.len() <= lines));
            let _ = mounts.listed(Path::new("/a/b"));
        }
    }
}
