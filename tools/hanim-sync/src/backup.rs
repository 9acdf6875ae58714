//! How old the newest backup of a database is.

use ha_json::Error;
use ha_remote::{Machine, Reply};
use std::time::Duration;

/// What stands in the directory of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backups {
    /// The newest file.
    pub(crate) newest: Option<String>,
    /// It is not older than was asked for.
    pub(crate) is_new: bool,
}

/// Asks this machine for files beneath `directory` that are `days` old at most.
///
/// # Errors
/// When it gives no answer.
pub(crate) fn look(directory: &str, days: u64, patience: Duration) -> Result<Backups, Error> {
    let age = format!("-{days}");
    let new = ["find", directory, "-type", "f", "-mtime", &age].map(str::to_owned).to_vec();
    let newest = ["ls", "-t", directory].map(str::to_owned).to_vec();
    Ok(read(&Machine::Here.ask(&[new, newest], patience)?))
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
