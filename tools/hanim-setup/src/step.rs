//! A step of a plan: words run on a machine, and what they said judged.
//!
//! A carrier such as c_rsh has no status of its own, and NIM's are cut to eight bits: so the far
//! shell tells the status, and a message of NIM counts for more.

use crate::options::Options;
use crate::status;
use ha_json::{Error, Status, Tool};
use ha_nim::master::failure;
use ha_nim::message::{cause, explain};
use ha_remote::{Machine, Reply};

/// This machine.
const HERE: &str = "localhost";

/// Runs the command; with a question, only where the answer to that is no. Standard output stays
/// empty; what it said, and why it failed, goes to standard error, where the runner of the plan finds
/// it.
///
/// # Errors
/// Failed, with the cause, where the command failed; busy, where the machine gives no answer.
pub(crate) fn run(tool: Tool, host: &str, options: &Options) -> Result<Status, Error> {
    let carrier = &options.carrier;
    let machine = match host {
        HERE => Machine::Here,
        _ => carrier.to(host)?,
    };
    // Where nobody knows whether it is needed, it is not begun.
    if let Some(question) = &options.is
        && status::is_so(question, options)?
    {
        return Ok(Status::Done);
    }
    let replies = machine.ask(std::slice::from_ref(&options.command), carrier.patience())?;
    let reply = replies.into_iter().next().unwrap_or_default();
    let stdout = String::from_utf8_lossy(&reply.stdout);
    for line in stdout.lines().chain(reply.stderr.lines()).filter(|line| !line.trim().is_empty()) {
        tool.say(line);
    }
    let Some(why) = failure(&reply) else { return Ok(Status::Done) };
    // It may have been a warning: what is so then tells.
    if reply.status == 0
        && let Some(question) = &options.is
        && status::is_so(question, options) == Ok(true)
    {
        return Ok(Status::Done);
    }
    let program =
        options.command.iter().find(|word| *word == "niminit").map_or("command", String::as_str);
    Err(Error::failed(machine.name(), format!("{program}: {}", told(&reply, why))))
}

/// Why it failed, with what is known of NIM's message.
fn told(reply: &Reply, why: String) -> String {
    let all = format!("{}\n{}", String::from_utf8_lossy(&reply.stdout), reply.stderr);
    let Some(message) = cause(&all) else { return why };
    let text = format!("{} {}: {}", message.code, message.method, message.text);
    match explain(&message.code) {
        Some(known) => format!("{text} ({}; {})", known.cause, known.next_step),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_nim_is_told_with_its_cause_and_the_next_step() {
        let reply = Reply {
            status: 1,
            stdout:
                b"0042-006 niminit: (To_Master) connect Connection refused\nthe old file is back\n"
                    .into(),
            stderr: String::new(),
        };
        let text = told(&reply, "status 1".to_owned());
        assert!(
            text.starts_with(
                "0042-006 niminit: (To_Master) connect Connection refused (no connection"
            ),
            "{text}"
        );
        assert!(text.contains("startsrc -s nimsh"), "{text}");
    }

    #[test]
    fn what_is_no_message_of_nim_is_told_as_it_is() {
        let reply = Reply { status: 127, stdout: vec![], stderr: "sh: niminit: not found".into() };
        assert_eq!(told(&reply, "sh: niminit: not found".into()), "sh: niminit: not found");
    }
}
