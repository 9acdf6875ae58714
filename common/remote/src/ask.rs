//! Programs that are asked, here or on a host: there, many of them in one connection.
//!
//! Nothing but the output comes back that a carrier such as ssh brings: NIM's `c_rsh` ends with
//! statuses of its own. So the far shell writes what became of each program between marks.

use crate::program::{silence, start_to_ask};
use crate::{Host, Program, Shell};
use ha_command::{Fate, capture_unless};
use ha_json::{Error, Kind};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::{ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

/// No system that is asked takes a command line that is longer, in bytes.
const LONGEST_LINE: usize = 48 << 10;

/// What is kept of an answer, in bytes; a longer one is refused.
const LONGEST_ANSWER: u64 = 256 << 20;

/// Where the programs of administration are, for a caller with a bare `PATH`.
const DIRECTORIES: &str = "/usr/bin:/bin:/usr/sbin:/sbin:/etc";

/// What programs say is read, so they do not say it in the language of whoever asks.
const LANGUAGE: &str = "C";

/// A machine whose programs can be asked.
#[derive(Clone, Debug)]
pub enum Machine {
    /// This one.
    Here,
    /// A host, by way of a carrier.
    There(Shell, Host),
}

/// What a program said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Its exit status; 126 and 127 where it cannot be run, as a shell says it.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Reply {
    /// Its standard output as text, without blanks at its ends; `None` where it failed.
    pub fn text(&self) -> Option<String> {
        (self.status == 0).then(|| String::from_utf8_lossy(&self.stdout).trim().to_owned())
    }
}

impl Machine {
    /// What messages call it.
    pub fn name(&self) -> &str {
        match self {
            Machine::Here => "this machine",
            Machine::There(_, host) => &host.name,
        }
    }

    /// Starts a program that is spoken with by its two pipes, for who asks nobody for a password. A host
    /// that takes no connection within `deadline` is given up.
    ///
    /// # Errors
    /// When it, or what carries it, cannot be started.
    pub fn start(
        &self,
        command: &[String],
        deadline: Duration,
    ) -> Result<(Program, ChildStdin, ChildStdout), Error> {
        start_to_ask(self, command, deadline)
    }

    /// Runs these programs one after the other, with nothing on stdin, all within `deadline`, and
    /// gives what each of them said.
    ///
    /// # Errors
    /// When no answer came, or none that is whole: `busy` where another time may help.
    pub fn ask(&self, questions: &[Vec<String>], deadline: Duration) -> Result<Vec<Reply>, Error> {
        self.ask_unless(questions, deadline, &|| false)
    }

    /// As [`Machine::ask`], for as long as `give_up` says no.
    ///
    /// # Errors
    /// As [`Machine::ask`]; `busy` where it was given up.
    pub fn ask_unless(
        &self,
        questions: &[Vec<String>],
        deadline: Duration,
        give_up: &dyn Fn() -> bool,
    ) -> Result<Vec<Reply>, Error> {
        let ends = Instant::now() + deadline;
        let left = || ends.saturating_duration_since(Instant::now());
        let asked = match self {
            Machine::Here => questions.iter().map(|argv| here(argv, left(), give_up)).collect(),
            Machine::There(shell, host) => {
                let batch = |batch| there(shell, host, batch, left(), give_up);
                batches(questions)
                    .into_iter()
                    .map(batch)
                    .collect::<Result<Vec<_>, _>>()
                    .map(|replies| replies.into_iter().flatten().collect())
            }
        };
        match asked {
            Err(_) if give_up() => Err(Error::busy(self.name(), "its answer was not waited for")),
            asked => asked,
        }
    }
}

/// The `PATH` of what is run here: this process's own, and behind it where the programs of
/// administration are.
pub fn path() -> String {
    match std::env::var("PATH") {
        Ok(path) if !path.is_empty() => format!("{path}:{DIRECTORIES}"),
        _ => DIRECTORIES.to_owned(),
    }
}

/// What a program that is run here, and read, gets beside this process's environment: that `PATH`, and
/// a language that its words do not change with.
pub fn environment(path: &str) -> [(&str, &str); 2] {
    [("PATH", path), ("LC_ALL", LANGUAGE)]
}

fn here(argv: &[String], deadline: Duration, give_up: &dyn Fn() -> bool) -> Result<Reply, Error> {
    let path = path();
    let name = argv.first().map(String::as_str).unwrap_or_default();
    let said = match capture_unless(argv, environment(&path), deadline, LONGEST_ANSWER, give_up) {
        Ok(said) => said,
        Err(error) if error.kind == Kind::Failed => {
            return Ok(Reply { status: 127, stdout: Vec::new(), stderr: error.to_string() });
        }
        Err(error) => return Err(error),
    };
    let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
    let status = match said.fate {
        Fate::Exited(status) => status,
        Fate::Killed(signal) => 128 + signal,
        Fate::TimedOut => {
            return Err(Error::busy(
                name,
                format!("gave no answer within {} s", seconds(deadline)),
            ));
        }
    };
    match said.cut {
        true => Err(Error::failed(name, "said more than anybody can believe")),
        false => Ok(Reply { status, stdout: said.stdout, stderr }),
    }
}

