//! What a table of the database and that of a dump have in common.

use crate::difference::difference;
use ha_json::{Error, Map, Value};
use ha_xcat::dump::Part;
use ha_xcat::fingerprint::{Digester, Fingerprint};
use ha_xcat::{Cell, Layout, Order, Snapshot, Table};
use std::collections::{HashMap, HashSet};

/// Where the columns of a dump stand in the rows of the database.
#[derive(Debug)]
pub(crate) struct Alignment {
    layout: Layout,
    /// For each column of the dump, its place; none where the database does not have it.
    places: Vec<Option<usize>>,
    /// Those of them that belong to the key.
    keys: Vec<usize>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// How many rows the database has.
    pub(crate) rows: u64,
    /// Both have the same rows.
    pub(crate) equal: bool,
    /// Where they were asked for.
    pub(crate) counts: Option<Counts>,
}

/// How many rows are in both, and on one side only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) same: u64,
    pub(crate) changed: u64,
    pub(crate) added: u64,
    pub(crate) removed: u64,
}

/// What gets each row that differs.
pub(crate) type Tell<'a> = dyn FnMut(&Map<String, Value>) -> Result<(), Error> + 'a;

/// What to find out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Depth {
    /// Whether they are equal.
    Whether,
    /// How many rows differ.
    Count,
    /// Which, with secrets shown or not.
    Each { show_secrets: bool },
}

impl Alignment {
    /// Of the table as the database has it.
    pub(crate) fn new(part: &Part, layout: Layout) -> Alignment {
        let table = part.table;
        let place = |column: &String| match table.position(column) {
            Some(at) => layout.present[at].then_some(at),
            None => {
                let own =
                    layout.unknown.iter().position(|name| name.eq_ignore_ascii_case(column))?;
                Some(table.columns.len() + own)
            }
        };
        let places = part.columns.iter().map(place).collect();
        let is_key = |at: &usize| table.keys.contains(&part.columns[*at].as_str());
        let keys = (0..part.columns.len()).filter(is_key).collect();
        Alignment { layout, places, keys }
    }

