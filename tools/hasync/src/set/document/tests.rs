//! What a document may be, and what it may not.

use super::*;
use proptest::prelude::*;

fn parse(groups: &str) -> Result<Document, Error> {
    let text = format!(
        "{{\n\"schema\": \"hasync-set/1\",\n\"targets\": [{{\"host\": \"mn2\"}}],\n\"groups\": [{groups}]\n}}"
    );
    Document::parse(text.as_bytes())
}

#[test]
fn a_short_document_has_the_defaults() {
    let document = parse(r#"{"name": "net", "paths": ["/etc/hosts"]}"#).unwrap();
    let group = &document.groups[0];
    assert_eq!((group.delete, group.on_conflict), (Delete::Never, OnConflict::Refuse));
    assert_eq!((group.generations, group.max_shrink_percent), (5, 50));
    assert_eq!((document.root.as_str(), document.targets[0].root.as_str()), ("/", "/"));
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = parse("{\"name\": \"net\",\n\"path\": [\"/etc/hosts\"]}").unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert!(error.why.contains("unknown field `path`"), "{}", error.why);
    assert!(error.why.contains("line 5"), "{}", error.why);
}

#[test]
fn what_does_not_fit_is_refused() {
    for (groups, why) in [
        (r#"{"name": "-x", "paths": ["/a"]}"#, "is no name"),
        (r#"{"name": "a/b", "paths": ["/a"]}"#, "is no name"),
        (r#"{"name": "x", "paths": []}"#, "is empty"),
        (r#"{"name": "x", "paths": ["/"]}"#, "no absolute path"),
        (r#"{"name": "x", "paths": ["etc"]}"#, "no absolute path"),
        (r#"{"name": "x", "paths": ["/etc/../x"]}"#, "no absolute path"),
        (r#"{"name": "x", "paths": ["/etc", "/etc/hosts"]}"#, "is in \"/etc\" already"),
        (r#"{"name": "x", "paths": ["/etc", "/etc"]}"#, "is in \"/etc\" already"),
        (r#"{"name": "x", "paths": ["/a"]}, {"name": "x", "paths": ["/b"]}"#, "twice"),
        (r#"{"name": "x", "paths": ["/a/b"]}, {"name": "y", "paths": ["/a"]}"#, "a path is in"),
        (
            r#"{"name": "x", "paths": ["/a"], "hooks": [{"run": ["a"], "when": ["/a/"]}]}"#,
            "none of its paths",
        ),
        ("", "is empty"),
        (r#"{"name": "x", "paths": ["/a"], "hooks": [{"run": []}]}"#, "list of words"),
        (r#"{"name": "x", "paths": ["/a"], "hooks": [{"run": ["./a"]}]}"#, "list of words"),
        (
            r#"{"name": "x", "paths": ["/a"], "validate": [{"path": "/b", "run": ["a", "{}"]}]}"#,
            "none of its paths",
        ),
        (
            r#"{"name": "x", "paths": ["/a"], "validate": [{"path": "/a", "run": ["a"]}]}"#,
            "has no {}",
        ),
        (r#"{"name": "x", "paths": ["/a"], "rewrite": ["/b"]}"#, "none of its paths"),
        (r#"{"name": "x", "paths": ["/a"], "max_shrink_percent": 101}"#, "at most 100"),
    ] {
        let error = parse(groups).unwrap_err();
        assert!(error.why.contains(why), "{groups}: {}", error.why);
    }
}

#[test]
fn a_substitution_stands_once() {
    let text = r#"{"host": "mn2", "substitutions": {"a": "b", "a": "c"}}"#;
    let error = serde_json::from_str::<Target>(text).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}

#[test]
fn samples_and_documents_of_every_version_are_read() {
    for sample in [
        "scripts/sets/xcat-linux",
        "scripts/sets/xcat-aix",
        "tests/contract/hasync-set-1/every-key",
    ] {
        let file = format!("{}/../../{sample}.json", env!("CARGO_MANIFEST_DIR"));
        Document::parse(&std::fs::read(file).unwrap()).unwrap();
    }
}

proptest! {
    #[test]
    fn any_text_is_a_document_or_an_error(soup: Vec<u8>) {
        let _ = Document::parse(&soup);
    }
}
