//! What can be asked of a set-up, and what is seen of it on each machine.

use crate::options::word;
use crate::side::Side;
use ha_nim::Object;
use ha_nim::niminfo::Niminfo;
use std::str::FromStr;

/// The state of a client on which nothing runs.
pub(crate) const IDLE: &str = "ready for a NIM operation";

/// A question with the answers yes and no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Is this machine an alternate of MASTER?
    Alternate,
    /// Is MASTER an alternate of this machine?
    Return,
    /// Does that client of MASTER know both?
    Client(String),
    /// Does nothing run on that client of MASTER?
    Idle(String),
}

impl FromStr for Question {
    type Err = String;

    fn from_str(text: &str) -> Result<Question, String> {
        match text.split_once('=') {
            None if text == "alternate" => Ok(Question::Alternate),
            None if text == "return" => Ok(Question::Return),
            Some(("client", name)) => Ok(Question::Client(word(name)?)),
            Some(("idle", name)) => Ok(Question::Idle(word(name)?)),
            _ => Err("is alternate, return, client=NAME or idle=NAME".to_owned()),
        }
    }
}

impl Question {
    /// As it is asked.
    pub(crate) fn text(&self) -> String {
        match self {
            Question::Client(name) => format!("client={name}"),
            Question::Idle(name) => format!("idle={name}"),
            _ => self.word().to_owned(),
        }
    }

    /// What is asked.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Question::Alternate => "alternate",
            Question::Return => "return",
            Question::Client(_) => "client",
            Question::Idle(_) => "idle",
        }
    }

    /// The client that it is about.
    pub(crate) fn client(&self) -> Option<&str> {
        match self {
            Question::Client(name) | Question::Idle(name) => Some(name),
            _ => None,
        }
    }
}

/// One thing that must hold for yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// Where it was seen.
    pub(crate) machine: String,
    /// What must hold, as a sentence without its end.
    pub(crate) what: String,
    /// Whether it does.
    pub(crate) holds: bool,
}

fn evidence(machine: &str, what: impl Into<String>, holds: bool) -> Evidence {
    Evidence { machine: machine.to_owned(), what: what.into(), holds }
}

/// What speaks for `alternate` being an alternate of `master`.
pub(crate) fn of_masters(alternate: &Side, master: &Side) -> Vec<Evidence> {
    let (its, whose) = (&alternate.shown, &master.shown);
    vec![
        evidence(
            its,
            "its own niminfo says that it is a master",
            alternate.is_its_own_master(master),
        ),
        evidence(
            its,
            format!("its NIM_ALTERNATE_MASTER names {whose}"),
            alternate.names_as_alternate(master),
        ),
        evidence(
            whose,
            format!("lsnim shows {its} as an alternate_master"),
            master.alternate(alternate).is_some(),
        ),
    ]
}

/// What speaks for a client knowing both. `object` is what MASTER has of it, `own` its own file.
pub(crate) fn of_client(
    name: &str,
    object: Option<&Object>,
    own: Option<&Niminfo>,
    this: &Side,
    that: &Side,
) -> Vec<Evidence> {
    let mut all = vec![evidence(
        &that.shown,
        format!("lsnim does not say sync_required = yes of {name}"),
        object.is_some_and(|object| object.get("sync_required").map(str::trim) != Some("yes")),
    )];
    all.extend([that, this].map(|side| {
        evidence(name, format!("its NIM_MASTER_HOSTNAME_LIST has {}", side.shown), lists(own, side))
    }));
    all
}

/// Whether a client's own file has that master in its list.
pub(crate) fn lists(own: Option<&Niminfo>, side: &Side) -> bool {
    let words = own.map(|own| own.words("NIM_MASTER_HOSTNAME_LIST")).unwrap_or_default();
    words.into_iter().any(|name| side.is(name))
}

/// What speaks for a client that may be worked on.
pub(crate) fn of_idle(name: &str, object: Option<&Object>, that: &Side) -> Vec<Evidence> {
    let what = format!("lsnim says of {name}: {IDLE}");
    vec![evidence(&that.shown, what, object.is_some_and(is_idle))]
}

