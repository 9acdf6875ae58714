//! What holds of any streams.

use super::{compare, of, row, stream};
use crate::comparison::Orders;
use ha_json::{Kind, Map, Status, Value, json};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Row = (bool, u8, u8, u8);

/// Rows of three tables and files, with few keys, so that many meet and many stand twice.
fn records() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec((prop::bool::weighted(0.2), 0u8..3, 0u8..6, 0u8..2), 0..24)
}

fn record(&(is_file, table, key, value): &Row) -> Value {
    match is_file {
        true => json!({"type": "file", "key": {"path": key}, "values": {"v": value}}),
        false => row(&format!("t{table}"), &format!("n{key}"), value),
    }
}

/// Tables stand together, in an order of their own; files may stand between.
fn grouped(rows: &[Row], order: [u8; 3]) -> Vec<Value> {
    let mut files = rows.iter().filter(|row| row.0);
    let mut tables: Vec<&Row> = rows.iter().filter(|row| !row.0).collect();
    tables.sort_by_key(|row| order[usize::from(row.1)]);
    let mut all = Vec::new();
    for row in tables {
        all.extend(files.next().into_iter().chain([row]).map(record));
    }
    all.extend(files.map(record));
    all
}

/// The same as [`Told::differences`], by way of all pairs.
fn model(left: &[Value], right: &[Value]) -> Vec<String> {
    type Sides<'a> = [Vec<&'a Value>; 2];
    let mut all: BTreeMap<String, Sides<'_>> = BTreeMap::new();
    for (side, records) in [left, right].into_iter().enumerate() {
        for record in records {
            let name = format!("{} {}", record["type"].as_str().unwrap(), record["key"]);
            all.entry(name).or_default()[side].push(record);
        }
    }
    let mut told = Vec::new();
    for (name, [left, right]) in &all {
        for n in 0..left.len().max(right.len()) {
            let change = match (left.get(n), right.get(n)) {
                (Some(left), Some(right)) if left == right => continue,
                (Some(_), Some(_)) => "changed",
                (Some(_), None) => "only_left",
                _ => "only_right",
            };
            told.push((change, name, n + 1));
        }
    }
    let mut told: Vec<String> =
        told.iter().map(|(change, name, n)| format!("{change} {name} {n}")).collect();
    told.sort();
    told
}

fn laid_out(text: &str) -> String {
    let pretty = |line: &str| {
        serde_json::to_string_pretty(&line.parse::<Value>().unwrap()).unwrap() + "\r\n\n"
    };
    text.lines().map(pretty).collect()
}

fn order() -> impl Strategy<Value = [u8; 3]> {
    any::<[u8; 3]>()
}