fn there(
    shell: &Shell,
    host: &Host,
    questions: &[Vec<String>],
    deadline: Duration,
    give_up: &dyn Fn() -> bool,
) -> Result<Vec<Reply>, Error> {
    let mark = mark();
    let argv = shell.argv_to_ask(host, &line(questions, &mark), deadline);
    let said = capture_unless(&argv, [], deadline, LONGEST_ANSWER, give_up)?;
    match replies(&said.stdout, &mark) {
        Some(replies) if replies.len() == questions.len() && !said.cut => Ok(replies),
        answered if said.fate == Fate::TimedOut => {
            // It was reached, where the first programs have answered.
            let answered = answered.filter(|replies| !replies.is_empty());
            let hangs = answered.and_then(|replies| questions.get(replies.len())?.first());
            let who = hangs.map(|program| format!("{program} there ")).unwrap_or_default();
            let why = format!("{who}gave no answer within {} s", seconds(deadline));
            Err(Error::busy(&host.name, why))
        }
        _ => {
            let text = String::from_utf8_lossy(&said.stderr);
            let words = text.lines().map(str::trim).rfind(|line| !line.is_empty());
            Err(silence(&host.name, "sh", said.fate, words.unwrap_or_default()))
        }
    }
}

fn seconds(deadline: Duration) -> u64 {
    deadline.as_secs_f64().round() as u64
}

/// What no program says by chance: it parts what is said from what is meant.
pub fn mark() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("hatools-{:016x}{:016x}", random(), random())
}

/// As many questions as go into one line, and one at least.
fn batches(questions: &[Vec<String>]) -> Vec<&[Vec<String>]> {
    let mut batches = Vec::new();
    let (mut first, mut length) = (0, 0);
    for (at, argv) in questions.iter().enumerate() {
        let words: usize = argv.iter().map(|word| quoted(word).len() * 2 + 1).sum();
        if at > first && length + words > LONGEST_LINE {
            batches.push(&questions[first..at]);
            (first, length) = (at, 0);
        }
        length += words;
    }
    if first < questions.len() {
        batches.push(&questions[first..]);
    }
    batches
}

/// A word that any shell of the sh family reads as this text.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The command line for the far login shell, whichever that is.
fn line(questions: &[Vec<String>], mark: &str) -> String {
    // Standard error into a variable, with the status as its last word; standard output goes on.
    let mut script = format!(
        "PATH=$PATH:{DIRECTORIES} LC_ALL={LANGUAGE}; export PATH LC_ALL; q() {{ {{ e=$({{ \"$@\" </dev/null 3>&-; }} 2>&1 1>&3; \
         echo \" $?\"); }} 3>&1; printf '\\n%s\\n%s\\n%s.\\n' {mark} \"$e\" {mark}; }}"
    );
    for argv in questions {
        script.push_str("; q");
        for word in argv {
            script.push(' ');
            script.push_str(&quoted(word));
        }
    }
    format!("/bin/sh -c {}", quoted(&script))
}

/// `None` where the last answer is cut.
fn replies(mut said: &[u8], mark: &str) -> Option<Vec<Reply>> {
    let (middle, end) = (format!("\n{mark}\n"), format!("\n{mark}.\n"));
    let mut replies = Vec::new();
    while let Some((stdout, behind)) = split(said, middle.as_bytes()) {
        let (errors, rest) = split(behind, end.as_bytes())?;
        let errors = String::from_utf8_lossy(errors);
        let (stderr, status) = errors.rsplit_once(' ')?;
        let status = status.parse().ok()?;
        replies.push(Reply { status, stdout: stdout.to_vec(), stderr: stderr.to_owned() });
        said = rest;
    }
    Some(replies)
}

fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const LONG: Duration = Duration::from_secs(20);

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// A carrier whose far login shell is `shell`.
    fn by(shell: &str, before: &str) -> Machine {
        let carrier = format!("{before} shift; exec {shell} -c \"$*\"");
        let words = argv(&["sh", "-c", &carrier, "carrier"]);
        Machine::There(Shell::Command(words), Host { user: None, name: "n2".into() })
    }

    fn shells() -> Vec<&'static str> {
        let there = |name: &&str| {
            ["/bin", "/usr/bin"].iter().any(|directory| Path::new(directory).join(name).exists())
        };
        ["sh", "bash", "ksh93", "mksh", "tcsh"].into_iter().filter(there).collect()
    }

    fn script(text: &str) -> Vec<String> {
        argv(&["sh", "-c", text])
    }

    #[test]
    fn a_machine_far_away_answers_as_this_one_does() {
        let questions = [
            argv(&["printf", "%s|", "a b", "it's", "$HOME `id` \\ \"", "*", ""]),
            script("echo out; echo err >&2; exit 3"),
            script("printf 'no newline'; printf 'nor here' >&2"),
            script("cat"),
            script("printf 'a\\377b\\n\\n\\n'"),
            script("kill -9 $$"),
        ];
        let near = Machine::Here.ask(&questions, LONG).unwrap();
        assert_eq!(near[0].stdout, b"a b|it's|$HOME `id` \\ \"|*||");
        assert_eq!(near[1], Reply { status: 3, stdout: b"out\n".into(), stderr: "err\n".into() });
        assert_eq!(near[5].status, 137);
        for shell in shells() {
            let mut far = by(shell, "").ask(&questions, LONG).unwrap();
            // The far shell tells of a killed program.
            far[5].stderr.clear();
            assert_eq!(far, near, "{shell}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_has_status_127_on_both_sides() {
        let questions = [argv(&["no-such-program"]), argv(&["echo", "on"])];
        for machine in [Machine::Here, by("sh", "")] {
            let replies = machine.ask(&questions, LONG).unwrap();
            assert_eq!((replies[0].status, replies[1].text().as_deref()), (127, Some("on")));
            assert_eq!(replies[0].text(), None);
        }
    }

    #[test]
    fn the_language_of_an_answer_is_nobodys_own() {
        let question = [script("echo $LC_ALL")];
        let here = Machine::Here.ask(&question, LONG).unwrap();
        assert_eq!(here[0].stdout, b"C\n");
        let there = by("sh", "LC_ALL=de_DE.UTF-8; export LC_ALL;").ask(&question, LONG).unwrap();
        assert_eq!(there, here);
    }

    #[test]
    fn the_carriers_own_status_does_not_count() {
        let carrier = argv(&["sh", "-c", "shift; sh -c \"$*\"; exit 9", "carrier"]);
        let machine =
            Machine::There(Shell::Command(carrier), Host { user: None, name: "n2".into() });
        assert_eq!(machine.ask(&[argv(&["true"])], LONG).unwrap()[0].status, 0);
    }

    #[test]
    fn a_host_that_gives_no_answer_is_named_with_its_cause() {
        let refused = "echo 'ssh: connect to host n2 port 22: Connection refused' >&2; exit 255;";
        let error = by("sh", refused).ask(&[argv(&["true"])], LONG).unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.to_string().starts_with("n2: no connection"), "{error}");
        let by_nim = "echo '0042-006 c_rsh: (From_Master) connect Connection refused' >&2; exit 6;";
        let error = by("sh", by_nim).ask(&[argv(&["true"])], LONG).unwrap_err();
        assert_eq!(error.kind, Kind::Busy, "{error}");
        let hangs = by("sh", "sleep 30;");
        let error = hangs.ask(&[argv(&["true"])], Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.why.contains("no answer within"), "{error}");
    }

    #[test]
    fn the_program_that_hangs_on_a_host_is_named() {
        let questions = [argv(&["true"]), argv(&["sleep", "30"]), argv(&["true"])];
        let error = by("sh", "").ask(&questions, Duration::from_millis(500)).unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.why.starts_with("sleep there gave no answer within"), "{error}");
    }

    #[test]
    fn who_gives_up_waits_no_longer() {
        let started = Instant::now();
        let give_up = || started.elapsed() > Duration::from_millis(200);
        for machine in [Machine::Here, by("sh", "sleep 30;")] {
            let error = machine.ask_unless(&[script("sleep 30")], LONG, &give_up).unwrap_err();
            assert_eq!(error.kind, Kind::Busy);
            assert!(error.why.contains("not waited for"), "{error}");
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn an_answer_that_is_cut_is_none() {
        let machine = by("sh", "echo half; exit 0;");
        assert_eq!(machine.ask(&[argv(&["true"])], LONG).unwrap_err().kind, Kind::Failed);
        let mark = "m";
        let whole = b"out\nm\nerr 0\nm.\n";
        assert_eq!(replies(whole, mark).unwrap().len(), 1);
        for cut in 0..whole.len() {
            assert!(replies(&whole[..cut], mark).is_none_or(|all| all.is_empty()), "{cut}");
        }
    }

    #[test]
    fn many_questions_go_in_several_lines() {
        let questions: Vec<Vec<String>> =
            (0..3000).map(|at| argv(&["echo", &format!("{at:040}")])).collect();
        assert!(batches(&questions).len() > 2);
        let replies = by("sh", "").ask(&questions, LONG).unwrap();
        assert_eq!(replies.len(), 3000);
        assert_eq!(replies[2999].text().unwrap(), format!("{:040}", 2999));
        assert_eq!(by("sh", "").ask(&[], LONG).unwrap(), []);
    }
}
