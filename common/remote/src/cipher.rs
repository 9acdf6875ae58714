//! Which cipher ssh is asked for. AES-GCM carries half again as much as ssh's default on a machine
//! with AES instructions; what the user's configuration says goes before it.

use crate::Host;
use ha_command::{Fate, capture};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);

/// The option that puts AES-GCM first, or none when the configuration names ciphers for this host.
pub(crate) fn preference(host: &Host) -> Option<String> {
    let asked = match &host.user {
        Some(user) => ciphers(&["ssh", "-G", "-l", user, &host.name]),
        None => ciphers(&["ssh", "-G", &host.name]),
    };
    let built_in = ciphers(&["ssh", "-F", "none", "-G", &host.name]);
    (asked.is_some() && asked == built_in).then(|| "-oCiphers=^aes128-gcm@openssh.com".to_owned())
}

fn ciphers(argv: &[&str]) -> Option<String> {
    let run = capture(argv, DEADLINE).ok().filter(|run| run.fate == Fate::Exited(0))?;
    let text = String::from_utf8(run.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("ciphers ")).map(str::to_owned)
}
