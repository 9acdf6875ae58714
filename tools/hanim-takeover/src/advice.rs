//! What an administrator does next, with the names put in.

use crate::client::Client;
use crate::pair::{Master, Owner, Pair};
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
/// definition by this master brings the client here. A sync would tell it, too, but undo what was
/// taken over before.
pub(crate) fn make_known(client: &Client, pair: &Pair, other_is_alive: bool) -> String {
    if other_is_alive {
        let (there, name) = (define_again(client, &pair.other), &client.name);
        let master = &pair.other.hostname;
        format!(
            "{there} (here, hanim-setup --redefine {name} {master} does it), then run this again"
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

/// The client knows this master, and the databases do not have that yet.
pub(crate) fn sync_first(pair: &Pair, other_is_alive: bool) -> String {
    let known = "nothing before the takeover: the client knows this master";
    match other_is_alive {
        true => format!(
            "{known}; on {}, hanim-sync --replicate --reset-clients {} clears it",
            pair.other.shown, pair.this.shown
        ),
        false => known.to_owned(),
    }
}

/// What NIM does on the machines of a master it does for that master alone.
pub(crate) fn by_its_master(client: &Client, pair: &Pair, command: &str) -> String {
    match pair.owner(client.current_master.as_deref()) {
        Owner::This | Owner::Nobody => command.to_owned(),
        owner => format!(
            "{command}, on {}, or here after the takeover",
            match owner {
                Owner::Third(third) => third,
                _ => &pair.other.shown,
            }
        ),
    }
}

/// Its name leads to another machine.
pub(crate) fn right_address(client: &Client) -> String {
    format!("put the address of {} right in /etc/hosts or the name server", client.host)
}

/// Its file could not be read.
pub(crate) fn read_by_hand(client: &Client) -> String {
    format!(
        "see /etc/niminfo on {} by hand, or run this again, with another carrier perhaps: -e \
         /usr/lpp/bos.sysmgt/nim/methods/c_rsh",
        client.host
    )
}

/// The other master must learn what has become of its clients. Without their replication it would lose
/// the resources that this one does not serve.
pub(crate) fn tell_other(pair: &Pair) -> String {
    format!(
        "let nobody work on {0}; when it is up, sync it from here: hanim-sync --replicate {0}, the first \
         time with --force",
        pair.other.shown
    )
}

/// The client went back to the other master, and the database here does not have that.
pub(crate) fn learn_from_other(pair: &Pair) -> String {
    format!(
        "{0} has the client, and this database is out of date: on {0}, hanim-sync --replicate {1}; or take \
         the client over",
        pair.other.shown, pair.this.shown
    )
}

/// Both masters claim the client, and its own word is not known: it decides.
pub(crate) fn ask_the_client(client: &Client, pair: &Pair) -> String {
    format!(
        "see NIM_MASTER_HOSTNAME in /etc/niminfo on {} before {} or {} is synced: the master that it names \
         has the client",
        client.host, pair.other.shown, pair.this.shown
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
        // It would take what was taken over here away again.
        assert!(!alive.contains("sync") && !down.contains("sync"), "{alive}; {down}");
    }

    #[test]
    fn what_only_its_master_may_do_is_done_there() {
        let pair = pair::sample();
        let of = |master: &str| {
            let client = Client { current_master: Some(master.into()), ..client::sample() };
            by_its_master(&client, &pair, "nim -Fo reset lpar07")
        };
        assert_eq!(of("nimb"), "nim -Fo reset lpar07");
        assert_eq!(of("nima"), "nim -Fo reset lpar07, on nima, or here after the takeover");
        assert_eq!(of("nimc"), "nim -Fo reset lpar07, on nimc, or here after the takeover");
    }

    #[test]
    fn the_names_stand_in_the_place_of_the_words_for_them() {
        let (cause, step) = of_code("0042-175", &client::sample(), &pair::sample()).unwrap();
        assert_eq!(cause, "the installation on the machine failed");
        assert!(step.ends_with("lsnim -a err_info lpar07"), "{step}");
        assert_eq!(of_code("0042-999", &client::sample(), &pair::sample()), None);
    }
}
