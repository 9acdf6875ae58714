//! Messages to the standby as frames: a type byte and fields.

use super::bytes::{Decoder, Encoder, damaged};
use super::frame::Frame;
use super::message::*;
use super::payload::Payload;
use crate::entry::Entry;
use ha_json::Error;

impl Frame for ToStandby {
    const PING: Self = ToStandby::Ping;

    fn is_last(&self) -> bool {
        matches!(self, ToStandby::Bye(_))
    }

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

    fn payload(&self) -> Option<&Payload> {
        match self {
            ToStandby::Files { data, .. }
            | ToStandby::Data { data, .. }
            | ToStandby::Segment { data, .. } => Some(data),
            _ => None,
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
            15 => ToStandby::Trouble { path: d.path()?, reason: d.text()?, message: d.text()? },
            16 => ToStandby::Skipped { path: d.path()?, why: d.text()? },
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
            22 => ToStandby::Stays { path: d.path()?, reason: d.text()?, message: d.text()? },
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
