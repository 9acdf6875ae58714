//! The records of rows.

use crate::ground::Ground;
use ha_json::{Value, json};
use rusqlite::Connection;

fn site(ground: &Ground) -> Connection {
    ground.open("site")
}

fn rows(ground: &Ground, arguments: &[&str]) -> Vec<Value> {
    let ran = ground.run(arguments);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    ran.of_type("row").into_iter().cloned().collect()
}

#[test]
fn null_and_nothing_are_told_apart_and_numbers_stay_texts() {
    let ground = Ground::new();
    site(&ground).execute_batch("INSERT INTO site VALUES ('a', '', NULL, 1)").unwrap();
    assert_eq!(
        rows(&ground, &[])[0],
        json!({
            "type": "row",
            "key": {"table": "site", "key": "a"},
            "values": {"value": "", "comments": null, "disable": "1"},
        })
    );
}

#[test]
fn bytes_that_are_not_utf8_are_base64_in_keys_and_values() {
    let ground = Ground::new();
    site(&ground)
        .execute_batch(
            "INSERT INTO site VALUES (CAST(x'6bff' AS TEXT), CAST(x'ff' AS TEXT), x'41', NULL)",
        )
        .unwrap();
    let row = &rows(&ground, &[])[0];
    assert_eq!(row["key"], json!({"table": "site", "key_base64": "a/8="}));
    assert_eq!(row["values"], json!({"value_base64": "/w==", "comments": "A", "disable": null}));
}

#[test]
fn rows_are_sorted_by_table_and_by_the_bytes_of_the_key_but_what_is_counted_by_number() {
    let ground = Ground::new();
    ground.table("auditlog", "recid INTEGER, audittime TEXT", "recid");
    ground
        .open("auditlog")
        .execute_batch("INSERT INTO auditlog VALUES (9,1), (10,1), (2,1)")
        .unwrap();
    site(&ground)
        .execute_batch("INSERT INTO site (key) VALUES ('b'), ('a'), ('B'), (x'61'), ('é'), (NULL)")
        .unwrap();
    let keys: Vec<Value> = rows(&ground, &["-a"])
        .into_iter()
        .map(|row| row["key"].get("recid").unwrap_or(&row["key"]["key"]).clone())
        .collect();
    assert_eq!(json!(keys), json!(["2", "9", "10", null, "B", "a", "a", "b", "é"]));
}

#[test]
fn secrets_are_null_and_named_unless_they_are_asked_for() {
    let ground = Ground::new();
    ground.table("passwd", "key TEXT, username TEXT, password TEXT", "key,username");
    ground
        .open("passwd")
        .execute_batch("INSERT INTO passwd VALUES ('system','root','S3cret'), ('system','x',NULL)")
        .unwrap();
    ground.table("token", "tokenid TEXT, username TEXT", "tokenid");
    ground.open("token").execute_batch("INSERT INTO token VALUES ('S3cret', 'root')").unwrap();
    ground.table("mac", "node TEXT, my_password TEXT", "node");
    ground.open("mac").execute_batch("INSERT INTO mac VALUES ('n', 'S3cret')").unwrap();
    site(&ground)
        .execute_batch("INSERT INTO site (key, value) VALUES ('snmpc', 'S3cret'), ('master', 'mn')")
        .unwrap();
    let hidden = rows(&ground, &[]);
    assert!(!json!(hidden).to_string().contains("S3cret"));
    let row = |rows: &[Value], column: &str, value: &str| -> Value {
        rows.iter().find(|row| row["key"][column] == value).unwrap().clone()
    };
    let root = row(&hidden, "username", "root");
    assert_eq!(
        (&root["values"]["password"], &root["hidden"]),
        (&Value::Null, &json!(["password"]))
    );
    assert!(row(&hidden, "username", "x").get("hidden").is_none(), "NULL is nothing to hide");
    assert_eq!(row(&hidden, "key", "snmpc")["hidden"], json!(["value"]));
    assert_eq!(row(&hidden, "key", "master")["values"]["value"], "mn");
    let shown = rows(&ground, &["--show-secrets"]);
    assert_eq!(json!(shown).to_string().matches("S3cret").count(), 4);
    assert!(shown.iter().all(|row| row.get("hidden").is_none()));
}

#[test]
fn columns_that_xcat_does_not_know_are_among_the_values_and_reported_once() {
    let ground = Ground::new();
    ground.table("mac", "node TEXT, legacycol TEXT", "node");
    ground.open("mac").execute_batch("INSERT INTO mac VALUES ('n', 'old'), ('o', NULL)").unwrap();
    let ran = ground.run(&["mac"]);
    assert_eq!(ran.of_type("warning").len(), 1);
    assert_eq!(ran.of_type("warning")[0]["columns"], json!(["legacycol"]));
    let values = &ran.of_type("row")[0]["values"];
    assert_eq!(
        *values,
        json!({"interface":null,"mac":null,"comments":null,"disable":null,"legacycol":"old"})
    );
}

#[test]
fn named_tables_only() {
    let ground = Ground::samples();
    let rows = rows(&ground, &["policy"]);
    assert!(rows.len() == 2 && rows.iter().all(|row| row["key"]["table"] == "policy"));
}

#[test]
fn a_row_that_no_reader_would_take_is_a_failed_item() {
    let ground = Ground::new();
    site(&ground)
        .execute_batch(
            "INSERT INTO site (key, value) VALUES
             ('long', CAST(zeroblob(20000000) AS TEXT)), ('short', 'x')",
        )
        .unwrap();
    let ran = ground.run::<&str>(&[]);
    assert_eq!((ran.status, ran.of_type("row").len()), (3, 1));
    assert_eq!(ran.of_type("error")[0]["reason"], "too_long");
    ground.dump_well();
    assert!(ground.csv("site").len() > 20_000_000, "CSV files know no such limit");
}

#[test]
fn a_stream_is_one_that_a_reader_may_act_on() {
    let ground = Ground::large(500);
    let output = ground.command().output().unwrap();
    let input = ha_json::read_to_change(&output.stdout[..]).unwrap();
    assert_eq!((input.schema.as_str(), input.version, input.records.len()), ("haxcat", 1, 2000));
}
