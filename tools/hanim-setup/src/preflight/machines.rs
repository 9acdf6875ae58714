//! What both machines have: levels, filesets, names, interfaces, ports.

use super::{holds, refused, unknown, warning};
use crate::adapter::with_address;
use crate::check;
use crate::options::Options;
use crate::pair::Pair;
use crate::side::{Resolved, Side};
use ha_nim::client::Protocol;
use ha_nim::finding::Finding;
use ha_nim::master::{MASTER_FILESET, SPOT_FILESET};
use ha_nim::{Level, NIMSH_FROM};

/// What must be installed: here the master's fileset, on MASTER that of SPOTs, too.
pub(super) fn filesets(this: &Side, that: &Side) -> Vec<Finding> {
    let installed = |side: &Side, name: &str, level: &Option<String>| {
        let shown = &side.shown;
        let found = match level {
            Some(level) => {
                holds(check::FILESETS, format!("{name} {level} is installed on {shown}"))
            }
            None => refused(check::FILESETS, format!("{name} is not installed on {shown}"))
                .fix(format!("install it there: installp -acgXYd DEVICE {name}")),
        };
        found.about(format!("{shown}:{name}"))
    };
    vec![
        installed(this, MASTER_FILESET, &this.master.master_fileset),
        installed(that, MASTER_FILESET, &that.master.master_fileset),
        installed(that, SPOT_FILESET, &that.master.spot_fileset),
    ]
}

/// Both at the same.
pub(super) fn level(this: &Side, that: &Side) -> Vec<Finding> {
    let same = |item: &str, here: &Option<String>, there: &Option<String>| {
        let (a, b) = (&that.shown, &this.shown);
        let found = match (there, here) {
            (Some(there), Some(here)) if there == here => {
                holds(check::LEVEL, format!("{a} and {b} are both at {here}"))
            }
            (Some(there), Some(here)) => refused(
                check::LEVEL,
                format!("{a} is at {there}, {b} at {here}: they must be the same"),
            )
            .fix("update the one that is behind first"),
            _ => unknown(check::LEVEL, format!("the level of {a} or {b} cannot be seen"))
                .fix("see what oslevel -s and lslpp -L say on both"),
        };
        found.about(item)
    };
    let mut all = vec![same("oslevel", &this.master.oslevel, &that.master.oslevel)];
    // One that is missing is told by the check of filesets.
    if this.master.master_fileset.is_some() && that.master.master_fileset.is_some() {
        all.push(same(MASTER_FILESET, &this.master.master_fileset, &that.master.master_fileset));
    }
    all
}

/// One that the level has, and where both know each other, the same both ways.
pub(super) fn protocol(this: &Side, that: &Side, options: &Options) -> Vec<Finding> {
    let wanted = options.initialisation.connect.as_str();
    let level = |side: &Side| side.master.oslevel.as_deref().and_then(Level::parse);
    let levels: Vec<Level> = [level(this), level(that)].into_iter().flatten().collect();
    let found = match wanted {
        "shell" if levels.iter().any(|level| *level > NIMSH_FROM) => {
            let found = "the protocol shell is not for masters beyond 6100-04";
            refused(check::PROTOCOL, found).fix("--connect nimsh")
        }
        "nimsh" if levels.iter().any(|level| *level < NIMSH_FROM) => {
            let found = "nimsh is not for masters before 6100-04";
            refused(check::PROTOCOL, found).fix("--connect shell, or update both")
        }
        _ if levels.len() < 2 => {
            unknown(check::PROTOCOL, format!("whether {wanted} is for these levels cannot be seen"))
                .fix("see what oslevel -s says on both")
        }
        _ => holds(check::PROTOCOL, format!("the masters speak {wanted}")),
    };
    let mut all = vec![found];
    if let (Some(there), Some(here)) = (that.alternate(this), this.alternate(that)) {
        let [ours, theirs] = [there, here].map(|object| Protocol::of(object.get("connect")));
        if ours != theirs {
            let (a, b) = (&that.shown, &this.shown);
            let found =
                format!("{a} uses {} for {b}, {b} uses {} for {a}", ours.word(), theirs.word());
            all.push(refused(check::PROTOCOL, found).about("connect").fix(format!(
                "make both {wanted}: nim -o change -a connect={wanted} OBJECT on the one that differs"
            )));
        }
    }
    all
}

