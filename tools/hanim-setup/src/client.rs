//! A client of MASTER, by its own word.

use crate::options::word;
use crate::redefinition::KEPT;
use ha_nim::Level;
use ha_nim::master::NIMINFO;
use ha_nim::niminfo::Niminfo;
use ha_nim::{Carrier, Object, same_host};
use ha_remote::Reply;

/// A client in the database of MASTER.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its NIM name.
    pub(crate) name: String,
    /// The host name by which it is reached.
    pub(crate) host: String,
    /// What MASTER has of it.
    pub(crate) object: Object,
}

impl Client {
    /// Whether niminit can define it again on itself: what has no disk boots with what its master
    /// keeps for it.
    pub(crate) fn is_for_niminit(&self) -> bool {
        self.object.kind() == "standalone" && word(&self.name).is_ok()
    }
}

/// What a client's own /etc/niminfo says.
#[derive(Clone, Debug)]
pub(crate) enum Own {
    /// It was read.
    File { niminfo: Niminfo, about: About },
    /// It has none; what an earlier redefinition kept may be there.
    Missing { kept: bool, about: About },
    /// It is the file of this machine, and not of the client.
    Stranger(String),
    /// The cause, as a sentence without a full stop.
    NotSeen(String),
}

/// What else a client says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Its level, where it can be seen.
    pub(crate) level: Option<Level>,
    /// Whether it resolves the name of the alternate, where that can be seen.
    pub(crate) resolves: Option<bool>,
}

/// The clients in a database, in its order.
pub(crate) fn all(objects: &[Object]) -> Vec<Client> {
    let client = |object: &Object| Client {
        name: object.name.clone(),
        host: object.hostname(),
        object: object.clone(),
    };
    objects.iter().filter(|object| object.is_client()).map(client).collect()
}

/// Asks a client for its own file, and whether it resolves the name `alternate`.
pub(crate) fn own(carrier: &Carrier, name: &str, host: &str, alternate: &str) -> Own {
    let ask = |argv: &[&str]| argv.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let questions = [
        ask(&["cat", NIMINFO]),
        ask(&["ls", NIMINFO]),
        ask(&["ls", KEPT]),
        ask(&["oslevel"]),
        ask(&["host", alternate]),
    ];
    let replies = carrier.to(host).and_then(|machine| machine.ask(&questions, carrier.patience()));
    match replies {
        Ok(replies) => read(name, host, &replies),
        Err(error) => Own::NotSeen(error.why),
    }
}

fn read(name: &str, host: &str, replies: &[Reply]) -> Own {
    let none = Reply { status: 127, ..Reply::default() };
    let reply = |at| replies.get(at).unwrap_or(&none);
    let about = About {
        level: reply(3).text().and_then(|text| Level::parse(&text)),
        resolves: (!matches!(reply(4).status, 126 | 127)).then(|| reply(4).status == 0),
    };
    let content = reply(0);
    match (content.status, reply(1).status) {
        (0, _) => {}
        (126 | 127, _) => return Own::NotSeen("cat cannot be run there".to_owned()),
        (_, 0) => return Own::NotSeen(format!("{NIMINFO} cannot be read there")),
        _ => return Own::Missing { kept: reply(2).status == 0, about },
    }
    let niminfo = Niminfo::parse(&content.stdout);
    match whose(name, host, &niminfo) {
        Some(other) => Own::Stranger(other),
        None => Own::File { niminfo, about },
    }
}

/// The machine that a file is of, where that is not this client: a wrong address leads to another
/// machine, whose file must neither be believed nor removed.
fn whose(name: &str, host: &str, niminfo: &Niminfo) -> Option<String> {
    if niminfo.role().is_master() {
        let hostname = niminfo.value("NIM_MASTER_HOSTNAME").unwrap_or_default();
        return Some(format!("the master {hostname}").trim_end().to_owned());
    }
    let names: Vec<&str> = ["NIM_NAME", "NIM_HOSTNAME"]
        .into_iter()
        .filter_map(|variable| niminfo.value(variable).map(str::trim))
        .collect();
    let known =
        names.iter().any(|its| *its == name || same_host(its, host) || same_host(its, name));
    names.first().filter(|_| !known).map(|other| (*other).to_owned())
}

/// The sentence for a file that is another machine's.
pub(crate) fn stranger(host: &str, whose: &str) -> String {
    format!("the {NIMINFO} at {host} is that of {whose}: see what the name resolves to")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "export NIM_NAME=lpar07\nexport NIM_HOSTNAME=lpar07.example.com\nexport \
                       NIM_CONFIGURATION=standalone\n";

    fn of(statuses: [i32; 3], text: &str) -> Own {
        let reply =
            |status, text: &str| Reply { status, stdout: text.into(), stderr: String::new() };
        let [cat, ls, kept] = statuses;
        let replies = [reply(cat, text), reply(ls, ""), reply(kept, ""), reply(0, "7.3.0.0\n")];
        read("lpar07", "lpar07.example.com", &replies)
    }

    #[test]
    fn no_file_is_told_from_one_that_cannot_be_read() {
        assert!(matches!(
            of([0, 0, 2], OWN),
            Own::File { about: About { level: Some(_), resolves: None }, .. }
        ));
        assert!(matches!(of([2, 2, 2], ""), Own::Missing { kept: false, .. }));
        assert!(matches!(of([2, 2, 0], ""), Own::Missing { kept: true, .. }));
        assert!(matches!(of([2, 0, 0], ""), Own::NotSeen(_)));
        assert!(matches!(of([127, 127, 127], ""), Own::NotSeen(_)));
        assert!(matches!(read("a", "a", &[]), Own::NotSeen(_)));
    }

    #[test]
    fn the_file_of_another_machine_is_that_of_a_stranger() {
        let Own::Stranger(whose) = of([0, 0, 2], &OWN.replace("lpar07", "lpar99")) else {
            panic!()
        };
        assert_eq!(whose, "lpar99");
        let master = "NIM_NAME=master\nNIM_CONFIGURATION=master\nNIM_MASTER_HOSTNAME=nima\n";
        let Own::Stranger(whose) = of([0, 0, 2], master) else { panic!() };
        assert_eq!(whose, "the master nima");
    }
}
