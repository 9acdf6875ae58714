//! Any bytes in a table file give an answer or an error.

use crate::ground::Ground;
use proptest::prelude::*;
use std::fs;

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_gives_an_answer_or_an_error_and_never_a_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        in_the_header: bool,
    ) {
        let ground = Ground::samples();
        let path = ground.file("networks");
        let mut bytes = fs::read(&path).unwrap();
        let reach = if in_the_header { 600 } else { bytes.len() };
        for (index, byte) in flips {
            bytes[index.index(reach)] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let rows = ground.run::<&str>(&[]);
        prop_assert!(matches!(rows.status, 0 | 3), "{} {}", rows.status, rows.stderr);
        let dump = ground.run(&["-p", ground.dump().to_str().unwrap()]);
        prop_assert!(matches!(dump.status, 0 | 6), "{} {}", dump.status, dump.stderr);
        prop_assert_eq!(dump.status == 0, ground.dump().exists());
    }
}
