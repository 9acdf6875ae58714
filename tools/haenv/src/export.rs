//! The variables as lines for a shell to eval.

use crate::look;
use ha_environment::{EnvironmentFile, is_name};
use ha_json::{Error, Kind, Status, Tool, answer};
use std::path::Path;

/// Variables that a shell makes itself: some cannot be set, and end the script that tries; others are
/// numbers, and what is set is an expression that some shells work out, commands in it run. Those with
/// a meaning that would hit the script that evals: IFS splits its words, TMOUT ends its reads.
const OF_THE_SHELL: [&str; 33] = [
    "_",
    "BASHOPTS",
    "BASHPID",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "ERRNO",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "JOBMAX",
    "KSHEGID",
    "KSHEUID",
    "KSHGID",
    "KSHUID",
    "KSH_VERSION",
    "LINENO",
    "OPTIND",
    "PGRP",
    "PIPESTATUS",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "TMOUT",
    "UID",
    "USER_ID",
];

/// Those that some shells take for numbers, and that a file may well set: a number does no harm.
const NUMBERS: [&str; 4] = ["COLUMNS", "HISTSIZE", "LINES", "MAILCHECK"];

/// Lines that any Bourne shell takes, and what had to be left out.
#[derive(Debug, PartialEq, Eq)]
struct Lines {
    text: Vec<u8>,
    left_out: Vec<String>,
}

/// Writes the lines. `eval` has the status of the last command that it ran, so that where not all is
/// well the last line brings it there.
///
/// # Errors
/// As [`look::file`]; then that line is the only one.
pub(crate) fn export(tool: Tool, path: &Path, only: &[String]) -> Result<Status, Error> {
    let lines = match look::file(path) {
        Ok(file) => lines(&file, only),
        Err(error) => {
            if error.kind != Kind::Usage {
                answer::write_all(&ending(error.kind.status()))?;
            }
            return Err(error);
        }
    };
    let status = if lines.left_out.is_empty() { Status::Done } else { Status::No };
    let mut text = lines.text;
    if status != Status::Done {
        text.extend(ending(status));
    }
    answer::write_all(&text)?;
    for why in &lines.left_out {
        tool.say(&format!("{}: {why}", path.display()));
    }
    Ok(status)
}

fn ending(status: Status) -> Vec<u8> {
    format!("(exit {})\n", status.code()).into_bytes()
}

fn lines(file: &EnvironmentFile, only: &[String]) -> Lines {
    let mut lines = Lines { text: Vec::new(), left_out: Vec::new() };
    let asked = |name: &[u8]| only.is_empty() || only.iter().any(|one| one.as_bytes() == name);
    let variables = file.variables();
    for variable in variables.iter().filter(|variable| asked(variable.name)) {
        let mut leave_out = |why: &str| {
            let name = String::from_utf8_lossy(variable.name);
            lines.left_out.push(format!("line {}: {name:?} {why}", variable.line));
        };
        if !is_name(variable.name) {
            leave_out("is no name that a shell takes");
        } else if is_one_of(&OF_THE_SHELL, variable.name) {
            leave_out("is a variable of the shell's own");
        } else if is_one_of(&NUMBERS, variable.name) && !is_number(variable.value) {
            leave_out("is a number for some shells, and its value is none");
        } else if variable.value.contains(&0) {
            leave_out("has a NUL in its value, which no environment can hold");
        } else {
            lines.text.extend_from_slice(variable.name);
            lines.text.extend_from_slice(b"=");
            lines.text.extend(quoted(variable.value));
            lines.text.extend_from_slice(b"; export ");
            lines.text.extend_from_slice(variable.name);
            lines.text.push(b'\n');
        }
    }
    for name in only {
        if !variables.iter().any(|variable| variable.name == name.as_bytes()) {
            lines.left_out.push(format!("{name} is not set"));
        }
    }
    lines
}

fn is_one_of(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|one| one.as_bytes() == name)
}

/// A decimal that no shell takes for an octal one.
fn is_number(value: &[u8]) -> bool {
    (1..10).contains(&value.len())
        && value.iter().all(u8::is_ascii_digit)
        && (value == b"0" || value[0] != b'0')
}

/// Between single quotes a shell takes every byte as it is, but the quote itself.
fn quoted(value: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'\'').collect();
    [b"'".as_slice(), &parts.join(&b"'\\''"[..]), b"'"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_and_names_checked() {
        let file = EnvironmentFile::parse(b"A=it's $HOME `x`\n1B=x\nC=a\0\nD=\n");
        let lines = lines(&file, &[]);
        assert_eq!(
            String::from_utf8(lines.text).unwrap(),
            "A='it'\\''s $HOME `x`'; export A\nD=''; export D\n"
        );
        assert_eq!(lines.left_out.len(), 2);
        assert!(
            lines.left_out[0].starts_with("line 2: \"1B\""),
            "{lines:?}",
            lines = lines.left_out
        );
    }

    #[test]
    fn what_is_asked_for_and_not_there_is_missed() {
        let file = EnvironmentFile::parse(b"A=1\nB=2\n");
        let lines = lines(&file, &["B".to_owned(), "C".to_owned()]);
        assert_eq!(lines.text, b"B='2'; export B\n");
        assert_eq!(lines.left_out, ["C is not set"]);
    }
}
