//! The records of a run.

use crate::advice::NO_CONNECTION;
use crate::own::Own;
use crate::table::Said;
use crate::verdict::{State, Verdict};
use crate::voices::Voices;
use ha_json::{Kind, Map, Stream, Value, json};
use std::io::Write;

/// How many clients came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) taken: u64,
    pub(crate) already: u64,
    pub(crate) not_taken: u64,
    pub(crate) unknown: u64,
    pub(crate) split_brains: u64,
    /// All that failed may be otherwise another time.
    pub(crate) only_busy: bool,
}

/// Writes a line of NIM's.
pub(crate) fn progress<W: Write>(stream: &mut Stream<W>, line: &str) {
    stream.record("progress", &json!({"text": line}));
    stream.flush();
}

/// Writes NIM's messages, each with the client that it names.
pub(crate) fn messages<W: Write>(
    stream: &mut Stream<W>,
    said: &Said,
    client: impl Fn(&crate::table::Told) -> Option<String>,
) {
    for (at, told) in said.told.iter().enumerate() {
        stream.record(
            "message",
            &json!({
                "key": {"number": at + 1},
                "values": {
                    "code": told.message.code,
                    "method": told.message.method,
                    "text": told.message.text,
                    "client": client(told),
                },
            }),
        );
    }
}

/// Writes what became of a client, and counts it; one that is not taken is an item that failed.
pub(crate) fn client<W: Write>(
    stream: &mut Stream<W>,
    name: &str,
    already: bool,
    table_result: Option<&str>,
    voices: Voices,
    verdict: &Verdict,
    totals: &mut Totals,
) {
    let master = match voices.own {
        Own::File(file) => file.master.as_deref(),
        Own::Missing | Own::NotSeen(_) | Own::Stranger(_) => None,
    };
    stream.record(
        "client",
        &json!({
            "key": {"client": name},
            "values": {
                "state": verdict.state.word(),
                "already": already,
                "table_result": table_result,
                "current_master": voices.here.name(),
                "current_master_on_peer": voices.there.name(),
                "niminfo_master": master,
                "split_brain": verdict.split_brain,
                "code": verdict.code,
                "cause": verdict.cause,
                "next_step": verdict.next_step,
            },
        }),
    );
    let count = match verdict.state {
        State::Taken => &mut totals.taken,
        State::NotTaken => &mut totals.not_taken,
        State::Unknown => &mut totals.unknown,
    };
    *count += 1;
    totals.already += u64::from(already);
    totals.split_brains += u64::from(verdict.split_brain == Some(true));
    if verdict.state != State::Taken {
        let busy =
            verdict.state == State::Unknown || verdict.code.as_deref() == Some(NO_CONNECTION);
        totals.only_busy &= busy;
        let kind = if busy { Kind::Busy } else { Kind::Failed };
        let code = verdict.code.iter().map(|code| format!("{code}: "));
        let message: String = code
            .chain(verdict.cause.clone())
            .chain(verdict.next_step.iter().map(|step| format!("; {step}")))
            .collect();
        stream.item_failed(kind, verdict.state.word(), name.as_bytes(), &message);
    }
}

impl Totals {
    pub(crate) fn new() -> Totals {
        Totals { only_busy: true, ..Totals::default() }
    }

    /// For the end of the stream.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        Map::from_iter(
            [
                ("clients_taken", self.taken),
                ("clients_already", self.already),
                ("clients_not_taken", self.not_taken),
                ("clients_unknown", self.unknown),
                ("split_brains", self.split_brains),
            ]
            .map(|(name, count)| (name.to_owned(), Value::from(count))),
        )
    }
}
