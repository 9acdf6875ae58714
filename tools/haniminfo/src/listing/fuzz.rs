//! Listings with parts of them changed, moved, doubled or taken away. `PROPTEST_CASES` makes it long.

use super::tests::lines;
use super::*;
use proptest::prelude::*;
use std::path::PathBuf;

fn samples() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/nim/lsnim");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    assert!(files.len() > 20);
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// What separates and what names in listings, and what is none of it.
const PIECES: [&[u8]; 24] = [
    b"\n",
    b"\n\n",
    b"\r\n",
    b":",
    b":\n",
    b" ",
    b"   ",
    b"\t",
    b" = ",
    b"=",
    b"   class = machines\n",
    b"   if1 = ",
    b"   routing1 = ",
    b"   lpp_source = ",
    b"#name:",
    b"#name:if1:\n",
    b"n1:\n",
    b"class",
    b"n1 machines standalone\n",
    b"0042-053 lsnim: no\n",
    b"0042-175 c_x: y\n",
    b"\xff",
    b"\0",
    b"if99999999999999999999",
];

#[derive(Clone, Debug)]
enum Change {
    Take(usize, usize),
    Double(usize, usize, usize),
    Put(usize, usize),
    Byte(usize, u8),
    Cut(usize),
    Splice(usize, usize, usize),
    SwapLines(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    prop_oneof![
        (at(), 0usize..60).prop_map(|(at, length)| Change::Take(at, length)),
        (at(), 0usize..200, at()).prop_map(|(at, length, to)| Change::Double(at, length, to)),
        (at(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Put(at, piece)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        at().prop_map(Change::Cut),
        (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
        (at(), at()).prop_map(|(one, other)| Change::SwapLines(one, other)),
    ]
}

fn changed(samples: &[Vec<u8>], sample: usize, changes: &[Change]) -> Vec<u8> {
    let mut text = samples[sample % samples.len()].clone();
    for change in changes {
        let within = |at: &usize, text: &[u8]| at % (text.len() + 1);
        match change {
            Change::Take(at, length) => {
                let at = within(at, &text);
                drop(text.drain(at..(at + length).min(text.len())));
            }
            Change::Double(at, length, to) => {
                let (at, to) = (within(at, &text), within(to, &text));
                let part = text[at..(at + length).min(text.len())].to_vec();
                drop(text.splice(to..to, part));
            }
            Change::Put(at, piece) => {
                let at = within(at, &text);
                drop(text.splice(at..at, PIECES[*piece].iter().copied()));
            }
            Change::Byte(at, byte) => {
                let at = within(at, &text);
                if let Some(there) = text.get_mut(at) {
                    *there = *byte;
                }
            }
            Change::Cut(at) => text.truncate(within(at, &text)),
            Change::Splice(at, other, from) => {
                let other = &samples[other % samples.len()];
                text.truncate(within(at, &text));
                text.extend_from_slice(&other[within(from, other)..]);
            }
            Change::SwapLines(one, other) => {
                let mut all: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
                let count = all.len();
                all.swap(one % count, other % count);
                text = all.join(&b'\n');
            }
        }
    }
    text
}

/// Every string in a value, without those of the lists that have a number made of a name.
fn strings<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(all) => all.iter().for_each(|one| strings(one, into)),
        Value::Object(all) => all
            .iter()
            .filter(|(name, _)| !name.ends_with("_base64"))
            .for_each(|(_, one)| strings(one, into)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_damaged_listing_gives_a_stream_that_holds_nothing_that_it_did_not_have(
        sample: usize, changes in proptest::collection::vec(change(), 0..6)
    ) {
        thread_local!(static SAMPLES: Vec<Vec<u8>> = samples());
        let text = SAMPLES.with(|samples| changed(samples, sample, &changes));
        let (lines, ended) = lines(&text);
        let end = lines.last().unwrap();
        let status = ended.unwrap_or_else(|error| error.kind.status()).code();
        prop_assert_eq!(&end["status"], status);
        prop_assert!([0, 3, 4].contains(&status));
        prop_assert_eq!(end["records"].as_u64().unwrap() as usize, lines.len() - 2);
        let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        prop_assert_eq!(&end["objects"], count("object"));
        prop_assert_eq!(&end["failed"], count("error"));
        prop_assert_eq!(status == 3, count("error") > 0);
        let plain = text.iter().filter(|byte| **byte != b'\r').copied().collect::<Vec<u8>>();
        let plain = String::from_utf8_lossy(&plain).replace(['\n', ':'], " ");
        let mut before: Option<String> = None;
        for object in lines.iter().filter(|line| line["type"] == "object") {
            let name = object["key"]["name"].as_str().map(str::to_owned);
            prop_assert!(name.is_none() || before.is_none() || before < name, "not in order");
            before = name.or(before);
            let mut all = Vec::new();
            strings(&object["key"], &mut all);
            strings(&object["values"], &mut all);
            for each in all.iter().flat_map(|text| text.split('\n')) {
                let each = each.replace('\r', "").replace(':', " ");
                prop_assert!(plain.contains(&each), "{:?} was not there", each);
            }
        }
    }
}
