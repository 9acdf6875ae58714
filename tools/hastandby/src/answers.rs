//! What the programs of a node said, each by the name of its question.

use crate::finding::Look;
use ha_json::{Error, Kind, Value};
use ha_remote::{Machine, Reply};
use serde_json::Deserializer;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

/// How long a node is tried before none of its programs is asked by itself.
const CONNECT: Duration = Duration::from_secs(15);

/// How long a program may take that is asked by itself, because one of them hangs.
const ALONE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// How many are asked at a time then.
const AT_A_TIME: usize = 8;

/// A name, and the program that is asked.
pub(crate) type Question = (String, Vec<String>);

/// A question whose words are known.
pub(crate) fn question(name: impl Into<String>, argv: &[&str]) -> Question {
    (name.into(), argv.iter().map(|word| (*word).to_owned()).collect())
}

/// A question to a script of the shell, which gets `arguments` as its own.
pub(crate) fn script(name: impl Into<String>, text: &str, arguments: &[&str]) -> Question {
    let mut argv = vec!["sh", "-c", text, "sh"];
    argv.extend(arguments);
    question(name, &argv)
}

/// A question to one of our tools: the node has it where this one stands, or in its `PATH`, which cron
/// and ssh keep bare.
pub(crate) fn tool(name: impl Into<String>, tool: &str, arguments: &[&str]) -> Question {
    let beside = ha_command::beside(tool);
    let mut words = vec![beside.as_str(), tool];
    words.extend(arguments);
    script(name, "p=$1 n=$2; shift 2; test -x \"$p\" || p=$n; exec \"$p\" \"$@\"", &words)
}

/// The answers of one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    replies: BTreeMap<String, Look<Reply>>,
}

impl Answers {
    /// What the program said to the question of this name.
    ///
    /// # Errors
    /// Why it is not known.
    pub(crate) fn of(&self, name: &str) -> Look<&Reply> {
        match self.replies.get(name) {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::failed(name, "was not asked")),
        }
    }

    /// The standard output of a program that ended with 0, without blanks at its ends.
    ///
    /// # Errors
    /// Why it is not known: the program failed, or was not asked.
    pub(crate) fn text(&self, name: &str) -> Look<String> {
        let reply = self.of(name)?;
        reply.text().ok_or_else(|| failure(name, reply))
    }

    /// As [`Answers::text`], the first line of it that is not empty.
    ///
    /// # Errors
    /// As [`Answers::text`]; where there is none.
    pub(crate) fn line(&self, name: &str) -> Look<String> {
        let text = self.text(name)?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        line.map(str::to_owned).ok_or_else(|| Error::failed(name, "said nothing"))
    }

    /// Why the node could not be asked anything; `None` where one program was.
    fn unreached(&self) -> Option<&Error> {
        let any = self.replies.values().any(Result::is_ok);
        self.replies.values().find_map(|reply| reply.as_ref().err()).filter(|_| !any)
    }

    #[cfg(test)]
    pub(crate) fn put(&mut self, name: &str, status: i32, stdout: &str) {
        let reply = Reply { status, stdout: stdout.into(), stderr: String::new() };
        self.replies.insert(name.to_owned(), Ok(reply));
    }

    pub(crate) fn extend(&mut self, other: Answers) {
        self.replies.extend(other.replies);
    }
}

/// Why the answer of a program that failed is none.
pub(crate) fn failure(name: &str, reply: &Reply) -> Error {
    let words = reply.stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    match reply.status {
        127 => Error::failed(name, format!("cannot be asked: there is no such program{words}")),
        status => Error::failed(name, format!("cannot be told: status {status}{words}")),
    }
}

/// The records of the stream that a tool of ours wrote, its end among them as the last; `None` where
/// it has none.
pub(crate) fn stream(reply: &Reply) -> Option<Vec<Value>> {
    let values = Deserializer::from_slice(&reply.stdout).into_iter::<Value>();
    let records: Vec<Value> = values.map_while(Result::ok).collect();
    records.last().is_some_and(|last| last["type"] == "end").then_some(records)
}

/// Why the tool ended its stream with a failure, as its last line says.
pub(crate) fn stream_error(records: &[Value]) -> Option<&str> {
    records.last()?["error"]["message"].as_str()
}

