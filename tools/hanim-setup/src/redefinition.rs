//! A client defined again, on the client: its /etc/niminfo kept aside and removed, and niminit.

/// Where the file is kept, as it was before the last redefinition.
pub(crate) const KEPT: &str = "/etc/niminfo.hanim-setup";

/// What a shell of the client runs, with the words of niminit behind it.
///
/// The file is gone only while niminit runs, and not before it is kept. Whatever niminit says, one
/// that left no whole file has failed, and the old one comes back. A connection that is lost (HUP,
/// PIPE) does not end it half-way.
const AGAIN: &str = r#"trap "" 1 13
f=/etc/niminfo k=$f.hanim-setup
whole() { grep NIM_MASTER_HOSTNAME= "$f" >/dev/null 2>&1; }
if grep NIM_CONFIGURATION=.*master "$f" >/dev/null 2>&1; then
  echo "$f is that of a master: it is left" >&2
  exit 1
fi
if whole; then
  cp -p "$f" "$k.new" && mv "$k.new" "$k" || exit 1
elif test -f "$f"; then
  mv "$f" "$k.damaged" || exit 1
fi
rm -f "$f" || exit 1
"$@" 2>&1
s=$?
test "$s" = 0 && whole && exit 0
if test -f "$k"; then
  cp -p "$k" "$f.new" && mv "$f.new" "$f" && echo "the old $f is back"
fi
exit 1"#;

/// Puts the old file back where there is none, or half of one. The redefinition that was killed may
/// have come to its end.
const BACK: &str = r#"f=/etc/niminfo k=$f.hanim-setup
grep NIM_MASTER_HOSTNAME= "$f" >/dev/null 2>&1 && exit 0
test -f "$k" || exit 0
cp -p "$k" "$f.new" && mv "$f.new" "$f""#;

/// The words that define a client again, to be run on it.
pub(crate) fn again(niminit: &[String]) -> Vec<String> {
    let mut argv = script(AGAIN);
    argv.extend_from_slice(niminit);
    argv
}

/// The words that take it back, to be run on the client.
pub(crate) fn back() -> Vec<String> {
    script(BACK)
}

fn script(text: &str) -> Vec<String> {
    ["sh", "-c", text, "hanim-setup"].map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    const OLD: &str = "export NIM_NAME=lpar07\nexport NIM_MASTER_HOSTNAME=nima\n";

    /// Runs a script on files of a directory in place of /etc.
    fn run(directory: &Path, argv: &[String]) -> (bool, String) {
        let etc = directory.to_str().unwrap();
        let words: Vec<String> =
            argv.iter().map(|word| word.replace("/etc/", &format!("{etc}/"))).collect();
        let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    fn niminit(script: &str) -> Vec<String> {
        again(&["sh", "-c", script].map(str::to_owned))
    }

    struct Etc(tempfile::TempDir);

    impl Etc {
        fn with(content: &str) -> Etc {
            let etc = Etc(tempfile::tempdir().unwrap());
            std::fs::write(etc.0.path().join("niminfo"), content).unwrap();
            etc
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.0.path().join(name)).ok()
        }
    }

    #[test]
    fn a_new_file_takes_the_place_of_the_old_one_which_is_kept() {
        let etc = Etc::with(OLD);
        let new = "echo NIM_MASTER_HOSTNAME=nimb >/etc/niminfo";
        assert!(run(etc.0.path(), &niminit(&format!("test ! -e /etc/niminfo && {new}"))).0);
        assert_eq!(etc.read("niminfo").as_deref(), Some("NIM_MASTER_HOSTNAME=nimb\n"));
        assert_eq!(etc.read("niminfo.hanim-setup").as_deref(), Some(OLD));
        assert!(run(etc.0.path(), &back()).0);
        assert_eq!(etc.read("niminfo").as_deref(), Some("NIM_MASTER_HOSTNAME=nimb\n"));
    }

    #[test]
    fn the_old_file_comes_back_where_niminit_fails_or_leaves_none() {
        for fails in [
            "exit 3",
            "true",
            "echo half >/etc/niminfo",
            "echo NIM_MASTER_HOSTNAME=x >/etc/niminfo; exit 6",
        ] {
            let etc = Etc::with(OLD);
            let (done, said) = run(etc.0.path(), &niminit(&format!("echo 0042-011; {fails}")));
            assert!(!done, "{fails}");
            assert!(said.starts_with("0042-011\n") && said.contains("niminfo is back"), "{said}");
            assert_eq!(etc.read("niminfo").as_deref(), Some(OLD), "{fails}");
        }
    }

    #[test]
    fn what_a_killed_one_left_is_put_back_and_half_a_file_is_not_kept_in_its_place() {
        let etc = Etc::with(OLD);
        let killed = niminit("kill -9 $PPID; exit 1");
        assert!(!run(etc.0.path(), &killed).0);
        assert_eq!(etc.read("niminfo"), None);
        std::fs::write(etc.0.path().join("niminfo"), "half\n").unwrap();
        assert!(!run(etc.0.path(), &niminit("exit 3")).0);
        assert_eq!(etc.read("niminfo").as_deref(), Some(OLD));
        assert_eq!(etc.read("niminfo.hanim-setup.damaged").as_deref(), Some("half\n"));
        std::fs::remove_file(etc.0.path().join("niminfo")).unwrap();
        assert!(run(etc.0.path(), &back()).0);
        assert_eq!(etc.read("niminfo").as_deref(), Some(OLD));
    }

    #[test]
    fn the_file_of_a_master_is_left() {
        for text in ["export NIM_CONFIGURATION=master\n", "NIM_CONFIGURATION=\"master\"\n"] {
            let etc = Etc::with(text);
            assert!(!run(etc.0.path(), &niminit("rm -f /etc/niminfo")).0);
            assert_eq!(etc.read("niminfo").as_deref(), Some(text));
        }
    }

    #[test]
    fn nothing_is_removed_that_could_not_be_kept() {
        let etc = Etc::with(OLD);
        std::fs::create_dir(etc.0.path().join("niminfo.hanim-setup.new")).unwrap();
        std::fs::create_dir_all(etc.0.path().join("niminfo.hanim-setup/niminfo.hanim-setup.new/x"))
            .unwrap();
        let (done, _) = run(etc.0.path(), &niminit("rm -f /etc/niminfo; exit 1"));
        assert!(!done);
        assert_eq!(etc.read("niminfo").as_deref(), Some(OLD));
    }
}
