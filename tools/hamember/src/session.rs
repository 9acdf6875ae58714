//! A shell on a host, given one order after another, and not trusted.
//!
//! Nothing is asked of the host but a POSIX shell: it gets our functions and then the orders on its
//! standard input, so that no login shell has to read our quotes and no key stands in an argument.

use ha_json::{Error, one_line};
use ha_plan::Interrupt;
use ha_remote::{Machine, Program, mark};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

const FUNCTIONS: &str = include_str!("far.sh");
/// A line of any answer is shorter, in bytes.
const LONGEST_LINE: u64 = 4 << 10;
/// A session says less, in bytes: a directory with some thousand keys.
const MOST_SAID: usize = 8 << 20;
/// What a line costs at least, in bytes.
const LEAST_LINE: usize = 64;
/// How often it is looked whether a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Lines that wait to be read.
const WAITING: usize = 1024;

/// A running shell.
#[derive(Debug)]
pub(crate) struct Session {
    host: String,
    shell: String,
    program: Program,
    orders: Option<Sender<String>>,
    lines: Receiver<Said>,
    mark: String,
    ends: Instant,
    patience: Duration,
    interrupt: Arc<Interrupt>,
}

#[derive(Debug)]
enum Said {
    Line(Vec<u8>),
    TooMuch,
}

/// What an order said, and its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) lines: Vec<Vec<u8>>,
}

impl Answer {
    /// Its last line that is not empty, for a message.
    pub(crate) fn last_words(&self) -> String {
        let text = |line: &Vec<u8>| one_line(String::from_utf8_lossy(line).trim());
        let words = self.lines.iter().map(text).rfind(|line| !line.is_empty());
        words.unwrap_or_default().chars().take(300).collect()
    }
}

impl Session {
    /// Starts a shell on the machine that messages call `host`, all of whose answers are to come within
    /// `patience`.
    ///
    /// # Errors
    /// Busy, where no connection or answer comes; failed, where none will.
    pub(crate) fn open(
        host: &str,
        machine: &Machine,
        shell: &[String],
        patience: Duration,
        interrupt: &Arc<Interrupt>,
    ) -> Result<Session, Error> {
        not_interrupted(host, interrupt)?;
        let (program, stdin, said) = machine.start(shell, patience)?;
        let (sender, lines) = mpsc::sync_channel(WAITING);
        thread::spawn(move || read(said, &sender));
        let (orders, to_send) = mpsc::channel();
        thread::spawn(move || write(stdin, &to_send));
        let mut session = Session {
            host: host.to_owned(),
            shell: shell.join(" "),
            program,
            orders: Some(orders),
            lines,
            mark: mark(),
            ends: Instant::now() + patience,
            patience,
            interrupt: Arc::clone(interrupt),
        };
        // What a login shell says before is behind the first mark.
        session.order(FUNCTIONS, None)?;
        Ok(session)
    }

    /// Gives more time for what is still to be done.
    pub(crate) fn allow(&mut self, more: Duration) {
        self.ends += more;
        self.patience += more;
    }

    /// Gives an order, with a text for its standard input.
    ///
    /// # Errors
    /// Busy, where no answer comes in time, or the shell has gone; failed, where it says more than
    /// anybody can believe.
    pub(crate) fn order(&mut self, order: &str, text: Option<&str>) -> Result<Answer, Error> {
        let input = match text {
            // The far end of a text is a line of its own.
            Some(text) => format!(" <<'{0}'\n{1}{0}", self.mark, text),
            None => String::new(),
        };
        let line = format!("{order}{input}\nprintf '\\n%s %s\\n' '{}' \"$?\"\n", self.mark);
        let ends = self.ends;
        let sent = match &mut self.orders {
            // A host that stops reading is told by the time that passes.
            Some(orders) => orders.send(line).is_ok(),
            None => false,
        };
        if !sent {
            return Err(self.silent(ends));
        }
        let mut lines: Vec<Vec<u8>> = Vec::new();
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(Said::Line(line)) => match self.status(&line) {
                    // The line before the mark is ours.
                    Some(status) => {
                        if lines.last().is_some_and(Vec::is_empty) {
                            lines.pop();
                        }
                        return Ok(Answer { status, lines });
                    }
                    None => lines.push(line),
                },
                Ok(Said::TooMuch) => {
                    let why = "says more than anybody can believe";
                    return Err(Error::failed(&self.host, format!("{} there {why}", self.shell)));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < ends => {
                    not_interrupted(&self.host, &self.interrupt)?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let why = format!("gave no answer within {} s", self.patience.as_secs());
                    return Err(Error::busy(&self.host, format!("{} there {why}", self.shell)));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.silent(ends)),
            }
        }
    }

    fn status(&self, line: &[u8]) -> Option<i32> {
        let rest = line.strip_prefix(self.mark.as_bytes())?.strip_prefix(b" ")?;
        std::str::from_utf8(rest).ok()?.trim().parse().ok()
    }

    /// Why the shell has gone.
    fn silent(&mut self, ends: Instant) -> Error {
        self.orders = None;
        let left = ends.saturating_duration_since(Instant::now());
        let shell = self.shell.clone();
        let mut error = self.program.why_silent(&shell, left.min(Duration::from_secs(5)));
        error.what.clone_from(&self.host);
        error.why = one_line(&error.why);
        error
    }
}

/// Refuses to go on where a signal came to end this.
///
/// # Errors
/// Busy, with the signal.
pub(crate) fn not_interrupted(what: &str, interrupt: &Interrupt) -> Result<(), Error> {
    match interrupt.came() {
        Some(signal) => Err(Error::busy(what, format!("was not waited for: {signal} came"))),
        None => Ok(()),
    }
}

