//! The first frames after the greeting: what the far side is to do.

use crate::options::Options;
use crate::wire::{damaged, read_frame, write_frame};
use ha_json::Error;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// Bytes of paths in one frame.
const PIECE: usize = 1 << 20;
/// Paths of one job take at most so many bytes of memory, and each takes so many beside its own.
const MOST_BYTES: usize = 512 << 20;
const BESIDE: usize = 64;

/// Which end the far side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Source,
    Standby,
    /// It keeps what is brought by jobs of their own, and puts it in place: `set`.
    Set,
}

/// What the far side is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) role: Role,
    pub(crate) options: Options,
    /// The sources, or the one destination.
    pub(crate) paths: Vec<Vec<u8>>,
    /// With `--files-from`: the paths to take.
    pub(crate) list: Option<Vec<Vec<u8>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    role: Role,
    options: Options,
    has_list: bool,
}

impl Job {
    /// Sends it: a frame of JSON, then the paths in frames of null-terminated strings, then, where
    /// there is one, the list in the same way. An empty string ends each.
    ///
    /// # Errors
    /// When the far side is gone.
    pub(crate) fn send(&self, pipe: &mut impl Write) -> Result<(), Error> {
        let header = Header {
            role: self.role,
            options: self.options.clone(),
            has_list: self.list.is_some(),
        };
        let text =
            serde_json::to_vec(&header).map_err(|error| Error::failed("job", error.to_string()))?;
        write_frame(pipe, &text)?;
        send_paths(pipe, &self.paths)?;
        if let Some(list) = &self.list {
            send_paths(pipe, list)?;
        }
        pipe.flush().map_err(|error| Error::io("the far side", &error))
    }

    /// Reads what [`Job::send`] sent.
    ///
    /// # Errors
    /// When it is damaged, or asks for what this version does not know.
    pub(crate) fn receive(pipe: &mut impl Read) -> Result<Job, Error> {
        let mut text = Vec::new();
        if !read_frame(pipe, &mut text)? {
            return Err(damaged("no job"));
        }
        let header: Header = serde_json::from_slice(&text).map_err(|error| {
            Error::failed("job", format!("this version does not understand it: {error}"))
        })?;
        let paths = receive_paths(pipe, MOST_BYTES)?;
        let list = if header.has_list { Some(receive_paths(pipe, MOST_BYTES)?) } else { None };
        Ok(Job { role: header.role, options: header.options, paths, list })
    }
}

fn send_paths(pipe: &mut impl Write, paths: &[Vec<u8>]) -> Result<(), Error> {
    let mut frame = Vec::new();
    for path in paths {
        // An empty path is the directory that the far side starts in.
        frame.extend_from_slice(if path.is_empty() { b"." } else { path });
        frame.push(0);
        if frame.len() >= PIECE {
            write_frame(pipe, &frame)?;
            frame.clear();
        }
    }
    frame.push(0);
    write_frame(pipe, &frame)
}

fn receive_paths(pipe: &mut impl Read, most: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut paths = Vec::new();
    let mut bytes = 0;
    let mut frame = Vec::new();
    loop {
        if !read_frame(pipe, &mut frame)? {
            return Err(damaged("a job that is cut"));
        }
        let endless = || damaged("paths that do not end");
        let text = frame.strip_suffix(&[0]).ok_or_else(endless)?;
        for path in text.split(|&byte| byte == 0) {
            if path.is_empty() {
                return Ok(paths);
            }
            bytes += path.len() + BESIDE;
            if bytes > most {
                return Err(endless());
            }
            paths.push(path.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::DeleteWhen;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_job_comes_as_it_was_sent(
            paths in proptest::collection::vec(proptest::collection::vec(1u8.., 1..20), 0..5),
            list in proptest::option::of(proptest::collection::vec("[^\0]{1,9}", 0..50)),
            delete: bool,
        ) {
            let delete = delete.then_some(DeleteWhen::After);
            let options = Options { delete, timeout_seconds: 7, ..Options::default() };
            let list = list.map(|list| list.into_iter().map(String::into_bytes).collect());
            let job = Job { role: Role::Standby, options, paths, list };
            let mut pipe = Vec::new();
            job.send(&mut pipe).unwrap();
            prop_assert_eq!(Job::receive(&mut &pipe[..]).unwrap(), job);
        }

        #[test]
        fn any_bytes_are_a_job_or_an_error(soup: Vec<u8>) {
            let _ = Job::receive(&mut &soup[..]);
        }
    }

    #[test]
    fn paths_take_a_bounded_part_of_memory_however_short_they_are() {
        let mut pipe = Vec::new();
        send_paths(&mut pipe, &vec![b"a".to_vec(); 100]).unwrap();
        let most = 100 * (1 + BESIDE);
        assert_eq!(receive_paths(&mut &pipe[..], most).unwrap().len(), 100);
        assert!(receive_paths(&mut &pipe[..], most - 1).is_err());
    }

    #[test]
    fn an_option_of_a_newer_version_is_refused_by_its_name() {
        let mut pipe = Vec::new();
        let text = br#"{"role":"standby","options":{"teleport":true},"has_list":false}"#;
        write_frame(&mut pipe, text).unwrap();
        assert!(Job::receive(&mut &pipe[..]).unwrap_err().why.contains("teleport"));
    }
}
