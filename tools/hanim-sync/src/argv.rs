//! The command that synchronises.
//!
//! Source: "Synchronizing an alternate master's NIM database" (AIX 7.1 and 7.3, Installing).

use crate::Arguments;

/// `nim [-F] -o sync [-a replicate=yes] [-a reset_clients=yes] ALTERNATE`.
pub(crate) fn nim(arguments: &Arguments) -> Vec<String> {
    let mut words = vec!["nim"];
    words.push(if arguments.force { "-Fo" } else { "-o" });
    words.push("sync");
    let attributes =
        [(arguments.replicate, "replicate=yes"), (arguments.reset_clients, "reset_clients=yes")];
    for (_, attribute) in attributes.iter().filter(|(asked, _)| *asked) {
        words.extend(["-a", attribute]);
    }
    words.push(&arguments.alternate);
    words.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn of(words: &[&str]) -> String {
        let words = [&["hanim-sync"], words].concat();
        nim(&Arguments::try_parse_from(words).unwrap()).join(" ")
    }

    #[test]
    fn the_command_is_as_the_manual_has_it() {
        assert_eq!(of(&["nimb"]), "nim -o sync nimb");
        assert_eq!(of(&["--force", "--replicate", "nimb"]), "nim -Fo sync -a replicate=yes nimb");
        assert_eq!(
            of(&["--reset-clients", "--replicate", "nimb"]),
            "nim -o sync -a replicate=yes -a reset_clients=yes nimb"
        );
    }
}
