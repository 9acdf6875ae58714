//! What an administrator does next, with the names put in.

use crate::client::Client;
use crate::pair::{Master, Pair};
use ha_nim::message::explain;

/// The client does not list this master.
pub(crate) const NOT_LISTED: &str = "0042-372";
/// Another master has the client.
pub(crate) const NOT_CURRENT: &str = "0042-378";
/// No connection to the client.
pub(crate) const NO_CONNECTION: &str = "0042-006";

/// Defines a client anew: it then follows that master, and knows the alternates that it has.
pub(crate) fn define_again(client: &Client, master: &Master) -> String {
    format!(
        "on {}: rm /etc/niminfo, then niminit -a name={} -a master={}",
        client.host, client.name, master.hostname
    )
}

/// The client must learn of this master. While the other one is alive it can tell it; later, only a
/// definition by this master brings the client here.
pub(crate) fn make_known(client: &Client, pair: &Pair, other_is_alive: bool) -> String {
    if other_is_alive {
        let there = define_again(client, &pair.other);
        format!(
            "{there} (or sync from {} with reset_clients=yes), then run this again",
            pair.other.shown
        )
    } else {
        format!("{}, which gives it to this master at once", define_again(client, &pair.this))
    }
}

/// A third master has it.
pub(crate) fn take_from(third: &str) -> String {
    format!(
        "take it over from that master: hanim-takeover {third}, where that is an alternate_master here"
    )
}

/// Nothing listens for NIM there.
pub(crate) fn start_service(client: &Client) -> String {
    match client.protocol() {
        ha_nim::client::Protocol::Nimsh => format!(
            "on {}: startsrc -s nimsh (or look for a firewall), then run this again",
            client.host
        ),
        ha_nim::client::Protocol::Shell => format!(
            "on {}: let inetd run rshd for shell (or look for a firewall), then run this again",
            client.host
        ),
    }
}

/// Its file could not be read.
pub(crate) fn read_by_hand(client: &Client) -> String {
    format!(
        "see /etc/niminfo on {} by hand, or run this again, with another carrier perhaps: -e \
         /usr/lpp/bos.sysmgt/nim/methods/c_rsh",
        client.host
    )
}

/// The other master must learn what has become of its clients.
pub(crate) fn tell_other(pair: &Pair) -> String {
    format!(
        "let nobody work on {0}; when it is up, sync it from here: hanim-sync {0}",
        pair.other.shown
    )
}

/// What is known of a code: its cause, and the next step for that client.
pub(crate) fn of_code(code: &str, client: &Client, pair: &Pair) -> Option<(String, String)> {
    let known = explain(code)?;
    let step = known
        .next_step
        .replace("CLIENT", &client.name)
        .replace("MACHINE", &client.name)
        .replace("OBJECT", &client.name)
        .replace("MASTER", &pair.other.shown)
        .replace("OPERATION", "takeover");
    Some((known.cause.to_owned(), step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client, pair};

    #[test]
    fn a_client_is_made_known_by_the_master_that_can() {
        let (client, pair) = (client::sample(), pair::sample());
        let alive = make_known(&client, &pair, true);
        assert!(alive.contains("niminit -a name=lpar07 -a master=nima.example.com"), "{alive}");
        let down = make_known(&client, &pair, false);
        assert!(down.contains("niminit -a name=lpar07 -a master=nimb.example.com"), "{down}");
    }

    #[test]
    fn the_names_stand_in_the_place_of_the_words_for_them() {
        let (cause, step) = of_code("0042-175", &client::sample(), &pair::sample()).unwrap();
        assert_eq!(cause, "the installation on the machine failed");
        assert!(step.ends_with("lsnim -a err_info lpar07"), "{step}");
        assert_eq!(of_code("0042-999", &client::sample(), &pair::sample()), None);
    }
}
