//! What a master says of itself, asked in one connection.

use crate::lsnim::{Listing, parse_long};
use crate::message::{Message, cause};
use crate::niminfo::Niminfo;
use ha_json::Error;
use ha_remote::{Machine, Reply};
use std::time::Duration;

/// The file of NIM's own variables.
pub const NIMINFO: &str = "/etc/niminfo";

/// The fileset that makes a machine a master.
pub const MASTER_FILESET: &str = "bos.sysmgt.nim.master";

/// The fileset that a master needs for SPOTs.
pub const SPOT_FILESET: &str = "bos.sysmgt.nim.spot";

/// A master, as it says.
#[derive(Clone, Debug)]
pub struct Master {
    /// `/etc/niminfo`; `None` where there is none.
    pub niminfo: Option<Niminfo>,
    /// All objects of its database.
    pub listing: Listing,
    /// Why the database could not be listed.
    pub not_listed: Option<String>,
    /// `oslevel -s`, such as `7300-02-01-2346`.
    pub oslevel: Option<String>,
    /// The level of [`MASTER_FILESET`], such as `7.3.2.0`; `None` where it is not installed.
    pub master_fileset: Option<String>,
    /// The level of [`SPOT_FILESET`].
    pub spot_fileset: Option<String>,
}

impl Master {
    /// Asks a machine.
    ///
    /// # Errors
    /// When it gives no answer.
    pub fn look(machine: &Machine, patience: Duration) -> Result<Master, Error> {
        Ok(Master::read(&machine.ask(&questions(), patience)?))
    }

    /// Reads the answers to [`questions`].
    pub fn read(replies: &[Reply]) -> Master {
        let none = Reply { status: 127, ..Reply::default() };
        let reply = |at| replies.get(at).unwrap_or(&none);
        let (niminfo, listed) = (reply(0), reply(1));
        Master {
            niminfo: (niminfo.status == 0).then(|| Niminfo::parse(&niminfo.stdout)),
            listing: parse_long(&listed.stdout),
            not_listed: failure(listed),
            oslevel: reply(2).text().filter(|level| !level.is_empty()),
            master_fileset: fileset_level(reply(3), MASTER_FILESET),
            spot_fileset: fileset_level(reply(4), SPOT_FILESET),
        }
    }

    /// How it calls itself: `NIM_MASTER_HOSTNAME` of its own niminfo.
    pub fn hostname(&self) -> Option<&str> {
        self.niminfo.as_ref()?.value("NIM_MASTER_HOSTNAME")
    }

    /// Whether its own niminfo says that it is a master.
    pub fn is_master(&self) -> bool {
        let configuration =
            |niminfo: &Niminfo| niminfo.value("NIM_CONFIGURATION") == Some("master");
        self.niminfo.as_ref().is_some_and(configuration)
    }
}

/// What [`Master::read`] reads the answers of.
pub fn questions() -> Vec<Vec<String>> {
    let fileset = |name| ["lslpp", "-Lqc", name].map(str::to_owned).to_vec();
    vec![
        ["cat", NIMINFO].map(str::to_owned).to_vec(),
        ["lsnim", "-l"].map(str::to_owned).to_vec(),
        ["oslevel", "-s"].map(str::to_owned).to_vec(),
        fileset(MASTER_FILESET),
        fileset(SPOT_FILESET),
    ]
}

/// Why a command of NIM failed, in one line; `None` where it did not. Its exit status is the code's
/// last eight bits, 0 for 0042-256, so a message counts for more than the status does.
pub fn failure(reply: &Reply) -> Option<String> {
    let told = |message: Message| format!("{} {}: {}", message.code, message.method, message.text);
    match cause(&reply.stderr) {
        Some(message) => Some(told(message)),
        None if reply.status == 0 => None,
        None => {
            let words = reply.stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
            Some(words.map_or_else(|| format!("status {}", reply.status), str::to_owned))
        }
    }
}

/// The third field of a line of `lslpp -Lqc`, whose second is the fileset.
fn fileset_level(reply: &Reply, name: &str) -> Option<String> {
    let text = reply.text()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':').skip(1);
        let level = (fields.next()? == name).then(|| fields.next())??;
        Some(level.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stdout: &str) -> Reply {
        Reply { status: 0, stdout: stdout.into(), stderr: String::new() }
    }

    #[test]
    fn answers_are_read_in_their_order() {
        let master = Master::read(&[
            said("export NIM_CONFIGURATION=master\nexport NIM_MASTER_HOSTNAME=nima\n"),
            said("lpar07:\n   class = machines\n"),
            said("7300-02-01-2346\n"),
            said("bos.sysmgt.nim:bos.sysmgt.nim.master:7.3.2.0: : :C: :NIM - Master Tools: : :\n"),
            Reply { status: 1, ..Reply::default() },
        ]);
        assert!(master.is_master());
        assert_eq!(master.hostname(), Some("nima"));
        assert_eq!(master.listing.objects.len(), 1);
        assert_eq!(master.oslevel.as_deref(), Some("7300-02-01-2346"));
        assert_eq!(master.master_fileset.as_deref(), Some("7.3.2.0"));
        assert_eq!((master.spot_fileset, master.not_listed), (None, None));
        let nothing = Master::read(&[]);
        assert!(nothing.niminfo.is_none() && nothing.not_listed.is_some());
    }

    #[test]
    fn a_message_counts_even_where_the_status_is_0() {
        let text = "0042-053 lsnim: there is no NIM object named \"x\"\n";
        let reply = |status, stderr: &str| Reply { status, stdout: vec![], stderr: stderr.into() };
        assert!(failure(&reply(0, text)).unwrap().starts_with("0042-053 lsnim: there is"));
        assert_eq!(failure(&reply(127, "sh: lsnim: not found\n")).unwrap(), "sh: lsnim: not found");
        assert_eq!(failure(&reply(3, "")).unwrap(), "status 3");
        assert_eq!(failure(&reply(0, "a warning")), None);
    }
}
