//! Whether a client is this master's, by what is seen and not by what NIM's table says.

use crate::advice;
use crate::client::Client;
use crate::own::Own;
use crate::pair::{Owner, Pair};
use crate::table::SUCCESS;
use crate::voices::{Database, Voices};
use ha_nim::message::Message;

/// How it stands with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// This database and the client's own file say that it is this master's.
    Taken,
    /// One of them says that it is another's.
    NotTaken,
    /// That could not be seen.
    Unknown,
}

impl State {
    /// The word in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Taken => "taken",
            State::NotTaken => "not_taken",
            State::Unknown => "unknown",
        }
    }
}

/// What NIM said of a client while it ran, and what was seen of it before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'a> {
    /// Its result in the table.
    pub(crate) result: Option<&'a str>,
    /// The message that names it.
    pub(crate) message: Option<&'a Message>,
    /// Its port did not answer before the takeover.
    pub(crate) port_closed: bool,
}

/// What became of a client, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    pub(crate) split_brain: Option<bool>,
    pub(crate) code: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) next_step: Option<String>,
}

/// How it stands: success is what is seen.
pub(crate) fn state(voices: Voices, pair: &Pair) -> State {
    let here = match voices.here {
        Database::Says(name) => Some(pair.owner(name.as_deref())),
        Database::NotSeen | Database::Without => None,
    };
    match (own_says(voices.own, pair), here) {
        (Some(Owner::This), Some(Owner::This | Owner::Nobody)) => State::Taken,
        (Some(Owner::This), Some(Owner::Other | Owner::Third(_))) => State::NotTaken,
        (Some(Owner::This), None) => State::Unknown,
        (Some(_), _) => State::NotTaken,
        // What this database does not have, this master cannot work on, whatever the client says.
        (None, Some(Owner::Other | Owner::Third(_))) => State::NotTaken,
        (None, _) => State::Unknown,
    }
}

/// Whom the client follows: the one that its file names, where its list begins with the same one.
fn own_says<'a>(own: &'a Own, pair: &Pair) -> Option<Owner<'a>> {
    let file = match own {
        Own::File(file) => file,
        Own::Missing => return Some(Owner::Nobody),
        Own::NotSeen(_) | Own::Stranger(_) => return None,
    };
    let first = pair.owner(file.list.first().map(String::as_str));
    match pair.owner(file.master.as_deref()) {
        Owner::This if file.list.is_empty() || first == Owner::This => Some(Owner::This),
        Owner::This => Some(first),
        other => Some(other),
    }
}

/// Whether the client's file lists this master; `None` where that was not seen. Without a list it
/// knows the one master that it has.
pub(crate) fn lists_this(own: &Own, pair: &Pair) -> Option<bool> {
    match own {
        Own::File(file) if file.list.is_empty() => {
            Some(pair.owner(file.master.as_deref()) == Owner::This)
        }
        Own::File(file) => Some(file.list.iter().any(|name| pair.owner(Some(name)) == Owner::This)),
        Own::Missing => Some(false),
        Own::NotSeen(_) | Own::Stranger(_) => None,
    }
}

/// Judges a client.
pub(crate) fn judge(client: &Client, voices: Voices, said: Said, pair: &Pair) -> Verdict {
    let state = state(voices, pair);
    let split_brain = voices.split_brain(pair);
    if state == State::Taken {
        return taken(voices, said, pair, split_brain);
    }
    let code = code(state, voices, said, pair);
    let mut cause = Vec::new();
    let known = code.as_deref().and_then(|code| advice::of_code(code, client, pair));
    match (&known, said.message) {
        (Some((words, _)), _) => cause.push(words.clone()),
        (None, Some(message)) => cause.push(format!("{}: {}", message.method, message.text)),
        (None, None) => {}
    }
    match voices.own {
        Own::NotSeen(why) => cause.push(format!("its own file was not seen: {why}")),
        Own::Stranger(name) => cause.push(format!("{} leads to {name}", client.host)),
        Own::File(_) | Own::Missing => {}
    }
    if let Some(result) = said.result.filter(|_| state == State::NotTaken || known.is_none()) {
        cause.push(format!("the table says {result}"));
    }
    cause.push(voices.words(pair));
    let next_step = next_step(client, voices, said, pair, code.as_deref())
        .or(known.map(|(_, step)| step))
        .unwrap_or_else(|| "run this again".to_owned());
    Verdict { state, split_brain, code, cause: Some(cause.join("; ")), next_step: Some(next_step) }
}

fn taken(voices: Voices, said: Said, pair: &Pair, split_brain: Option<bool>) -> Verdict {
    let mut cause = Vec::new();
    if let Some(result) = said.result.filter(|result| *result != SUCCESS) {
        cause.push(format!("the table says {result}, and what is seen says that it is taken"));
    }
    if split_brain == Some(true) {
        cause.push(voices.words(pair));
    }
    Verdict {
        state: State::Taken,
        split_brain,
        code: None,
        cause: (!cause.is_empty()).then(|| cause.join("; ")),
        next_step: (split_brain == Some(true)).then(|| advice::tell_other(pair)),
    }
}

fn code(state: State, voices: Voices, said: Said, pair: &Pair) -> Option<String> {
    if let Some(message) = said.message {
        return Some(message.code.clone());
    }
    // Where NIM said that it went well, it met with none of these.
    if said.result == Some(SUCCESS) {
        return None;
    }
    let third = matches!(pair.owner(voices.here.name()), Owner::Third(_));
    let code = if lists_this(voices.own, pair) == Some(false) {
        Some(advice::NOT_LISTED)
    } else if state == State::NotTaken && third {
        Some(advice::NOT_CURRENT)
    } else {
        said.port_closed.then_some(advice::NO_CONNECTION)
    };
    code.map(str::to_owned)
}

fn next_step(
    client: &Client,
    voices: Voices,
    said: Said,
    pair: &Pair,
    code: Option<&str>,
) -> Option<String> {
    let other_is_alive = *voices.there != Database::NotSeen;
    let here = pair.owner(voices.here.name());
    match (code, here, voices.own) {
        (Some(advice::NOT_LISTED), ..) => Some(advice::make_known(client, pair, other_is_alive)),
        (Some(advice::NOT_CURRENT), Owner::Third(third), _) => Some(advice::take_from(third)),
        (Some(advice::NO_CONNECTION), ..) => Some(advice::start_service(client)),
        (Some(_), ..) => None,
        (None, _, Own::Stranger(_)) => Some(advice::right_address(client)),
        (None, _, Own::NotSeen(_)) => Some(advice::read_by_hand(client)),
        // Half taken, or the table lied: NIM itself takes the one thing for done.
        (None, Owner::This, _) => Some(advice::define_again(client, &pair.this)),
        (None, _, Own::Missing) => Some(advice::define_again(client, &pair.this)),
        (None, ..) if said.result == Some(SUCCESS) => Some(format!(
            "run this again; where it stays so, {}",
            advice::define_again(client, &pair.this)
        )),
        (None, ..) => None,
    }
}

#[cfg(test)]
mod tests;
