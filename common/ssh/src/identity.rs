//! Logging in: with the keys that ssh would take.

use crate::connection::{Connection, words};
use crate::settings::Settings;
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use ssh_key::{PrivateKey, PublicKey};
use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// No key is longer.
const MOST_BYTES: u64 = 1 << 20;
/// `LIBSSH2_ERROR_AUTHENTICATION_FAILED` and `LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED`.
const REFUSED: [i32; 2] = [-18, -19];

/// What may be used beside the identities of ssh, for this time.
#[derive(Clone, Default)]
pub struct Means {
    /// A file of a private key.
    pub identity: Option<PathBuf>,
    /// The password of the user there.
    pub password: Option<String>,
}

/// What got in.
pub struct Got {
    /// Its name.
    pub identity: String,
    /// The key, where it was one that can be read.
    pub key: Option<PublicKey>,
}

/// An identity that did not get in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Its name.
    pub identity: String,
    /// Why not.
    pub why: String,
}

/// A file of a private key, as far as it can be seen without a passphrase.
#[derive(Debug)]
pub enum Private {
    /// It can be used.
    Usable(Option<PublicKey>),
    /// It needs a passphrase.
    Locked(Option<PublicKey>),
    /// Why it cannot be used.
    Unusable(String),
}

impl Private {
    /// Looks at a file.
    pub fn look(file: &Path) -> Private {
        let known = match fs::metadata(file) {
            Ok(known) => known,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Private::Unusable("absent".to_owned());
            }
            Err(error) => {
                return Private::Unusable(format!("unreadable: {}", ha_json::reason(&error)));
            }
        };
        if known.uid() == geteuid().as_raw() && known.mode() & 0o077 != 0 {
            let mode = known.mode() & 0o7777;
            return Private::Unusable(format!(
                "others may read it (mode {mode:04o}): ssh refuses it"
            ));
        }
        let text = match ha_file::read(file, MOST_BYTES) {
            Ok(Some(content)) => String::from_utf8_lossy(&content).into_owned(),
            Ok(None) => return Private::Unusable("absent".to_owned()),
            Err(error) => return Private::Unusable(format!("unreadable: {}", error.why)),
        };
        match PrivateKey::from_openssh(&text) {
            Ok(key) if key.is_encrypted() => Private::Locked(Some(key.public_key().clone())),
            Ok(key) => Private::Usable(Some(key.public_key().clone())),
            Err(_) if text.contains("ENCRYPTED") => Private::Locked(beside(file)),
            Err(_) if text.contains("PRIVATE KEY") => Private::Usable(beside(file)),
            Err(_) => Private::Unusable("is no private key".to_owned()),
        }
    }
}

fn beside(file: &Path) -> Option<PublicKey> {
    let content = ha_file::read(&with_pub(file), MOST_BYTES).ok()??;
    PublicKey::from_openssh(std::str::from_utf8(&content).ok()?.trim()).ok()
}