    /// Columns in which the dump has something and for which the database has no place.
    pub(crate) fn missing<'p>(&self, part: &'p Part) -> Vec<&'p str> {
        let all = part.columns.iter().zip(&part.used).zip(&self.places);
        all.filter(|((_, used), place)| **used && place.is_none())
            .map(|((column, _), _)| column.as_str())
            .collect()
    }

    /// Columns of the database of which the dump says nothing.
    pub(crate) fn unsaid(&self, table: &Table) -> Vec<String> {
        let said = |at: usize| self.places.contains(&Some(at));
        let known = table
            .columns
            .iter()
            .enumerate()
            .filter(|(at, _)| self.layout.present[*at] && !said(*at));
        let own = self.layout.unknown.iter().enumerate();
        let own = own.filter(|(at, _)| !said(table.columns.len() + at));
        known.map(|(_, name)| (*name).to_owned()).chain(own.map(|(_, name)| name.clone())).collect()
    }

    /// The places of the dump's columns that the database has.
    pub(crate) fn written(&self) -> Vec<usize> {
        let all = self.places.iter().enumerate();
        all.filter(|(_, place)| place.is_some()).map(|(at, _)| at).collect()
    }

    /// A row of the database as the dump would have it.
    fn as_dumped<'a>(&self, cells: &[Cell<'a>]) -> Vec<Cell<'a>> {
        self.places.iter().map(|place| place.and_then(|at| cells[at].clone())).collect()
    }

    /// A row of the dump as the database would have it.
    fn as_kept<'a>(&self, table: &Table, cells: &[Cell<'a>]) -> Vec<Cell<'a>> {
        let mut kept = vec![None; table.columns.len() + self.layout.unknown.len()];
        for (cell, place) in cells.iter().zip(&self.places) {
            if let Some(at) = place {
                kept[*at] = cell.clone();
            }
        }
        kept
    }

    fn key_digest(&self, digester: &mut Digester, cells: &[Cell<'_>]) -> u128 {
        digester.digest(self.keys.iter().map(|at| &cells[*at]))
    }

    /// Whether both have the same rows. It is known to be no as soon as one is found that the dump does
    /// not have.
    fn whether(&self, part: &Part, snapshot: &mut dyn Snapshot) -> Result<Compared, Error> {
        let rows = snapshot.count(part.table)?;
        let no = Compared { rows, equal: false, counts: None };
        if rows != part.fingerprint.rows {
            return Ok(no);
        }
        let mut digester = Digester::default();
        let mut dumped = HashSet::new();
        let mut source = part.rows();
        while source.advance()? {
            dumped.insert(digester.digest(source.cells().iter()));
        }
        // A server that is asked for all rows sends them, whether they are still wanted or not.
        for order in [Order::Few(100), Order::Any] {
            let (mut found, mut alien) = (Fingerprint::default(), false);
            snapshot.each_row(part.table, &self.layout, order, &mut |cells| {
                let digest = digester.digest(self.as_dumped(cells).iter());
                found.add(digest);
                alien = !dumped.contains(&digest);
                Ok(!alien)
            })?;
            if alien || found == part.fingerprint {
                return Ok(Compared { equal: !alien, ..no });
            }
        }
        Ok(no)
    }

    /// The rows of the database, as the dump would have them.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(crate) fn fingerprint(
        &self,
        part: &Part,
        snapshot: &mut dyn Snapshot,
    ) -> Result<Fingerprint, Error> {
        let (mut fingerprint, mut digester) = (Fingerprint::default(), Digester::default());
        snapshot.each_row(part.table, &self.layout, Order::Any, &mut |cells| {
            fingerprint.add(digester.digest(self.as_dumped(cells).iter()));
            Ok(true)
        })?;
        Ok(fingerprint)
    }

    /// Compares; `tell` gets each difference where each is asked for.
    ///
    /// # Errors
    /// Where either cannot be read.
    pub(crate) fn compare(
        &self,
        part: &Part,
        snapshot: &mut dyn Snapshot,
        depth: Depth,
        tell: &mut Tell<'_>,
    ) -> Result<Compared, Error> {
        let show = match depth {
            Depth::Whether => return self.whether(part, snapshot),
            Depth::Count => None,
            Depth::Each { show_secrets } => Some(show_secrets),
        };
        // Of each row of the dump no more is held than two digests and its place.
        let mut digester = Digester::default();
        let mut dumped: HashMap<u128, (u128, u64)> = HashMap::new();
        let mut rows = part.rows();
        while rows.advance()? {
            let cells = rows.cells();
            let key = self.key_digest(&mut digester, &cells);
            dumped.insert(key, (digester.digest(cells.iter()), rows.offset()));
        }
        let (mut counts, mut before) = (Counts::default(), Fingerprint::default());
        let table = part.table;
        let unknown = &self.layout.unknown;
        let mut each = |left: Option<&[Cell<'_>]>, right: Option<&[Cell<'_>]>| match show {
            Some(show_secrets) => tell(&difference(table, unknown, left, right, show_secrets)),
            None => Ok(()),
        };
        snapshot.each_row(table, &self.layout, Order::Key, &mut |cells| {
            let row = self.as_dumped(cells);
            let row_digest = digester.digest(row.iter());
            before.add(row_digest);
            match dumped.remove(&self.key_digest(&mut digester, &row)) {
                None => {
                    counts.removed += 1;
                    each(Some(cells), None)?;
                }
                Some((other, _)) if other == row_digest => counts.same += 1,
                Some((_, offset)) => {
                    counts.changed += 1;
                    if show.is_some() {
                        let right = self.as_kept(table, &part.row_at(offset)?);
                        each(Some(cells), Some(&right))?;
                    }
                }
            }
            Ok(true)
        })?;
        counts.added = dumped.len() as u64;
        if show.is_some() {
            let mut offsets: Vec<u64> = dumped.into_values().map(|(_, offset)| offset).collect();
            offsets.sort_unstable();
            for offset in offsets {
                each(None, Some(&self.as_kept(table, &part.row_at(offset)?)))?;
            }
        }
        let equal = before == part.fingerprint;
        Ok(Compared { rows: before.rows, equal, counts: Some(counts) })
    }
}

/// A table that the database does not have.
pub(crate) fn all_added(part: &Part, depth: Depth, tell: &mut Tell<'_>) -> Result<Compared, Error> {
    let added = part.fingerprint.rows;
    let counts = Counts { added, ..Counts::default() };
    let counts = (!matches!(depth, Depth::Whether)).then_some(counts);
    if let Depth::Each { show_secrets } = depth {
        let names: Vec<String> = part.columns.clone();
        let alignment = Alignment::new(part, Layout::new(part.table, &names));
        let mut rows = part.rows();
        while rows.advance()? {
            let cells: Vec<Cell<'_>> = rows.cells();
            let kept = alignment.as_kept(part.table, &cells);
            tell(&difference(
                part.table,
                &alignment.layout.unknown,
                None,
                Some(&kept),
                show_secrets,
            ))?;
        }
    }
    Ok(Compared { rows: 0, equal: added == 0, counts })
}

/// The rows of a part, of the columns that the database has.
pub(crate) struct Written<'a> {
    pub(crate) rows: ha_xcat::dump::PartRows<'a>,
    pub(crate) places: Vec<usize>,
}

impl ha_xcat::Rows for Written<'_> {
    fn next_row(&mut self) -> Result<Option<Vec<Cell<'_>>>, Error> {
        if !self.rows.advance()? {
            return Ok(None);
        }
        let mut cells = self.rows.cells();
        Ok(Some(self.places.iter().map(|at| cells.get_mut(*at).and_then(Option::take)).collect()))
    }
}
