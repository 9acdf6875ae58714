use super::*;
use proptest::prelude::*;

const BOTH: [Dialect; 2] = [Dialect::Aix, Dialect::Pam];

/// What AIX is installed with has comments, blank lines and bare values.
const USUAL: &[u8] = b"# WARNING\n\nPATH=/usr/bin:/etc\nTZ=CST6CDT\n  # LANG=x\nLC__FASTMSG=true\n";

fn reasons(text: &[u8], dialect: Dialect) -> Vec<(&'static str, u64)> {
    let file = EnvironmentFile::parse_as(text, dialect);
    file.problems().iter().map(|problem| (problem.reason, problem.line)).collect()
}

fn value(text: &str, dialect: Dialect) -> Option<String> {
    let file = EnvironmentFile::parse_as(text.as_bytes(), dialect);
    file.get("A").map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn a_usual_file_has_variables_and_no_problems() {
    for dialect in BOTH {
        let file = EnvironmentFile::parse_as(USUAL, dialect);
        let variables = file.variables();
        let seen: Vec<_> = variables
            .iter()
            .map(|variable| (variable.name, variable.value, variable.line))
            .collect();
        let wanted: [(&[u8], &[u8], u64); 3] =
            [(b"PATH", b"/usr/bin:/etc", 3), (b"TZ", b"CST6CDT", 4), (b"LC__FASTMSG", b"true", 6)];
        assert_eq!(seen, wanted);
        assert_eq!(file.problems(), []);
    }
}

#[test]
fn pam_env_takes_export_quotes_and_comments_away_and_aix_nothing() {
    for (text, pam, aix) in [
        ("A=b c", Some("b c"), Some("b c")),
        ("A=", Some(""), Some("")),
        ("A=b=c", Some("b=c"), Some("b=c")),
        ("A=\"b c\"", Some("b c"), Some("\"b c\"")),
        ("A='b c'", Some("b c"), Some("'b c'")),
        ("A=\"a\"b\"", Some("a\"b"), Some("\"a\"b\"")),
        ("A=b\"c\"", Some("b\"c\""), Some("b\"c\"")),
        ("A=b#c", Some("b"), Some("b#c")),
        ("A= b", Some(" b"), Some(" b")),
        ("export A=b", Some("b"), None),
        ("  A=b", Some("b"), None),
        ("A=b\\\nc", Some("bc"), Some("b\\")),
        ("A=b\\ \n  c", Some("b  c"), Some("b\\ ")),
        ("A=b\r", Some("b\r"), Some("b\r")),
        ("A", None, None),
        ("A=b\nA", None, Some("b")),
        ("A=b\nexport A\n", None, Some("b")),
        ("A=b\nA\nA=c", Some("c"), Some("c")),
        ("A=b\nA ", Some("b"), Some("b")),
        ("A=b\\", None, Some("b\\")),
        ("\rA=b", None, None),
        ("=b", None, None),
        ("#A=b", None, None),
    ] {
        assert_eq!(value(text, Dialect::Pam).as_deref(), pam, "{text:?}");
        assert_eq!(value(text, Dialect::Aix).as_deref(), aix, "{text:?}");
    }
}

#[test]
fn problems_are_told_by_line() {
    assert_eq!(reasons(b"A=1\nexport A\n", Dialect::Pam), [("duplicate", 1), ("taken_away", 2)]);
    assert_eq!(reasons(b"A=1\nexport A\n", Dialect::Aix), [("no_assignment", 2)]);
    let text =
        b"A=1\nno way\nA=2\n1B=x\n C=x\nexport D=x\nE=\"x\nF=a#b\nG=a\r\nH=\xff\nI=\0\nJ='a'";
    let common = [("duplicate", 1), ("no_assignment", 2), ("not_a_name", 4), ("leading_blanks", 5)];
    let last = [("carriage_return", 9), ("not_utf8", 10), ("nul", 11)];
    let mut pam = common.to_vec();
    pam.extend([("unbalanced_quotes", 7), ("comment_in_value", 8)]);
    pam.extend(last);
    pam.push(("no_final_newline", 12));
    assert_eq!(reasons(text, Dialect::Pam), pam);
    let mut aix = common.to_vec();
    aix.extend([("not_a_name", 5), ("not_a_name", 6), ("literal_quotes", 7)]);
    aix.extend(last);
    aix.extend([("literal_quotes", 12), ("no_final_newline", 12)]);
    assert_eq!(reasons(text, Dialect::Aix), aix);
    assert_eq!(reasons(b"A=a\\\nb\nB=1\n", Dialect::Pam), [("goes_on", 1)]);
    assert_eq!(reasons(b"A=a\\\nb\nB=1\n", Dialect::Aix), [("no_assignment", 2)]);
    let last = [("goes_on", 1), ("no_assignment", 1), ("no_final_newline", 1)];
    assert_eq!(reasons(b"A=a\\", Dialect::Pam), last);
}

#[test]
fn a_file_with_a_line_that_goes_on_is_not_edited_for_pam_env() {
    for text in ["A=b\\\n\nB=1\n", "A=1\n\\\nA=2\n", "A=x\\\n#c\ny\n", "A=1\nB=x\\"] {
        let mut file = EnvironmentFile::parse_as(text.as_bytes(), Dialect::Pam);
        for error in [file.set("A", b"9").unwrap_err(), file.unset("C").unwrap_err()] {
            assert_eq!(error.kind, ha_json::Kind::Failed);
            assert!(error.why.contains("write it as one line"), "{error}");
        }
        assert_eq!(file.bytes(), text.as_bytes());
        let mut file = EnvironmentFile::parse_as(text.as_bytes(), Dialect::Aix);
        assert!(file.set("A", b"9").unwrap());
    }
}

#[test]
fn pam_env_stops_at_a_line_that_is_too_long() {
    let text = |length: usize, end: &str| format!("A=1\nB={}{end}", "x".repeat(length));
    for (text, read) in [
        (text(8188, "\nC=1\n"), true),
        (text(8189, "\nC=1\n"), false),
        (text(8188, ""), true),
        (text(8189, ""), false),
        (format!("A=1\n#{}\nB=1\nC=1\n", "x".repeat(8190)), false),
    ] {
        let mut file = EnvironmentFile::parse_as(text.as_bytes(), Dialect::Pam);
        assert_eq!(file.get("A"), Some(&b"1"[..]));
        assert_eq!(file.get("B").is_some(), read);
        assert!(read || file.get("C").is_none() && file.variables().len() == 1);
        let told = file.problems().iter().any(|problem| problem.reason == "too_long");
        assert_eq!((told, file.set("A", b"2").is_ok()), (!read, read));
        let aix = EnvironmentFile::parse_as(text.as_bytes(), Dialect::Aix);
        assert!(aix.problems().iter().all(|problem| problem.reason != "too_long"));
    }
    let mut file = EnvironmentFile::parse_as(b"", Dialect::Pam);
    assert_eq!(file.set("B", &[b'x'; 8189]).unwrap_err().kind, ha_json::Kind::Usage);
    assert!(file.set("B", &[b'x'; 8188]).unwrap());
}

#[test]
fn a_variable_is_set_in_its_place_and_other_lines_with_its_name_go() {
    let mut file = EnvironmentFile::parse_as(b"A=1\nB=2\nexport A='3'\nC=4", Dialect::Pam);
    assert!(file.set("A", b"5").unwrap());
    assert_eq!(file.bytes(), b"B=2\nexport A=5\nC=4");
    assert!(!file.set("A", b"5").unwrap());
    assert!(file.set("D", b"6").unwrap());
    assert_eq!(file.bytes(), b"B=2\nexport A=5\nC=4\nD=6\n");
    assert!(file.unset("C").unwrap());
    assert!(!file.unset("C").unwrap());
    assert_eq!(file.bytes(), b"B=2\nexport A=5\nD=6\n");
}

#[test]
fn the_same_value_changes_no_byte_however_it_is_written() {
    for text in ["A=1", "A='1'\n", "  export A=\"1\"\n", "x\n\nA=1"] {
        let mut file = EnvironmentFile::parse_as(text.as_bytes(), Dialect::Pam);
        assert!(!file.set("A", b"1").unwrap());
        assert_eq!(file.bytes(), text.as_bytes());
    }
}

#[test]
fn quotes_are_written_where_a_shell_needs_them_and_never_for_aix() {
    for (value, pam) in [
        ("a/b:c", "A=a/b:c\n"),
        ("", "A=\n"),
        ("two words", "A='two words'\n"),
        ("$HOME `id`", "A='$HOME `id`'\n"),
        ("it's", "A=\"it's\"\n"),
        ("\\", "A='\\'\n"),
    ] {
        for (dialect, wanted) in
            [(Dialect::Pam, pam.to_owned()), (Dialect::Aix, format!("A={value}\n"))]
        {
            let mut file = EnvironmentFile::parse_as(b"", dialect);
            file.set("A", value.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(file.bytes()).unwrap(), wanted);
        }
    }
}

#[test]
fn what_no_line_can_hold_is_refused() {
    for dialect in BOTH {
        let mut file = EnvironmentFile::parse_as(USUAL, dialect);
        for (name, value) in [
            ("A", &b"a\nb"[..]),
            ("A", b"a\0"),
            ("A", b"a\r"),
            ("", b"x"),
            ("1A", b"x"),
            ("A B", b"x"),
            ("A=", b"x"),
        ] {
            assert_eq!(file.set(name, value).unwrap_err().kind, ha_json::Kind::Usage, "{name:?}");
        }
        assert_eq!(file.set("A", b"a#b").is_err(), dialect == Dialect::Pam);
    }
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Aix), Just(Dialect::Pam)]
}

