//! Memory is that of one table and of what differs. Not everywhere does ulimit bound it.
#![cfg(target_os = "linux")]

use crate::ground::Ground;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::Command;

/// Forty tables with a thousand rows of 500 bytes each, every row of a table in another order on
/// each side.
fn write(ground: &Ground, name: &str, step: usize, tables: impl Iterator<Item = usize>) {
    let mut file = BufWriter::new(File::create(ground.path(name)).unwrap());
    let filler = "x".repeat(450);
    writeln!(file, r#"{{"type":"begin","schema":"haxcat/1"}}"#).unwrap();
    for (table, number) in tables.flat_map(|table| (0..1000).map(move |number| (table, number))) {
        let node = number * step % 1000;
        writeln!(
            file,
            r#"{{"type":"row","key":{{"table":"t{table}","node":"n{node}"}},"values":{{"v":"{filler}"}}}}"#
        )
        .unwrap();
    }
    writeln!(file, r#"{{"type":"end","ok":true,"status":0,"records":40000}}"#).unwrap();
    file.flush().unwrap();
}

#[test]
fn twenty_megabytes_are_compared_in_less_than_half_of_that() {
    let ground = Ground::new();
    write(&ground, "left", 1, 0..40);
    write(&ground, "right", 7, 0..40);
    write(&ground, "reversed", 7, (0..40).rev());
    let limited = |kibibytes: u32, right: &str| {
        let script = format!("ulimit -d {kibibytes}; exec \"$0\" left {right}");
        let mut shell = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_hadiff");
        shell.current_dir(ground.path("")).args(["-c", &script, program]);
        ha_testing::run(&mut shell, "").map(|ran| (ran.status, ran.end()["same"].as_u64()))
    };
    assert_eq!(limited(9_000, "right"), Ok((0, Some(40_000))));
    // Tables in opposite order wait for each other.
    assert_eq!(limited(9_000, "reversed").map(|(_, same)| same), Ok(None));
    assert_eq!(limited(90_000, "reversed"), Ok((0, Some(40_000))));
}
