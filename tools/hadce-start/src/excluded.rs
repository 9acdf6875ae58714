//! The addresses that DCE shall not use, as the environment file says them.
//!
//! PowerHA calls scripts without what stands in /etc/environment, so it is read here.

use ha_environment::{EnvironmentFile, excluded::Excluded, excluded::VARIABLE};
use std::path::Path;

/// No environment file is longer.
const MAX_BYTES: u64 = 1 << 20;

/// What the environment file says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Nobody asked: what the caller's environment has is passed on.
    NotAsked,
    /// It says nothing that DCE would take, and why.
    Not(String),
    /// The addresses.
    Yes(Excluded),
}

/// Reads the variable from the file `path`.
pub(crate) fn look(path: Option<&str>) -> Known {
    let Some(path) = path else {
        return Known::NotAsked;
    };
    let content = match ha_file::read(Path::new(path), MAX_BYTES) {
        Ok(Some(content)) => content,
        Ok(None) => return Known::Not(format!("{path} is not there")),
        Err(error) => return Known::Not(error.to_string()),
    };
    match Excluded::of(&EnvironmentFile::parse(&content)) {
        Ok(Some(excluded)) => Known::Yes(excluded),
        Ok(None) => Known::Not(format!("{path} does not set {VARIABLE}")),
        Err(why) => Known::Not(format!("{path}: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_from_its_file_or_the_reason_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("environment");
        let path = path.to_str().unwrap();
        assert_eq!(look(None), Known::NotAsked);
        assert_eq!(look(Some(path)), Known::Not(format!("{path} is not there")));
        std::fs::write(path, "PATH=/usr/bin\n").unwrap();
        assert_eq!(look(Some(path)), Known::Not(format!("{path} does not set {VARIABLE}")));
        std::fs::write(path, format!("{VARIABLE}=9.3.240.1:9.3.240.66\nPATH=/usr/bin\n")).unwrap();
        let value = Excluded::parse("9.3.240.1:9.3.240.66").unwrap();
        assert_eq!(look(Some(path)), Known::Yes(value));
        std::fs::write(path, format!("{VARIABLE}=\n")).unwrap();
        assert_eq!(look(Some(path)), Known::Yes(Excluded::default()));
        std::fs::write(path, format!("{VARIABLE}=9.3.240.1 9.3.240.66\n")).unwrap();
        assert!(matches!(look(Some(path)), Known::Not(why) if why.contains("no IPv4 address")));
        let directory = root.path().to_str().unwrap();
        assert!(matches!(look(Some(directory)), Known::Not(why) if why.contains("regular")));
    }
}
