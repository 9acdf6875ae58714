//! The findings as a text file for Prometheus: its exposition format, as the textfile collector of
//! node_exporter reads it.

use crate::finding::{Finding, State};
use crate::verdict::{Verdict, Word};
use ha_file::Durability;
use ha_json::Error;
use std::fmt::Write;
use std::path::Path;

/// Writes the file, whole or not at all.
///
/// # Errors
/// Failed, where it cannot be written.
pub(crate) fn write(
    path: &Path,
    findings: &[Finding],
    verdict: &Verdict,
    standby: &str,
    seconds: i64,
) -> Result<(), Error> {
    let text = text(findings, verdict, standby, seconds);
    ha_file::replace(path, text.as_bytes(), 0o644, Durability::Unsynced)
}

fn text(findings: &[Finding], verdict: &Verdict, standby: &str, seconds: i64) -> String {
    let mut text = String::new();
    let standby = label(standby);
    let ready = match verdict.word {
        Word::Ready => "1",
        Word::NotReady => "0",
        Word::Unknown => "NaN",
    };
    let head = |text: &mut String, name: &str, help: &str| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    };
    head(
        &mut text,
        "hatools_standby_ready",
        "Whether the standby could take over now; NaN is not known.",
    );
    let _ = writeln!(text, "hatools_standby_ready{{standby=\"{standby}\"}} {ready}");
    head(&mut text, "hatools_standby_findings", "How many findings have this state.");
    for state in State::ALL {
        let count = findings.iter().filter(|finding| finding.values.state == state).count();
        let _ = writeln!(
            text,
            "hatools_standby_findings{{standby=\"{standby}\",state=\"{}\"}} {count}",
            state.word()
        );
    }
    head(&mut text, "hatools_standby_finding", "1 for what failed or is not known.");
    for finding in findings {
        if matches!(finding.values.state, State::Failed | State::Unknown) {
            let part = |value: &Option<String>| label(value.as_deref().unwrap_or_default());
            let _ = writeln!(
                text,
                "hatools_standby_finding{{id=\"{}\",node=\"{}\",item=\"{}\",state=\"{}\"}} 1",
                finding.key.id,
                part(&finding.key.node),
                part(&finding.key.item),
                finding.values.state.word()
            );
        }
    }
    head(&mut text, "hatools_standby_looked_timestamp_seconds", "When it was looked.");
    let _ = writeln!(text, "hatools_standby_looked_timestamp_seconds {seconds}");
    text
}

fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Topic;

    #[test]
    fn the_text_has_a_value_for_each_fault_and_escapes_what_is_in_labels() {
        let findings = [
            Topic::new("file", "n2", "the same").of("/a\"b\\c").failed("differ", "bring it"),
            Topic::of_the_pair("clock", "").ok("0 s"),
        ];
        let text = text(&findings, &Verdict::of(&findings), "n2", 7);
        assert!(text.contains("hatools_standby_ready{standby=\"n2\"} 0\n"));
        assert!(
            text.contains("{id=\"file\",node=\"n2\",item=\"/a\\\"b\\\\c\",state=\"failed\"} 1\n")
        );
        assert!(text.contains("state=\"ok\"} 1\n") && !text.contains("id=\"clock\""));
        assert!(text.ends_with("hatools_standby_looked_timestamp_seconds 7\n"));
    }
}
