//! What messages are made of, as bytes. Nothing the far side sends is believed unread.

use super::bytes::{Decoder, Encoder, damaged};
use super::message::{FileId, Totals};
use crate::acl::{self, Allowed, Lists, Tag};
use crate::entry::{Entry, Kind, Moment, Stamp};
use crate::extra::{Extra, MOST_BYTES, MOST_NAME, MOST_VALUE, Scope};
use crate::xattr::Attribute;
use ha_json::{Error, Kind as ErrorKind};

/// The bits that tell which parts of an [`Extra`] follow.
const ATIME: u8 = 1;
const LISTS: u8 = 2;
const XATTRS: u8 = 4;
const FIRST: u8 = 8;
/// 4096 levels of names, and what is between them, in bytes.
const MOST_PATH: usize = 1 << 20;

impl Encoder {
    pub(crate) fn stamp(&mut self, stamp: &Stamp) {
        self.byte(stamp.kind as u8);
        self.number(stamp.mode.into());
        self.number(stamp.size);
        self.signed(stamp.mtime.seconds);
        self.number(stamp.mtime.nanoseconds.into());
        self.number(stamp.uid.into());
        self.number(stamp.gid.into());
        if stamp.kind.is_device() {
            self.number(stamp.device);
        }
    }

    pub(super) fn entry(&mut self, entry: &Entry) {
        self.string(&entry.name);
        self.stamp(&entry.stamp);
        self.flag(entry.implied);
        if entry.stamp.kind == Kind::Symlink {
            self.string(&entry.target);
        }
        self.extra(entry.extra.as_deref());
    }

    pub(super) fn extra(&mut self, extra: Option<&Extra>) {
        let nothing = Extra::default();
        let Extra { atime, lists, xattrs, first, .. } = extra.unwrap_or(&nothing);
        let first_told = (first.is_some(), FIRST);
        let told = [
            first_told,
            (atime.is_some(), ATIME),
            (lists.is_some(), LISTS),
            (xattrs.is_some(), XATTRS),
        ];
        self.byte(told.into_iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum());
        if let Some(atime) = atime {
            self.signed(atime.seconds);
            self.number(atime.nanoseconds.into());
        }
        for list in lists.iter().flat_map(|lists| [&lists.access, &lists.default]) {
            self.list(list, |e, allowed| {
                e.byte(allowed.tag as u8);
                e.number(allowed.id.into());
                e.byte(allowed.bits);
            });
        }
        if let Some(xattrs) = xattrs {
            self.list(xattrs, |e, (name, value)| {
                e.string(name);
                e.string(value);
            });
        }
        if let Some(first) = first {
            self.string(first);
        }
    }

    pub(super) fn file(&mut self, file: FileId) {
        self.number(file.directory.into());
        self.number(file.index.into());
    }

    pub(super) fn totals(&mut self, totals: &Totals) {
        for field in totals.clone().fields() {
            self.number(*field);
        }
    }

    pub(super) fn error(&mut self, error: &Error) {
        self.string(error.kind.word().as_bytes());
        self.string(error.what.as_bytes());
        self.string(error.why.as_bytes());
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Encoder, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }
}

/// True for a component of a path that leads nowhere but into its directory.
fn is_name(name: &[u8]) -> bool {
    let bad = name.is_empty() || name == b"." || name == b".." || name.len() > 255;
    !bad && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}

