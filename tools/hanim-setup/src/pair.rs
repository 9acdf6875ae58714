//! This machine and the master whose alternate it becomes.

use crate::options::Options;
use crate::side::{self, Side};
use ha_json::Error;
use ha_nim::master::failure;
use ha_remote::Machine;

/// Both.
#[derive(Debug)]
pub(crate) struct Pair {
    /// This machine.
    pub(crate) this: Side,
    /// MASTER, or why it cannot be seen.
    pub(crate) that: Result<Side, Error>,
    /// The host name by which MASTER was given.
    pub(crate) master: String,
}

impl Pair {
    /// Asks both machines.
    ///
    /// # Errors
    /// Usage, for a carrier or a host that is none; when this machine gives no answer.
    pub(crate) fn look(options: &Options) -> Result<Pair, Error> {
        let master = options.master()?;
        let patience = options.carrier.patience();
        let there = options.carrier.to(master)?;
        let hostname = Machine::Here.ask(&[vec!["hostname".to_owned()]], patience)?;
        let hostname = match hostname.first() {
            Some(reply) => reply.text().ok_or_else(|| {
                Error::failed(
                    "hostname",
                    failure(reply).unwrap_or_else(|| "gave no name".to_owned()),
                )
            })?,
            None => return Err(Error::failed("hostname", "gave no name")),
        };
        let bare = bare(master);
        let this = side::look(&Machine::Here, &hostname, bare, patience)?;
        let that = side::look(&there, bare, &hostname, patience);
        Ok(Pair { this, that, master: bare.to_owned() })
    }

    /// The name of MASTER in messages.
    pub(crate) fn shown(&self) -> &str {
        ha_nim::short(&self.master)
    }

    /// Whether this machine is an alternate of MASTER, by what both say.
    pub(crate) fn is_alternate(&self) -> bool {
        self.that.as_ref().is_ok_and(|that| {
            self.this.is_its_own_master(that)
                && self.this.names_as_alternate(that)
                && that.alternate(&self.this).is_some()
        })
    }

    /// Whether MASTER is an alternate of this machine, by what both say.
    pub(crate) fn is_return(&self) -> bool {
        self.that.as_ref().is_ok_and(|that| {
            that.is_its_own_master(&self.this)
                && that.names_as_alternate(&self.this)
                && self.this.alternate(that).is_some()
        })
    }
}

/// The host of `user@host`, as NIM and the name service are to see it.
pub(crate) fn bare(master: &str) -> &str {
    master.rsplit_once('@').map_or(master, |(_, host)| host)
}
