//! Whole comparisons, in this process.

mod properties;

use crate::comparison::{Comparison, Orders};
use crate::fields::Ignored;
use crate::side::Source;
use ha_json::{Error, Kind, Status, Stream, Tool, Value, json};
use std::io::Read;

const TOOL: Tool = Tool { name: "hadiff", version: "1" };

struct Told {
    result: Result<Status, Error>,
    lines: Vec<Value>,
}

impl Told {
    fn end(&self) -> &Value {
        self.lines.last().unwrap()
    }

    fn why(self) -> String {
        let error = self.result.unwrap_err();
        assert_eq!((error.kind, &self.lines.last().unwrap()["ok"]), (Kind::Input, &json!(false)));
        error.to_string()
    }

    /// `change type key occurrence` of each difference, sorted.
    fn differences(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .lines
            .iter()
            .filter(|line| line["type"] == "difference")
            .map(|line| {
                let key = &line["key"];
                let (kind, occurrence) = (key["type"].as_str().unwrap(), &key["occurrence"]);
                let change = line["values"]["change"].as_str().unwrap();
                format!("{change} {kind} {} {occurrence}", key["key"])
            })
            .collect();
        all.sort();
        all
    }
}

fn compare(left: &[u8], right: &[u8], orders: &Orders) -> Told {
    let source = |name: &str, bytes| Source { name: name.into(), read: Ok(read(bytes)) };
    fn read(bytes: &[u8]) -> Box<dyn Read + '_> {
        Box::new(bytes)
    }
    let mut out = Vec::new();
    let stream = Stream::begin_on(&mut out, TOOL, "hadiff/1");
    let sources = [source("a", left), source("b", right)];
    let result = Comparison::new(TOOL, stream, sources, orders).run();
    let lines = std::str::from_utf8(&out).unwrap().lines().map(|line| line.parse().unwrap());
    Told { result, lines: lines.collect() }
}

fn stream(records: &[Value]) -> String {
    let begin = json!({"type": "begin", "schema": "haxcat/1", "host": "mn1", "time": "now"});
    let count = records.len();
    let end = json!({"type": "end", "ok": true, "status": 0, "records": count, "failed": 0});
    let all: Vec<String> =
        [&begin].into_iter().chain(records).chain([&end]).map(Value::to_string).collect();
    all.join("\n") + "\n"
}

fn of(left: &[Value], right: &[Value], orders: &Orders) -> Told {
    compare(stream(left).as_bytes(), stream(right).as_bytes(), orders)
}

fn row(table: &str, node: &str, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({"type": "row", "key": {"table": table, "node": node}, "values": {"v": value}})
}

#[test]
fn the_same_records_in_other_words_are_the_same() {
    let left = r#"{"type":"begin","schema":"x/1"}
        {"type":"row","key":{"table":"a","n":1},"values":{"s":"\u0061","f":1.0,"o":{"b":1,"c":2}}}
        {"type":"end","ok":true,"status":0,"records":1}"#;
    let right = r#"{"schema":"x/1","type":"begin"}
        {"values":{"o":{"c":2,"b":1},"f":1,"s":"a"},"key":{"n":1.0,"table":"a"},"type":"row"}
        {"type":"end","ok":true,"status":1,"records":1}"#;
    let told = compare(left.as_bytes(), right.as_bytes(), &Orders::default());
    assert_eq!(told.result, Ok(Status::Done));
    assert_eq!((&told.end()["same"], &told.end()["records"]), (&json!(1), &json!(0)));
}

#[test]
fn a_group_is_told_and_forgotten_when_both_have_left_it() {
    let left = [row("a", "1", 1), row("b", "1", 1), row("b", "2", 1)];
    let right = [row("a", "2", 1), row("b", "1", 1), row("b", "2", 2)];
    let told = of(&left, &right, &Orders::default());
    let of_lines = |number: usize| &told.lines[number]["values"]["change"];
    assert_eq!(
        [of_lines(1), of_lines(2), of_lines(3)],
        ["only_left", "only_right", "changed"],
        "table a is told before table b is compared"
    );
}

