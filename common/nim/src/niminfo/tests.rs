use super::*;

/// The file as an edit that changes nothing asks for it.
pub(super) fn as_it_is(file: &Niminfo) -> Vec<Wanted> {
    let wanted = |(index, one): (usize, &Assignment)| Wanted {
        place: Some(index + 1),
        name: one.name.clone(),
        value: one.value.clone(),
        exported: one.exported,
    };
    file.assignments().iter().enumerate().map(wanted).collect()
}

fn parsed(text: &str) -> Niminfo {
    Niminfo::parse(text.as_bytes())
}

/// What is wrong with the way that the text is written, not with what it says.
fn faults(text: &str) -> Vec<(u64, String)> {
    let file = statement::read(text.as_bytes());
    file.problems.into_iter().map(|problem| (problem.line, problem.what)).collect()
}

const MASTER: &str = "export NIM_NAME=master\nexport NIM_CONFIGURATION=master\n\
    export NIM_MASTER_PORT=1058\nexport NIM_REGISTRATION_PORT=1059\nexport NIM_MASTER_HOSTNAME=nima\n";
const CLIENT: &str = "export NIM_NAME=c\nexport NIM_HOSTNAME=c.example\n\
    export NIM_CONFIGURATION=standalone\nexport NIM_MASTER_HOSTNAME=nima\n";

#[test]
fn what_only_a_shell_that_runs_it_knows_is_not_known() {
    for value in [
        "$(id)",
        "`id`",
        "$A",
        "${A}",
        "\"$A\"",
        "\"a $(id \")\") b\"",
        "$1",
        "$$",
        "$\"a\"",
        "~",
        "a:~/b",
        "\"${A:-$(id)}\"",
        "$(id",
        "`id",
        "${A",
        "\"$(id\"",
        "$'\\x41'",
        "a\0b",
    ] {
        let file = parsed(&format!("A={value}\nB=1\n"));
        assert_eq!(file.value("A"), None, "{value}");
        assert_eq!(file.value("B"), Some("1"), "{value}");
        assert!(!file.is_sound(), "{value}");
    }
    for (value, known) in
        [("a~", "a~"), ("a$", "a$"), ("\"$ a\"", "$ a"), ("'$(id)'", "$(id)"), ("\\$A", "$A")]
    {
        assert_eq!(parsed(&format!("A={value}\n")).value("A"), Some(known));
    }
}

#[test]
fn a_quote_that_does_not_close_takes_its_own_line_and_the_lines_of_ksh_are_told() {
    for (text, fault) in [
        ("A=\"x\nB=1\n", "ksh finds no end of it, and does not read line 2"),
        ("A=\"x\nB=1", "ksh finds no end of it, and does not read line 2"),
        (
            "A='x # y\nB=1\nC=2\n",
            "opens with ' and does not close in its line; ksh finds no end of it, and does not read lines 2 to 3",
        ),
        ("A=\"x\nB=1\nexport C=\"2\"\n", "to ksh line 1 goes on in lines 2 to 3"),
        (
            "A=\"x\u{201d}\nB=1\nC=2\"\n",
            "closes with U+201D; to ksh line 1 goes on in lines 2 to 3",
        ),
        ("A=\"x\u{201d} # y\nB=1\n", "and has U+201D in it"),
        ("A=x\"\nB=1\n", "ksh finds no end of it"),
    ] {
        let file = parsed(text);
        assert_eq!((file.value("A"), file.value("B")), (None, Some("1")), "{text:?}");
        let told = faults(text);
        assert!(
            told.iter().any(|(line, what)| *line == 1 && what.contains(fault)),
            "{text:?} {told:?}"
        );
        assert!(file.assignment("A").is_some());
    }
    assert_eq!(parsed("A=\"x\ny=z\nw\"\nB=1\n").value("A"), Some("x\ny=z\nw"));
}

