//! What both machines are to NIM.

use super::{holds, refused, unknown, warning};
use crate::check;
use crate::options::Options;
use crate::pair::Pair;
use crate::side::Side;
use ha_nim::Object;
use ha_nim::finding::Finding;
use ha_nim::niminfo::Niminfo;
use ha_nim::short;
use ha_nim::{Severity, same_host};

/// Whether this machine may become an alternate of MASTER, or is one.
pub(super) fn this_machine(pair: &Pair) -> Vec<Finding> {
    vec![state(pair).about(&pair.this.shown)]
}

fn state(pair: &Pair) -> Finding {
    let (this, whose) = (&pair.this, pair.shown());
    let name = &this.shown;
    let Some(niminfo) = &this.master.niminfo else {
        return holds(check::THIS_MACHINE, format!("{name} is nothing to NIM yet"));
    };
    if !this.master.is_master() {
        return client(this, niminfo);
    }
    let named = match &pair.that {
        Ok(that) => this.names_as_alternate(that),
        Err(_) => {
            niminfo.words("NIM_ALTERNATE_MASTER").iter().any(|one| same_host(one, &pair.master))
        }
    };
    if named {
        return match &pair.that {
            Ok(that) if that.master.not_listed.is_none() && that.alternate(this).is_none() => {
                let found = format!(
                    "{name} names {whose} as its alternate, and {whose} does not know {name}"
                );
                refused(check::THIS_MACHINE, found).fix(format!(
                    "take {whose} out of the database of {name} (nim -o remove OBJECT there), or give up all of \
                     NIM on {name} (nim -o unconfig master removes its whole database), and run this again"
                ))
            }
            _ => holds(check::THIS_MACHINE, format!("{name} names {whose} as its alternate")),
        };
    }
    if let Some(why) = &this.master.not_listed {
        let found = format!("{name} is a master, and its database cannot be listed: {why}");
        return unknown(check::THIS_MACHINE, found).fix("see that lsnim works here");
    }
    let own = Own::of(&this.master.listing.objects);
    match own.is_empty() {
        true => {
            let found =
                format!("{name} is a master already, without clients and resources of its own");
            warning(check::THIS_MACHINE, found)
        }
        false => {
            let found = format!("{name} is a master of its own, with {}", own.told());
            refused(check::THIS_MACHINE, found).fix(format!(
                "the first synchronisation would replace all of that; keep a backup of the database, and give it \
                 up yourself: nim -o unconfig master on {name} removes it whole"
            ))
        }
    }
}

fn client(this: &Side, niminfo: &Niminfo) -> Finding {
    let name = &this.shown;
    let kind = niminfo.value("NIM_CONFIGURATION").unwrap_or("unknown");
    let master =
        niminfo.value("NIM_MASTER_HOSTNAME").unwrap_or("a master that its file does not name");
    let found = format!("{name} is a client of {master} ({kind})");
    refused(check::THIS_MACHINE, found).fix(format!(
        "remove its object on {master} (nim -o remove OBJECT: its definition is lost), then /etc/niminfo here, \
         and run this again"
    ))
}

/// What a master has that is its own.
struct Own {
    machines: usize,
    resources: usize,
    others: usize,
}

impl Own {
    fn of(objects: &[Object]) -> Own {
        let count =
            |wanted: &dyn Fn(&Object) -> bool| objects.iter().filter(|one| wanted(one)).count();
        Own {
            machines: count(&|one| {
                one.class() == "machines" && !matches!(one.kind(), "master" | "alternate_master")
            }),
            resources: count(&|one| {
                one.class() == "resources" && !matches!(one.kind(), "boot" | "nim_script")
            }),
            others: count(&|one| !matches!(one.class(), "machines" | "resources" | "networks")),
        }
    }

    fn is_empty(&self) -> bool {
        self.machines + self.resources + self.others == 0
    }

