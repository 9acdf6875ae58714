//! The configuration's file, or standard input.

use crate::{Configuration, SCHEMA};
use ha_json::Error;

/// Where the configuration is when nothing else is said: cluster managers call without arguments.
pub const DEFAULT_FILE: &str = "/etc/hatools/dce.json";

impl Configuration {
    /// The configuration in the file `path`, or on standard input where `path` is `-`.
    ///
    /// # Errors
    /// Usage, naming the file and the key, where it is not there, anybody else could have written
    /// it, or it is not one that can be served; failed, where it cannot be read.
    pub fn read(path: &str) -> Result<Configuration, Error> {
        ha_configuration::read(path, SCHEMA, "hadce-config(5)", Configuration::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use std::fs;

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_name_and_key() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("dce.json");
        let name = path.to_str().unwrap();
        fs::write(&path, "{\"schema\":\"hadce-config/1\"}").unwrap();
        let wrong = Configuration::read(name).unwrap_err();
        assert_eq!((wrong.kind, wrong.what.as_str()), (Kind::Usage, name));
        assert!(wrong.why.starts_with("configuration: "), "{wrong}");
    }
}
