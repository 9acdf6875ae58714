//! Files written back: what was asked for is in them, and nothing else is touched.

use crate::ground::{Ground, fixtures, run_with_input, variable, with, without};
use ha_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

fn master() -> Ground {
    Ground::of("02-alternate-master.niminfo")
}

fn mode(ground: &Ground, name: &str) -> u32 {
    fs::metadata(ground.root.path().join(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_changed_value_is_written_in_the_style_that_it_had() {
    let ground = Ground::of("single-quotes.niminfo");
    let mut answer = ground.answer();
    for (name, value) in [
        ("NIM_NAME", "lpar 07"),
        ("NIM_MASTER_PORT", "1060"),
        ("NIM_SHELL", "shell"),
        ("NIM_CUSTOM", "it's $5"),
    ] {
        variable(&mut answer, name)["value"] = json!(value);
    }
    let told = ground.write(&[], &answer).well();
    assert_eq!(told["changed"], true);
    let text = ground.text();
    for line in [
        "export NIM_NAME=\"lpar 07\"\n",
        "export NIM_MASTER_PORT=1060\n",
        "export NIM_SHELL='shell'\n",
        "export NIM_CUSTOM=\"it's \\$5\"\n",
        "export NIM_HOSTNAME=lpar07.example.com\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let after = ground.answer();
    assert_eq!(after["variables"][8]["value"], "it's $5");
    let change = told["changes"].as_array().unwrap().iter().find(|one| one["name"] == "NIM_SHELL");
    let wanted = json!({"name": "NIM_SHELL", "change": "changed", "old": "nimsh", "new": "shell",
        "hidden": false, "exported": true});
    assert_eq!(change, Some(&wanted));
}

#[test]
fn variables_are_added_at_the_end_and_taken_away_with_their_lines() {
    let ground = master();
    let mut answer = ground.answer();
    without(&mut answer, "NIM_REGISTRATION_PORT");
    with(&mut answer, json!({"name": "NIM_FIPS_MODE", "value": "0"}));
    with(&mut answer, json!({"name": "NIM_MASTERID", "value": "", "exported": false}));
    let told = ground.write(&[], &answer).well();
    let before = fs::read_to_string(fixtures().join("02-alternate-master.niminfo")).unwrap();
    let wanted = before.replace("export NIM_REGISTRATION_PORT=1059\n", "")
        + "export NIM_FIPS_MODE=0\nNIM_MASTERID=\"\"\n";
    assert_eq!(ground.text(), wanted);
    let changes = told["changes"].as_array().unwrap();
    let words: Vec<_> = changes.iter().map(|one| one["change"].as_str().unwrap()).collect();
    assert_eq!(words, ["added", "added", "removed"]);
    assert!(told["problems"].to_string().contains("NIM_REGISTRATION_PORT is missing"));
}

#[test]
fn what_shares_a_line_stays() {
    let ground = Ground::of("export-later.niminfo");
    let mut answer = ground.answer();
    without(&mut answer, "NIM_MASTER_PORT");
    variable(&mut answer, "NIM_NAME")["exported"] = json!(false);
    variable(&mut answer, "NIM_MASTERID")["exported"] = json!(true);
    variable(&mut answer, "NIM_MASTER_HOSTNAME")["value"] = json!("nimb");
    ground.write(&[], &answer).well();
    assert_eq!(
        ground.text(),
        "NIM_NAME=master; \nNIM_CONFIGURATION=master\n\
         NIM_REGISTRATION_PORT=1059;NIM_MASTER_HOSTNAME=nimb; export NIM_MASTERID=00F6AA114C00\n\
         export NIM_CONFIGURATION NIM_REGISTRATION_PORT NIM_MASTER_HOSTNAME NIM_SHELL\n"
    );
}

#[test]
fn a_curly_quote_is_mended_by_giving_the_value() {
    for fixture in ["03-master-curly-quote.niminfo", "swallowing.niminfo", "unterminated.niminfo"] {
        let ground = Ground::of(fixture);
        let mut answer = ground.answer();
        variable(&mut answer, "NIM_ALTERNATE_MASTER")["value"] = json!("nimb.example.com");
        assert_eq!(ground.write(&[], &answer).well()["problems"], json!([]), "{fixture}");
        assert!(ground.text().contains("export NIM_ALTERNATE_MASTER=\"nimb.example.com\"\n"));
        assert_eq!(ground.look(&[]).well()["alternate_masters"], json!(["nimb.example.com"]));
    }
}

#[test]
fn carriage_returns_stay_unless_they_are_not_wanted() {
    let ground = Ground::of("09-alternate-crlf.niminfo");
    let mut answer = ground.answer();
    with(&mut answer, json!({"name": "NIM_FIPS_MODE", "value": "0"}));
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    ground.write(&[], &answer).well();
    let text = ground.text();
    assert!(text.contains("PORT=1060\r\n") && text.ends_with("export NIM_FIPS_MODE=0\r\n"));
    assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
    let told = ground.write(&["--lf"], &ground.answer()).well();
    assert_eq!((&told["changed"], &told["changes"]), (&json!(true), &json!([])));
    assert_eq!(ground.text(), text.replace('\r', ""));
    assert_eq!(ground.look(&[]).status, 0);
}

#[test]
fn hidden_values_stay_as_the_file_has_them() {
    let ground = Ground::of("secrets.niminfo");
    let before = ground.text();
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let told = ground.write(&[], &answer).well();
    assert_eq!(ground.text(), before.replace("1058", "1060"));
    assert!(!told.to_string().contains("ABC"));
    let mut answer = ground.answer();
    variable(&mut answer, "ROOT_PASSWORD")["value"] = json!("NEW-SECRET");
    let told = ground.write(&[], &answer).well();
    assert!(ground.text().contains("ROOT_PASSWORD=NEW-SECRET"));
    assert!(!told.to_string().contains("SECRET-") && !told.to_string().contains("NEW-SECRET"));
}

#[test]
fn a_hidden_value_that_is_not_in_the_file_to_be_replaced_is_refused() {
    let answer = Ground::of("secrets.niminfo").answer();
    let other = master();
    let before = other.content();
    other.write(&[], &answer).refused(4, &["hidden in the answer", "--show-secrets"]);
    fs::remove_file(other.file()).unwrap();
    other.write(&[], &answer).refused(4, &["hidden in the answer"]);
    assert!(other.names().is_empty());
    let whole: Value = Ground::of("secrets.niminfo").look(&["--show-secrets"]).answer();
    assert_eq!(other.write(&[], &whole).well()["backup"], Value::Null);
    assert_eq!(mode(&other, "niminfo"), 0o600);
    assert_ne!(other.content(), before);
}

#[test]
fn a_run_that_is_killed_leaves_no_backup_that_is_cut() {
    let ground = master();
    let before = ground.content();
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let input = ground.root.path().join("answer");
    fs::write(&input, answer.to_string()).unwrap();
    // The first byte that is written to a file kills it.
    let killed = Command::new("/bin/sh")
        .args(["-c", "ulimit -f 0; exec \"$@\" 2>/dev/null", "sh"])
        .args([env!("CARGO_BIN_EXE_haniminfo"), "--yes-nim-owns-this-file", "--write"])
        .arg(ground.file())
        .stdin(File::open(&input).unwrap())
        .output()
        .unwrap();
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert_eq!(ground.content(), before);
    let backups = || ground.names().into_iter().filter(|name| name.starts_with("niminfo.hatools-"));
    assert_eq!(backups().collect::<Vec<_>>(), Vec::<String>::new());
    ground.write(&[], &answer).well();
    assert_eq!(backups().count(), 1);
}

#[test]
fn a_backup_of_another_users_file_is_not_open_to_more_than_the_file_is() {
    let ground = master();
    fs::set_permissions(ground.file(), fs::Permissions::from_mode(0o644)).unwrap();
    if chown(ground.file(), Some(12345), Some(12345)).is_err() {
        eprintln!("SKIPPED: only root gives files away");
        return;
    }
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let backup = ground.write(&[], &answer).well()["backup"].as_str().unwrap().to_owned();
    assert_eq!(fs::metadata(backup).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_new_file_with_a_secret_in_a_comment_is_for_its_owner_alone() {
    let ground = Ground::with("NIM_NAME=x\n#PADMIN_PASSWD=s3cret\n");
    let mut answer = ground.look(&["--show-secrets"]).answer();
    answer["file"] = Value::Null;
    fs::remove_file(ground.file()).unwrap();
    ground.write(&[], &answer).well();
    assert_eq!(mode(&ground, "niminfo"), 0o600);
}

#[test]
fn a_backup_is_left_beside_with_the_old_content_and_mode_and_none_over_another() {
    let ground = master();
    fs::set_permissions(ground.file(), fs::Permissions::from_mode(0o640)).unwrap();
    let mut kept = Vec::new();
    for port in ["1", "2", "3"] {
        let before = ground.content();
        let mut answer = ground.answer();
        variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!(port);
        let told = ground.write(&[], &answer).well();
        let backup = told["backup"].as_str().unwrap().to_owned();
        assert_eq!(fs::read(&backup).unwrap(), before);
        let digits = backup.rsplit_once(".hatools-").unwrap().1;
        assert!(digits.bytes().take(14).all(|byte| byte.is_ascii_digit()) && digits.len() >= 14);
        let name = backup.rsplit_once('/').unwrap().1;
        assert_eq!((mode(&ground, name), mode(&ground, "niminfo")), (0o640, 0o640));
        kept.push(backup);
    }
    kept.dedup();
    assert_eq!((kept.len(), ground.names().len()), (3, 4));
}

#[test]
fn without_the_word_nothing_is_written_and_the_command_of_ibm_is_named() {
    for (fixture, command) in [
        ("01-master.niminfo", "nimconfig -r"),
        (
            "05-client-after-takeover.niminfo",
            "niminit -a name=lpar07 -a master=nimb.example.com -a master_port=1058",
        ),
    ] {
        let ground = Ground::of(fixture);
        let before = ground.content();
        let mut answer = ground.answer();
        variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
        let file = ground.file();
        let ran =
            run_with_input(&["--write", file.to_str().unwrap()], answer.to_string().as_bytes());
        ran.refused(2, &[command, "--yes-nim-owns-this-file"]);
        assert_eq!((ground.content(), ground.names().len()), (before, 1));
    }
}

#[test]
fn a_dry_run_tells_the_same_and_writes_nothing() {
    let ground = master();
    let before = ground.content();
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let dry = run_with_input(
        &["--dry-run", "--write", ground.file().to_str().unwrap()],
        answer.to_string().as_bytes(),
    )
    .well();
    assert_eq!(
        (&dry["dry_run"], &dry["changed"], &dry["backup"]),
        (&json!(true), &json!(true), &Value::Null)
    );
    assert_eq!((ground.content(), ground.names().len()), (before, 1));
    assert_eq!(ground.write(&[], &answer).well()["changes"], dry["changes"]);
}

#[test]
fn a_file_that_changed_since_is_not_overwritten_unless_the_answer_is_of_no_file() {
    let ground = master();
    let mut answer = ground.answer();
    fs::write(ground.file(), ground.text() + "export NIM_FIPS_MODE=0\n").unwrap();
    let changed = ground.content();
    ground.write(&[], &answer).refused(4, &["has changed since", "read it again"]);
    assert_eq!(ground.content(), changed);
    answer["file"] = Value::Null;
    assert_eq!(ground.write(&[], &answer).well()["changed"], true);
    assert!(!ground.text().contains("FIPS"));
    let ground = Ground::of("secrets.niminfo");
    let answer = ground.answer();
    fs::write(ground.file(), ground.text().replace("PADMIN_PASSWD=", "PADMIN=")).unwrap();
    ground.write(&[], &answer).refused(4, &["has changed since", "read it again"]);
}

#[test]
fn what_is_not_one_whole_good_answer_is_not_trusted() {
    let ground = master();
    let good = ground.answer();
    let line = good.to_string();
    let edited = |field: &str, value: Value| {
        let mut answer = good.clone();
        answer[field] = value;
        answer.to_string()
    };
    let of_first = |field: &str, value: Value| {
        let mut answer = good.clone();
        answer["variables"][0][field] = value;
        answer.to_string()
    };
    let added = |variable: Value| {
        let mut answer = good.clone();
        with(&mut answer, variable);
        answer.to_string()
    };
    for (input, word) in [
        (String::new(), "is empty"),
        (" \n".to_owned(), "is empty"),
        (line[..line.len() - 1].to_owned(), "not one answer"),
        (format!("{line}\n{line}\n"), "not one answer"),
        (format!("[{line}]"), "no object"),
        (edited("schema", json!("haenv/1")), "no answer haniminfo/1"),
        (edited("schema", json!("haniminfo/2")), "no answer haniminfo/1"),
        (edited("ok", json!(false)), "says that it failed"),
        (edited("ok", json!("true")), "says that it failed"),
        (edited("original", Value::Null), "has no original"),
        (edited("variables", Value::Null), "has no variables"),
        (edited("variables", json!([1])), "no object"),
        (edited("original", json!([{}])), "neither text nor hidden"),
        (of_first("value", Value::Null), "to take it away"),
        (of_first("value", json!(7)), "put it in quotes"),
        (of_first("place", json!(99)), "no place 99"),
        (of_first("place", json!(2)), "place 2 is that of"),
        (of_first("place", json!(0)), "no place 0"),
        (of_first("exported", json!("yes")), "neither true nor false"),
        (of_first("value", json!("a\rb")), "control character"),
        (of_first("value", json!("a\0b")), "control character"),
        (of_first("value", json!("a\nexport B=")), "would not read back"),
        (added(json!({"name": "A B", "value": "1"})), "no name"),
        (added(json!({"name": "A"})), "is new and has no value"),
        (added(good["variables"][0].clone()), "is there twice"),
    ] {
        let file = ground.file();
        let fixed = ["--yes-nim-owns-this-file", "--write", file.to_str().unwrap()];
        let before = ground.content();
        let ran = run_with_input(&fixed, input.as_bytes());
        ran.refused(4, &[word]);
        assert_eq!((ground.content(), ground.names().len()), (before, 1), "{word}");
    }
}

#[test]
fn an_answer_laid_out_by_jq_is_read() {
    let ground = master();
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let pretty = format!("{answer:#}\n");
    assert!(pretty.lines().count() > 20);
    let file = ground.file();
    let fixed = ["--yes-nim-owns-this-file", "--write", file.to_str().unwrap()];
    assert_eq!(run_with_input(&fixed, pretty.as_bytes()).well()["changed"], true);
}

#[test]
fn a_value_of_several_lines_and_one_that_is_not_utf8_are_written() {
    let ground = master();
    let mut answer = ground.answer();
    with(&mut answer, json!({"name": "A", "value": "one\n\ttwo"}));
    with(&mut answer, json!({"name": "B", "value_base64": "Y2Fm6Q=="}));
    let told = ground.write(&[], &answer).well();
    assert!(ground.content().ends_with(b"export A=\"one\n\ttwo\"\nexport B=\"caf\xe9\"\n"));
    assert_eq!(told["changes"][1]["new_base64"], "Y2Fm6Q==");
}

#[test]
fn a_symbolic_link_stays_one_and_a_directory_is_refused() {
    let ground = master();
    let link = ground.root.path().join("link");
    symlink("niminfo", &link).unwrap();
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let fixed = ["--yes-nim-owns-this-file", "--write"];
    let through = [&fixed[..], &[link.to_str().unwrap()]].concat();
    let told = run_with_input(&through, answer.to_string().as_bytes()).well();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(ground.text().contains("1060"));
    assert!(told["backup"].as_str().unwrap().contains("/link.hatools-"));
    let directory = [&fixed[..], &[ground.root.path().to_str().unwrap()]].concat();
    run_with_input(&directory, answer.to_string().as_bytes()).refused(6, &["is no regular file"]);
    run_with_input(&["--dry-run", "--write", "-"], b"{}").refused(2, &["a file is due"]);
}

#[test]
fn a_run_that_holds_the_file_is_waited_for_and_then_it_is_busy() {
    let ground = master();
    let mut answer = ground.answer();
    variable(&mut answer, "NIM_MASTER_PORT")["value"] = json!("1060");
    let held = ha_file::lock(&ground.file(), std::time::Duration::ZERO).unwrap();
    ground.write(&["--lock-wait", "0"], &answer).refused(5, &["niminfo"]);
    drop(held);
    ground.write(&["--lock-wait", "0"], &answer).well();
}
