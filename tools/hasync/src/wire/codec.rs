//! Messages as frames: a type byte and fields. Nothing the far side sends is believed unread.

use super::bytes::{Decoder, Encoder, damaged};
use super::message::*;
use super::payload::Payload;
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

/// A message that can be sent as a frame.
pub(crate) trait Frame: Sized + Send + 'static {
    /// What is sent when there is nothing to say for a while.
    const PING: Self;
    /// Appends the type byte and the fields, but for the bytes of the payload.
    fn encode(&self, out: &mut Vec<u8>);
    /// The content with which the frame ends.
    fn payload(&self) -> &[u8] {
        &[]
    }
    /// Reads a frame of [`Frame::encode`] and [`Frame::payload`]. It is taken where it holds content.
    fn decode(frame: &mut Vec<u8>) -> Result<Self, Error>;
    /// What tells the far side why this one stops.
    fn fatal(error: Error) -> Self;
}

impl Encoder {
    fn stamp(&mut self, stamp: &Stamp) {
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

    fn entry(&mut self, entry: &Entry) {
        self.string(&entry.name);
        self.stamp(&entry.stamp);
        self.flag(entry.implied);
        if entry.stamp.kind == Kind::Symlink {
            self.string(&entry.target);
        }
        self.extra(entry.extra.as_deref());
    }

    fn extra(&mut self, extra: Option<&Extra>) {
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

    fn file(&mut self, file: FileId) {
        self.number(file.directory.into());
        self.number(file.index.into());
    }

    fn totals(&mut self, totals: &Totals) {
        for field in totals.clone().fields() {
            self.number(*field);
        }
    }

    fn error(&mut self, error: &Error) {
        self.string(error.kind.word().as_bytes());
        self.string(error.what.as_bytes());
        self.string(error.why.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Encoder, &T)) {
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
    fn kind(&mut self) -> Result<Kind, Error> {
        let number = usize::from(self.byte()?);
        Kind::ALL.get(number).copied().ok_or_else(|| damaged("an unknown kind of file"))
    }

    fn stamp(&mut self) -> Result<Stamp, Error> {
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
    fn name(&mut self) -> Result<Vec<u8>, Error> {
        let name = self.string()?;
        if !is_name(&name) {
            return Err(damaged("a name that leads outside its directory"));
        }
        Ok(name)
    }

    fn entry(&mut self) -> Result<Entry, Error> {
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

    fn extra(&mut self) -> Result<Option<Box<Extra>>, Error> {
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

    fn file(&mut self) -> Result<FileId, Error> {
        Ok(FileId { directory: self.small()?, index: self.small()? })
    }

    fn totals(&mut self) -> Result<Totals, Error> {
        let mut totals = Totals::default();
        for field in totals.fields() {
            *field = self.number()?;
        }
        Ok(totals)
    }

    fn text(&mut self) -> Result<String, Error> {
        let bytes = self.string()?;
        if bytes.len() > 64 << 10 {
            return Err(damaged("a message that is too long"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn error(&mut self) -> Result<Error, Error> {
        let kind = ErrorKind::from_word(&self.text()?).unwrap_or(ErrorKind::Failed);
        Ok(Error::new(kind, self.text()?, self.text()?))
    }

    fn list<T>(
        &mut self,
        least: usize,
        mut each: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.count(least)?;
        (0..count).map(|_| each(self)).collect()
    }
}

impl Frame for ToStandby {
    const PING: Self = ToStandby::Ping;

    fn fatal(error: Error) -> Self {
        ToStandby::Fatal(error)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut e = Encoder(std::mem::take(out));
        match self {
            ToStandby::Ping => e.byte(0),
            ToStandby::Fatal(error) => {
                e.byte(1);
                e.error(error);
            }
            ToStandby::Start(start) => {
                e.byte(2);
                e.flag(start.single);
                e.flag(start.root.is_some());
                start.root.iter().for_each(|root| {
                    e.stamp(&root.stamp);
                    e.extra(root.extra.as_deref());
                });
            }
            ToStandby::Owner { group, id, name } => {
                e.byte(3);
                e.flag(*group);
                e.number((*id).into());
                e.string(name);
            }
            ToStandby::Head(head) => {
                e.byte(4);
                e.number(head.id.into());
                e.number(head.parent.into());
                e.string(&head.name);
                e.flag(head.digest.is_some());
                head.digest.iter().for_each(|digest| e.fixed(digest));
                e.number(head.entries.into());
                e.number(head.subdirectories.into());
                e.flag(head.whole);
            }
            ToStandby::List { directory, entries, last } => {
                e.byte(5);
                e.number((*directory).into());
                e.flag(*last);
                e.list(entries, Encoder::entry);
            }
            ToStandby::Files { directory, files, digest, data } => {
                e.byte(6);
                e.number((*directory).into());
                e.list(files, |e, file| {
                    e.number(file.index.into());
                    e.stamp(&file.stamp);
                });
                e.fixed(digest);
                e.number(data.len() as u64);
            }
            ToStandby::Open { file, stamp, from } => {
                e.byte(7);
                e.file(*file);
                e.stamp(stamp);
                e.number(*from);
            }
            ToStandby::Data { file, data } => {
                e.byte(8);
                e.file(*file);
                e.number(data.len() as u64);
            }
            ToStandby::Clock(microseconds) => {
                e.byte(21);
                e.signed(*microseconds);
            }
            ToStandby::Zeros { file, length } => {
                e.byte(20);
                e.file(*file);
                e.number(*length);
            }
            ToStandby::AskBlocks { file, offset } => {
                e.byte(9);
                e.file(*file);
                e.number(*offset);
            }
            ToStandby::Segment { file, pieces, data } => {
                e.byte(19);
                e.file(*file);
                e.list(pieces, |e, piece| match piece {
                    Part::Old { offset, length } => {
                        e.byte(0);
                        e.number(*offset);
                        e.number(*length);
                    }
                    Part::New { length } => {
                        e.byte(1);
                        e.number(*length);
                    }
                });
                e.number(data.len() as u64);
            }
            ToStandby::AskRolling { file, offset, length, far } => {
                e.byte(11);
                e.file(*file);
                e.number(*offset);
                e.number(*length);
                e.flag(*far);
            }
            ToStandby::Close { file, digest } => {
                e.byte(12);
                e.file(*file);
                e.fixed(digest);
            }
            ToStandby::Same { file } => {
                e.byte(13);
                e.file(*file);
            }
            ToStandby::Digest { file, digest } => {
                e.byte(10);
                e.file(*file);
                e.fixed(digest);
            }
            ToStandby::Lost { file, reason, message } => {
                e.byte(14);
                e.file(*file);
                e.string(reason.as_bytes());
                e.string(message.as_bytes());
            }
            ToStandby::Trouble { path, reason, message } => {
                e.byte(15);
                e.string(path);
                e.string(reason.as_bytes());
                e.string(message.as_bytes());
            }
            ToStandby::Stays { path, reason, message } => {
                e.byte(22);
                e.string(path);
                e.string(reason.as_bytes());
                e.string(message.as_bytes());
            }
            ToStandby::Skipped { path, why } => {
                e.byte(16);
                e.string(path);
                e.string(why.as_bytes());
            }
            ToStandby::Walked { files, bytes } => {
                e.byte(17);
                e.number(*files);
                e.number(*bytes);
            }
            ToStandby::Bye(totals) => {
                e.byte(18);
                e.totals(totals);
            }
        }
        *out = e.0;
    }

    fn payload(&self) -> &[u8] {
        match self {
            ToStandby::Files { data, .. }
            | ToStandby::Data { data, .. }
            | ToStandby::Segment { data, .. } => data,
            _ => &[],
        }
    }

    fn decode(frame: &mut Vec<u8>) -> Result<Self, Error> {
        let mut d = Decoder::new(frame);
        let mut content = 0;
        let mut message = match d.byte()? {
            0 => ToStandby::Ping,
            1 => ToStandby::Fatal(d.error()?),
            2 => {
                let single = d.flag()?;
                let root = match d.flag()? {
                    true => {
                        let stamp = d.stamp()?;
                        Some(Entry { extra: d.extra()?, ..Entry::nameless(stamp) })
                    }
                    false => None,
                };
                ToStandby::Start(Start { single, root })
            }
            3 => ToStandby::Owner { group: d.flag()?, id: d.small()?, name: d.string()? },
            4 => {
                let (id, parent) = (d.small()?, d.small()?);
                let name = if id == 0 { d.string()? } else { d.name()? };
                let digest = if d.flag()? { Some(d.array()?) } else { None };
                let (entries, subdirectories) = (d.small()?, d.small()?);
                let whole = d.flag()?;
                ToStandby::Head(Head { id, parent, name, digest, entries, subdirectories, whole })
            }
            5 => {
                let (directory, last) = (d.small()?, d.flag()?);
                ToStandby::List { directory, entries: d.list(9, Decoder::entry)?, last }
            }
            6 => {
                let directory = d.small()?;
                let files =
                    d.list(8, |d| Ok(SmallFile { index: d.small()?, stamp: d.stamp()? }))?;
                let digest = d.array()?;
                content = d.payload()?;
                ToStandby::Files { directory, files, digest, data: Payload::default() }
            }
            7 => ToStandby::Open { file: d.file()?, stamp: d.stamp()?, from: d.number()? },
            8 => {
                let file = d.file()?;
                content = d.payload()?;
                ToStandby::Data { file, data: Payload::default() }
            }
            9 => ToStandby::AskBlocks { file: d.file()?, offset: d.number()? },
            10 => ToStandby::Digest { file: d.file()?, digest: d.array()? },
            11 => ToStandby::AskRolling {
                file: d.file()?,
                offset: d.number()?,
                length: d.number()?,
                far: d.flag()?,
            },
            12 => ToStandby::Close { file: d.file()?, digest: d.array()? },
            13 => ToStandby::Same { file: d.file()? },
            14 => ToStandby::Lost { file: d.file()?, reason: d.text()?, message: d.text()? },
            15 => ToStandby::Trouble { path: d.string()?, reason: d.text()?, message: d.text()? },
            16 => ToStandby::Skipped { path: d.string()?, why: d.text()? },
            17 => ToStandby::Walked { files: d.number()?, bytes: d.number()? },
            18 => ToStandby::Bye(d.totals()?),
            19 => {
                let file = d.file()?;
                let pieces = d.list(2, |d| match d.byte()? {
                    0 => Ok(Part::Old { offset: d.number()?, length: d.number()? }),
                    1 => Ok(Part::New { length: d.number()? }),
                    _ => Err(damaged("a piece of an unknown type")),
                })?;
                content = d.payload()?;
                ToStandby::Segment { file, pieces, data: Payload::default() }
            }
            20 => {
                let (file, length) = (d.file()?, d.number()?);
                if length == 0 || length > MOST_ZEROS {
                    return Err(damaged("a run of zeros that is too long"));
                }
                ToStandby::Zeros { file, length }
            }
            21 => ToStandby::Clock(d.signed()?),
            22 => ToStandby::Stays { path: d.string()?, reason: d.text()?, message: d.text()? },
            _ => return Err(damaged("a frame of an unknown type")),
        };
        d.end()?;
        if let ToStandby::Files { data, .. }
        | ToStandby::Data { data, .. }
        | ToStandby::Segment { data, .. } = &mut message
        {
            *data = Payload::tail(frame, content);
        }
        Ok(message)
    }
}

impl Frame for ToSource {
    const PING: Self = ToSource::Ping;

    fn fatal(error: Error) -> Self {
        ToSource::Fatal(error)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut e = Encoder(std::mem::take(out));
        match self {
            ToSource::Ping => e.byte(0),
            ToSource::Fatal(error) => {
                e.byte(1);
                e.error(error);
            }
            ToSource::Ready { owner, digests } => {
                e.byte(2);
                e.flag(*owner);
                e.flag(*digests);
            }
            ToSource::Want { directory } => {
                e.byte(3);
                e.number((*directory).into());
            }
            ToSource::Placed { path, stamp } => {
                e.byte(11);
                e.string(path);
                e.stamp(stamp);
            }
            ToSource::Release { directory } => {
                e.byte(4);
                e.number((*directory).into());
            }
            ToSource::Get { directory, files } => {
                e.byte(5);
                e.number((*directory).into());
                e.list(files, |e, (index, plea)| {
                    e.number((*index).into());
                    match plea {
                        Plea::Whole => e.byte(0),
                        Plea::Unless(digest) => {
                            e.byte(1);
                            e.fixed(digest);
                        }
                        Plea::Delta(size) => {
                            e.byte(2);
                            e.number(*size);
                        }
                        Plea::Digest => e.byte(4),
                        Plea::Append(size) => {
                            e.byte(3);
                            e.number(*size);
                        }
                    }
                });
            }
            ToSource::Blocks { file, hashes } => {
                e.byte(6);
                e.file(*file);
                e.list(hashes, |e, hash| e.fixed(&hash.to_le_bytes()));
            }
            ToSource::Rolling { file, signature } => {
                e.byte(7);
                e.file(*file);
                e.string(signature);
            }
            ToSource::Event(event) => {
                e.byte(8);
                encode_event(&mut e, event);
            }
            ToSource::Clock(microseconds) => {
                e.byte(10);
                e.signed(*microseconds);
            }
            ToSource::Done { totals, error } => {
                e.byte(9);
                e.totals(totals);
                e.flag(error.is_some());
                error.iter().for_each(|error| e.error(error));
            }
        }
        *out = e.0;
    }

    fn decode(frame: &mut Vec<u8>) -> Result<Self, Error> {
        let mut d = Decoder::new(frame);
        let message = match d.byte()? {
            0 => ToSource::Ping,
            1 => ToSource::Fatal(d.error()?),
            2 => ToSource::Ready { owner: d.flag()?, digests: d.flag()? },
            3 => ToSource::Want { directory: d.small()? },
            4 => ToSource::Release { directory: d.small()? },
            5 => {
                let directory = d.small()?;
                let files = d.list(2, |d| {
                    let index = d.small()?;
                    let plea = match d.byte()? {
                        0 => Plea::Whole,
                        1 => Plea::Unless(d.array()?),
                        2 => Plea::Delta(d.number()?),
                        3 => Plea::Append(d.number()?),
                        4 => Plea::Digest,
                        _ => return Err(damaged("a request of an unknown type")),
                    };
                    Ok((index, plea))
                })?;
                ToSource::Get { directory, files }
            }
            6 => {
                let file = d.file()?;
                let hashes = d.list(8, |d| Ok(u64::from_le_bytes(d.array()?)))?;
                ToSource::Blocks { file, hashes }
            }
            7 => ToSource::Rolling { file: d.file()?, signature: d.string()? },
            8 => ToSource::Event(decode_event(&mut d)?),
            10 => ToSource::Clock(d.signed()?),
            11 => ToSource::Placed { path: d.string()?, stamp: d.stamp()? },
            9 => {
                let totals = d.totals()?;
                let error = if d.flag()? { Some(d.error()?) } else { None };
                ToSource::Done { totals, error }
            }
            _ => return Err(damaged("a frame of an unknown type")),
        };
        d.end()?;
        Ok(message)
    }
}

fn encode_event(e: &mut Encoder, event: &Event) {
    match event {
        Event::Change(change) => {
            e.byte(0);
            e.string(&change.path);
            e.byte(change.kind as u8);
            e.byte(change.action as u8);
            e.number(change.why.0.into());
            e.number(change.size);
            e.flag(change.details.is_some());
            if let Some(Details { stamp, target, sent }) = &change.details {
                e.stamp(stamp);
                e.string(target);
                e.number(*sent);
            }
        }
        Event::Failed { path, reason, message } => {
            e.byte(1);
            e.string(path);
            e.string(reason.as_bytes());
            e.string(message.as_bytes());
        }
        Event::Skipped { path, why } => {
            e.byte(2);
            e.string(path);
            e.string(why.as_bytes());
        }
        Event::Progress { files, bytes, total_files, total_bytes, walked } => {
            e.byte(3);
            [files, bytes, total_files, total_bytes].into_iter().for_each(|n| e.number(*n));
            e.flag(*walked);
        }
    }
}

fn decode_event(d: &mut Decoder<'_>) -> Result<Event, Error> {
    Ok(match d.byte()? {
        0 => {
            let (path, kind) = (d.string()?, d.kind()?);
            let action = match d.byte()? {
                0 => Action::Create,
                1 => Action::Update,
                2 => Action::Attributes,
                3 => Action::Delete,
                _ => return Err(damaged("an unknown action")),
            };
            let why = Why(u16::try_from(d.number()?).map_err(|_| damaged("an unknown cause"))?);
            let size = d.number()?;
            let details = match d.flag()? {
                true => Some(Details { stamp: d.stamp()?, target: d.string()?, sent: d.number()? }),
                false => None,
            };
            Event::Change(Change { path, kind, action, why, size, details })
        }
        1 => Event::Failed { path: d.string()?, reason: d.text()?, message: d.text()? },
        2 => Event::Skipped { path: d.string()?, why: d.text()? },
        3 => Event::Progress {
            files: d.number()?,
            bytes: d.number()?,
            total_files: d.number()?,
            total_bytes: d.number()?,
            walked: d.flag()?,
        },
        _ => return Err(damaged("an unknown event")),
    })
}
