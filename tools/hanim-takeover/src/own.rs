//! What a client's own /etc/niminfo says of its masters.

use crate::client::Client;
use ha_nim::master::NIMINFO;
use ha_nim::niminfo::Niminfo;
use ha_nim::same_host;
use ha_remote::Reply;

/// What its file says, or why that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// It was read.
    File(File),
    /// It has none: it is no client of NIM at all.
    Missing,
    /// What came is the file of another machine, of that name: it is no evidence.
    Stranger(String),
    /// The cause, as a sentence without a full stop.
    NotSeen(String),
}

/// The variables that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    /// `NIM_MASTER_HOSTNAME`.
    pub(crate) master: Option<String>,
    /// `NIM_MASTER_HOSTNAME_LIST`, the current master first.
    pub(crate) list: Vec<String>,
    /// `NIM_SHELL`.
    pub(crate) shell: Option<String>,
}

/// What [`read`] reads the answers of.
pub(crate) fn questions() -> Vec<Vec<String>> {
    vec![["cat", NIMINFO].map(str::to_owned).to_vec(), ["ls", NIMINFO].map(str::to_owned).to_vec()]
}

/// Reads the answers to [`questions`].
pub(crate) fn read(client: &Client, replies: &[Reply]) -> Own {
    let none = Reply { status: 127, ..Reply::default() };
    let reply = |at| replies.get(at).unwrap_or(&none);
    let (content, there) = (reply(0), reply(1));
    if content.status != 0 {
        return match (there.status, content.status) {
            (0, _) => Own::NotSeen(format!("{NIMINFO} cannot be read there")),
            (_, 126 | 127) => Own::NotSeen("cat cannot be run there".to_owned()),
            (1 | 2, _) => Own::Missing,
            _ => Own::NotSeen(format!(
                "whether it has {NIMINFO} cannot be seen: ls cannot be run there"
            )),
        };
    }
    let file = Niminfo::parse(&content.stdout);
    if let Some(stranger) = stranger(client, &file) {
        return Own::Stranger(stranger);
    }
    for name in ["NIM_MASTER_HOSTNAME", "NIM_MASTER_HOSTNAME_LIST"] {
        if let (Some(assignment), None) = (file.assignment(name), file.value(name)) {
            return Own::NotSeen(format!("line {} of its {NIMINFO} is damaged", assignment.line));
        }
    }
    let text = |name| file.value(name).map(|value| value.trim().to_owned());
    let words = file.words("NIM_MASTER_HOSTNAME_LIST");
    Own::File(File {
        master: text("NIM_MASTER_HOSTNAME").filter(|name| !name.is_empty()),
        list: words.into_iter().map(str::to_owned).collect(),
        shell: text("NIM_SHELL"),
    })
}

/// The name in a file that is not this client's: a wrong address leads to another machine, and what
/// that says is no evidence.
fn stranger(client: &Client, file: &Niminfo) -> Option<String> {
    let names = ["NIM_NAME", "NIM_HOSTNAME"].map(|name| file.value(name).map(str::trim));
    let known = names.iter().flatten().any(|name| {
        *name == client.name || same_host(name, &client.host) || same_host(name, &client.name)
    });
    match names {
        [None, None] => None,
        _ if known => None,
        [first, second] => first.or(second).map(str::to_owned),
    }
}

#[cfg(test)]
pub(crate) fn sample(master: &str, list: &[&str]) -> Own {
    Own::File(File {
        master: Some(master.into()),
        list: list.iter().map(|name| (*name).to_owned()).collect(),
        shell: Some("nimsh".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;
    use proptest::prelude::*;

    fn replies(text: &[u8]) -> Vec<Reply> {
        vec![Reply { status: 0, stdout: text.into(), stderr: String::new() }, Reply::default()]
    }

    fn of(text: &str) -> Own {
        read(&client::sample(), &replies(text.as_bytes()))
    }

    const SEED: &str = "export NIM_NAME=lpar07\nexport NIM_HOSTNAME=lpar07.example.com\nexport \
                        NIM_MASTER_HOSTNAME=nimb.example.com\nexport NIM_SHELL=\"nimsh\"\nexport \
                        NIM_MASTER_HOSTNAME_LIST=\"nimb.example.com nima.example.com\"\n";

    #[test]
    fn the_seeds_file_is_read() {
        assert_eq!(of(SEED), sample("nimb.example.com", &["nimb.example.com", "nima.example.com"]));
    }

    #[test]
    fn the_file_of_another_machine_is_no_evidence() {
        assert_eq!(of(&SEED.replace("lpar07", "lpar99")), Own::Stranger("lpar99".into()));
    }

    #[test]
    fn what_only_running_the_file_would_tell_is_not_known() {
        let text = "export NIM_NAME=lpar07\nexport NIM_MASTER_HOSTNAME=$(hostname)\n";
        assert_eq!(of(text), Own::NotSeen("line 2 of its /etc/niminfo is damaged".into()));
    }

    #[test]
    fn no_file_is_told_from_one_that_cannot_be_read() {
        let failed = |status| Reply { status, ..Reply::default() };
        let own = |cat, ls| read(&client::sample(), &[failed(cat), failed(ls)]);
        assert_eq!(own(2, 2), Own::Missing);
        assert!(matches!(own(2, 0), Own::NotSeen(_)));
        assert!(matches!(own(127, 127), Own::NotSeen(_)));
        assert!(matches!(own(1, 127), Own::NotSeen(_)) && matches!(own(1, 137), Own::NotSeen(_)));
        assert!(matches!(read(&client::sample(), &[]), Own::NotSeen(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(soup: Vec<u8>) {
            read(&client::sample(), &replies(&soup));
        }
    }
}
