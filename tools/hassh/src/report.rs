//! From the options to what is written.

use crate::direction::{self, Authentication, Fault, Gone, Key, State, Values, round};
use crate::far::Far;
use crate::orders::{Change, Changed, Checked, Hello, OwnKey, Request, What};
use crate::probe::unix_time;
use crate::serve::public;
use crate::setup::{self, Brought, Done, Work};
use crate::{Arguments, account as own, elsewhere};
use ha_json::{Error, Kind, Map, Status, Stream, Tool, Value};
use ha_ssh::{HostKey, Means, Peer, Settings, Tcp, account};
use serde::Serialize;
use ssh_key::PublicKey;
use std::net::IpAddr;
use std::time::Duration;

const SCHEMA: &str = "hassh/1";

#[derive(Serialize)]
struct Record<K: Serialize, V: Serialize> {
    key: K,
    values: V,
}

#[derive(Serialize)]
struct ChangeKey<'a> {
    host: &'a str,
    file: &'a str,
    what: What,
}

#[derive(Serialize)]
struct ChangeValues<'a> {
    detail: Option<&'a str>,
}

/// Checks, or sets up and then checks.
///
/// # Errors
/// Usage; what a set-up failed with; answers of the peer that are not to be trusted.
pub(crate) fn run(tool: Tool, arguments: &Arguments) -> Result<Status, Error> {
    let Some(peer) = &arguments.peer else { return Err(Error::usage("PEER", "is missing")) };
    if let Some(file) = &arguments.config
        && !file.is_file()
    {
        return Err(Error::usage(file.display().to_string(), "is no file"));
    }
    let here = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    let back = match &arguments.back {
        Some(back) => back.clone(),
        None => Peer::parse(&here).map_err(|why| {
            Error::usage("--back", format!("the host name {here:?} {why}: say it with --back"))
        })?,
    };
    let settings = Settings::of(peer, arguments.config.as_deref(), arguments.port)?;
    let brought = match arguments.setup {
        true => Some(Brought::read(arguments, &settings)?),
        false => None,
    };
    let mut fields = Map::new();
    if arguments.dry_run {
        fields.insert("dry_run".to_owned(), Value::from(true));
    }
    let mut stream = Stream::begin_with(std::io::stdout(), tool, SCHEMA, &fields);
    let mut changes = 0u64;
    let (mut stopped, mut faults) = (None, Vec::new());
    if let Some(brought) = &brought {
        let work = Work { arguments, peer, back: &back, settings: &settings, here: &here };
        let verbose = arguments.verbose.then_some(tool);
        let done = setup::run(&work, brought, &mut |host, change| {
            changes += 1;
            tell_change(&mut stream, verbose, host, &change);
        });
        match done {
            Ok(Done::Stopped(values)) => stopped = Some(*values),
            Ok(Done::All(told)) => faults = told,
            Err(error) => return Err(stream.end_failed(&totals(changes, &[]), error)),
        }
    }
    let mut directions = Vec::new();
    let forward = Key { from: here.clone(), to: peer.host.clone() };
    let reverse = Key { from: peer.host.clone(), to: back.host.clone() };
    // What a set-up left as it was is not tried a second time: it told why.
    let failure = match stopped {
        Some(values) => {
            directions.push((forward, values));
            if !arguments.one_way {
                directions.push((reverse, Values::not_checked("the peer was not reached")));
            }
            None
        }
        None => {
            let timeout = Duration::from_secs(arguments.timeout);
            let mut gone = direction::go(&settings, &Means::default(), timeout, &|_, known| known);
            let way_back = match arguments.one_way {
                true => None,
                false => Some(go_back(&mut gone, arguments, peer, &back)),
            };
            if gone.values.authentication == Authentication::Denied {
                gone.values.faults = faults;
            }
            directions.push((forward, gone.values));
            match way_back {
                Some(Ok(values)) => {
                    directions.push((reverse, values));
                    None
                }
                // Its own trouble, such as a configuration that its ssh refuses, is no word on the way.
                Some(Err(error)) if error.kind == Kind::Failed => {
                    directions.push((reverse, Values::not_checked(error.to_string())));
                    None
                }
                Some(Err(error)) => Some(error),
                None => None,
            }
        }
    };
    for (key, values) in &directions {
        stream.record("direction", &Record { key, values });
        if arguments.verbose {
            say(tool, key, values);
        }
    }
    let totals = totals(changes, &directions);
    if let Some(error) = failure {
        return Err(stream.end_failed(&totals, error));
    }
    let with = |state| directions.iter().find(|(_, values)| values.state == state);
    if with(State::Failed).is_some() {
        return stream.end_with_no(&totals);
    }
    if let Some((key, values)) = with(State::NotChecked) {
        let item = format!("{} to {}", key.from, key.to);
        let why = values.reason.as_deref().unwrap_or("could not be checked");
        stream.item_failed(Kind::Partial, "not_checked", item.as_bytes(), why);
    }
    stream.end(&totals)
}

