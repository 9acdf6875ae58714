//! What became of `nim -o sync`, and what is to be done where it is not well.

use crate::progress::{Phase, Progress, told};
use ha_command::Fate;
use ha_json::Error;
use ha_nim::message::explain;
use ha_nim::operation::Ended;

/// Where NIM keeps the old database of an alternate.
const RESTORE: &str = "/usr/lpp/bos.sysmgt/nim/methods/m_restore_db";

/// Why the synchronisation as a whole is not a good one; empty where it is. The status alone says
/// nothing: it is the message's number in eight bits, and 0 with some messages.
pub(crate) fn faults(ended: Ended, progress: &Progress) -> Vec<String> {
    let mut faults = Vec::new();
    match ended {
        Ended::Itself(Fate::Exited(0)) => {}
        Ended::Itself(Fate::Exited(status)) => faults.push(format!("status {status}")),
        Ended::Itself(Fate::Killed(signal)) => faults.push(format!("killed by signal {signal}")),
        Ended::Itself(Fate::TimedOut) | Ended::TimedOut => {
            faults.push("was ended: its deadline had come".to_owned());
        }
        Ended::Interrupted(signal) => faults.push(format!("was ended: {signal} came")),
    }
    let messages = progress.messages();
    // The outer message only says that there is one inside it.
    let inner = messages.iter().filter(|message| message.code != "0042-001");
    let mut said: Vec<String> = inner
        .map(|message| match explain(&message.code) {
            Some(known) => format!("{} ({})", told(message), known.next_step),
            None => told(message),
        })
        .collect();
    if said.is_empty() {
        said.extend(messages.first().map(told));
    }
    faults.extend(said);
    if !progress.levels_agree {
        faults.push("it did not say \"Level check is successful.\"".to_owned());
    }
    if !progress.is_complete() {
        faults.push(match progress.last() {
            "" => "it said nothing".to_owned(),
            last => format!("its last line is {last:?}, not \"nim_master_recover Complete\""),
        });
    }
    faults
}

/// The error of a synchronisation with such faults: what the state of the alternate is as far as NIM
/// said, and the next step.
pub(crate) fn error(
    alternate: &str,
    ended: Ended,
    progress: &Progress,
    faults: &[String],
) -> Error {
    let mut why = faults.join("; ");
    why.push_str("; ");
    why.push_str(&state(alternate, progress));
    if !matches!(ended, Ended::Itself(Fate::Exited(_))) && progress.phase() > Phase::Backup {
        why.push_str(
            "; see there that no nim_master_recover runs on (ps -ef) before anything else is done",
        );
    }
    if let Some(backup) = &progress.backup {
        why.push_str(&format!(
            "; its old database is in {backup} there: put it back with {RESTORE} {backup}, or \
             synchronise again with --force"
        ));
    }
    Error::failed(format!("sync of {alternate}"), why)
}

fn state(alternate: &str, progress: &Progress) -> String {
    if progress.last().is_empty() {
        return format!("what was done on {alternate} is not known");
    }
    match (progress.phase(), progress.restored) {
        (Phase::Backup, _) if progress.backup.is_none() => {
            format!("nothing was changed on {alternate} as far as NIM said")
        }
        (Phase::Backup, _) => {
            format!("the database of {alternate} was saved, and not replaced yet")
        }
        (_, false) => format!("the database of {alternate} may be half replaced"),
        (Phase::Complete, _) => format!("{alternate} has the new database"),
        (phase, true) => {
            format!("{alternate} has the new database; NIM was at the phase {}", phase.word())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = include_str!("../../../tests/fixtures/nim/sync/seed");
    const GOOD: Ended = Ended::Itself(Fate::Exited(0));

    fn read(text: &str) -> Progress {
        let mut progress = Progress::default();
        for line in text.lines() {
            progress.line(line);
        }
        progress
    }

    #[test]
    fn the_run_of_the_document_has_no_fault() {
        assert_eq!(faults(GOOD, &read(SEED)), [""; 0]);
    }

    #[test]
    fn each_test_of_a_good_run_is_made() {
        let bad = |text: &str, ended| faults(ended, &read(text));
        assert_eq!(bad(SEED, Ended::Itself(Fate::Exited(116))), ["status 116"]);
        assert_eq!(bad(SEED, Ended::Interrupted("TERM")), ["was ended: TERM came"]);
        assert_eq!(bad(&SEED.replace("Level check is successful.", ""), GOOD).len(), 1);
        let cut = bad(&SEED.replace("nim_master_recover Complete", ""), GOOD);
        assert!(cut[0].starts_with("its last line is \"Finished checking SPOTs\""), "{cut:?}");
        let message =
            "0042-001 nim: processing error encountered on \"master\":\n   0042-006 m_sync: no\n";
        let said = bad(&SEED.replace("Resetting machines\n", message), GOOD);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("0042-006 m_sync: no (start the service"), "{said:?}");
        assert_eq!(bad("", GOOD).len(), 2);
    }

    #[test]
    fn the_state_of_the_alternate_and_the_way_back_are_told() {
        let at = |lines: usize, ended| {
            let text: Vec<&str> = SEED.lines().take(lines).collect();
            let progress = read(&text.join("\n"));
            let faults = faults(ended, &progress);
            error("nimb", ended, &progress, &faults).to_string()
        };
        assert!(at(0, GOOD).contains("it said nothing; what was done on nimb is not known"));
        assert!(at(3, Ended::TimedOut).contains("nothing was changed on nimb as far as NIM said"));
        assert!(at(10, GOOD).contains("was saved, and not replaced yet"));
        let half = at(20, Ended::TimedOut);
        assert!(
            half.contains("may be half replaced; see there that no nim_master_recover"),
            "{half}"
        );
        let put_back = "m_restore_db /export/nim/backups/nimb.10073807242010.backup";
        assert!(half.contains(put_back), "{half}");
        assert!(at(60, Ended::Interrupted("TERM")).contains("NIM was at the phase replicate"));
        assert!(!at(60, GOOD).contains("ps -ef"));
    }
}