proptest! {
    #[test]
    fn in_any_order_within_groups_the_result_is_that_of_all_pairs(
        left in records(), right in records(), orders in (order(), order()), pretty: bool
    ) {
        // Tables with the same number would be mixed.
        let distinct = |[a, b, c]: [u8; 3]| a != b && b != c && a != c;
        prop_assume!(distinct(orders.0) && distinct(orders.1));
        let (left, right) = (grouped(&left, orders.0), grouped(&right, orders.1));
        let (a, mut b) = (stream(&left), stream(&right));
        if pretty {
            b = laid_out(&b);
        }
        let told = compare(a.as_bytes(), b.as_bytes(), &Orders::default());
        let meant = model(&left, &right);
        prop_assert_eq!(told.differences(), meant.clone());
        prop_assert_eq!(told.result.clone(), Ok(if meant.is_empty() { Status::Done } else { Status::No }));
        let number = |name: &str| told.end()[name].as_u64().unwrap();
        prop_assert_eq!(
            [number("same") + number("changed") + number("only_left"), number("left_records")],
            [left.len() as u64; 2]
        );
        let brief = Orders { brief: true, ..Orders::default() };
        let brief = compare(a.as_bytes(), b.as_bytes(), &brief);
        prop_assert_eq!(brief.result, told.result.clone());
        for total in ["same", "changed", "only_left", "only_right", "left_records"] {
            prop_assert_eq!(&brief.lines[1][total], &told.end()[total]);
        }
    }

    #[test]
    fn unsorted_takes_any_order_at_all(left in records(), right in records()) {
        let make = |rows: &[Row]| rows.iter().map(record).collect::<Vec<_>>();
        let (left, right) = (make(&left), make(&right));
        let orders = Orders { unsorted: true, ..Orders::default() };
        prop_assert_eq!(of(&left, &right, &orders).differences(), model(&left, &right));
    }

    #[test]
    fn sorted_is_never_wrong_but_may_refuse(left in records(), right in records()) {
        let make = |rows: &[Row]| rows.iter().map(record).collect::<Vec<_>>();
        let (left, right) = (make(&left), make(&right));
        let told = of(&left, &right, &Orders::default());
        if told.result.is_ok() {
            prop_assert_eq!(told.differences(), model(&left, &right));
        } else {
            prop_assert!(told.why().contains("--unsorted"));
        }
    }

    #[test]
    fn swapped_sides_swap_what_is_only_on_one(left in records(), right in records()) {
        let order = [0, 1, 2];
        let (left, right) = (grouped(&left, order), grouped(&right, order));
        let (one, other) = (of(&left, &right, &Orders::default()), of(&right, &left, &Orders::default()));
        let mut swapped: Vec<String> = other
            .differences()
            .iter()
            .map(|line| match line.strip_prefix("only_left") {
                Some(rest) => format!("only_right{rest}"),
                None => line.replacen("only_right", "only_left", 1),
            })
            .collect();
        swapped.sort();
        prop_assert_eq!(one.differences(), swapped);
        prop_assert_eq!(&one.end()["only_left"], &other.end()["only_right"]);
    }

    #[test]
    fn a_stream_is_the_same_as_itself(rows in records()) {
        let records = grouped(&rows, [0, 1, 2]);
        let told = of(&records, &records, &Orders::default());
        prop_assert_eq!(told.result.clone(), Ok(Status::Done));
        prop_assert_eq!(&told.end()["same"], &json!(records.len()));
    }

    #[test]
    fn byte_soups_give_an_input_error(left: Vec<u8>, right: Vec<u8>) {
        let told = compare(&left, &right, &Orders::default());
        prop_assert!(told.why().contains("; b (right): "));
    }

    #[test]
    fn a_damaged_stream_gives_an_answer_or_an_input_error(
        rows in records(), at: prop::sample::Index, byte: u8, cut: bool, left: bool
    ) {
        let whole = stream(&grouped(&rows, [0, 1, 2])).into_bytes();
        let mut damaged = whole.clone();
        let at = at.index(whole.len());
        if cut { damaged.truncate(at) } else { damaged[at] = byte }
        let (a, b) = if left { (&damaged, &whole) } else { (&whole, &damaged) };
        let told = compare(a, b, &Orders::default());
        match &told.result {
            // Without its last line end a stream is whole.
            Ok(_) => prop_assert!(!cut || at == whole.len() - 1),
            Err(error) => {
                prop_assert_eq!(error.kind, Kind::Input);
                let side = if left { "a (left)" } else { "b (right)" };
                prop_assert!(error.to_string().contains(side), "{}", error);
                prop_assert_eq!(told.end()["status"].clone(), json!(4));
            }
        }
    }

    #[test]
    fn a_glance_takes_for_json_what_becomes_a_tree(soup in "\\{\"(type|key|a|hidden)\":[\\[\\]{}\",:0-9eE.+\\-a-fu\\\\ tru]{0,16}\\}") {
        let mut glance = crate::glance::Glance::default();
        let tree = serde_json::from_slice::<Map<String, Value>>(soup.as_bytes());
        prop_assert_eq!(glance.read(soup.as_bytes()).is_ok(), tree.is_ok());
    }
}