/// Whether nothing runs on it.
pub(crate) fn is_idle(object: &Object) -> bool {
    object.get("Cstate").is_none_or(|state| state.trim() == IDLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::sample;

    const A: &str =
        "export NIM_CONFIGURATION=master\nexport NIM_MASTER_HOSTNAME=nima.example.com\n";
    const B: &str = "export NIM_CONFIGURATION=master\nexport NIM_MASTER_HOSTNAME=nimb.example.com\nexport \
                     NIM_ALTERNATE_MASTER=\"nima.example.com\"\n";
    const KNOWS_B: &str = "nimb:\n   class = machines\n   type  = alternate_master\n   if1   = net \
                           nimb.example.com 0 ent0\n";

    fn holds(all: &[Evidence]) -> Vec<bool> {
        all.iter().map(|one| one.holds).collect()
    }

    #[test]
    fn an_alternate_is_one_where_both_say_so() {
        let a = sample("nima", A, KNOWS_B);
        assert_eq!(holds(&of_masters(&sample("nimb", B, "x:\n   class = y\n"), &a)), [true; 3]);
        assert_eq!(holds(&of_masters(&sample("nimb", "", ""), &a)), [false, false, true]);
        let standalone = KNOWS_B.replace("alternate_master", "standalone");
        let not = sample("nima", A, &standalone);
        assert_eq!(holds(&of_masters(&sample("nimb", B, ""), &not)), [true, true, false]);
        let of_another = B.replace("nima", "nimc");
        assert_eq!(holds(&of_masters(&sample("nimb", &of_another, ""), &a)), [true, false, true]);
    }

    #[test]
    fn an_object_is_a_machine_by_the_host_name_at_its_interface_too() {
        let a = sample("nima", A, &KNOWS_B.replace("nimb:", "standby:"));
        assert_eq!(holds(&of_masters(&sample("nimb", B, ""), &a)), [true; 3]);
    }

    #[test]
    fn a_niminfo_that_names_another_as_the_master_is_that_of_no_master() {
        let wrong = B.replace("HOSTNAME=nimb", "HOSTNAME=nimc");
        let a = sample("nima", A, KNOWS_B);
        assert_eq!(holds(&of_masters(&sample("nimb", &wrong, ""), &a)), [false, true, true]);
    }

    #[test]
    fn a_name_of_nims_own_network_is_its_own_where_the_other_has_it_so() {
        let own = B.replace("HOSTNAME=nimb.example.com", "HOSTNAME=nimb-nim.example.com");
        let a = sample("nima", A, &KNOWS_B.replace("nimb.example.com", "nimb-nim.example.com"));
        assert_eq!(holds(&of_masters(&sample("nimb", &own, ""), &a)), [true; 3]);
    }

    #[test]
    fn a_client_knows_both_by_its_own_list() {
        let (a, b) = (sample("nima", A, ""), sample("nimb", B, ""));
        let own = |list: &str| {
            Niminfo::parse(format!("NIM_MASTER_HOSTNAME_LIST=\"{list}\"\n").as_bytes())
        };
        let object = |value: &str| Object {
            name: "lpar07".into(),
            attributes: vec![("sync_required".into(), value.into())],
        };
        let seen = |list: &str, value: &str| {
            holds(&of_client("lpar07", Some(&object(value)), Some(&own(list)), &b, &a))
        };
        assert_eq!(seen("nima.example.com nimb.example.com", "no"), [true; 3]);
        assert_eq!(seen("nimb nima", "yes"), [false, true, true]);
        assert_eq!(seen("nima.example.com", "no"), [true, true, false]);
        assert_eq!(holds(&of_client("lpar07", None, None, &b, &a)), [false; 3]);
    }

    #[test]
    fn questions_are_read_as_they_are_written() {
        for text in ["alternate", "return", "client=lpar07", "idle=lpar07"] {
            assert_eq!(text.parse::<Question>().unwrap().text(), text);
        }
        for text in ["", "client", "client=", "client=a b", "idle", "alternate=x", "other"] {
            assert!(text.parse::<Question>().is_err(), "{text}");
        }
    }
}
