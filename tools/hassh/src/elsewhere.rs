//! A peer without hassh: its ssh client goes back, and is judged by its words.

use crate::direction::{Authentication, State, Values};
use ha_ssh::{Connection, HostKey, Peer, Tcp};
use std::time::Duration;

/// Has the peer's ssh go to `back`.
pub(crate) fn check(connection: &Connection, back: &Peer, timeout: Duration) -> Values {
    let nonce = "hassh-way-back";
    let seconds = timeout.as_secs().max(1);
    let command = format!(
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o PasswordAuthentication=no \
         -o ConnectTimeout={seconds} -o ControlPath=none {back} 'echo {nonce}' </dev/null 2>&1"
    );
    match connection.run(&command, timeout * 3) {
        Ok((said, status)) => judge(&said, status, nonce),
        Err(why) => Values { by: "ssh".to_owned(), ..Values::not_checked(why) },
    }
}

/// `ssh` ends with 255 for whatever it is; its words tell.
fn judge(said: &str, status: i32, nonce: &str) -> Values {
    let mut values = Values { by: "ssh".to_owned(), ..Values::default() };
    if status == 0 && said.lines().any(|line| line.trim() == nonce) {
        values.state = State::Ok;
        values.tcp = Tcp::Ok;
        values.host_key = HostKey::Pinned;
        values.authentication = Authentication::Ok;
        return values;
    }
    let has = |words: &str| said.contains(words);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("says nothing");
    let reason = format!("ssh there: {}", ha_json::one_line(last));
    let reason: String = reason.chars().take(300).collect();
    let (tcp, host_key, authentication) = if has("HOST IDENTIFICATION HAS CHANGED") {
        (Tcp::Ok, HostKey::Changed, Authentication::NotChecked)
    } else if has("REVOKED HOST KEY") {
        (Tcp::Ok, HostKey::Revoked, Authentication::NotChecked)
    } else if has("host key is known") || has("Host key verification failed") {
        (Tcp::Ok, HostKey::Unknown, Authentication::NotChecked)
    } else if has("Permission denied") {
        (Tcp::Ok, HostKey::Pinned, Authentication::Denied)
    } else {
        let tcp = if has("Connection refused") {
            Tcp::Refused
        } else if has("timed out") {
            Tcp::Timeout
        } else if has("No route to host") || has("is unreachable") {
            Tcp::Unreachable
        } else if has("Could not resolve hostname") {
            Tcp::Unresolved
        } else {
            values.reason = Some(format!("no hassh there, and {reason}; install hatools there"));
            return values;
        };
        (tcp, HostKey::NotChecked, Authentication::NotChecked)
    };
    (values.tcp, values.host_key, values.authentication) = (tcp, host_key, authentication);
    values.fail(reason);
    values.fix = Some("install hatools there, and run hassh --setup".to_owned());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ssh_are_told_apart() {
        let of = |said: &str, status| {
            let values = judge(said, status, "n");
            (values.state, values.tcp, values.host_key, values.authentication)
        };
        use Authentication as A;
        use HostKey as H;
        assert_eq!(of("hi\nn\n", 0), (State::Ok, Tcp::Ok, H::Pinned, A::Ok));
        assert_eq!(
            of("No ED25519 host key is known for mn1 and you have requested strict checking.", 255),
            (State::Failed, Tcp::Ok, H::Unknown, A::NotChecked)
        );
        assert_eq!(
            of(
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                255
            ),
            (State::Failed, Tcp::Ok, H::Changed, A::NotChecked)
        );
        assert_eq!(
            of("root@mn1: Permission denied (publickey).", 255),
            (State::Failed, Tcp::Ok, H::Pinned, A::Denied)
        );
        let refused = of("ssh: connect to host mn1 port 22: Connection refused", 255);
        assert_eq!(refused, (State::Failed, Tcp::Refused, H::NotChecked, A::NotChecked));
        let none = of("sh: ssh: not found", 127);
        assert_eq!(none, (State::NotChecked, Tcp::NotChecked, H::NotChecked, A::NotChecked));
    }
}
