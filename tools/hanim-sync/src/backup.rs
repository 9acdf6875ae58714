//! How old the newest backup of a database is.

use crate::Arguments;
use crate::facts::GiveUp;
use ha_json::Error;
use ha_remote::{Machine, Reply};

/// What stands in the directory of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backups {
    /// The newest file.
    pub(crate) newest: Option<String>,
    /// It is not older than was asked for.
    pub(crate) is_new: bool,
}

/// Asks this machine for files in the directory of backups that are as new as was asked for.
///
/// # Errors
/// When it gives no answer.
pub(crate) fn look(arguments: &Arguments, give_up: GiveUp) -> Result<Backups, Error> {
    let age = format!("-{}", arguments.backup_days);
    // It may be a link.
    let directory = &format!("{}/.", arguments.backups);
    let new = ["find", directory, "-type", "f", "-mtime", &age].map(str::to_owned).to_vec();
    let newest = ["ls", "-t", directory].map(str::to_owned).to_vec();
    Ok(read(&Machine::Here.ask_unless(&[new, newest], arguments.carrier.patience(), give_up)?))
}

fn read(replies: &[Reply]) -> Backups {
    let line = |at: usize| {
        let text = replies.get(at).and_then(Reply::text)?;
        text.lines().next().map(str::to_owned)
    };
    Backups { newest: line(1), is_new: line(0).is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_directory_behind_a_link_is_looked_into() {
        let ground = tempfile::tempdir().unwrap();
        let (real, link) = (ground.path().join("real"), ground.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("nima.backup"), "x").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let words = ["hanim-sync", "--backups", link.to_str().unwrap(), "nimb"];
        let found = look(&Arguments::try_parse_from(words).unwrap(), &|| false).unwrap();
        assert_eq!(found, Backups { newest: Some("nima.backup".into()), is_new: true });
    }

    #[test]
    fn no_directory_is_no_backup() {
        let said = |status, text: &str| Reply { status, stdout: text.into(), ..Reply::default() };
        let none = Backups { newest: None, is_new: false };
        assert_eq!(read(&[said(1, ""), said(2, "")]), none);
        assert_eq!(read(&[said(0, ""), said(0, "")]), none);
        let old = Backups { newest: Some("b".into()), is_new: false };
        assert_eq!(read(&[said(0, ""), said(0, "b\na\n")]), old);
        let new = Backups { newest: Some("b".into()), is_new: true };
        assert_eq!(read(&[said(0, "/export/b\n"), said(0, "b\na\n")]), new);
    }
}
