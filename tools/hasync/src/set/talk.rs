//! What a primary and a standby say of a set to each other: frames of JSON after the job's frame, as
//! `man/hasync-protocol.5` tells. Either end says now and then that it is still there.

use super::document::Group;
use super::plan::Listed;
use super::role::Role;
use crate::wire::{Counted, damaged, read_frame, write_frame};
use ha_json::{Error, Kind, Map, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Entries of the list in one frame.
pub(super) const PIECE: usize = 4096;
/// And bytes of their paths: one that is no UTF-8 takes twice as many, and a frame is 4 MiB at most.
pub(super) const PIECE_BYTES: usize = 1 << 20;
/// The list takes at most so many bytes of memory, as far as its paths tell.
const MOST_LISTED: usize = 1 << 30;
const STILL_HERE_EVERY: Duration = Duration::from_secs(5);
/// For so many times `--timeout` an end may live and do nothing: disks take their time.
const IDLE: u32 = 10;

/// What the primary says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    /// A group is to be brought.
    Begin(Box<Order>),
    /// Some of what the primary has.
    Listed(Vec<Listed>),
    /// A run is to bring what the group needs to where it waits: its job comes when the other end is
    /// ready, and nothing else before it is over.
    Stage,
    /// All is listed and what is needed waits at the standby.
    Commit {
        /// The primary could read all that it has.
        complete: bool,
        /// Those of the group's paths of which there was nothing to bring to where it waits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<String>,
    },
    /// The group is left as it is.
    Leave,
    StillHere(u64),
}

/// A group, for one standby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub(super) group: Group,
    pub(super) root: String,
    /// Where the standby keeps what it knows; absent for the place that is usual.
    pub(super) state: Option<String>,
    pub(super) role: Role,
    /// What this node is called, and its addresses.
    pub(super) names: Vec<String>,
    pub(super) substitutions: BTreeMap<String, String>,
    pub(super) dry_run: bool,
    pub(super) accept_loss: bool,
    pub(super) lock_wait_seconds: u64,
    /// What is at and beneath this path alone is brought to where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) only: Option<String>,
}

/// What the standby says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Answer {
    /// What the group needs may be brought, to this directory.
    Begun {
        stage: String,
    },
    /// The line is the run's: nothing else is said before it is over.
    Ready,
    /// The run is over.
    Staged,
    /// A record: its type, and the rest of it.
    Record(String, Map<String, Value>),
    /// The group is done with.
    Done(Done),
    /// Nothing was changed, or all was put back.
    Failed {
        kind: String,
        what: String,
        why: String,
        /// The generation that this end knows of, where it does.
        generation: Option<u64>,
    },
    StillHere(u64),
}

/// What an end says.
pub(super) trait Said: Serialize + DeserializeOwned {
    /// It lives, and has done so much.
    fn still_here(did: u64) -> Self;
    /// So much, where it is no more than that.
    fn did(&self) -> Option<u64>;
}

impl Said for Ask {
    fn still_here(did: u64) -> Ask {
        Ask::StillHere(did)
    }

    fn did(&self) -> Option<u64> {
        if let Ask::StillHere(did) = self { Some(*did) } else { None }
    }
}

impl Said for Answer {
    fn still_here(did: u64) -> Answer {
        Answer::StillHere(did)
    }

    fn did(&self) -> Option<u64> {
        if let Answer::StillHere(did) = self { Some(*did) } else { None }
    }
}

/// What this process has done for sets: looked at, read or moved.
static WORK: AtomicU64 = AtomicU64::new(0);

/// Something was done.
pub(super) fn worked() {
    WORK.fetch_add(1, Ordering::Relaxed);
}

/// What became of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// Its name, where there is one.
    pub(super) transaction: Option<String>,
    pub(super) changed: u64,
    pub(super) conflicts: u64,
    pub(super) held_back: u64,
    /// Entries, and bytes of files, that both have.
    pub(super) files: u64,
    pub(super) size_bytes: u64,
}

/// In a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Unchanged,
    Committed,
    /// It would be, without `--dry-run`.
    WouldCommit,
    /// A conflict, a validation or the like is against it.
    #[default]
    Refused,
    /// A hook failed and what it was called after is undone.
    RolledBack,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Outcome::Unchanged => "unchanged",
            Outcome::Committed => "committed",
            Outcome::WouldCommit => "would_commit",
            Outcome::Refused => "refused",
            Outcome::RolledBack => "rolled_back",
        }
    }
}

impl Answer {
    pub(super) fn failed(error: &Error, generation: Option<u64>) -> Answer {
        let (what, why) = (error.what.clone(), error.why.clone());
        Answer::Failed { kind: error.kind.word().to_owned(), what, why, generation }
    }

