//! A client as the database of a master has it.

use ha_nim::client::Protocol;
use ha_nim::lsnim::Listing;

/// What a machine is that is free for an operation.
const READY: &str = "ready for a NIM operation";

/// A machine that a takeover is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The NIM object.
    pub(crate) name: String,
    /// The host name at its first interface.
    pub(crate) host: String,
    /// `connect`, as it stands.
    pub(crate) connect: Option<String>,
    /// `current_master`, as it stands.
    pub(crate) current_master: Option<String>,
    /// `Cstate` where it is another one than that of a machine at rest.
    pub(crate) busy: Option<String>,
    /// Whether `sync_required` says yes.
    pub(crate) sync_required: bool,
}

impl Client {
    /// How NIM calls on it.
    pub(crate) fn protocol(&self) -> Protocol {
        Protocol::of(self.connect.as_deref())
    }
}

/// The clients in a listing, in its order, each once.
pub(crate) fn clients(listing: &Listing) -> Vec<Client> {
    let mut all: Vec<Client> = Vec::new();
    for object in listing.objects.iter().filter(|object| object.is_client()) {
        if all.iter().any(|client| client.name == object.name) {
            continue;
        }
        let text = |name| object.get(name).map(|value| value.trim().to_owned());
        all.push(Client {
            name: object.name.clone(),
            host: object.hostname(),
            connect: text("connect"),
            current_master: text("current_master").filter(|name| !name.is_empty()),
            busy: text("Cstate").filter(|state| state != READY),
            sync_required: text("sync_required").as_deref() == Some("yes"),
        });
    }
    all
}

#[cfg(test)]
pub(crate) fn sample() -> Client {
    Client {
        name: "lpar07".into(),
        host: "lpar07.example.com".into(),
        connect: Some("nimsh".into()),
        current_master: Some("nima.example.com".into()),
        busy: None,
        sync_required: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_nim::lsnim::parse_long;

    #[test]
    fn standalone_diskless_and_dataless_machines_are_clients_and_nothing_else_is() {
        let mut text = String::new();
        for kind in ["master", "alternate_master", "standalone", "diskless", "dataless", "wpar"] {
            text.push_str(&format!("{kind}:\n   class = machines\n   type = {kind}\n"));
        }
        text.push_str("spot_73:\n   class = resources\n   type = spot\n");
        let all = clients(&parse_long(text.as_bytes()));
        let names: Vec<&str> = all.iter().map(|client| client.name.as_str()).collect();
        assert_eq!(names, ["standalone", "diskless", "dataless"]);
        assert_eq!((all[0].current_master.as_deref(), all[0].host.as_str()), (None, "standalone"));
    }

    #[test]
    fn the_documented_listing_of_a_client_is_read() {
        let text = "lpar07:\n   class          = machines\n   type           = standalone\n   \
                    current_master = nima.example.com\n   sync_required  = yes\n   connect        = \
                    nimsh (secure)\n   if1            = master_net lpar07.example.com 8EB2200AA002 \
                    ent0\n   Cstate         = Base Operating System installation is being performed\n";
        let all = clients(&parse_long(text.as_bytes()));
        let wanted = Client {
            connect: Some("nimsh (secure)".into()),
            busy: Some("Base Operating System installation is being performed".into()),
            sync_required: true,
            ..sample()
        };
        assert_eq!(all, [wanted]);
    }
}