fn tell_change(
    stream: &mut Stream<std::io::Stdout>,
    verbose: Option<Tool>,
    host: &str,
    change: &Change,
) {
    let key = ChangeKey { host, file: &change.file, what: change.what };
    let values = ChangeValues { detail: change.detail.as_deref() };
    stream.record("change", &Record { key, values });
    if let Some(tool) = verbose {
        tool.say(&format!("{host}: {}: {}", change.file, word(&change.what)));
    }
}

fn say(tool: Tool, key: &Key, values: &Values) {
    let mut text = format!("{} to {}: {}", key.from, key.to, word(&values.state));
    for more in [&values.reason, &values.fix].into_iter().flatten() {
        text.push_str(&format!(": {more}"));
    }
    tool.say(&text);
}

/// As a record has it.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn totals(changes: u64, directions: &[(Key, Values)]) -> Map<String, Value> {
    let count =
        |state| Value::from(directions.iter().filter(|(_, values)| values.state == state).count());
    let states = [
        ("ok".to_owned(), count(State::Ok)),
        ("failed".to_owned(), count(State::Failed)),
        ("not_checked".to_owned(), count(State::NotChecked)),
    ];
    Map::from_iter([
        ("changes".to_owned(), Value::from(changes)),
        ("directions".to_owned(), Value::Object(Map::from_iter(states))),
    ])
}

/// The way back, as the peer goes it; what hassh there knows better is put into `gone`, too.
fn go_back(
    gone: &mut Gone,
    arguments: &Arguments,
    peer: &Peer,
    back: &Peer,
) -> Result<Values, Error> {
    let Some(connection) = &gone.connection else {
        return Ok(Values::not_checked("the peer was not reached"));
    };
    let timeout = Duration::from_secs(arguments.timeout);
    let started = Far::start(connection, &arguments.hassh_path, &peer.host, timeout)?;
    let Some((mut far, _)) = started else {
        return Ok(elsewhere::check(connection, back, timeout));
    };
    let asked = unix_time();
    let hello: Hello = far.ask(&Request::Hello {}, timeout)?;
    let answered = unix_time();
    let difference = hello.time_milliseconds as f64 / 1000.0 - (asked + answered) / 2.0;
    gone.values.clock_difference_seconds = Some(round(difference));
    gone.values.clock_error_seconds = Some(round((answered - asked) / 2.0 + 0.001));
    if let Some(key) = &gone.key {
        let key = PublicKey::from(key.key_data().clone()).to_openssh();
        let key = key.map_err(|error| Error::failed("key", error.to_string()))?;
        let looked: Changed = far.ask(&Request::Look { key }, timeout)?;
        gone.values.faults = looked.faults;
    }
    // It connects, shakes hands, logs in and runs a command: each in this time.
    let patience = timeout * 5 + Duration::from_secs(30);
    let order = Request::CheckBack { peer: back.to_string(), timeout_seconds: arguments.timeout };
    let mut values = far.ask::<Checked>(&order, patience)?.values;
    if !is_sound(&values) {
        let why = "hassh --serve there says what cannot be: ok, without having got in";
        return Err(Error::input(&peer.host, why));
    }
    values.faults.clear();
    if values.authentication == Authentication::Denied {
        let order = Request::PublicKey {
            peer: back.to_string(),
            make: false,
            dry_run: true,
            lock_wait_seconds: 0,
        };
        let theirs: OwnKey = far.ask(&order, timeout)?;
        values.faults = faults_here(&values, theirs, connection.address().ip(), &peer.host)?;
        if values.fix.is_some() {
            values.fix = Some("hassh --setup here".to_owned());
        }
    }
    Ok(values)
}

/// Whether what is told of a direction agrees with itself.
fn is_sound(values: &Values) -> bool {
    let known = matches!(values.host_key, HostKey::Pinned | HostKey::Ca);
    let got_in = values.tcp == Tcp::Ok && known && values.authentication == Authentication::Ok;
    (values.state != State::Ok || got_in)
        && (values.authentication == Authentication::NotChecked || known)
}

/// This machine is the far side of the way back: what its sshd would refuse or ignore.
fn faults_here(
    values: &Values,
    theirs: OwnKey,
    address: IpAddr,
    peer: &str,
) -> Result<Vec<Fault>, Error> {
    let user = account()?.name;
    if let Some(asked) = values.user.as_ref().filter(|asked| **asked != user) {
        let why =
            format!("the peer logs in as {asked}, and this is {user}: say --back {user}@NAME");
        return Ok(vec![Fault::new("user", peer, &why)]);
    }
    let Some(key) = theirs.key else {
        return Ok(vec![Fault::new("no_key", peer, "the peer has no key")]);
    };
    let key = public(&key).map_err(|error| Error::input(peer, error.to_string()))?;
    let source = values.source_address.as_ref().and_then(|source| source.parse().ok());
    own::look(Some(&key), Some(source.unwrap_or(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_says_ok_must_have_got_in() {
        let mut values = Values { state: State::Ok, ..Values::default() };
        assert!(!is_sound(&values));
        (values.tcp, values.host_key) = (Tcp::Ok, HostKey::Pinned);
        assert!(!is_sound(&values));
        values.authentication = Authentication::Ok;
        assert!(is_sound(&values));
        values.host_key = HostKey::Changed;
        assert!(!is_sound(&values));
        assert!(is_sound(&Values::default()));
    }
}
