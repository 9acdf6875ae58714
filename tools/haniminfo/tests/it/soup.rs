//! Whatever stands in a file, there is an answer: no panic, no hang, and nothing of it is run.

use crate::ground::{fixtures, run, run_with_input};
use ha_nim::lsnim;
use ha_nim::niminfo::{Niminfo, Piece, Wanted};
use proptest::prelude::*;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A text of this many bytes at most is read within [`LONG`].
const MOST_BYTES: usize = 64 << 10;
const LONG: Duration = Duration::from_secs(5);
/// Enough for what takes the square of its length to be seen.
const REPEATED_BYTES: usize = 12 << 10;

/// What is put into samples: all that means something to a shell, and some of what lsnim prints.
const TOKENS: [&[u8]; 40] = [
    b"\"",
    b"'",
    b"$(",
    b")",
    b"`",
    b"\\",
    b"\\\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"=",
    b";",
    b"#",
    b"&",
    b"|",
    b"<<E\n",
    b" ",
    b"\t",
    b"~",
    b"$'",
    b"${",
    b"}",
    b"$A",
    b"$",
    b"export ",
    b"unset ",
    b"typeset -x ",
    b"export NIM_NAME=",
    b"\nNIM_HOSTS=\"",
    b"PADMIN_PASSWD=",
    b"\xe2\x80\x9d",
    b"\xe2\x80\x9c",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff",
    b"a:\n",
    b"   if1 = a b 0\n",
    b" = ",
    b"#name:\n",
    b"$(touch ran)",
];

/// Numbers that look random; the same again for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

fn samples() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for directory in ["niminfo", "lsnim"] {
        let Ok(entries) = fs::read_dir(fixtures().join("..").join(directory)) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let text =
            |path: &&PathBuf| path.is_file() && path.extension().is_none_or(|kind| kind != "json");
        let texts = paths.iter().filter(text);
        all.extend(texts.map(|path| fs::read(path).unwrap()));
    }
    assert!(all.len() > 20);
    all
}

