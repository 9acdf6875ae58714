//! Messages to the source as frames: a type byte and fields.

use super::bytes::{Decoder, Encoder, damaged};
use super::frame::Frame;
use super::message::*;
use ha_json::Error;

impl Frame for ToSource {
    const PING: Self = ToSource::Ping;

    fn is_last(&self) -> bool {
        matches!(self, ToSource::Done { .. })
    }

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
            11 => ToSource::Placed { path: d.path()?, stamp: d.stamp()? },
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
            let (path, kind) = (d.path()?, d.kind()?);
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
        1 => Event::Failed { path: d.path()?, reason: d.text()?, message: d.text()? },
        2 => Event::Skipped { path: d.path()?, why: d.text()? },
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
