//! An environment file, only looked at.

use ha_environment::EnvironmentFile;
use ha_json::answer::Answer;
use ha_json::{Error, Map, Status, Value, json, put_bytes};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A file that is longer is none of this kind.
const LIMIT_BYTES: u64 = 1 << 20;

pub(crate) const FIELDS: [&str; 3] = ["file", "variables", "problems"];

/// What the file sets, and what is wrong with it; the answer is no where something is.
pub(crate) fn answer(path: &Path) -> Result<Answer, Error> {
    let file = file(path)?;
    let mut answer = Map::new();
    put_bytes(&mut answer, "file", path.as_os_str().as_bytes());
    let variables = file.variables().into_iter().map(|variable| {
        let mut object = Map::new();
        put_bytes(&mut object, "name", variable.name);
        put_bytes(&mut object, "value", variable.value);
        object.insert("line".into(), Value::from(variable.line));
        Value::from(object)
    });
    answer.insert("variables".into(), variables.collect());
    let problems = file.problems();
    let status = if problems.is_empty() { Status::Done } else { Status::No };
    let problems = problems.into_iter().map(|problem| {
        json!({"reason": problem.reason, "line": problem.line, "message": problem.message})
    });
    answer.insert("problems".into(), problems.collect());
    Ok((answer, status))
}

/// The file, which must be there.
pub(crate) fn file(path: &Path) -> Result<EnvironmentFile, Error> {
    file_if_there(path)?.ok_or_else(|| Error::failed(path.display().to_string(), "is not there"))
}

/// The file, if it is there.
pub(crate) fn file_if_there(path: &Path) -> Result<Option<EnvironmentFile>, Error> {
    Ok(ha_file::read(path, LIMIT_BYTES)?.map(|bytes| EnvironmentFile::parse(&bytes)))
}