/// A sample with something done to it.
fn soup(samples: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut text = samples[dice.below(samples.len())].clone();
    for _ in 0..=dice.below(12) {
        let at = dice.below(text.len() + 1);
        let end = (at + dice.below(40)).min(text.len());
        match dice.below(8) {
            0 => drop(text.drain(at..end)),
            1 => {
                let again = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            2 if at < text.len() => text[at] = u8::try_from(dice.below(256)).unwrap(),
            3 => {
                let other = &samples[dice.below(samples.len())];
                let from = dice.below(other.len() + 1);
                let to = (from + dice.below(400)).min(other.len());
                text.splice(at..at, other[from..to].iter().copied());
            }
            4 if text.len() < MOST_BYTES / 2 => {
                let token = TOKENS[dice.below(TOKENS.len())].repeat(1 + dice.below(2000));
                text.splice(at..at, token);
            }
            5 => text.truncate(at),
            _ => {
                let token = TOKENS[dice.below(TOKENS.len())];
                text.splice(at..at, token.iter().copied());
            }
        }
    }
    text.truncate(MOST_BYTES);
    text
}

/// What is true of any text.
fn is_read(text: &[u8]) {
    let begun = Instant::now();
    let file = Niminfo::parse(text);
    assert_eq!(file.to_bytes(), text);
    let pieces = file.pieces().into_iter().flat_map(|piece| match piece {
        Piece::Text(text) => text,
        Piece::Hidden { secret, .. } => secret,
    });
    assert_eq!(pieces.collect::<Vec<u8>>(), text);
    let last_line = 1 + text.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert!(file.problems().iter().all(|problem| (1..=last_line).contains(&problem.line)));
    let (_, _, _, _) = (file.role(), file.hosts(), file.mounts(), file.routes());
    let mut wanted: Vec<Wanted> = file
        .assignments()
        .iter()
        .enumerate()
        .map(|(index, one)| Wanted {
            place: Some(index + 1),
            name: one.name.clone(),
            value: one.value.clone(),
            exported: one.exported,
        })
        .collect();
    assert_eq!(file.edited(&wanted), Ok(text.to_vec()));
    // What an edit gives it reads back, or it gives nothing.
    if let Some(one) = wanted.last_mut() {
        one.value = Some(b"a \"new\" $value".to_vec());
        let name = one.name.clone();
        if let Ok(bytes) = file.edited(&wanted) {
            let after = Niminfo::parse(&bytes);
            let set = after.assignments().iter().filter(|one| one.name == name);
            assert!(set.into_iter().any(|one| one.text() == Some("a \"new\" $value")));
        }
        wanted.pop();
        if let Ok(bytes) = file.edited(&wanted) {
            assert_eq!(Niminfo::parse(&bytes).assignments().len(), wanted.len());
        }
    }
    let _ = lsnim::parse_long(text);
    if let Some(shape) = lsnim::shape(text) {
        let _ = lsnim::read(shape, text);
    }
    assert!(begun.elapsed() < LONG, "{:?} for {} bytes", begun.elapsed(), text.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        is_read(&bytes);
    }

    #[test]
    fn damaged_samples_are_read(seed in 1u64..) {
        is_read(&soup(&samples(), &mut Dice(seed)));
    }
}

/// All that an answer can be made of, without what is hidden.
fn shown(text: &[u8]) -> Vec<u8> {
    let file = Niminfo::parse(text);
    let mut shown = Vec::new();
    for piece in file.pieces() {
        if let Piece::Text(text) = piece {
            shown.extend(text);
        }
    }
    for one in file.assignments().iter().filter(|one| !file.is_hidden(one)) {
        shown.extend(one.value.as_deref().unwrap_or_default());
        shown.extend(one.name.bytes());
    }
    shown.extend(file.problems().iter().flat_map(|problem| problem.what.bytes()));
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_password_in_a_damaged_file_is_never_shown(
        seed in 1u64..,
        at in any::<prop::sample::Index>(),
        line in prop::sample::select(vec![
            "export PADMIN_PASSWD=Zq9Zq9", "PADMIN_PASSWD=\"Zq9Zq9\"", "#PADMIN_PASSWD=Zq9Zq9",
            "export PADMIN_PASSWD=a Zq9Zq9", "export PADMIN_PASSWD='Zq9Zq9", "X=\"-a passwd=Zq9Zq9\"",
        ]),
    ) {
        let text = soup(&samples(), &mut Dice(seed));
        let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        lines.insert(at.index(lines.len()), line.as_bytes());
        let shown = shown(&lines.join(&b'\n'));
        prop_assert!(!shown.windows(6).any(|six| six == b"Zq9Zq9"), "{}", shown.escape_ascii());
    }
}

#[test]
fn repeated_marks_take_no_time() {
    for token in TOKENS {
        for tail in [&b""[..], b"\n", b"\"\n", b"'x\n", b"$(\n"] {
            let one = [token, tail].concat();
            is_read(&one.repeat(REPEATED_BYTES / one.len()));
        }
    }
}

#[test]
fn the_program_answers_whatever_comes_and_runs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let samples = samples();
    for seed in 1..60u64 {
        let mut text = soup(&samples, &mut Dice(seed * 0x9e37_79b9));
        let touch =
            format!("\nexport A=$(touch {0}/ran) B=`touch {0}/ran`\n", directory.path().display());
        text.extend(touch.bytes());
        let ran = run_with_input(&["-"], &text);
        assert!(ran.status == 1 || ran.status == 4, "{seed}: {} {}", ran.status, ran.stderr);
        assert_eq!(ran.answer()["ok"], ran.status == 1, "{seed}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let ran = run(&["-o", "role", fixtures().join("commands.niminfo").to_str().unwrap()]);
    assert_eq!(ran.status, 1);
    assert!(!Path::new("/tmp/haniminfo-ran").exists());
}

/// The kept ones are called after the status that they have: 0, 1 or 4.
#[test]
fn kept_soups_have_the_status_that_they_are_called_after() {
    let mut count = 0;
    for entry in fs::read_dir(fixtures().join("../niminfo-soup")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read(&path).unwrap();
        is_read(&text);
        assert_eq!(status(&text), name[..1].parse::<i32>().unwrap(), "{name}");
        count += 1;
    }
    assert!(count >= 30, "{count}");
}

fn status(text: &[u8]) -> i32 {
    let file = Niminfo::parse(text);
    match (file.is_one(), file.is_sound()) {
        (false, _) => 4,
        (true, sound) => i32::from(!sound),
    }
}

/// For a person who has the time: `HANIMINFO_SOUP_SECONDS=600 cargo test -p haniminfo -- --ignored soup`.
#[test]
#[ignore = "runs for minutes"]
fn damaged_samples_are_read_for_minutes() {
    let seconds = std::env::var("HANIMINFO_SOUP_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(600));
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let mut dice = Dice(u64::try_from(clock & u128::from(u64::MAX)).unwrap() | 1);
    let (samples, mut count) = (samples(), 0u64);
    eprintln!("seed {}", dice.0);
    while Instant::now() < end {
        let text = soup(&samples, &mut dice);
        if catch_unwind(|| is_read(&text)).is_err() {
            let found = std::env::temp_dir().join(format!("haniminfo-soup-{count}"));
            fs::write(&found, &text).unwrap();
            panic!("after {count} texts: {}", found.display());
        }
        count += 1;
    }
    eprintln!("{count} texts");
    assert!(count > 1000);
}