/// Bytes that look like such a file more often than any bytes do.
fn files() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "([ \t]?(export )?[AB1]{0,2}=?['\"# \\\\a\r\n]{0,6}\n){0,6}[AB]?=?[a'\"]?"
            .prop_map(String::into_bytes),
    ]
}

/// What a value may be in both dialects.
fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ -~]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
        "['\" \\\\\ta]{0,6}".prop_map(String::into_bytes),
    ]
    .prop_map(|mut value| {
        value.retain(|byte| !matches!(byte, b'\n' | b'\r' | 0 | b'#'));
        value
    })
}

fn goes_on(file: &EnvironmentFile) -> bool {
    file.problems().iter().any(|problem| problem.reason == "goes_on")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_and_come_back(bytes in files(), dialect in dialects()) {
        let file = EnvironmentFile::parse_as(&bytes, dialect);
        prop_assert_eq!(file.bytes(), bytes.clone());
        let last = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
        prop_assert!(file.problems().iter().all(|problem| (1..=last).contains(&problem.line)));
        for variable in file.variables() {
            prop_assert!((1..=last).contains(&variable.line));
            if let Ok(name) = std::str::from_utf8(variable.name) {
                prop_assert_eq!(file.get(name), Some(variable.value));
            }
        }
    }

    #[test]
    fn what_is_set_is_read_and_setting_it_again_changes_nothing(
        bytes in files(), name in "[AB]{1,2}", value in values(), dialect in dialects(),
    ) {
        let mut file = EnvironmentFile::parse_as(&bytes, dialect);
        if let Err(error) = file.set(&name, &value) {
            prop_assert!(goes_on(&file), "{}", error);
            return Ok(());
        }
        prop_assert!(!goes_on(&file));
        prop_assert_eq!(file.get(&name), Some(&value[..]));
        let once = file.bytes();
        let mut again = EnvironmentFile::parse_as(&once, dialect);
        prop_assert_eq!(again.get(&name), Some(&value[..]));
        prop_assert!(!again.set(&name, &value).unwrap());
        prop_assert_eq!(again.bytes(), once);
    }

    #[test]
    fn lines_of_others_stay_as_they_are(
        bytes in files(), name in "[AB]{1,2}", value in values(), dialect in dialects(), away: bool,
    ) {
        let before = EnvironmentFile::parse_as(&bytes, dialect);
        let mut after = EnvironmentFile::parse_as(&bytes, dialect);
        let done = if away { after.unset(&name) } else { after.set(&name, &value) };
        if let Err(error) = done {
            prop_assert!(goes_on(&before), "{}", error);
            prop_assert_eq!(after.bytes(), bytes);
            return Ok(());
        }
        if away {
            prop_assert_eq!(after.get(&name), None);
        }
        let others = |file: &EnvironmentFile| -> Vec<Vec<u8>> {
            let lines = file.lines.iter().filter(|line| !line.speaks_of(&name));
            lines.map(|line| line.bytes.strip_suffix(b"\n").unwrap_or(&line.bytes).to_vec()).collect()
        };
        prop_assert_eq!(others(&before), others(&after));
        let again = EnvironmentFile::parse_as(&after.bytes(), dialect);
        prop_assert_eq!(others(&before), others(&again));
    }
}
