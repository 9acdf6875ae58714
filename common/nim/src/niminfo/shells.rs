//! The judge of what a file means is the shell that reads it: files that are sound are read by it,
//! and it sets what we say.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

const NAMES: [&str; 5] = ["NIM_NAME", "NIM_HOSTS", "ROUTES", "A", "B2_"];

fn shells() -> Vec<&'static str> {
    let there: Vec<_> = ["/usr/bin/ksh93", "/usr/bin/mksh", "/bin/ksh"]
        .into_iter()
        .filter(|path| std::path::Path::new(path).exists())
        .collect();
    if there.is_empty() {
        eprintln!("SKIPPED: there is no Korn shell");
    }
    there
}

type Variables = BTreeMap<String, (Vec<u8>, bool)>;

/// What a shell has set once it sourced the file: each value, and whether it is exported.
fn by_shell(shell: &str, text: &[u8]) -> Variables {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("niminfo");
    fs::write(&file, text).unwrap();
    let script = r#". "$1" || exit
        shift
        for name in "$@"; do
            eval "set=\${$name+set}"
            [ -z "$set" ] || eval "printf '%s=%s\\0' $name \"\$$name\""
        done
        printf 'environment\0'
        exec /usr/bin/env -0"#;
    let output = Command::new(shell)
        .env_clear()
        .args(["-c", script, "shell"])
        .arg(&file)
        .args(NAMES)
        .output()
        .unwrap();
    assert!(output.status.success(), "{shell}: {output:?}: {}", text.escape_ascii());
    let mut all = Variables::new();
    let mut exported = false;
    for entry in output.stdout.split(|byte| *byte == 0) {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else {
            exported |= entry == b"environment";
            continue;
        };
        let name = String::from_utf8_lossy(&entry[..at]).into_owned();
        match all.get_mut(&name) {
            Some(known) if exported => known.1 = true,
            None if !exported => drop(all.insert(name, (entry[at + 1..].to_vec(), false))),
            _ => {}
        }
    }
    all
}

/// What we say of the same file.
fn by_us(file: &Niminfo) -> Variables {
    let told = |name: &&str| {
        let one = file.assignment(name)?;
        Some(((*name).to_owned(), (one.value.clone().unwrap(), one.exported)))
    };
    NAMES.iter().filter_map(told).collect()
}

fn assert_same(text: &[u8]) {
    let file = Niminfo::parse(text);
    for shell in shells() {
        assert_eq!(by_us(&file), by_shell(shell, text), "{shell}: {}", text.escape_ascii());
    }
}

fn value() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Z0-9._:/,@%+=#!?*{}^-]{1,8}".prop_filter("a tilde or a comment", |text| !text.starts_with('#')),
        3 => "\"[a-z0-9 \t=:#'~;&|<>(){}*?-]{0,12}\"",
        1 => "\"([a-z #';.-]|\n|\\\\\n|\\\\\"|\\\\\\\\|\\\\[$]|\\\\`|\\\\q|[$] ){0,8}\"",
        2 => "'[a-z0-9 \t\"\\\\$`;&|<>(){}\n-]{0,12}'",
        1 => "\\\\[ -~]".prop_filter("a line end", |text| !text.ends_with('\n')),
        1 => Just("\\\n".to_owned()),
        1 => "[$]'([a-z \"]|\\\\n|\\\\t|\\\\'|\\\\\\\\){0,6}'",
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

/// A file that ksh reads without a complaint, and that runs nothing.
fn sound_file() -> impl Strategy<Value = String> {
    let statement = prop_oneof![
        4 => (name(), value()).prop_map(|(name, value)| format!("export {name}={value}")),
        2 => (name(), value()).prop_map(|(name, value)| format!("{name}={value}")),
        1 => (name(), value()).prop_map(|(name, value)| format!("typeset -x {name}={value}")),
        1 => (name(), value()).prop_map(|(name, value)| format!("{name}={value}; export {name}")),
        1 => (name(), value(), name(), value())
            .prop_map(|(a, x, b, y)| format!("export\t{a}={x}  {b}={y}")),
        1 => (name(), value(), name(), value()).prop_map(|(a, x, b, y)| format!("{a}={x} {b}={y}")),
        1 => name().prop_map(|name| format!("export {name}")),
        1 => name().prop_map(|name| format!("unset {name}")),
        1 => Just(String::new()),
    ];
    let end = prop_oneof![4 => Just("\n"), 1 => Just(" # it's a \"comment\n"), 1 => Just("\t\n\n")];
    let lines = prop::collection::vec((statement, end, "[ \t]{0,2}"), 0..8);
    (lines, prop::bool::ANY).prop_map(|(lines, cut)| {
        let mut text: String = lines
            .into_iter()
            .map(|(statement, end, indent)| format!("{indent}{statement}{end}"))
            .collect();
        if cut {
            text.pop();
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_shell_sets_what_we_say(text in sound_file()) {
        let file = Niminfo::parse(text.as_bytes());
        prop_assert_eq!(file.to_bytes(), text.as_bytes());
        let known = file.assignments().iter().all(|one| one.value.is_some());
        prop_assert!(known, "{:?}", file.problems());
        assert_same(text.as_bytes());
    }

    #[test]
    fn a_shell_sets_what_an_edit_was_asked_for(
        text in sound_file(),
        edits in prop::collection::vec(
            (0usize..6, name(), prop::option::of("[ -~\n\t\u{e4}]{0,10}"), any::<bool>(), any::<bool>()),
            0..4,
        ),
    ) {
        let file = Niminfo::parse(text.as_bytes());
        let mut wanted = super::tests::as_it_is(&file);
        for (at, name, value, exported, gone) in edits {
            match (at < wanted.len(), value) {
                (true, _) if gone => drop(wanted.remove(at)),
                (true, value) => {
                    wanted[at].value = value.map(String::into_bytes).or(wanted[at].value.take());
                    wanted[at].exported = exported;
                }
                (false, Some(value)) => {
                    let value = Some(value.into_bytes());
                    wanted.push(Wanted { place: None, name: name.to_owned(), value, exported });
                }
                (false, None) => {}
            }
        }
        if let Ok(bytes) = file.edited(&wanted) {
            assert_same(&bytes);
        }
    }
}

#[test]
fn the_examples_of_the_manual_of_ksh_mean_the_same() {
    for text in [
        "A={a,b} B2_=a*b\n",
        "A=a\\\nb\n",
        "A=\"a\\q\\\"\\\\\\$\\`\"\n",
        "A='q'\"'\"'r'\n",
        "A=a$ B2_=\"$ b\"\n",
        "A=1\\",
        "A=1; export A; A=2\n",
        "export A; unset A; A=1",
        "A=1;export B2_=2;# c\n",
        "A= B2_=\n",
        "A==\n",
        "A=x#y # z\n",
        "typeset B2_=1 A\n",
    ] {
        assert_same(text.as_bytes());
    }
}
