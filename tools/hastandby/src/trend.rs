//! The verdict of each run in a line of a file, and whether it changed.

use crate::verdict::Verdict;
use ha_json::{Error, Value, json, now};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The schema of a line.
const SCHEMA: &str = "hastandby-record/1";

/// No line is longer: what is before it is not looked at.
const MAX_BYTES: u64 = 1 << 20;

/// Appends the verdict to the file, and tells whether it is another one than the last, or the first.
///
/// # Errors
/// Failed, where the file cannot be read or written.
pub(crate) fn record(
    path: &Path,
    standby: &str,
    host: &str,
    verdict: &Verdict,
) -> Result<bool, Error> {
    let failed = |error: std::io::Error| Error::io(path.display().to_string(), &error);
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let (last, whole) = last_line(&mut file).map_err(failed)?;
    let changed = !last.is_some_and(|last| is_same(&last, standby, verdict));
    let line = json!({
        "schema": SCHEMA, "ok": true, "time": now(), "host": host, "standby": standby,
        "verdict": verdict.word.word(), "failed": verdict.failed, "unknown": verdict.unknown,
        "changed": changed,
    });
    // One write, so that two runs do not mix; behind what a full disk has cut, a line of its own.
    let cut = if whole { "" } else { "\n" };
    let text = format!("{cut}{line}\n");
    file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
    Ok(changed)
}

fn is_same(last: &Value, standby: &str, verdict: &Verdict) -> bool {
    last["schema"] == SCHEMA
        && last["standby"] == standby
        && last["verdict"] == verdict.word.word()
        && last["failed"] == json!(verdict.failed)
        && last["unknown"] == json!(verdict.unknown)
}

/// The last line where it is one of ours, and whether the file ends with the end of a line.
fn last_line(file: &mut File) -> std::io::Result<(Option<Value>, bool)> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_BYTES)))?;
    let mut end = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut end)?;
    let whole = end.is_empty() || end.ends_with(b"\n");
    let last = end.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty());
    Ok((last.filter(|_| whole).and_then(|line| serde_json::from_slice(line).ok()), whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Word;

    fn verdict(failed: &[&str]) -> Verdict {
        let failed: Vec<String> = failed.iter().map(|key| (*key).to_owned()).collect();
        let word = if failed.is_empty() { Word::Ready } else { Word::NotReady };
        Verdict { word, failed, unknown: Vec::new() }
    }

    #[test]
    fn a_verdict_is_told_as_changed_when_it_is_another_one() {
        let ground = tempfile::tempdir().unwrap();
        let path = ground.path().join("trend");
        let record = |failed: &[&str]| super::record(&path, "n2", "n1", &verdict(failed)).unwrap();
        assert!(record(&[]), "the first is");
        assert!(!record(&[]));
        assert!(record(&["vip"]));
        assert!(!record(&["vip"]));
        assert!(record(&["vip", "clock"]));
        assert!(super::record(&path, "n1", "n1", &verdict(&["vip", "clock"])).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 6);
    }

    #[test]
    fn behind_a_line_that_was_cut_the_next_is_whole() {
        let ground = tempfile::tempdir().unwrap();
        let path = ground.path().join("trend");
        std::fs::write(&path, "{\"schema\":\"hastandby-rec").unwrap();
        assert!(super::record(&path, "n2", "n1", &verdict(&[])).unwrap());
        assert!(!super::record(&path, "n2", "n1", &verdict(&[])).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().skip(1).all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
}