#[test]
fn faults_have_the_line_that_they_stand_in() {
    let text = "A=1\n\nno way\n1B=x\nexport 2B=x\nC=a&b\nA=2\n D = 4\nE=\u{201c}x\u{201d}\nF=\"\u{201d}\"\nunset A\n;\n";
    let lines: Vec<u64> = faults(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let file = parsed(text);
    assert_eq!((file.value("A"), file.value("C")), (None, None));
    assert_eq!(file.value("E"), Some("\u{201c}x\u{201d}"));
    assert_eq!(
        faults("A=1\r\nB=\"x\r\ny\"\r\n"),
        [(
            1,
            "3 lines end in carriage returns, which ksh takes for a part of the value".to_owned()
        )]
    );
    assert_eq!(parsed("A=1\r\nB=\"x\r\ny\"\r").value("B"), Some("x\ny"));
    assert_eq!(parsed("\u{feff}A=1\n").value("A"), Some("1"));
    assert_eq!(faults("\u{feff}A=1\n").len(), 1);
    assert_eq!(faults("export A B\nB=1\n").len(), 1);
    assert_eq!(faults("typeset -i A=1\n").len(), 1);
    assert_eq!(parsed("typeset -u A=b\n").value("A"), None);
}

#[test]
fn what_shells_take_in_two_ways_is_told() {
    for text in ["A=\\\n~root\n", "A=x:\\\n\\\n~root\n", "A=\\\r\n~\r\n"] {
        assert_eq!(parsed(text).value("A"), None, "{text:?}");
    }
    assert_eq!(parsed("A=x\\\n~root\n").value("A"), Some("x~root"));
    let told =
        |text: &str| faults(text).iter().any(|(_, what)| what.contains("typeset without -x"));
    assert!(told("export A=1\ntypeset A=2\n"));
    assert!(!told("typeset A=2\nexport A\n") && !told("export A=1\ntypeset -x A=2\n"));
}

#[test]
fn names_are_whole_words() {
    let file = parsed(
        "export NIM_MASTER_HOSTNAME_LIST=\"a b\"\n#NIM_MASTER_HOSTNAME=c\nXNIM_MASTER_HOSTNAME=d\n",
    );
    assert_eq!(file.value("NIM_MASTER_HOSTNAME"), None);
    assert_eq!(file.words("NIM_MASTER_HOSTNAME_LIST"), ["a", "b"]);
}

#[test]
fn the_role_is_what_the_file_gives_evidence_of() {
    let role = |more: &str| parsed(&format!("{MASTER}{more}")).role();
    assert_eq!(role(""), Role::Master);
    assert_eq!(role("export NIM_ALTERNATE_MASTER=\"nimb\"\n"), Role::AlternateMaster);
    assert_eq!(role("export NIM_ALTERNATE_MASTER=\"nimb\u{201d}\n"), Role::AlternateMaster);
    assert_eq!(role("export NIM_ALTERNATE_MASTER=\"\"\n"), Role::Master);
    assert_eq!(role("NIM_ALTERNATE_MASTER=nimb\nunset NIM_ALTERNATE_MASTER\n"), Role::Master);
    assert_eq!(role("NIM_CONFIGURATION=wpar\n"), Role::Other("wpar".to_owned()));
    assert_eq!(role("NIM_CONFIGURATION=$(x)\n"), Role::Unknown);
    assert_eq!(parsed("A=1\n").role().word(), None);
    for (word, role) in [("diskless", Role::Diskless), ("dataless", Role::Dataless)] {
        assert_eq!(parsed(&format!("NIM_CONFIGURATION={word}\n")).role(), role);
        assert_eq!(role.word(), Some(word));
    }
}

#[test]
fn sound_files_have_no_problems_and_contradictions_are_errors() {
    assert_eq!(parsed(MASTER).problems(), []);
    assert_eq!(parsed(CLIENT).problems(), []);
    for (base, more, word) in [
        (
            CLIENT,
            "NIM_MASTER_HOSTNAME_LIST=\"nimb nima\"\n",
            "is nima, and NIM_MASTER_HOSTNAME_LIST begins with nimb",
        ),
        (CLIENT, "NIM_MASTER_HOSTNAME_LIST=\"nimb nimc\"\n", "is not in NIM_MASTER_HOSTNAME_LIST"),
        (CLIENT, "NIM_MASTER_PORT=+1058\n", "is no port number"),
        (CLIENT, "NIM_MASTER_PORT=0\n", "is no port number"),
        (CLIENT, "NIM_NAME=\"\"\n", "NIM_NAME is not one name"),
        (CLIENT, "unset NIM_HOSTNAME\n", "NIM_HOSTNAME is missing"),
        (CLIENT, "NIM_NAME=master\n", "NIM_NAME of a client"),
        (MASTER, "NIM_NAME=nima\n", "NIM_NAME of a master"),
        (MASTER, "unset NIM_MASTER_PORT\n", "NIM_MASTER_PORT is missing"),
        (MASTER, "NIM_ALTERNATE_MASTER=\"nimb nima\"\n", "this master itself"),
        (MASTER, "NIM_CONFIGURATION=mistress\n", "is none of"),
    ] {
        let file = parsed(&format!("{base}{more}"));
        let told =
            |problem: &&Problem| problem.severity == Severity::Error && problem.what.contains(word);
        assert_eq!(file.problems().iter().filter(told).count(), 1, "{more} {:?}", file.problems());
    }
    assert!(parsed(&format!("{CLIENT}NIM_MASTER_HOSTNAME_LIST=\"nima nimb\"\n")).is_sound());
}

#[test]
fn lists_are_taken_apart() {
    let file = parsed(
        "NIM_HOSTS=\" 192.0.2.1:a:b  192.0.2.2:c\"\nMOUNTS=\"h:/r:/l:file h:/r:/l\"\nROUTES=\" default:0:gw \"\n",
    );
    assert_eq!(file.hosts()[0], Host { address: "192.0.2.1", names: vec!["a", "b"] });
    assert_eq!(
        file.mounts()[0],
        Mount { host: "h", remote: Some("/r"), local: Some("/l"), kind: Some("file") }
    );
    assert_eq!(file.mounts()[1].kind, None);
    assert_eq!(
        file.routes(),
        [Route { destination: "default", mask: Some("0"), gateway: Some("gw") }]
    );
    assert_eq!((file.hosts().len(), file.master_hostname_list().len()), (2, 0));
}

#[test]
fn names_that_sound_like_secrets_are_known() {
    for name in [
        "PADMIN_PASSWD",
        "root_password",
        "X_PWD",
        "API_KEY",
        "CLIENT_SECRET",
        "DB_PASS",
        "ROOTPW1",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in ["NIM_NAME", "NIM_HOSTS", "NIM_MASTERID", "SPOT", "NIM_FIPS_MODE"] {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn what_stands_behind_a_secret_in_its_line_is_hidden_with_it() {
    for text in [
        "A_PASSWD=a;HUSH",
        "A_PASSWD=\"a\";HUSH",
        "A_PASSWD=a #HUSH",
        "A_PASSWD=a; B=2 HUSH",
        "A_PASSWD=a;x \"y\nHUSH\"",
        "A_PASSWD=a\\\n;HUSH",
        "export A_PASSWD=a B HUSH C=1",
        "export A_PASS\\\nWD=HUSH",
        "export \"A_PASSWD=a\nHUSH\"",
    ] {
        for end in ["", "\n", "\r\n", "\nB=1\n"] {
            let text = format!("{text}{end}");
            let mut whole = Vec::new();
            let mut shown = Vec::new();
            for piece in parsed(&text).pieces() {
                match piece {
                    Piece::Text(text) => {
                        shown.extend(&text);
                        whole.extend(text);
                    }
                    Piece::Hidden { secret, .. } => whole.extend(secret),
                }
            }
            assert_eq!(whole, text.as_bytes());
            let shown = String::from_utf8_lossy(&shown);
            assert!(!shown.contains("HUSH"), "{text:?} {shown:?}");
            assert_eq!(shown.contains("B=1"), end.contains("B=1"), "{text:?} {shown:?}");
        }
    }
    let others = parsed("A_PASSWD=a; export B=1;\nC=1 # of the site\n").pieces();
    let behind = b"; export B=1;\nC=1 # of the site\n".to_vec();
    assert_eq!(others.last(), Some(&Piece::Text(behind)));
}

/// The text that an edit makes of another.
fn edited(text: &str, edit: impl FnOnce(&mut Vec<Wanted>)) -> Result<String, String> {
    let file = parsed(text);
    let mut wanted = as_it_is(&file);
    edit(&mut wanted);
    file.edited(&wanted).map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|refused| refused.0)
}

#[test]
fn an_edit_touches_what_it_was_asked_for_and_nothing_else() {
    let set = |at: usize, value: &'static str| {
        move |all: &mut Vec<Wanted>| all[at].value = Some(value.as_bytes().to_vec())
    };
    let remove = |at: usize| move |all: &mut Vec<Wanted>| drop(all.remove(at));
    let export = |at: usize, exported| move |all: &mut Vec<Wanted>| all[at].exported = exported;
    for (text, new, made) in [
        ("A=1 # c\nB=2", edited("A=1 # c\nB=2", set(1, "3")), "A=1 # c\nB=3"),
        ("plain", edited("A=1\n", set(0, "")), "A=\"\"\n"),
        ("single", edited("A='1'\n", set(0, "$x")), "A='$x'\n"),
        ("mixed", edited("A=a\"b\"'c'\n", set(0, "d")), "A=\"d\"\n"),
        ("home", edited("A=1\n", set(0, "~/x")), "A=\"~/x\"\n"),
        ("line", edited("A=1\nB=2\nC=3\n", remove(1)), "A=1\nC=3\n"),
        ("comment", edited("A=1 # c\nB=2\n", remove(0)), "# c\nB=2\n"),
        ("first", edited("A=1; B=2\n", remove(0)), "B=2\n"),
        ("word", edited("export A=1 B=2\n", remove(0)), "export B=2\n"),
        ("mention", edited("A=1; export A\nB=2\n", remove(0)), "B=2\n"),
        ("export", edited("  A=1\n", export(0, true)), "  export A=1\n"),
        ("export 2", edited("A=1 B=2 # c\n", export(0, true)), "A=1 B=2; export A # c\n"),
        ("not", edited("export A=1\n", export(0, false)), "A=1\n"),
        ("not 2", edited("export A=1 B=2\n", export(1, false)), "B=2; export A=1\n"),
        ("not 3", edited("typeset -x A=1\n", export(0, false)), "A=1\n"),
        ("not 4", edited("A=1; export A B\n", export(0, false)), "A=1; export B\n"),
        ("crlf", edited("A=1\r\nB=2\r\n", remove(0)), "B=2\r\n"),
    ] {
        assert_eq!(new.as_deref(), Ok(made), "{text}");
    }
}

#[test]
fn what_would_not_read_back_is_refused() {
    let new = |name: &str, value: &str| Wanted {
        place: None,
        name: name.to_owned(),
        value: Some(value.as_bytes().to_vec()),
        exported: true,
    };
    for (text, wanted, word) in [
        ("A=1\n", new("B", "a\rb"), "control character"),
        ("A=1\n", new("B", "a\u{7f}b"), "control character"),
        ("A=1\n", new("1B", "a"), "no name"),
        ("A=1\n", new("B", "x\nexport C="), "would not read back"),
        ("A=1\\", new("B", "x"), "would not read back"),
        ("A=1\n", new("A", "2"), "exported, or none"),
    ] {
        let refused = edited(text, |all| all.push(wanted)).unwrap_err();
        assert!(refused.contains(word), "{text:?} {refused}");
    }
}