#[test]
fn a_group_that_comes_again_is_refused_unless_any_order_is_taken() {
    let records = [row("a", "1", 1), row("b", "1", 1), row("a", "2", 1)];
    let why = of(&records, &records, &Orders::default()).why();
    assert!(why.contains("\"table\":\"a\"") && why.contains("--unsorted"), "{why}");
    let orders = Orders { unsorted: true, ..Orders::default() };
    assert_eq!(of(&records, &records, &orders).result, Ok(Status::Done));
    let file = |path: &str| json!({"type": "file", "key": {"path": path}, "values": {}});
    let mixed = [row("a", "1", 1), file("/1"), row("a", "2", 1), file("/2"), row("b", "1", 1)];
    let told = of(&mixed, &mixed, &Orders::default());
    assert_eq!(told.result, Ok(Status::Done), "records of other types may stand between");
    let other = |path: &str| json!({"type": "file", "key": {"table": path, "path": "/"}});
    let mixed = [row("a", "1", 1), other("n1"), row("a", "2", 1), other("n2"), row("b", "1", 1)];
    let told = of(&mixed, &mixed, &Orders::default());
    assert_eq!(told.result, Ok(Status::Done), "those that have groups of their own, too");
    let keys = [json!({"t": 1, "a": 1}), json!({"a": 5}), json!({"t": 1, "a": 2})];
    let keyed = keys.map(|key| json!({"type": "row", "key": key}));
    let told = of(&keyed, &keyed, &Orders::default());
    assert_eq!(told.result, Ok(Status::Done), "a key without the field ends no group");
}

#[test]
fn each_value_is_told_of_the_side_that_has_it() {
    let left = [row("a", "1", "left"), row("a", "2", "left")];
    let right = [row("a", "2", "right"), row("a", "1", "right")];
    let told = of(&left, &right, &Orders::default());
    assert_eq!(told.end()["changed"], 2);
    for line in &told.lines[1..3] {
        let field = &line["values"]["fields"][0];
        assert_eq!((&field["left"], &field["right"]), (&json!("left"), &json!("right")));
    }
}

#[test]
fn records_of_one_key_are_numbered_in_their_order_when_the_other_side_has_ended() {
    let right = [row("a", "2", "first"), row("a", "2", "second")];
    let told = of(&[row("a", "1", 1)], &right, &Orders::default());
    let of_right: Vec<_> = told
        .lines
        .iter()
        .filter(|line| line["values"]["change"] == "only_right")
        .map(|line| (line["key"]["occurrence"].as_u64(), &line["values"]["right"]))
        .collect();
    assert_eq!(of_right, [(Some(1), &right[0]), (Some(2), &right[1])]);
}