    fn told(&self) -> String {
        let told = |number: usize, one: &str, many: &str| match number {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{number} {many}")),
        };
        let all = [
            told(self.machines, "client", "clients"),
            told(self.resources, "resource", "resources"),
            told(self.others, "other object", "other objects"),
        ];
        all.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// Whether MASTER is one.
pub(super) fn master(pair: &Pair) -> Vec<Finding> {
    let whose = pair.shown();
    let found = match &pair.that {
        Err(error) => unknown(check::MASTER, format!("{whose} gives no answer: {}", error.why))
            .fix("see that it is up, and that the carrier (-e) reaches it without a password"),
        Ok(that) if that.is_surely(&pair.this.host) => {
            refused(check::MASTER, format!("{whose} is this machine"))
                .fix("name the other one: the alternate is set up on the alternate")
        }
        Ok(that) if that.master.niminfo.is_none() => {
            refused(check::MASTER, format!("{whose} has no /etc/niminfo: it is no NIM master"))
                .fix("make it one first: smitty nim there, or nimconfig")
        }
        Ok(that) if !that.master.is_master() => {
            refused(check::MASTER, format!("{whose} is no NIM master, but a client of one"))
                .fix("name the master itself")
        }
        Ok(that) => match (&that.master.not_listed, that.master.listing.is_damaged()) {
            (Some(why), _) => {
                unknown(check::MASTER, format!("the database of {whose} cannot be listed: {why}"))
                    .fix("see that lsnim works there")
            }
            (None, true) => {
                unknown(check::MASTER, format!("what lsnim -l says on {whose} cannot be read"))
                    .fix("haniminfo --lsnim tells the lines")
            }
            (None, false) => {
                let objects = that.master.listing.objects.len();
                holds(check::MASTER, format!("{whose} is a NIM master with {objects} objects"))
            }
        },
    };
    vec![found.about(whose)]
}

/// Whether the files can be relied on.
pub(super) fn niminfo(this: &Side, that: &Side) -> Vec<Finding> {
    [this, that].map(|side| file(side).about(&side.shown)).into()
}

fn file(side: &Side) -> Finding {
    let Some(niminfo) = &side.master.niminfo else {
        return holds(check::NIMINFO, format!("{} has no /etc/niminfo", side.shown));
    };
    let worst = niminfo.problems().iter().max_by_key(|problem| problem.severity);
    match worst {
        Some(problem) if problem.severity == Severity::Error => {
            let found =
                format!("/etc/niminfo of {}, line {}: {}", side.shown, problem.line, problem.what);
            refused(check::NIMINFO, found)
                .fix("have NIM write it anew (nimconfig -r on a master), or mend that line")
        }
        Some(problem) => {
            let found =
                format!("/etc/niminfo of {}, line {}: {}", side.shown, problem.line, problem.what);
            warning(check::NIMINFO, found)
        }
        None => holds(check::NIMINFO, format!("/etc/niminfo of {} can be relied on", side.shown)),
    }
}

/// Whether each name is free in the other's database.
pub(super) fn name(pair: &Pair, that: &Side, options: &Options) -> Vec<Finding> {
    let mut all = vec![taken(&pair.this, that, name_here(pair, options), pair.is_alternate())];
    if options.back {
        all.push(taken(that, &pair.this, name_there(pair, options), pair.is_return()));
    }
    all
}

fn taken(machine: &Side, on: &Side, name: &str, is_so: bool) -> Finding {
    let whose = &on.shown;
    let meant = |object: &&Object| object.name == name || machine.is_meant_by(object);
    let mut objects = on.master.listing.objects.iter();
    let found = match objects.find(|object| object.class() == "machines" && meant(object)) {
        None => holds(check::NAME, format!("{name} is free on {whose}")),
        Some(object) if object.is_alternate_master() && machine.is_meant_by(object) && is_so => {
            holds(check::NAME, format!("{} is an alternate master on {whose}", object.name))
        }
        Some(object) if object.is_alternate_master() && machine.is_meant_by(object) => {
            let known = &object.name;
            warning(check::NAME, format!("{whose} has the alternate master {known} already"))
                .fix(format!("where niminit refuses for that: nim -o remove {known} on {whose}"))
        }
        Some(object) => {
            let (known, kind) = (&object.name, object.kind());
            refused(check::NAME, format!("{whose} has a machine {known} already, of type {kind}")).fix(format!(
                "remove it there (nim -o remove {known}: its definition is lost), or take another name (--name)"
            ))
        }
    };
    found.about(name)
}

/// The name of this machine on MASTER.
pub(crate) fn name_here<'a>(pair: &'a Pair, options: &'a Options) -> &'a str {
    options.initialisation.name.as_deref().unwrap_or_else(|| short(&pair.this.host))
}

/// The name of MASTER on this machine.
pub(crate) fn name_there<'a>(pair: &'a Pair, options: &'a Options) -> &'a str {
    options.return_name.as_deref().unwrap_or_else(|| pair.shown())
}

/// What is so already of what the tool is for.
pub(super) fn set_up(pair: &Pair, that: &Side, options: &Options) -> Vec<Finding> {
    let (this, whose) = (&pair.this.shown, &that.shown);
    let alternate = match pair.is_alternate() {
        true => holds(check::ALTERNATE, format!("{this} is an alternate of {whose}")),
        false => warning(check::ALTERNATE, format!("{this} is not an alternate of {whose} yet")),
    };
    let back = match (pair.is_return(), options.back) {
        (true, _) => holds(check::RETURN, format!("{whose} is an alternate of {this}")),
        (false, true) => {
            warning(check::RETURN, format!("{whose} is not an alternate of {this} yet"))
        }
        (false, false) => {
            let found = format!(
                "{whose} is not an alternate of {this}: what {this} took over, {whose} cannot take back"
            );
            warning(check::RETURN, found).fix("--return makes it one")
        }
    };
    vec![alternate.about(this), back.about(whose)]
}
