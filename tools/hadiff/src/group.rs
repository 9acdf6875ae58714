//! Records that wait for their partners, in the groups in which they stand together: for a stream
//! of haxcat-dump that is a table. What waits is the text of a record and no tree.

use crate::glance::Glance;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Where a stream is with a group.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Presence {
    Before,
    In,
    Behind,
}

/// The texts of records, by a hash of type and key and by place in the stream.
type Waiting = BTreeMap<(u64, u64), Box<[u8]>>;

/// Records that stand together.
#[derive(Debug)]
pub(crate) struct Group {
    presence: [Presence; 2],
    waiting: [Waiting; 2],
    /// How many of a type and key were told or found to be the same.
    counts: HashMap<u64, u64>,
    number: u64,
}

impl Group {
    /// The first record with this type and key that waits on a side.
    pub(crate) fn take(&mut self, side: usize, hash: u64, glance: &Glance) -> Option<Box<[u8]>> {
        let waiting = &mut self.waiting[side];
        let mut other = Glance::default();
        let found = waiting
            .range((hash, 0)..=(hash, u64::MAX))
            .find(|(_, text)| other.read(text).is_ok() && other.names_the_same(glance))
            .map(|(at, _)| *at)?;
        waiting.remove(&found)
    }

    /// Lets a record wait; `place` is its place in its stream.
    pub(crate) fn put(&mut self, side: usize, hash: u64, place: u64, text: &[u8]) {
        self.waiting[side].insert((hash, place), text.into());
    }

    /// Whether one with this hash waits there.
    pub(crate) fn waits(&self, side: usize, hash: u64) -> bool {
        self.waiting[side].range((hash, 0)..=(hash, u64::MAX)).next().is_some()
    }

    /// Counts a record with this type and key that waits no longer: which of them it is, from 1.
    pub(crate) fn count(&mut self, hash: u64) -> u64 {
        let count = self.counts.entry(hash).or_default();
        *count += 1;
        *count
    }

    /// What waits on a side, in the order of the stream, with its occurrence.
    pub(crate) fn left_over(&mut self, side: usize) -> Vec<(Box<[u8]>, u64)> {
        let mut all: Vec<_> = std::mem::take(&mut self.waiting[side]).into_iter().collect();
        all.sort_unstable_by_key(|((_, place), _)| *place);
        all.into_iter().map(|((hash, _), text)| (text, self.count(hash))).collect()
    }
}

/// The records of one type.
#[derive(Debug, Default)]
struct Type {
    /// The field of the key by which they are grouped: the first of the first key that has several.
    by: Option<Vec<u8>>,
    /// The group that each stream is in.
    current: [Option<u64>; 2],
}

/// All groups that are not told yet.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    hashes: RandomState,
    /// By a hash of the name.
    types: HashMap<u64, Type>,
    groups: HashMap<u64, Group>,
    told: HashSet<u64>,
    /// All is one group: nothing is told before the end.
    unsorted: bool,
    opened: u64,
}

/// Where a record belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    group: u64,
    /// Of its type and its key.
    pub(crate) hash: u64,
}

/// What a record that comes in changes.
pub(crate) enum Entered {
    /// It stands in a group that waits for more; one that both streams have left is given, too.
    Group(Place, Option<Group>),
    /// Its group, as its key has it, was told already.
    ToldBefore(String),
}

impl Groups {
    pub(crate) fn new(unsorted: bool) -> Groups {
        Groups { unsorted, ..Groups::default() }
    }

    /// Takes notice of a record of a side. `alone` where the other side has ended.
    pub(crate) fn enter(&mut self, side: usize, glance: &Glance, alone: bool) -> Entered {
        let kind = self.types.entry(self.hashes.hash_one(&glance.kind)).or_default();
        if kind.by.is_none() && !self.unsorted {
            kind.by = glance.grouped_by().map(<[u8]>::to_vec);
        }
        let name = kind.by.as_ref().and_then(|by| glance.group(by)).unwrap_or_default();
        let group = self.hashes.hash_one((&glance.kind, name));
        let hash = self.hashes.hash_one((&glance.kind, &glance.key));
        let place = Place { group, hash };
        if kind.current[side] == Some(group) {
            return Entered::Group(place, None);
        }
        if self.told.contains(&group) {
            let name = String::from_utf8_lossy(name);
            return Entered::ToldBefore(format!("{} with {name} in the key", glance.kind));
        }
        // Records whose keys have no such field may stand anywhere: their group is never left.
        let before = match name.is_empty() {
            true => None,
            false => kind.current[side].replace(group),
        };
        let opened = &mut self.opened;
        let entered = self.groups.entry(group).or_insert_with(|| {
            *opened += 1;
            Group {
                presence: [Presence::Before; 2],
                waiting: Default::default(),
                counts: HashMap::new(),
                number: *opened,
            }
        });
        entered.presence[side] = Presence::In;
        Entered::Group(place, before.and_then(|before| self.leave(side, before, alone)))
    }

    fn leave(&mut self, side: usize, id: u64, alone: bool) -> Option<Group> {
        let group = self.groups.get_mut(&id)?;
        group.presence[side] = Presence::Behind;
        if !alone && group.presence != [Presence::Behind; 2] {
            return None;
        }
        self.told.insert(id);
        self.groups.remove(&id)
    }

    /// The group of a record that is in.
    pub(crate) fn of(&mut self, place: Place) -> Option<&mut Group> {
        self.groups.get_mut(&place.group)
    }

    /// All that are left, the oldest first.
    pub(crate) fn finish(&mut self) -> Vec<Group> {
        let mut all: Vec<Group> = std::mem::take(&mut self.groups).into_values().collect();
        all.sort_unstable_by_key(|group| group.number);
        all
    }
}