#[test]
fn whole_numbers_are_compared_exactly_and_zero_has_no_sign() {
    let at = |value: &str, key: &str| {
        let record = format!(r#"{{"type":"row","key":{{"a":{key}}},"values":{{"v":{value}}}}}"#);
        stream(&[json!("here")]).replace("\"here\"", &record)
    };
    let result = |left: String, right: String| {
        compare(left.as_bytes(), right.as_bytes(), &Orders::default()).result
    };
    assert_eq!(result(at("9007199254740993", "0"), at("9007199254740992", "0")), Ok(Status::No));
    assert_eq!(result(at("1.0", "-0.0"), at("1", "0")), Ok(Status::Done));
}

#[test]
fn groups_may_stand_in_another_order_on_the_other_side() {
    let left = [row("a", "1", 1), row("b", "1", 1), row("c", "1", 1)];
    let right = [row("c", "1", 1), row("a", "1", 1), row("b", "1", 1)];
    assert_eq!(of(&left, &right, &Orders::default()).result, Ok(Status::Done));
}

#[test]
fn what_is_hidden_is_counted_and_named_and_no_difference() {
    let hidden = json!({"type": "row", "key": {"table": "passwd", "key": "system"},
        "values": {"password": null, "user": "root"}, "hidden": ["password"]});
    let one = std::slice::from_ref(&hidden);
    let told = of(one, one, &Orders::default());
    assert_eq!(told.result, Ok(Status::Done));
    assert_eq!(told.end()["hidden_fields"], json!(["values.password"]));
    let shown = json!({"type": "row", "key": {"table": "passwd", "key": "system"},
        "values": {"password": "secret", "user": "toor"}});
    let told = of(one, &[shown], &Orders::default());
    assert_eq!(told.lines[1]["values"]["fields"].as_array().unwrap().len(), 1);
    assert_eq!(told.lines[1]["values"]["fields"][0]["field"], "values.user");
    assert_eq!(told.end()["hidden"], 1);
}

#[test]
fn a_list_whose_elements_hide_something_is_compared_but_for_that() {
    let with = |other: &str| {
        let list = json!([{"name": "PADMIN_PASSWD", "value": null, "hidden": true, "line": other}]);
        json!({"schema": "haniminfo/1", "ok": true, "status": 0, "variables": list})
    };
    let answers = |left: &Value, right: &Value| {
        compare(left.to_string().as_bytes(), right.to_string().as_bytes(), &Orders::default())
    };
    let same = answers(&with("1"), &with("1"));
    assert_eq!((same.result.clone(), &same.end()["hidden"]), (Ok(Status::Done), &json!(1)));
    let other = answers(&with("1"), &with("2"));
    assert_eq!((other.result.clone(), &other.end()["hidden"]), (Ok(Status::No), &json!(1)));
    assert_eq!(other.lines[1]["values"]["fields"][0]["field"], "variables");
}

#[test]
fn what_one_side_lacks_is_told_from_null() {
    let record = |values: Value| json!({"type": "t", "key": {"n": 1}, "values": values});
    let left = record(json!({"a": null, "b": null, "o": {"x": 1, "y": {}}}));
    let right = record(json!({"a": 1, "c": null, "o": {"x": 2, "y": {}}}));
    let told = of(&[left], &[right], &Orders::default());
    let field = |name: &str, change: &str, left: Value, right: Value| json!({"field": name, "change": change, "left": left, "right": right});
    assert_eq!(
        told.lines[1]["values"]["fields"],
        json!([
            field("values.a", "changed", Value::Null, json!(1)),
            field("values.b", "only_left", Value::Null, Value::Null),
            field("values.o.x", "changed", json!(1), json!(2)),
            field("values.c", "only_right", Value::Null, Value::Null),
        ])
    );
}

#[test]
fn fields_are_ignored_by_path_or_by_name_at_any_depth() {
    let record = |n: u64| json!({"type": "t", "key": {"n": 1}, "size": n, "values": {"size": n, "o": {"size": n}, "l": [{"size": n}]}});
    let fields = |ignore: &str| -> Vec<String> {
        let ignored = Ignored::parse(&[ignore.to_owned()]).unwrap();
        let told = of(&[record(1)], &[record(2)], &Orders { ignored, ..Orders::default() });
        let list = told.lines[1]["values"]["fields"].as_array().cloned().unwrap_or_default();
        list.iter().map(|one| one["field"].as_str().unwrap().to_owned()).collect()
    };
    assert!(fields("size").is_empty());
    assert_eq!(fields("values.size"), ["size", "values.o.size", "values.l"]);
    assert_eq!(fields("values"), ["size"]);
    assert_eq!(fields("values.l.size"), ["size", "values.size", "values.o.size"]);
    for refused in ["key", "key.n", "type", "", "values.", ".a"] {
        assert_eq!(Ignored::parse(&[refused.to_owned()]).unwrap_err().kind, Kind::Usage);
    }
}

#[test]
fn both_sides_are_named_where_both_are_not_to_be_trusted() {
    let whole = stream(&[row("a", "1", 1)]);
    let cut = &whole[..whole.len() - 60];
    let why = |left: &str, right: &str| {
        compare(left.as_bytes(), right.as_bytes(), &Orders::default()).why()
    };
    let only_left = why(cut, &whole);
    assert!(
        only_left.starts_with("a (left): is cut") && !only_left.contains("right"),
        "{only_left}"
    );
    let both = why("", cut);
    assert!(
        both.starts_with("a (left): is empty") && both.contains("; b (right): is cut"),
        "{both}"
    );
    assert!(why(&whole, &format!("{whole}{whole}")).starts_with("b (right): something follows"));
    let lost = whole.replace("\"records\":1", "\"records\":2");
    assert!(lost != whole && why(&whole, &lost).starts_with("b (right): 1 records came"));
    assert!(why(&whole, &whole.replace("haxcat/1", "haxcat/2")).contains("b (right) is haxcat/2"));
    let failed = r#"{"schema":"haxcat/1","ok":false,"status":6}"#;
    assert!(why(&whole, failed).contains("b (right): the sender says that it failed (status 6)"));
    let answer = r#"{"schema":"haxcat/1","ok":true,"status":0}"#;
    assert!(why(answer, &whole).contains("is an answer, and b (right) is a stream"));
    assert!(why(&format!("{answer}{answer}"), answer).contains("a (left): value 1 is not"));
    assert!(why(&format!("{answer}\n{answer}"), answer).contains("two answers"));
}

#[test]
fn what_stands_in_a_value_that_is_no_record_is_not_told() {
    let whole = stream(&[row("a", "1", 1)]);
    for (cut, number) in [(0, 1), (1, 2)] {
        let mut lines: Vec<&str> = whole.lines().collect();
        lines[cut] = "\"s3cret\"";
        let told = compare(lines.join("\n").as_bytes(), whole.as_bytes(), &Orders::default());
        let why = told.why();
        assert!(why.contains(&format!("value {number} is not a JSON object")), "{why}");
        assert!(!why.contains("s3cret"), "{why}");
    }
    let no_text =
        [&whole.as_bytes()[..whole.find('\n').unwrap() + 1], b"{\"a\":\"\xff\"}\n"].concat();
    let why = compare(&no_text, whole.as_bytes(), &Orders::default()).why();
    assert!(why.contains("value 2 is not a JSON object: it is not UTF-8"), "{why}");
}

#[test]
fn many_types_take_no_quadratic_time() {
    let took = |count: usize| {
        let records: Vec<Value> = (0..count)
            .map(|at| json!({"type": format!("t{at}"), "key": {"at": at}, "values": {}}))
            .collect();
        let text = stream(&records);
        let once = || {
            let begun = std::time::Instant::now();
            let told = compare(text.as_bytes(), text.as_bytes(), &Orders::default());
            assert_eq!(told.result, Ok(Status::Done));
            begun.elapsed()
        };
        (0..3).map(|_| once()).min().unwrap()
    };
    // Fifty times as long would be right, 2500 times quadratic: a machine that does other work is between.
    let (few, many) = (took(1_000), took(50_000));
    assert!(many < few * 500, "{few:?}, and fifty times as many {many:?}");
}

#[test]
fn a_field_called_hidden_that_marks_nothing_is_compared() {
    let of_hidden = |hidden: Value| {
        json!({"type": "row", "key": {"table": "a", "key": "1"},
        "values": {"mac": null, "hidden": hidden}})
    };
    let result = |left: Value, right: Value| {
        of(&[of_hidden(left)], &[of_hidden(right)], &Orders::default()).result
    };
    for (left, right) in
        [(json!(true), json!("no")), (json!([]), json!("x")), (json!([1]), json!([2]))]
    {
        assert_eq!(result(left.clone(), right.clone()), Ok(Status::No), "{left} {right}");
        assert_eq!(result(right, left), Ok(Status::No));
    }
    for (left, right) in
        [(json!(true), json!(false)), (json!(["mac"]), json!([])), (json!(true), json!(null))]
    {
        assert_eq!(result(left.clone(), right.clone()), Ok(Status::Done), "{left} {right}");
    }
}

#[test]
fn a_failed_item_makes_a_side_one_not_to_be_trusted() {
    let error = json!({"type": "error", "kind": "failed", "item": "mac", "message": "is damaged"});
    let records = [row("a", "1", 1)];
    let told = of(&records, &[error, row("a", "1", 1)], &Orders::default());
    assert_eq!(told.end()["not_trusted"], json!(["right"]));
    assert!(told.why().contains("mac: is damaged"));
}

#[test]
fn a_dry_run_is_compared_like_any_other_and_told() {
    let whole = stream(&[row("a", "1", 1)]);
    let dry = whole.replacen("\"host\"", "\"dry_run\":true,\"host\"", 1);
    let told = compare(dry.as_bytes(), whole.as_bytes(), &Orders::default());
    assert_eq!(told.result, Ok(Status::Done));
    let dry_run = |side: &str| &told.end()[side]["dry_run"];
    assert_eq!((dry_run("left"), dry_run("right")), (&json!(true), &json!(false)));
}

#[test]
fn records_without_a_key_are_counted_and_not_compared() {
    let warning = |text: &str| json!({"type": "warning", "key": null, "message": text});
    let told = of(&[warning("a"), row("a", "1", 1)], &[row("a", "1", 1)], &Orders::default());
    assert_eq!(told.result, Ok(Status::Done));
    assert_eq!((&told.end()["left_unkeyed"], &told.end()["left_records"]), (&json!(1), &json!(2)));
}