/// The file of the public key.
pub fn with_pub(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Logs in with the first that the far side takes; `tried` gets the others. Key files come before
/// the agent, which cron has not.
pub fn log_in(
    connection: &Connection,
    settings: &Settings,
    means: &Means,
    tried: &mut Vec<Tried>,
) -> Option<Got> {
    let session = &connection.session;
    let user = &settings.user;
    let offered = session.auth_methods(user).map(str::to_owned);
    if session.authenticated() {
        return Some(Got { identity: "none: the far side asks for nothing".to_owned(), key: None });
    }
    let offered = match offered {
        Ok(offered) => offered,
        Err(error) => {
            let (identity, why) = (format!("user {user}"), words(&error));
            tried.push(Tried { identity, why });
            return None;
        }
    };
    if offered.split(',').any(|method| method == "publickey") {
        let files = settings.identity_files.iter().chain(&means.identity);
        let files: Vec<(&PathBuf, Private)> =
            files.map(|file| (file, Private::look(file))).collect();
        for (file, private) in &files {
            let identity = file.display().to_string();
            let why = match private {
                Private::Unusable(why) => why.clone(),
                Private::Locked(_) => "needs a passphrase".to_owned(),
                Private::Usable(key) => {
                    match session.userauth_pubkey_file(user, None, file, None) {
                        Ok(()) => return Some(Got { identity, key: key.clone() }),
                        Err(error) => refusal(&error),
                    }
                }
            };
            tried.push(Tried { identity, why });
        }
        if let Some(got) = by_agent(connection, settings, &files, tried) {
            return Some(got);
        }
    } else {
        let why = "the far side takes no keys (PubkeyAuthentication)".to_owned();
        tried.push(Tried { identity: format!("user {user}"), why });
    }
    by_password(connection, user, means.password.as_deref()?, &offered, tried)
}

fn refusal(error: &ssh2::Error) -> String {
    match error.code() {
        ErrorCode::Session(code) if REFUSED.contains(&code) => "refused by the far side".to_owned(),
        _ => words(error),
    }
}

fn by_agent(
    connection: &Connection,
    settings: &Settings,
    files: &[(&PathBuf, Private)],
    tried: &mut Vec<Tried>,
) -> Option<Got> {
    let socket = settings.agent.as_ref()?;
    let mut failed = |why: String| {
        tried.push(Tried { identity: "agent".to_owned(), why });
        None::<Got>
    };
    let reached = connection.session.agent().and_then(|mut agent| {
        agent.set_identity_path(socket)?;
        agent.connect()?;
        agent.list_identities()?;
        let all = agent.identities()?;
        Ok((agent, all))
    });
    let (agent, all) = match reached {
        Ok(reached) => reached,
        Err(error) => return failed(words(&error)),
    };
    for identity in all {
        let key = PublicKey::from_bytes(identity.blob()).ok();
        let of_file = files.iter().find(|(file, private)| match (private, &key) {
            (Private::Usable(Some(own)) | Private::Locked(Some(own)), Some(key)) => {
                own.key_data() == key.key_data()
            }
            (_, Some(key)) => beside(file).is_some_and(|own| own.key_data() == key.key_data()),
            _ => false,
        });
        // What was refused as a file is refused again.
        let known = matches!(of_file, Some((_, Private::Usable(_))));
        if known || (settings.identities_only && of_file.is_none()) {
            continue;
        }
        let name = format!("agent: {}", ha_json::one_line(identity.comment()));
        match agent.userauth(&settings.user, &identity) {
            Ok(()) => return Some(Got { identity: name, key }),
            Err(error) => tried.push(Tried { identity: name, why: refusal(&error) }),
        }
    }
    None
}

struct Answer<'a>(&'a str);

impl KeyboardInteractivePrompt for Answer<'_> {
    fn prompt<'a>(&mut self, _: &str, _: &str, prompts: &[Prompt<'a>]) -> Vec<String> {
        // A password goes where what is typed is not shown, and nowhere else.
        let one = prompts.len() == 1;
        let answer = |prompt: &Prompt<'a>| match one && !prompt.echo {
            true => self.0.to_owned(),
            false => String::new(),
        };
        prompts.iter().map(answer).collect()
    }
}

fn by_password(
    connection: &Connection,
    user: &str,
    password: &str,
    offered: &str,
    tried: &mut Vec<Tried>,
) -> Option<Got> {
    let session = &connection.session;
    for method in offered.split(',') {
        let outcome = match method {
            "password" => session.userauth_password(user, password),
            "keyboard-interactive" => {
                session.userauth_keyboard_interactive(user, &mut Answer(password))
            }
            _ => continue,
        };
        match outcome {
            Ok(()) => return Some(Got { identity: "password".to_owned(), key: None }),
            Err(error) => {
                tried.push(Tried { identity: method.to_owned(), why: refusal(&error) });
            }
        }
    }
    None
}
