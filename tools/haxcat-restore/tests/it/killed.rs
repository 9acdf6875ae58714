//! Killed at any moment, it leaves the old rows in all tables or the new ones.

use crate::ground::Ground;
use std::fmt::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

const TABLES: [&str; 4] = ["hosts", "mac", "vpd", "nodehm"];

fn database() -> Ground {
    let ground = Ground::new(&[]);
    for table in TABLES {
        let _ = std::fs::remove_file(ground.file(table));
        let connection = ground.table(table, "node TEXT, comments TEXT, disable TEXT", "node");
        connection
            .execute_batch(&format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
                 INSERT INTO {table} (node, comments) SELECT printf('old%06d', i), hex(zeroblob(40)) FROM n"
            ))
            .unwrap();
        let mut text = String::from("#node,comments,disable\n");
        for number in 0..4000 {
            writeln!(text, "\"new{number}\",\"{}\",", "y".repeat(80)).unwrap();
        }
        ground.csv(&format!("{table}.csv"), &text);
    }
    ground
}

/// How many rows of old and of new each table has, as any program finds them that opens it: that is
/// what repairs it.
fn found(ground: &Ground) -> Vec<(i64, i64)> {
    let sql = "SELECT count(*) FILTER (WHERE node LIKE 'old%'), count(*) FILTER (WHERE node LIKE 'new%') FROM ";
    TABLES
        .iter()
        .map(|table| {
            let connection = ground.open(table);
            connection
                .query_row(&format!("{sql}{table}"), [], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
        })
        .collect()
}

#[test]
fn killed_at_twenty_moments_it_leaves_all_that_was_or_all_that_is_to_be() {
    let whole = {
        let ground = database();
        let started = Instant::now();
        ground.restore_well(&[]);
        assert_eq!(found(&ground), vec![(0, 4000); 4]);
        started.elapsed()
    };
    let mut halves = 0;
    for moment in 0..20 {
        let ground = database();
        let dump = ground.dump();
        let mut command = ground.command(&["-p", dump.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(whole.mul_f64(f64::from(moment) / 18.0));
        let _ = child.kill();
        child.wait().unwrap();
        let begun = std::fs::read_dir(ground.database()).unwrap().count() > 5;
        halves += u32::from(begun);
        let all = found(&ground);
        assert!(all == vec![(4000, 0); 4] || all == vec![(0, 4000); 4], "at {moment}: {all:?}");
        // And the next run ends as if nothing had been.
        ground.restore_well(&[]);
        assert_eq!(found(&ground), vec![(0, 4000); 4]);
    }
    assert!(halves > 0, "no run was killed between its first write and its last");
    assert!(whole < Duration::from_secs(60));
}