impl Decoder<'_> {
    pub(super) fn kind(&mut self) -> Result<Kind, Error> {
        let number = usize::from(self.byte()?);
        Kind::ALL.get(number).copied().ok_or_else(|| damaged("an unknown kind of file"))
    }

    pub(crate) fn stamp(&mut self) -> Result<Stamp, Error> {
        let kind = self.kind()?;
        let mode = self.small()?;
        let size = self.number()?;
        let seconds = self.signed()?;
        let nanoseconds = self.small()?;
        if mode > 0o7777 || nanoseconds >= 1_000_000_000 || size > i64::MAX as u64 {
            return Err(damaged("a mode, size or time that no file has"));
        }
        let (uid, gid) = (self.small()?, self.small()?);
        let device = if kind.is_device() { self.number()? } else { 0 };
        Ok(Stamp { kind, mode, size, mtime: Moment { seconds, nanoseconds }, uid, gid, device })
    }

    /// A name of one component: the only kind there is on the wire, so no path can lead outside.
    pub(super) fn name(&mut self) -> Result<Vec<u8>, Error> {
        let name = self.string()?;
        if !is_name(&name) {
            return Err(damaged("a name that leads outside its directory"));
        }
        Ok(name)
    }

    pub(super) fn entry(&mut self) -> Result<Entry, Error> {
        let name = self.name()?;
        let stamp = self.stamp()?;
        let implied = self.flag()?;
        let target = if stamp.kind == Kind::Symlink { self.string()? } else { Vec::new() };
        if target.len() > 4096 || target.contains(&0) {
            return Err(damaged("a symbolic link that points nowhere"));
        }
        let extra = self.extra()?;
        Ok(Entry { name, stamp, target, implied, extra })
    }

    pub(super) fn extra(&mut self) -> Result<Option<Box<Extra>>, Error> {
        let told = self.byte()?;
        if told == 0 {
            return Ok(None);
        }
        if told & !(ATIME | LISTS | XATTRS | FIRST) != 0 {
            return Err(damaged("more of a file than there is"));
        }
        let mut extra = Extra::default();
        if told & ATIME != 0 {
            let (seconds, nanoseconds) = (self.signed()?, self.small()?);
            if nanoseconds >= 1_000_000_000 {
                return Err(damaged("a time that no file has"));
            }
            extra.atime = Some(Moment { seconds, nanoseconds });
        }
        if told & LISTS != 0 {
            let (access, default) = (self.allowed()?, self.allowed()?);
            extra.lists = Some(Lists { access, default });
        }
        if told & XATTRS != 0 {
            let mut xattrs = self.list(2, Decoder::xattr)?;
            xattrs.sort_unstable();
            let bytes: usize = xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
            if bytes > MOST_BYTES || xattrs.windows(2).any(|two| two[0].0 == two[1].0) {
                return Err(damaged("too many attributes, or one twice"));
            }
            extra.xattrs = Some(xattrs);
        }
        if told & FIRST != 0 {
            let path = self.string()?;
            if path.split(|&byte| byte == b'/').any(|name| !is_name(name)) {
                return Err(damaged("a name that leads outside its directory"));
            }
            extra.first = Some(path);
        }
        Ok(Some(Box::new(extra)))
    }

    fn allowed(&mut self) -> Result<Vec<Allowed>, Error> {
        let list = self.list(3, |d| {
            let tag = Tag::of(d.byte()?.into());
            let (id, bits) = (d.small()?, d.byte()?);
            tag.filter(|tag| bits <= 0o7 && (tag.is_named() || id == 0))
                .map(|tag| Allowed { tag, id, bits })
                .ok_or_else(|| damaged("an access control list that is none"))
        })?;
        if list.len() > acl::MOST_ENTRIES {
            return Err(damaged("an access control list that is too long"));
        }
        Ok(list)
    }

    fn xattr(&mut self) -> Result<Attribute, Error> {
        let (name, value) = (self.string()?, self.string()?);
        let fits = !name.is_empty() && name.len() <= MOST_NAME && value.len() <= MOST_VALUE;
        if !fits || name.contains(&0) || !Scope::All.has(&name) {
            return Err(damaged("an extended attribute that cannot be"));
        }
        Ok((name, value))
    }

    pub(super) fn file(&mut self) -> Result<FileId, Error> {
        Ok(FileId { directory: self.small()?, index: self.small()? })
    }

    pub(super) fn totals(&mut self) -> Result<Totals, Error> {
        let mut totals = Totals::default();
        for field in totals.fields() {
            *field = self.number()?;
        }
        Ok(totals)
    }

    /// A path for people, or one of the transfer: no tree is so deep that it is longer.
    pub(super) fn path(&mut self) -> Result<Vec<u8>, Error> {
        let path = self.string()?;
        if path.len() > MOST_PATH {
            return Err(damaged("a path that is too long"));
        }
        Ok(path)
    }

    pub(super) fn text(&mut self) -> Result<String, Error> {
        let bytes = self.string()?;
        if bytes.len() > 64 << 10 {
            return Err(damaged("a message that is too long"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn error(&mut self) -> Result<Error, Error> {
        let kind = ErrorKind::from_word(&self.text()?).unwrap_or(ErrorKind::Failed);
        Ok(Error::new(kind, self.text()?, self.text()?))
    }

    pub(super) fn list<T>(
        &mut self,
        least: usize,
        mut each: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.count(least)?;
        (0..count).map(|_| each(self)).collect()
    }
}
