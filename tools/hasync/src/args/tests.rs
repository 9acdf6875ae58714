use super::*;

fn request(words: &[&str]) -> Result<Request, Error> {
    let arguments = Arguments::try_parse_from([&["hasync"], words].concat())
        .map_err(|error| Error::usage("clap", error.to_string()))?;
    match arguments.task()? {
        Task::Sync(request) => Ok(*request),
        Task::Serve(_) | Task::Set(_) | Task::Command { .. } => Err(Error::usage("no run", "")),
    }
}

#[test]
fn the_crontab_line_of_old_is_understood() {
    let request = request(&["-Lprogtz", "/install", "aixmn2:/"]).unwrap();
    let o = request.options;
    assert!(o.copy_links && o.perms && o.recursive && o.owner && o.group && o.times);
    assert!(o.compress && !o.links && !o.devices && o.delete.is_none());
    assert_eq!(request.sources, ["/install"]);
    assert_eq!(request.destination, "aixmn2:/");
}

#[test]
fn the_value_of_an_option_may_begin_with_a_dash() {
    let words = ["-r", "-f", "- a", "--exclude", "-b", "x", "y"];
    assert_eq!(request(&words).unwrap().options.rules.len(), 2);
}

#[test]
fn rules_keep_the_order_of_the_command_line() {
    let words = ["-r", "--exclude=a", "--include", "b", "--exclude=c", "x", "y"];
    let rules = request(&words).unwrap().options.rules;
    let told: Vec<_> = rules.iter().map(|r| (r.include, &r.pattern[..])).collect();
    assert_eq!(told, [(false, &b"a"[..]), (true, b"b"), (false, b"c")]);
}

#[test]
fn what_stands_last_decides() {
    let off = request(&["-a", "--no-o", "--no-group", "x", "y"]).unwrap().options;
    assert!(!off.owner && !off.group && off.perms);
    let on = request(&["--no-o", "-a", "x", "y"]).unwrap().options;
    assert!(on.owner);
    let off = request(&["-a", "--no-D", "x", "y"]).unwrap().options;
    assert!(!off.devices && !off.specials);
    let some = request(&["-a", "--no-D", "--specials", "x", "y"]).unwrap().options;
    assert!(!some.devices && some.specials);
}

#[test]
fn an_option_of_rsync_that_is_not_here_is_refused_by_name_with_what_comes_nearest() {
    for (words, instead) in [
        (&["--rsync-path=/x"][..], "--hasync-path"),
        (&["-y"], "--copy-dest"),
        (&["--append"], "--append-verify"),
        (&["-B", "512"], "-W"),
        (&["--daemon"], "ssh"),
    ] {
        let error = request(&[words, &["x", "y"]].concat()).unwrap_err();
        assert!(error.what.starts_with("--") && error.why.contains(instead), "{error}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    for words in [
        &["x"][..],
        &[],
        &["--delete", "x", "y"],
        &["--from-json", "x", "y"],
        &["--root=/x", "x", "y"],
        &["--timeout=0", "x", "y"],
    ] {
        assert!(request(words).is_err(), "{words:?}");
    }
}
