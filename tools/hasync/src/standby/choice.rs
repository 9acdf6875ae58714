//! Which entries the options let be touched, and when a file counts as the same.

use crate::entry::{Entry, Kind, Stamp};
use crate::options::Options;

/// True when this entry is left as it is here, whatever the source has.
pub(super) fn is_left(options: &Options, entry: &Entry, have: Option<&Entry>) -> bool {
    let kind = entry.stamp.kind;
    let size = entry.stamp.size;
    let Some(have) = have.map(|have| &have.stamp) else {
        return options.existing || is_outside(options, kind, size);
    };
    let directories = kind == Kind::Directory && have.kind == Kind::Directory;
    options.ignore_existing && !directories
        || is_outside(options, kind, size)
        || options.update && is_newer(options, have, &entry.stamp)
}

/// True for a file whose size takes no part.
fn is_outside(options: &Options, kind: Kind, size: u64) -> bool {
    kind == Kind::File
        && (options.max_size.is_some_and(|most| size > most)
            || options.min_size.is_some_and(|least| size < least))
}

/// True when the file here is newer than the source's.
fn is_newer(options: &Options, have: &Stamp, want: &Stamp) -> bool {
    if want.kind != Kind::File || have.kind != Kind::File {
        return false;
    }
    let (here, there) = (have.mtime, want.mtime);
    match options.modify_window.filter(|window| *window >= 0) {
        Some(window) => here.seconds.saturating_add(window) > there.seconds,
        None => (here.seconds, here.nanoseconds) > (there.seconds, there.nanoseconds),
    }
}

/// True when a file has the source's content, as far as size and time can tell.
pub(super) fn is_same(options: &Options, want: &Stamp, have: &Stamp) -> bool {
    want.size == have.size
        && (options.size_only
            || !options.ignore_times && want.mtime.is_within(have.mtime, options.modify_window))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Moment;

    fn entry(kind: Kind, size: u64, seconds: i64, nanoseconds: u32) -> Entry {
        let mtime = Moment { seconds, nanoseconds };
        let stamp = Stamp { kind, mode: 0o644, size, mtime, uid: 0, gid: 0, device: 0 };
        Entry { name: b"a".to_vec(), stamp, target: Vec::new(), implied: false, extra: None }
    }

    #[test]
    fn a_size_at_the_bound_takes_part_and_only_files_have_one() {
        let options = Options { max_size: Some(9), min_size: Some(3), ..Options::default() };
        for (size, left) in [(2, true), (3, false), (9, false), (10, true)] {
            assert_eq!(is_left(&options, &entry(Kind::File, size, 1, 0), None), left, "{size}");
            assert!(!is_left(&options, &entry(Kind::Fifo, size, 1, 0), None));
        }
    }

    #[test]
    fn newer_is_so_by_a_nanosecond_or_by_whole_seconds() {
        let update = Options { update: true, ..Options::default() };
        let seconds = Options { modify_window: Some(0), ..update.clone() };
        let want = entry(Kind::File, 1, 5, 7);
        for (have, fine, coarse) in
            [((5, 7), false, false), ((5, 8), true, false), ((6, 0), true, true)]
        {
            let have = entry(Kind::File, 2, have.0, have.1);
            assert_eq!(is_left(&update, &want, Some(&have)), fine);
            assert_eq!(is_left(&seconds, &want, Some(&have)), coarse);
        }
        assert!(!is_left(&update, &want, Some(&entry(Kind::Symlink, 0, 9, 0))));
    }

    #[test]
    fn what_is_there_is_left_but_a_directory_is_entered() {
        let options = Options { ignore_existing: true, ..Options::default() };
        let directory = entry(Kind::Directory, 0, 1, 0);
        assert!(!is_left(&options, &directory, Some(&directory)));
        assert!(is_left(&options, &directory, Some(&entry(Kind::File, 1, 1, 0))));
        assert!(!is_left(&options, &entry(Kind::File, 1, 1, 0), None));
    }

    #[test]
    fn size_alone_decides_before_times_do() {
        let (old, new) = (entry(Kind::File, 3, 1, 0).stamp, entry(Kind::File, 3, 2, 0).stamp);
        let both = Options { size_only: true, ignore_times: true, ..Options::default() };
        assert!(is_same(&both, &new, &old));
        let again = Options { ignore_times: true, ..Options::default() };
        assert!(!is_same(&again, &old, &old));
        let wide = Options { modify_window: Some(1), ..Options::default() };
        assert!(is_same(&wide, &new, &old) && !is_same(&Options::default(), &new, &old));
    }
}
