//! What NIM says when something is wrong: `0042-NNN method: text`.
//!
//! Sources: the chapter on error messages in "NIM Guide" (AIX 4.3) and "NIM error and warning
//! messages" (AIX 7.x, Installing), and the transcripts in isg3T1012143 (IBM).

use std::sync::LazyLock;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Message {
    /// Such as `0042-372`.
    pub code: String,
    /// The program of NIM that said it.
    pub method: String,
    /// The text, in one line.
    pub text: String,
}

/// Says of a message what caused it and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The code that it explains.
    pub code: &'static str,
    /// In other words than NIM's.
    pub cause: &'static str,
    /// What an administrator does.
    pub next_step: &'static str,
}

/// The code that stands around another message and says nothing by itself.
const AROUND: &str = "0042-001";

static HEAD: LazyLock<Option<regex::Regex>> =
    LazyLock::new(|| regex::Regex::new(r"^\s*(0042-\d{3})\s+([^\s:]+):\s?(.*)$").ok());

/// The messages in what a program printed, in their order.
pub fn messages(text: &str) -> Vec<Message> {
    let mut all: Vec<Message> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(head) = HEAD.as_ref().and_then(|head| head.captures(line)) {
            let part = |at| head.get(at).map_or("", |found| found.as_str()).trim().to_owned();
            all.push(Message { code: part(1), method: part(2), text: part(3) });
            open = true;
        } else if line.trim().is_empty() || !line.starts_with([' ', '\t']) {
            open = false;
        } else if open && let Some(last) = all.last_mut() {
            last.text.push(' ');
            last.text.push_str(line.trim());
        }
    }
    all
}

/// The message that tells the cause: the innermost one.
pub fn cause(text: &str) -> Option<Message> {
    let mut all = messages(text);
    let inner = all.iter().rposition(|message| message.code != AROUND);
    match inner {
        Some(at) => Some(all.swap_remove(at)),
        None => all.pop(),
    }
}

/// What is known of a code.
pub fn explain(code: &str) -> Option<Explanation> {
    EXPLANATIONS.into_iter().find(|explanation| explanation.code == code)
}

const EXPLANATIONS: [Explanation; 12] = [
    Explanation {
        code: "0042-006",
        cause: "no connection to the machine by the protocol that NIM uses for it",
        next_step: "start the service there (startsrc -s nimsh, or rshd for the protocol shell), \
                    and look for a firewall",
    },
    Explanation {
        code: "0042-021",
        cause: "an attribute that the operation needs was not given",
        next_step: "see lsnim -q OPERATION OBJECT",
    },
    Explanation {
        code: "0042-032",
        cause: "the name is taken in the NIM database",
        next_step: "take another name, or remove the object that has it",
    },
    Explanation {
        code: "0042-052",
        cause: "resources are still allocated to it",
        next_step: "deallocate them, or reset the machine: nim -Fo reset MACHINE",
    },
    Explanation {
        code: "0042-053",
        cause: "there is no NIM object of that name on this master",
        next_step: "see lsnim for the names",
    },
    Explanation {
        code: "0042-081",
        cause: "another resource is defined at that place",
        next_step: "take another place, or remove the definition",
    },
    Explanation {
        code: "0042-154",
        cause: "a file or directory that NIM needs is missing",
        next_step: "make it, or restore it from the other master",
    },
    Explanation {
        code: "0042-175",
        cause: "the installation on the machine failed",
        next_step: "see err_info of the machine: lsnim -a err_info MACHINE",
    },
    Explanation {
        code: "0042-207",
        cause: "the resource cannot be allocated to that machine",
        next_step: "see the types and levels of both: lsnim -l",
    },
    Explanation {
        code: "0042-372",
        cause: "the client does not know this master: it is not in NIM_MASTER_HOSTNAME_LIST there",
        next_step: "define the client again: remove /etc/niminfo on it, then \
                    niminit -a name=CLIENT -a master=MASTER",
    },
    Explanation {
        code: "0042-378",
        cause: "another master has the client",
        next_step: "work on that master, or take the client over here: hanim-takeover MASTER",
    },
    Explanation {
        code: "0042-001",
        cause: "an operation failed",
        next_step: "see the message inside it",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_inner_message_is_the_cause() {
        let text = "0042-001 nim: processing error encountered on \"master\":\n   0042-378 m_lslpp: \
                    The current master for \"lpar07\"\n        is \"nimb.example.com\". You must run \
                    the\n\nnot a part of it\n";
        assert_eq!(messages(text).len(), 2);
        let cause = cause(text).unwrap();
        assert_eq!((cause.code.as_str(), cause.method.as_str()), ("0042-378", "m_lslpp"));
        assert!(
            cause.text.ends_with("is \"nimb.example.com\". You must run the"),
            "{}",
            cause.text
        );
    }

    #[test]
    fn a_message_of_another_subsystem_is_none_of_nims() {
        assert_eq!(
            messages("0513-004 The Subsystem or Group, nimd, is currently inoperative."),
            []
        );
        assert_eq!(cause("all is well"), None);
    }

    #[test]
    fn each_code_is_explained_once() {
        for (at, one) in EXPLANATIONS.iter().enumerate() {
            assert_eq!(EXPLANATIONS.iter().position(|other| other.code == one.code), Some(at));
            assert!(explain(one.code).is_some());
        }
        assert_eq!(explain("0042-999"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "(.{0,10}|\n|   |0042-[0-9]{3} x: y){0,8}") {
            let all = messages(&text);
            prop_assert_eq!(all.is_empty(), cause(&text).is_none());
        }
    }
}
