//! The answer: one line of JSON, or the fields of it that were asked for.

use crate::{Error, Kind, Map, Status, Value, json, one_line};
use std::io::{ErrorKind, Write};

/// An answer's own fields, and whether it is yes or no.
pub type Answer = (Map<String, Value>, Status);

/// Does the work and writes its answer in this schema, or with `fields` only those of the `known` ones.
///
/// # Errors
/// Usage, before the work, for a field that no such answer has; what the work says; a standard
/// output that cannot be written.
pub fn give(
    schema: &str,
    known: &[&str],
    fields: &[String],
    work: impl FnOnce() -> Result<Answer, Error>,
) -> Result<Status, Error> {
    if let Some(field) = fields.iter().find(|field| !known.contains(&field.as_str())) {
        return Err(Error::usage(
            format!("-o {field}"),
            format!("this answer has no such field; it has {}", known.join(", ")),
        ));
    }
    match work() {
        Ok((answer, status)) if fields.is_empty() => {
            let mut line = head(schema, status);
            line.extend(answer);
            write_all(format!("{}\n", Value::from(line)).as_bytes()).map(|()| status)
        }
        Ok((answer, status)) => {
            let plain: Vec<String> = fields.iter().map(|field| plain(answer.get(field))).collect();
            write_all(format!("{}\n", plain.join("\t")).as_bytes()).map(|()| status)
        }
        Err(error) => {
            if fields.is_empty() && error.kind != Kind::Usage {
                let mut line = head(schema, error.kind.status());
                let told = json!({"kind": error.kind.word(), "message": error.to_string()});
                line.insert("error".into(), told);
                // The error is the one to tell, whoever reads the answer.
                let _ = write_all(format!("{}\n", Value::from(line)).as_bytes());
            }
            Err(error)
        }
    }
}

fn head(schema: &str, status: Status) -> Map<String, Value> {
    let ok = matches!(status, Status::Done | Status::No);
    Map::from_iter([
        ("schema".into(), Value::from(schema)),
        ("ok".into(), Value::from(ok)),
        ("status".into(), Value::from(status.code())),
    ])
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => one_line(text),
        Some(other) => other.to_string(),
    }
}

/// Writes to standard output. A reader that left is no error: what was to be done is done.
///
/// # Errors
/// When it cannot be written.
pub fn write_all(bytes: &[u8]) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("standard output", &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_fields_are_one_line_each() {
        assert_eq!(plain(None) + &plain(Some(&Value::Null)), "");
        assert_eq!(plain(Some(&json!("a b\nc"))), "a b\\nc");
        assert_eq!(plain(Some(&json!(true))), "true");
        assert_eq!(plain(Some(&json!([{"a": 1}]))), r#"[{"a":1}]"#);
    }

    #[test]
    fn an_unknown_field_is_refused_before_the_work() {
        let fields = ["value".to_owned()];
        let error = give("tool/1", &["file"], &fields, || unreachable!()).unwrap_err();
        assert_eq!(error.to_string(), "-o value: this answer has no such field; it has file");
    }
}
