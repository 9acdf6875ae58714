//! Both sides read in step: a record that meets its partner is compared and forgotten, one that
//! does not waits.

use crate::fields::Ignored;
use crate::group::{Entered, Group, Groups, Place};
use crate::report::Report;
use crate::side::{Side, Source, same_schema, together};
use ha_json::{Error, Kind, Status, Stream, Tool};
use std::io::Write;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// The fields of `--ignore`.
    pub(crate) ignored: Ignored,
    /// Only the totals.
    pub(crate) brief: bool,
    /// Records stand in any order.
    pub(crate) unsorted: bool,
    /// Tell the person, too.
    pub(crate) verbose: bool,
}

const WORDS: [&str; 2] = ["left", "right"];

/// Why a comparison ends early.
enum Stop {
    /// One side cannot be read, or is not to be trusted.
    Side(usize, Error),
    /// They cannot be compared, whatever else they are.
    Both(Error),
    /// Nobody reads what is told.
    ReaderGone,
}

pub(crate) struct Comparison<'a, W: Write> {
    tool: Tool,
    sides: [Side<'a>; 2],
    /// Where the record belongs that a side is at.
    places: [Option<Place>; 2],
    groups: Groups,
    report: Report<'a, W>,
    orders: &'a Orders,
}

impl<'a, W: Write> Comparison<'a, W> {
    pub(crate) fn new(
        tool: Tool,
        stream: Stream<W>,
        sources: [Source<'a>; 2],
        orders: &'a Orders,
    ) -> Self {
        let [left, right] = sources;
        Comparison {
            tool,
            sides: [Side::new(WORDS[0], left), Side::new(WORDS[1], right)],
            places: [None, None],
            groups: Groups::new(orders.unsorted),
            report: Report::new(stream, orders),
            orders,
        }
    }

    /// Compares, tells and ends the stream.
    ///
    /// # Errors
    /// Where a side cannot be read, or is not to be trusted; both are named where both are.
    pub(crate) fn run(mut self) -> Result<Status, Error> {
        let stopped = self.compare();
        let (errors, not_trusted) = match stopped {
            Ok(()) | Err(Stop::ReaderGone) => (Vec::new(), Vec::new()),
            Err(Stop::Both(error)) => (vec![error], WORDS.to_vec()),
            Err(Stop::Side(side, error)) => self.both(side, error),
        };
        let Report { stream, totals, .. } = self.report;
        let fields = totals.fields(&self.sides, &not_trusted);
        if let Some(error) = together(errors) {
            return Err(stream.end_failed(&fields, error));
        }
        if self.orders.verbose {
            self.tool.say(&format!(
                "{} is compared with {}: {} same, {} changed, {} and {} on one side only",
                self.sides[0].name,
                self.sides[1].name,
                totals.same,
                totals.changed,
                totals.only[0],
                totals.only[1],
            ));
        }
        if totals.differ() { stream.end_with_no(&fields) } else { stream.end(&fields) }
    }

    /// Where one side has failed, the other is read to its end, so that both are named at once.
    fn both(&mut self, side: usize, error: Error) -> (Vec<Error>, Vec<&'static str>) {
        let mut found = [None, None];
        found[1 - side] = self.sides[1 - side].finish().err();
        found[side] = Some(error);
        let bad = found.iter().zip(WORDS).filter(|(error, _)| error.is_some());
        let words = bad.map(|(_, word)| word).collect();
        (found.into_iter().flatten().collect(), words)
    }

    fn compare(&mut self) -> Result<(), Stop> {
        for (number, side) in self.sides.iter_mut().enumerate() {
            side.begin().map_err(|error| Stop::Side(number, error))?;
        }
        same_schema(&self.sides).map_err(Stop::Both)?;
        let answer = |side: usize| self.sides[side].beginning.as_ref()?.answer.as_ref();
        if let (Some(left), Some(right)) = (answer(0), answer(1)) {
            self.report.answers(left, right);
            return Ok(());
        }
        while self.next_records()? {
            if self.report.stream.reader_gone() {
                return Err(Stop::ReaderGone);
            }
            let [left, right] = [0, 1].map(|side| self.sides[side].at_record());
            if left && self.meets_one_that_waits(0)? || right && self.meets_one_that_waits(1)? {
                continue;
            }
            if left && right && self.sides[0].glance().names_the_same(self.sides[1].glance()) {
                self.meet()?;
                continue;
            }
            for (side, _) in [left, right].into_iter().enumerate().filter(|(_, there)| *there) {
                self.wait(side)?;
            }
        }
        for group in self.groups.finish() {
            self.tell(group)?;
        }
        Ok(())
    }

    /// Reads on until each side is at a record with a key or at its end; false where both ended.
    fn next_records(&mut self) -> Result<bool, Stop> {
        while self.sides.iter().any(Side::wanting) {
            let wanting = [0, 1].map(|side| self.sides[side].wanting());
            for side in (0..2).filter(|side| wanting[*side]) {
                self.sides[side].fetch().map_err(|error| Stop::Side(side, error))?;
            }
            let [left, right] = &mut self.sides;
            // What both say in the same words is looked at once.
            let alike = wanting == [true, true] && left.text() == right.text();
            if wanting[0] {
                left.look(None).map_err(|error| Stop::Side(0, error))?;
            }
            if wanting[1] {
                let like = alike.then(|| left.glance());
                right.look(like).map_err(|error| Stop::Side(1, error))?;
            }
            for side in (0..2).filter(|side| wanting[*side]) {
                self.enter(side)?;
            }
        }
        Ok(self.sides.iter().any(Side::at_record))
    }

    fn enter(&mut self, side: usize) -> Result<(), Stop> {
        if !self.sides[side].at_record() {
            return Ok(());
        }
        let alone = self.sides[1 - side].ended();
        match self.groups.enter(side, self.sides[side].glance(), alone) {
            Entered::Group(place, left) => {
                self.places[side] = Some(place);
                left.map_or(Ok(()), |group| self.tell(group))
            }
            Entered::ToldBefore(group) => {
                let why = format!(
                    "records of type {group} come again after others: --unsorted takes any order"
                );
                Err(Stop::Side(side, Error::input(&self.sides[side].name, why)))
            }
        }
    }

    /// What is left over in a group has no partner.
    fn tell(&mut self, mut group: Group) -> Result<(), Stop> {
        for side in 0..2 {
            for (text, occurrence) in group.left_over(side) {
                self.report.only(side, &text, occurrence).map_err(|at| no_json(&self.sides, at))?;
                if self.report.stream.reader_gone() {
                    return Err(Stop::ReaderGone);
                }
            }
        }
        Ok(())
    }

    /// Compares the record that a side is at with the first of the other that waits for it.
    fn meets_one_that_waits(&mut self, side: usize) -> Result<bool, Stop> {
        let (glance, text) = (self.sides[side].glance(), self.sides[side].text());
        let Some(place) = self.places[side] else { return Ok(false) };
        let Some(group) = self.groups.of(place) else { return Ok(false) };
        let Some(partner) = group.take(1 - side, place.hash, glance) else { return Ok(false) };
        let occurrence = group.count(place.hash);
        let pair = if side == 0 { [text, &partner] } else { [&partner, text] };
        // The partner was not kept with what it said of itself: same texts have the same.
        let result = self.report.pair(pair, glance.hidden, occurrence);
        result.map_err(|at| no_json(&self.sides, at))?;
        self.sides[side].drop_record();
        Ok(true)
    }

    /// Compares the two records that the sides are at.
    fn meet(&mut self) -> Result<(), Stop> {
        let [left, right] = &self.sides;
        let group = self.places[0].and_then(|place| Some((self.groups.of(place)?, place.hash)));
        let occurrence = group.map_or(1, |(group, hash)| group.count(hash));
        let result =
            self.report.pair([left.text(), right.text()], left.glance().hidden, occurrence);
        result.map_err(|at| no_json(&self.sides, at))?;
        self.sides.iter_mut().for_each(Side::drop_record);
        Ok(())
    }

    /// Lets the record that a side is at wait. Where the other side ended, nothing can come for it.
    fn wait(&mut self, side: usize) -> Result<(), Stop> {
        let (text, place) = (self.sides[side].text(), self.places[side]);
        if let Some(place) = place
            && let Some(group) = self.groups.of(place)
        {
            if self.sides[1 - side].ended() && !group.waits(side, place.hash) {
                let occurrence = group.count(place.hash);
                let result = self.report.only(side, text, occurrence);
                result.map_err(|at| no_json(&self.sides, at))?;
            } else {
                group.put(side, place.hash, self.sides[side].records, text);
            }
        }
        self.sides[side].drop_record();
        Ok(())
    }
}

fn no_json(sides: &[Side<'_>; 2], (side, error): (usize, serde_json::Error)) -> Stop {
    let why = format!("a record is not JSON: {error}");
    Stop::Side(side, Error::new(Kind::Input, &sides[side].name, why))
}