/// Asks a node, all in one connection. Where one program hangs, each is asked by itself, so that it
/// hides no other.
pub(crate) fn ask(machine: &Machine, questions: Vec<Question>, deadline: Duration) -> Answers {
    let argvs: Vec<Vec<String>> = questions.iter().map(|(_, argv)| argv.clone()).collect();
    let replies: Vec<Look<Reply>> = match machine.ask(&argvs, deadline) {
        Ok(replies) => replies.into_iter().map(Ok).collect(),
        Err(error) if error.kind == Kind::Busy && answers_at_all(machine) => {
            one_by_one(machine, &argvs)
        }
        Err(error) => argvs.iter().map(|_| Err(error.clone())).collect(),
    };
    let names = questions.into_iter().map(|(name, _)| name);
    Answers { replies: names.zip(replies).collect() }
}

/// Asks more of a node that has given `before`. Who could not be reached then is not waited for again.
pub(crate) fn ask_more(
    before: &Answers,
    machine: &Machine,
    questions: Vec<Question>,
    deadline: Duration,
) -> Answers {
    match before.unreached() {
        None => ask(machine, questions, deadline),
        Some(error) => {
            let names = questions.into_iter().map(|(name, _)| name);
            Answers { replies: names.map(|name| (name, Err(error.clone()))).collect() }
        }
    }
}

/// Asks this machine one question that may take long.
pub(crate) fn ask_alone((name, argv): Question, deadline: Duration) -> Answers {
    let reply = ask_one(&Machine::Here, &argv, deadline);
    Answers { replies: BTreeMap::from([(name, reply)]) }
}

fn ask_one(machine: &Machine, argv: &[String], deadline: Duration) -> Look<Reply> {
    let replies = machine.ask(&[argv.to_vec()], deadline)?;
    let program = argv.first().map(String::as_str).unwrap_or_default();
    replies.into_iter().next().ok_or_else(|| Error::failed(program, "said nothing"))
}

fn answers_at_all(machine: &Machine) -> bool {
    machine.ask(&[vec!["true".to_owned()]], CONNECT).is_ok()
}

fn one_by_one(machine: &Machine, argvs: &[Vec<String>]) -> Vec<Look<Reply>> {
    let mut replies = Vec::with_capacity(argvs.len());
    for some in argvs.chunks(AT_A_TIME) {
        thread::scope(|scope| {
            let asked: Vec<_> = some
                .iter()
                .map(|argv| scope.spawn(move || ask_one(machine, argv, ALONE)))
                .collect();
            replies.extend(asked.into_iter().map(|one| match one.join() {
                Ok(reply) => reply,
                Err(_) => Err(Error::failed("a question", "could not be asked")),
            }));
        });
    }
    replies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Machine {
        Machine::Here
    }

    #[test]
    fn a_program_that_hangs_hides_no_other() {
        let questions = vec![
            question("one", &["echo", "1"]),
            question("hangs", &["sleep", "60"]),
            question("two", &["echo", "2"]),
        ];
        let answers = ask(&node(), questions, Duration::from_millis(300));
        assert_eq!(answers.text("one").unwrap(), "1");
        assert_eq!(answers.text("two").unwrap(), "2");
        assert_eq!(answers.of("hangs").unwrap_err().kind, Kind::Busy);
    }

    #[test]
    fn who_is_not_reached_is_not_waited_for_again() {
        let nowhere = Machine::There(
            ha_remote::Shell::Command(vec!["false".to_owned()]),
            ha_remote::Host { user: None, name: "n2".to_owned() },
        );
        let first = ask(&nowhere, vec![question("one", &["echo"])], Duration::from_secs(20));
        let more = ask_more(
            &first,
            &node(),
            vec![question("two", &["echo", "2"])],
            Duration::from_secs(20),
        );
        assert_eq!(more.of("two").unwrap_err(), first.of("one").unwrap_err());
        let there = ask(&node(), vec![question("one", &["false"])], Duration::from_secs(20));
        let more = ask_more(
            &there,
            &node(),
            vec![question("two", &["echo", "2"])],
            Duration::from_secs(20),
        );
        assert_eq!(more.text("two").unwrap(), "2");
    }

    #[test]
    fn what_failed_or_was_not_asked_is_no_answer() {
        let questions = vec![
            question("absent", &["no-such-program"]),
            script("no", "echo no >&2; exit 3", &[]),
        ];
        let answers = ask(&node(), questions, Duration::from_secs(20));
        assert!(answers.text("absent").unwrap_err().why.contains("no such program"));
        assert_eq!(answers.text("no").unwrap_err().why, "cannot be told: status 3: no");
        assert_eq!(answers.text("else").unwrap_err().why, "was not asked");
    }
}