/// Both names, on both machines, to the same addresses.
pub(super) fn names(this: &Side, that: &Side) -> Vec<Finding> {
    let found = |named: &Side, other: &Side| {
        let (name, own, at) = (&named.host, &named.shown, &other.shown);
        let found = match (&named.own_address, &other.other_address) {
            (Resolved::To(here), Resolved::To(there)) if here == there => {
                holds(check::NAMES, format!("{name} is {here} on {own} and on {at}"))
            }
            (Resolved::To(here), Resolved::To(there)) => {
                refused(check::NAMES, format!("{name} is {here} on {own}, and {there} on {at}"))
                    .fix("make /etc/hosts, or the name service, the same on both")
            }
            (Resolved::Unknown, _) => {
                refused(check::NAMES, format!("{own} cannot resolve its own name {name}"))
                    .fix("put it into /etc/hosts there, or into the name service")
            }
            (_, Resolved::Unknown) => refused(check::NAMES, format!("{at} cannot resolve {name}"))
                .fix(format!("put it into /etc/hosts of {at}, or into the name service")),
            (Resolved::NotSeen(why), _) | (_, Resolved::NotSeen(why)) => {
                unknown(check::NAMES, format!("how {name} resolves cannot be seen: {why}"))
                    .fix(format!("try host {name} on both"))
            }
        };
        found.about(name)
    };
    vec![found(that, this), found(this, that)]
}

/// The interface here, and with `--return` that of MASTER.
pub(super) fn interfaces(pair: &Pair, that: &Side, options: &Options) -> Vec<Finding> {
    let own = options.initialisation.interface.as_deref();
    let mut all = vec![interface(&pair.this, own, "--interface", pair.is_alternate())];
    if options.back {
        let given = options.return_interface.as_deref();
        all.push(interface(that, given, "--return-interface", pair.is_return()));
    }
    all
}

fn interface(side: &Side, given: Option<&str>, option: &str, is_so: bool) -> Finding {
    let shown = &side.shown;
    let named = |name: &str| {
        side.adapters.as_ref().map(|all| all.iter().find(|adapter| adapter.name == name))
    };
    let list = || {
        let names = side.adapters.iter().flatten().map(|adapter| adapter.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let found = match (chosen(side, given), given.map(named)) {
        (Some(name), Some(None)) => {
            unknown(check::INTERFACE, format!("whether {shown} has {name} cannot be seen"))
                .fix("see what ifconfig -a says there")
        }
        (Some(name), Some(Some(None))) => {
            refused(check::INTERFACE, format!("{shown} has no interface {name}, but {}", list()))
                .fix(format!("give the right one with {option}"))
        }
        (Some(name), Some(Some(Some(adapter)))) => match side.own_address {
            Resolved::To(address) if !adapter.addresses.contains(&address) => {
                let found =
                    format!("{name} of {shown} has not the address of {}, {address}", side.host);
                warning(check::INTERFACE, found)
                    .fix("see that this is the interface of NIM's network")
            }
            _ => holds(check::INTERFACE, format!("{shown} has {name}")),
        },
        (Some(name), None) => {
            holds(check::INTERFACE, format!("{name} of {shown} has the address of {}", side.host))
        }
        (None, _) if is_so => {
            holds(check::INTERFACE, format!("none of {shown} is needed any more"))
        }
        (None, _) => {
            let found = format!("which interface of {shown} is NIM's is not plain");
            refused(check::INTERFACE, found).fix(format!("give it with {option}"))
        }
    };
    found.about(shown)
}

/// The interface that niminit is told: the one given, or the only one that has the machine's address.
pub(crate) fn chosen<'a>(side: &'a Side, given: Option<&'a str>) -> Option<&'a str> {
    let by_address = || match (&side.adapters, &side.own_address) {
        (Some(all), Resolved::To(address)) => {
            with_address(all, *address).map(|adapter| adapter.name.as_str())
        }
        _ => None,
    };
    given.or_else(by_address)
}

/// NIM's ports of MASTER, tried from here.
pub(super) fn ports(that: &Side, closed: &[(u16, String)]) -> Vec<Finding> {
    let shown = &that.shown;
    let told = |(port, why): &(u16, String)| {
        warning(check::PORT, format!("port {port} of {shown} does not answer: {why}"))
            .fix("see that nimesis runs there (lssrc -s nimesis), and look for a firewall")
            .about(format!("{shown}:{port}"))
    };
    match closed.is_empty() {
        true => vec![holds(check::PORT, format!("NIM's ports of {shown} answer")).about(shown)],
        false => closed.iter().map(told).collect(),
    }
}
