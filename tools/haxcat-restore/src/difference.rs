//! A row that differs, as hadiff tells it: the database is on the left, the dump on the right.

use ha_json::{Map, Value, json};
use ha_xcat::record::record;
use ha_xcat::{Cell, Table};
use std::collections::BTreeSet;

/// The record of a difference between two rows of one key, or of a row that only one side has. The
/// cells are those of the schema's columns and then those of `unknown` ones.
pub(crate) fn difference(
    table: &Table,
    unknown: &[String],
    left: Option<&[Cell<'_>]>,
    right: Option<&[Cell<'_>]>,
    show_secrets: bool,
) -> Map<String, Value> {
    let of = |cells: Option<&[Cell<'_>]>| {
        cells.and_then(|cells| record(table, unknown, cells, show_secrets))
    };
    let (left_record, right_record) = (of(left), of(right));
    let key = left_record.as_ref().or(right_record.as_ref()).and_then(|record| record.get("key"));
    let key = json!({"type": "row", "key": key, "occurrence": 1});
    let whole = |record: Option<Map<String, Value>>| {
        record.map(|mut record| {
            record.insert("type".to_owned(), "row".into());
            Value::from(record)
        })
    };
    let values = match (left, right) {
        (Some(left), Some(right)) => {
            let hidden =
                hidden_changes(table, unknown, [left, right], [&left_record, &right_record]);
            let fields = fields(left_record.as_ref(), right_record.as_ref(), &hidden);
            json!({"change": "changed", "fields": fields, "left": null, "right": null})
        }
        (Some(_), None) => {
            json!({"change": "only_left", "fields": [], "left": whole(left_record), "right": null})
        }
        _ => {
            json!({"change": "only_right", "fields": [], "left": null, "right": whole(right_record)})
        }
    };
    Map::from_iter([("key".to_owned(), key), ("values".to_owned(), values)])
}

/// The columns that differ and whose values are hidden.
fn hidden_changes(
    table: &Table,
    unknown: &[String],
    [left, right]: [&[Cell<'_>]; 2],
    records: [&Option<Map<String, Value>>; 2],
) -> BTreeSet<String> {
    let names = table.columns.iter().copied().chain(unknown.iter().map(String::as_str));
    let is_hidden = |name: &str| {
        let hidden = |record: &&Option<Map<String, Value>>| {
            record.as_ref().and_then(|record| record.get("hidden")?.as_array()).cloned()
        };
        records.iter().filter_map(hidden).flatten().any(|hidden| hidden == name)
    };
    names
        .zip(left.iter().zip(right))
        .filter(|(name, (left, right))| left != right && is_hidden(name))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn fields(
    left: Option<&Map<String, Value>>,
    right: Option<&Map<String, Value>>,
    hidden: &BTreeSet<String>,
) -> Vec<Value> {
    let values = |record: Option<&Map<String, Value>>| {
        record.and_then(|record| record.get("values")?.as_object().cloned()).unwrap_or_default()
    };
    let (left, right) = (values(left), values(right));
    let mut names: Vec<&String> = left.keys().collect();
    names.extend(right.keys().filter(|name| !left.contains_key(*name)));
    let field = |name: &&String| {
        let field = format!("values.{name}");
        if hidden.contains(*name) {
            // That they differ is no secret.
            return Some(
                json!({"field": field, "change": "changed", "left": null, "right": null, "hidden": true}),
            );
        }
        let change = match (left.get(*name), right.get(*name)) {
            (Some(left), Some(right)) if left == right => return None,
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "only_left",
            _ => "only_right",
        };
        let (left, right) = (left.get(*name), right.get(*name));
        Some(json!({"field": field, "change": change, "left": left, "right": right}))
    };
    names.iter().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(values: &[Option<&'static str>]) -> Vec<Cell<'static>> {
        values.iter().map(|value| value.map(|text| text.as_bytes().into())).collect()
    }

    #[test]
    fn only_the_fields_that_differ_are_told() {
        let mac = ha_xcat::table("mac").unwrap();
        let left = cells(&[Some("n1"), None, Some("aa"), Some("x"), None]);
        let right = cells(&[Some("n1"), None, Some("bb"), Some("x"), Some("")]);
        let record = difference(mac, &[], Some(&left), Some(&right), false);
        assert_eq!(
            record["key"],
            json!({"type": "row", "key": {"table": "mac", "node": "n1"}, "occurrence": 1})
        );
        assert_eq!(
            record["values"]["fields"],
            json!([
                {"field": "values.mac", "change": "changed", "left": "aa", "right": "bb"},
                {"field": "values.disable", "change": "changed", "left": null, "right": ""},
            ])
        );
    }

    #[test]
    fn a_secret_is_known_to_differ_and_not_shown() {
        let passwd = ha_xcat::table("passwd").unwrap();
        let row = |password: &'static str| {
            cells(&[Some("system"), Some("root"), Some(password), None, None, None, None])
        };
        let (left, right) = (row("S3cret"), row("0ther"));
        let record = Value::from(difference(passwd, &[], Some(&left), Some(&right), false));
        assert_eq!(record["values"]["fields"][0]["field"], "values.password");
        assert_eq!(record["values"]["fields"][0]["hidden"], true);
        let text = record.to_string();
        assert!(!text.contains("S3cret") && !text.contains("0ther"));
        let shown = Value::from(difference(passwd, &[], Some(&left), None, true)).to_string();
        assert!(shown.contains("S3cret") && shown.contains("only_left"));
    }
}