    pub(super) fn error(kind: &str, what: String, why: String) -> Error {
        Error::new(Kind::from_word(kind).unwrap_or(Kind::Failed), what, why)
    }
}

/// What is said on.
struct Out {
    pipe: Counted<File>,
    /// Something else has the line: nobody says that this end is still there.
    lent: bool,
}

/// One end: says `S`, hears `H`.
pub(super) struct Talk<S, H> {
    out: Arc<Mutex<Out>>,
    input: Counted<File>,
    frame: Vec<u8>,
    /// The other end may do nothing for so long.
    idle: Duration,
    listed: usize,
    /// Dropped, it ends the thread that says that this end is still there.
    _ends: Sender<()>,
    says: PhantomData<fn(S) -> H>,
}

impl<S: Said, H: Said> Talk<S, H> {
    pub(super) fn new(
        out: &Counted<impl AsFd>,
        input: &Counted<impl AsFd>,
        timeout_seconds: u64,
    ) -> Result<Self, Error> {
        let out = Arc::new(Mutex::new(Out { pipe: out.again()?, lent: false }));
        let (ends, ended) = channel::<()>();
        let line = Arc::clone(&out);
        thread::spawn(move || {
            // The other end gives up after that time.
            let every = STILL_HERE_EVERY.min(Duration::from_secs(timeout_seconds) / 3);
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let mut out = locked(&line);
                let said = frame_of(&S::still_here(WORK.load(Ordering::Relaxed)));
                let said =
                    said.and_then(|text| if out.lent { Ok(()) } else { put(&mut out.pipe, &text) });
                // The other end sees a line that is gone, where it listens.
                if said.is_err() {
                    break;
                }
            }
        });
        let idle = Duration::from_secs(timeout_seconds) * IDLE;
        let (input, frame, listed) = (input.again()?, Vec::new(), 0);
        Ok(Talk { out, input, frame, idle, listed, _ends: ends, says: PhantomData })
    }

    pub(super) fn say(&self, what: &S) -> Result<(), Error> {
        put(&mut locked(&self.out).pipe, &frame_of(what)?)
    }

    /// Lends the line to a run, which writes on the first and reads from the second. It may read more
    /// than is its own: nothing else is said until both ends have it back.
    pub(super) fn lend(&self) -> Result<(Counted<File>, Counted<File>), Error> {
        let mut out = locked(&self.out);
        out.lent = true;
        Ok((out.pipe.again()?, self.input.again()?))
    }

    /// Nothing is waited for once this is true, nor by a run that the line is lent to.
    pub(super) fn give_up_when(&mut self, given_up: Option<Arc<AtomicBool>>) {
        locked(&self.out).pipe.give_up_when(given_up.clone());
        self.input.give_up_when(given_up);
    }

    /// The run is over.
    pub(super) fn take_back(&self) {
        locked(&self.out).lent = false;
    }

    /// What it hears next; `None` where the other end has left. That may wait for something itself, for
    /// so many seconds.
    pub(super) fn hear(&mut self, waits_seconds: u64) -> Result<Option<H>, Error> {
        let idle = self.idle + Duration::from_secs(waits_seconds);
        let mut did = None;
        let mut since = Instant::now();
        loop {
            if !read_frame(&mut self.input, &mut self.frame)? {
                return Ok(None);
            }
            // The last that a run says may be that it is still there: a frame of one byte.
            if self.frame.len() == 1 {
                continue;
            }
            let said: H = serde_json::from_slice(&self.frame).map_err(|error| {
                Error::failed("the far side", format!("says what is not understood: {error}"))
            })?;
            match said.did() {
                None => return Ok(Some(said)),
                now if now != did => (did, since) = (now, Instant::now()),
                _ if since.elapsed() > idle => {
                    let why = format!(
                        "lives, and has done nothing for {} s (--timeout waits longer)",
                        idle.as_secs()
                    );
                    return Err(Error::busy("the far side", why));
                }
                _ => {}
            }
        }
    }

    /// Counts what a list takes.
    pub(super) fn weigh(&mut self, listed: &[Listed]) -> Result<(), Error> {
        self.listed += listed.iter().map(|one| one.path.len() + size_of::<Listed>()).sum::<usize>();
        if self.listed > MOST_LISTED { Err(damaged("a list that does not end")) } else { Ok(()) }
    }

    /// A list begins.
    pub(super) fn weigh_anew(&mut self) {
        self.listed = 0;
    }
}

fn locked(out: &Mutex<Out>) -> MutexGuard<'_, Out> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put(out: &mut Counted<File>, frame: &[u8]) -> Result<(), Error> {
    write_frame(out, frame)?;
    out.flush().map_err(|error| Error::io("the far side", &error))
}

fn frame_of(what: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(what).map_err(|error| Error::failed("the far side", error.to_string()))
}
