//! The configuration's file, or standard input.

use crate::Configuration;
use ha_json::{Error, refuse_terminal};
use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where the configuration is when nothing else is said: cluster managers call without arguments.
pub const DEFAULT_FILE: &str = "/etc/hatools/dce.json";

/// Nobody writes so much by hand.
const MAX_BYTES: u64 = 1 << 20;

impl Configuration {
    /// The configuration in the file `path`, or on standard input where `path` is `-`.
    ///
    /// # Errors
    /// Usage, naming the file and the key, where it is not there, anybody else could have written
    /// it, or it is not one that can be served; failed, where it cannot be read.
    pub fn read(path: &str) -> Result<Configuration, Error> {
        let (what, content) = match path {
            "-" => ("standard input", standard_input()?),
            _ => (path, file(path)?),
        };
        Configuration::parse(&content)
            .map_err(|error| Error::new(error.kind, what, error.to_string()))
    }
}

fn standard_input() -> Result<Vec<u8>, Error> {
    const WHAT: &str = "standard input";
    refuse_terminal("a configuration hadce-config/1")?;
    let mut content = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(|error| Error::io(WHAT, &error))?;
    match content.len() as u64 {
        0 => Err(Error::usage(WHAT, "is empty: a configuration hadce-config/1 is read here")),
        length if length > MAX_BYTES => {
            Err(Error::usage(WHAT, format!("is longer than {MAX_BYTES} bytes")))
        }
        _ => Ok(content),
    }
}

fn file(path: &str) -> Result<Vec<u8>, Error> {
    let missing = || {
        let next = "write it (hadce-config(5) has examples), or name another one with --config";
        Error::usage(path, format!("is not there: {next}"))
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(),
        _ => Error::io(path, &error),
    })?;
    own(&metadata).map_err(|why| Error::usage(path, why))?;
    ha_file::read(Path::new(path), MAX_BYTES)?.ok_or_else(missing)
}

/// It names programs that this user will run.
fn own(metadata: &Metadata) -> Result<(), String> {
    let user = nix::unistd::geteuid().as_raw();
    match metadata.uid() {
        _ if metadata.mode() & 0o022 != 0 => {
            Err("may be written by others, and names programs to run: chmod go-w".to_owned())
        }
        owner if owner != 0 && owner != user => {
            Err(format!("belongs to user {owner}, and names programs to run: chown it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_json::Kind;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_read_and_what_is_wrong_in_it_is_told_with_its_name_and_key() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("dce.json");
        let name = path.to_str().unwrap();
        let missing = Configuration::read(name).unwrap_err();
        assert_eq!((missing.kind, missing.what.as_str()), (Kind::Usage, name));
        assert!(missing.why.contains("--config"));
        fs::write(&path, "{\"schema\":\"hadce-config/1\"}").unwrap();
        let wrong = Configuration::read(name).unwrap_err();
        assert_eq!((wrong.kind, wrong.what.as_str()), (Kind::Usage, name));
        assert!(wrong.why.starts_with("configuration: "), "{wrong}");
    }

    #[test]
    fn a_file_that_others_may_write_is_refused_and_a_directory_fails() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("dce.json");
        fs::write(&path, "{}").unwrap();
        for mode in [0o666, 0o664] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let open = Configuration::read(path.to_str().unwrap()).unwrap_err();
            assert!(open.kind == Kind::Usage && open.why.contains("by others"), "{open}");
        }
        let directory = Configuration::read(root.path().to_str().unwrap()).unwrap_err();
        assert_eq!(directory.kind, Kind::Failed);
    }
}
