//! Today's lines have what the published ones have.

use ha_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The directory of the kept lines of a schema such as `haxcat-1`.
///
/// # Errors
/// When there is none.
pub fn directory(schema: &str) -> Result<PathBuf, String> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract").join(schema);
    here.canonicalize().map_err(|error| format!("{}: {error}", here.display()))
}

/// Compares each kept file of the schema with the lines that `today` makes for the file of that
/// name; gives the number of files.
///
/// # Errors
/// The field that is missing or has another type.
pub fn compare(schema: &str, today: impl Fn(&str) -> Vec<Value>) -> Result<usize, String> {
    let mut count = 0;
    let entries = fs::read_dir(directory(schema)?).map_err(|error| error.to_string())?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        let kept: Result<Vec<Value>, _> = text.lines().map(str::parse).collect();
        let kept = kept.map_err(|error| format!("{name}: {error}"))?;
        let today = shapes(&today(&name));
        for (field, kind) in shapes(&kept) {
            match today.get(&field) {
                Some(now) if *now == kind || kind == "null" => {}
                now => return Err(format!("{name}: {field} was {kind}, and is {now:?}")),
            }
        }
        count += 1;
    }
    Ok(count)
}

/// Every path of fields in the lines, the type of the line before it, with the type that stands
/// there; null may stand anywhere.
fn shapes(lines: &[Value]) -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    for line in lines {
        let name = match line["type"].as_str() {
            Some("row") => format!("row {}", line["key"]["table"]),
            Some(other) => other.to_owned(),
            None => "answer".to_owned(),
        };
        shape(&name, line, &mut all);
    }
    all
}

fn shape(prefix: &str, value: &Value, into: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(elements) => {
            for element in elements {
                shape(&format!("{prefix}[]"), element, into);
            }
            "array"
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                shape(&format!("{prefix}.{name}"), value, into);
            }
            "object"
        }
    };
    let known = into.entry(prefix.to_owned()).or_insert(kind);
    if *known == "null" {
        *known = kind;
    }
}