fn write(mut stdin: ChildStdin, orders: &Receiver<String>) {
    for order in orders {
        if stdin.write_all(order.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read(said: ChildStdout, lines: &SyncSender<Said>) {
    let mut said = BufReader::new(said);
    let mut bytes = 0;
    loop {
        let mut line = Vec::new();
        let read = said.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).unwrap_or(0);
        bytes += read.max(LEAST_LINE);
        if read == 0 {
            return;
        }
        let said = match line.last() {
            Some(b'\n') => {
                line.pop();
                Said::Line(line)
            }
            _ if read as u64 == LONGEST_LINE => Said::TooMuch,
            _ => Said::Line(line),
        };
        let ends = matches!(said, Said::TooMuch);
        let said = if bytes > MOST_SAID { Said::TooMuch } else { said };
        if lines.send(said).is_err() || ends || bytes > MOST_SAID {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use ha_remote::{Host, Shell, quoted};

    const LONG: Duration = Duration::from_secs(20);

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn interrupt() -> Arc<Interrupt> {
        Arc::new(Interrupt::listen().unwrap())
    }

    fn open(shell: &[&str], patience: Duration) -> Result<Session, Error> {
        Session::open("c1", &Machine::Here, &words(shell), patience, &interrupt())
    }

    fn texts(answer: &Answer) -> Vec<String> {
        answer.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn orders_are_answered_one_by_one_in_any_shell() {
        for shell in ["dash", "bash", "ksh93", "mksh", "sh"] {
            if !["/bin", "/usr/bin"].iter().any(|at| std::path::Path::new(at).join(shell).exists())
            {
                continue;
            }
            let mut session = open(&[shell], LONG).unwrap();
            let answer = session.order("echo a; printf b; (exit 3)", None).unwrap();
            assert_eq!((texts(&answer), answer.status), (words(&["a", "b"]), 3), "{shell}");
            let answer = session.order("cat", Some("$x `y` \\ '\n")).unwrap();
            assert_eq!((texts(&answer), answer.status), (words(&["$x `y` \\ '"]), 0), "{shell}");
            let answer = session.order("no-such-program 2>&1", None).unwrap();
            assert_eq!(answer.status, 127, "{shell}");
            assert!(answer.last_words().contains("no-such-program"), "{shell}");
        }
    }

    #[test]
    fn what_is_said_at_a_login_is_no_answer() {
        let mut session = open(&["sh", "-c", "echo welcome; echo; exec sh"], LONG).unwrap();
        assert_eq!(texts(&session.order("echo x", None).unwrap()), ["x"]);
    }

    #[test]
    fn a_key_is_put_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        let mut session = open(&["sh"], LONG).unwrap();
        let text = "line one\nline two\n";
        let put = |session: &mut Session, name: &str, bytes: usize| {
            let order = format!("put {} {} {bytes} 2>&1", quoted(&path), quoted(name));
            session.order(&order, Some(text)).unwrap()
        };
        assert_eq!(put(&mut session, "a.pub", text.len()).status, 0);
        assert_eq!(std::fs::read_to_string(directory.path().join("a.pub")).unwrap(), text);
        assert_ne!(put(&mut session, "a.pub", text.len() + 1).status, 0);
        std::fs::create_dir(directory.path().join("b.pub")).unwrap();
        let answer = put(&mut session, "b.pub", text.len());
        assert!(answer.last_words().contains("is a directory"));
        let sum =
            session.order(&format!("sum_of {}/a.pub", quoted(&path)), None).unwrap().last_words();
        let drop = |session: &mut Session, sum: &str| {
            let order = format!("drop {} a.pub {} 2>&1", quoted(&path), quoted(sum));
            session.order(&order, None).unwrap().status
        };
        assert_ne!(drop(&mut session, "1 2"), 0);
        assert_eq!(drop(&mut session, &sum), 0);
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn a_host_that_hangs_or_goes_or_never_ends_is_told_by_kind() {
        let short = Duration::from_millis(400);
        assert_eq!(open(&["sleep", "30"], short).unwrap_err().kind, Kind::Busy);
        let error = open(&["yes"], LONG).unwrap_err();
        assert_eq!((error.kind, error.why.contains("more than")), (Kind::Failed, true));
        let error = open(&["sh", "-c", "tr -d '\\n' </dev/zero"], LONG).unwrap_err();
        assert_eq!(error.kind, Kind::Failed);
        assert_eq!(open(&["true"], LONG).unwrap_err().kind, Kind::Failed);
        let refused = "echo 'ssh: connect to host c1 port 22: Connection refused' >&2; exit 255";
        let far = Machine::There(
            Shell::Command(words(&["sh", "-c", refused])),
            Host { user: None, name: "c1".to_owned() },
        );
        let error =
            Session::open("c1", &far, &words(&["/bin/sh"]), LONG, &interrupt()).unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.to_string().starts_with("c1: no connection"), "{error}");
    }

    #[test]
    fn a_host_that_stops_reading_is_given_up_in_time() {
        let mut session = open(&["sh"], Duration::from_secs(2)).unwrap();
        let started = Instant::now();
        let error = session.order("sleep 60\ncat", Some(&"x".repeat(1 << 20))).unwrap_err();
        assert_eq!(error.kind, Kind::Busy);
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_shell_that_goes_in_the_middle_is_no_success() {
        let mut session = open(&["sh"], LONG).unwrap();
        assert!(session.order("exit 0", None).is_err());
    }
}
