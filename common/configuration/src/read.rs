//! The file of a configuration, or standard input.

use crate::keys::Keys;
use crate::strict::Strict;
use ha_json::{Error, Value, refuse_terminal};
use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const STANDARD_INPUT: &str = "standard input";

/// Nobody writes so much by hand.
const MAX_BYTES: u64 = 1 << 20;

/// What `parse` makes of the configuration in the file `path`, or on standard input where `path` is
/// `-`. `schema` is what it should be, and `page` the manual page that tells how it is written.
///
/// # Errors
/// Usage, naming the file, where it is not there or anybody else could have written it; failed, where
/// it cannot be read; what `parse` says, with the name of the file before it.
pub fn read<T>(
    path: &str,
    schema: &str,
    page: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    let (what, content) = match path {
        "-" => (STANDARD_INPUT, standard_input(schema)?),
        _ => (path, file(path, page)?),
    };
    parse(&content).map_err(|error| Error::new(error.kind, what, error.to_string()))
}

impl Keys {
    /// The keys of a text that is one object of this schema, which is taken out of it.
    ///
    /// # Errors
    /// Usage, where it is not, or has a key that is not among `known`.
    pub fn parse(text: &[u8], schema: &str, known: &[&str]) -> Result<Keys, Error> {
        let Strict(value) = serde_json::from_slice(text)
            .map_err(|error| Error::usage("", format!("is not JSON to be used: {error}")))?;
        let Value::Object(object) = value else {
            return Err(Error::usage("", "is not an object of JSON"));
        };
        let mut keys = Keys::new(object, "", known)?;
        match keys.text("schema")? {
            Some(said) if said == schema => Ok(keys),
            Some(other) => Err(keys.bad("schema", format!("is {other:?}, and must be {schema:?}"))),
            None => Err(keys.bad("schema", format!("is missing, and must be {schema:?}"))),
        }
    }
}

fn standard_input(schema: &str) -> Result<Vec<u8>, Error> {
    refuse_terminal(&format!("a configuration {schema}"))?;
    let mut content = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(|error| Error::io(STANDARD_INPUT, &error))?;
    match content.len() as u64 {
        0 => Err(Error::usage(
            STANDARD_INPUT,
            format!("is empty: a configuration {schema} is read here"),
        )),
        length if length > MAX_BYTES => {
            Err(Error::usage(STANDARD_INPUT, format!("is longer than {MAX_BYTES} bytes")))
        }
        _ => Ok(content),
    }
}

fn file(path: &str, page: &str) -> Result<Vec<u8>, Error> {
    let missing = || {
        let next = format!("write it ({page} has examples), or name another one with --config");
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

    fn bytes(text: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(text.to_vec())
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_what_to_do() {
        let missing = read("/no/such/file", "x/1", "x(5)", bytes).unwrap_err();
        assert_eq!((missing.kind, missing.what.as_str()), (Kind::Usage, "/no/such/file"));
        assert!(missing.why.contains("--config") && missing.why.contains("x(5)"));
    }

    #[test]
    fn a_file_that_others_may_write_is_refused_and_a_directory_fails() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.json");
        fs::write(&path, "{}").unwrap();
        let look = |path: &Path| read(path.to_str().unwrap(), "x/1", "x(5)", bytes);
        for mode in [0o666, 0o664] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let open = look(&path).unwrap_err();
            assert!(open.kind == Kind::Usage && open.why.contains("by others"), "{open}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(look(&path).unwrap(), b"{}");
        assert_eq!(look(root.path()).unwrap_err().kind, Kind::Failed);
    }

    #[test]
    fn a_text_of_another_schema_is_refused_and_so_is_a_key_that_nobody_knows() {
        let parse = |text: &str| Keys::parse(text.as_bytes(), "x/1", &["schema", "a"]);
        assert!(parse("{\"schema\":\"x/1\",\"a\":1}").is_ok());
        let told = |text: &str| parse(text).err().map(|error| error.to_string()).unwrap();
        assert!(told("{\"schema\":\"y/1\"}").contains("must be \"x/1\""));
        assert!(told("{}").contains("is missing"));
        assert!(told("[]").contains("not an object"));
        assert!(told("{\"schema\":\"x/1\",\"b\":1}").starts_with("b: there is no such key"));
    }
}
