//! One direction: from one node to the other, as far as it got.

use crate::probe::Probe;
use ha_ssh::{Connection, HostKey, Means, Met, Settings, Tcp, Tried, Verdict, host_key, log_in};
use serde::{Deserialize, Serialize};
use ssh_key::{HashAlg, PublicKey};
use std::time::Duration;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($word:ident),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name {
            #[default]
            NotChecked,
            $($word),+
        }
    };
}

words!(
    /// What came of a direction.
    State { Ok, Failed }
);
words!(
    /// Whether one got in.
    Authentication { Ok, Denied }
);

/// What sshd would refuse or ignore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) fault: String,
    pub(crate) item: String,
    pub(crate) message: String,
}

impl Fault {
    /// A fault of `item`.
    pub(crate) fn new(fault: &str, item: &str, message: &str) -> Fault {
        Fault { fault: fault.to_owned(), item: item.to_owned(), message: message.to_owned() }
    }
}

/// From where to where.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Key {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What is known of a direction; null where it is not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Values {
    pub(crate) state: State,
    /// What looked: `hassh`, or the far `ssh`.
    pub(crate) by: String,
    pub(crate) reason: Option<String>,
    pub(crate) fix: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) source_address: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) remote_user: Option<String>,
    pub(crate) remote_uid: Option<u64>,
    pub(crate) tcp: Tcp,
    pub(crate) host_key: HostKey,
    pub(crate) host_key_type: Option<String>,
    pub(crate) expected_fingerprint: Option<String>,
    pub(crate) actual_fingerprint: Option<String>,
    pub(crate) known_hosts: Option<String>,
    pub(crate) authentication: Authentication,
    pub(crate) identity: Option<String>,
    pub(crate) tried: Vec<Tried>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) clock_difference_seconds: Option<f64>,
    pub(crate) clock_error_seconds: Option<f64>,
}

impl Values {
    /// Of a direction that nobody looked at.
    pub(crate) fn not_checked(reason: impl Into<String>) -> Values {
        Values { by: "hassh".to_owned(), reason: Some(reason.into()), ..Values::default() }
    }

    pub(crate) fn fail(&mut self, reason: impl Into<String>) {
        self.state = State::Failed;
        self.reason = Some(reason.into());
    }

    /// What was proven of the host key, told before anything else is tried.
    pub(crate) fn tell_key(&mut self, key: &PublicKey, verdict: &Verdict) {
        self.host_key = verdict.word;
        self.host_key_type = Some(key.algorithm().to_string());
        self.actual_fingerprint = Some(key.fingerprint(HashAlg::Sha256).to_string());
        self.expected_fingerprint = verdict.expected.clone();
        self.known_hosts = verdict.place.clone();
    }
}

/// A direction that was gone, and the connection where it led to one.
pub(crate) struct Gone {
    pub(crate) values: Values,
    /// A connection whose host key is verified, and that is logged in.
    pub(crate) connection: Option<Connection>,
    /// The key that got in.
    pub(crate) key: Option<PublicKey>,
    /// The key that the far side proved to have, known or not.
    pub(crate) host_key: Option<PublicKey>,
}

/// Goes there: connects, judges the host key, logs in, and runs a command. `trust` decides on a host
/// key that is not revoked; it is told whether the key is known.
pub(crate) fn go(
    settings: &Settings,
    means: &Means,
    timeout: Duration,
    trust: &dyn Fn(&PublicKey, bool) -> bool,
) -> Gone {
    let mut gone = Gone {
        values: Values { by: "hassh".to_owned(), ..Values::default() },
        connection: None,
        key: None,
        host_key: None,
    };
    let values = &mut gone.values;
    values.user = Some(settings.user.clone());
    values.address = Some(settings.place());
    if let Some(reason) = &settings.not_followed {
        values.reason = Some(format!("{reason}, which hassh does not follow"));
        return gone;
    }
    let known = match host_key::known(settings) {
        Ok(known) => known,
        Err(error) => {
            values.reason = Some(error.to_string());
            return gone;
        }
    };
    let Met { outcome, address, source } =
        Connection::open(settings, timeout, &host_key::preference(&known, settings));
    values.address = address.map(|address| address.to_string()).or(values.address.take());
    values.source_address = source.map(|source| source.ip().to_string());
    let connection = match outcome {
        Ok(connection) => connection,
        Err((tcp, why)) => {
            values.tcp = tcp;
            values.fix = Some(format!("see that sshd runs and answers at {}", settings.place()));
            values.fail(why);
            return gone;
        }
    };
    values.tcp = Tcp::Ok;
    let Some(key) = connection.host_key() else {
        values.fail("its host key cannot be read");
        return gone;
    };
    let verdict = host_key::judge(&known, settings, &key, connection.address(), timeout);
    values.tell_key(&key, &verdict);
    gone.host_key = Some(key.clone());
    let known = matches!(verdict.word, HostKey::Pinned | HostKey::Ca);
    if verdict.word == HostKey::Revoked || !trust(&key, known) {
        values.fail(verdict.reason);
        values.fix = Some(host_key_fix(values));
        return gone;
    }
    let got = log_in(&connection, settings, means, &mut values.tried);
    let Some(got) = got else {
        values.authentication = Authentication::Denied;
        values.fail(format!("no identity gets in as {}", settings.user));
        values.fix = Some("hassh --setup with --identity or --password-file".to_owned());
        return gone;
    };
    values.authentication = Authentication::Ok;
    values.identity = Some(got.identity);
    gone.key = got.key;
    match Probe::over(&connection, timeout) {
        Ok(probe) => {
            values.remote_user = Some(probe.user);
            values.remote_uid = Some(probe.uid);
            values.clock_difference_seconds = Some(round(probe.difference));
            values.clock_error_seconds = Some(round(probe.error));
            values.state = State::Ok;
            gone.connection = Some(connection);
        }
        Err(why) => values.fail(why),
    }
    gone
}

fn host_key_fix(values: &Values) -> String {
    let kind = match values.host_key_type.as_deref() {
        Some("ssh-rsa") => "rsa",
        Some(kind) if kind.starts_with("ecdsa") => "ecdsa",
        _ => "ed25519",
    };
    match values.host_key {
        HostKey::Revoked => "give the peer a new host key: this one is revoked".to_owned(),
        _ => format!(
            "on the peer: ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub; where it prints {}, here: \
             hassh --setup --fingerprint {0}",
            values.actual_fingerprint.as_deref().unwrap_or_default()
        ),
    }
}

/// Milliseconds are all that is known.
pub(crate) fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
