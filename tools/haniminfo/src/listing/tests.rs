use super::*;
use ha_json::json;
use proptest::prelude::*;

const TOOL: Tool = Tool { name: "haniminfo", version: "1" };

/// The lines of the stream, and how it ended.
pub(super) fn lines(listing: &[u8]) -> (Vec<Value>, Result<Status, Error>) {
    told(listing, false)
}

fn told(listing: &[u8], empty_ok: bool) -> (Vec<Value>, Result<Status, Error>) {
    let mut out = Vec::new();
    let stream = Stream::begin_on(&mut out, TOOL, SCHEMA);
    let ended = tell(stream, "lsnim.txt", Ok(listing.to_vec()), empty_ok);
    let text = String::from_utf8(out).unwrap();
    (text.lines().map(|line| line.parse().unwrap()).collect(), ended)
}

/// The values of the one object, and the words of the problems.
fn only(listing: &str) -> (Value, Vec<String>) {
    let (lines, _) = lines(listing.as_bytes());
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("object").len(), 1, "{lines:?}");
    let problems = of("problem").into_iter().map(|one| one["what"].as_str().unwrap().to_owned());
    (of("object")[0]["values"].clone(), problems.collect())
}

#[test]
fn each_thing_stands_in_one_place() {
    let (values, problems) = only(
        "lpar07:\n   class      = machines\n   type       = standalone\n   if2        = net2 h2 0\n   \
         if1        = net1 h1 8EB2200AA002 ent0\n   lpp_source = lpp_73\n   lpp_source = lpp_72\n   \
         cpuid      = 00068AAA1100\n   serves     = boot\n",
    );
    let interfaces = json!([
        {"index": 1, "network": "net1", "hostname": "h1", "mac": "8EB2200AA002", "adapter": "ent0"},
        {"index": 2, "network": "net2", "hostname": "h2", "mac": "0", "adapter": null},
    ]);
    let wanted = json!({
        "class": "machines", "type": "standalone", "interfaces": interfaces,
        "allocations": {"lpp_source": ["lpp_73", "lpp_72"]}, "serves": ["boot"], "routes": [],
        "members": [], "resources": {}, "attributes": {"cpuid": "00068AAA1100"},
    });
    assert_eq!(values, wanted);
    assert!(problems.is_empty());
}

#[test]
fn what_is_not_as_it_should_be_stays_as_it_stands_and_is_told() {
    let (values, problems) = only(
        "lpar07:\n   class       = machines\n   type        = standalone\n   if1         = net1\n   \
         if02        = net1 h1 0\n   cable_type1 = N/A\n   cable_type1 = tp\n",
    );
    assert_eq!(
        values["attributes"],
        json!({"if1": "net1", "if02": "net1 h1 0", "cable_type1": "N/A\ntp"})
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("if1 of lpar07 is not a network, a host name"));
    assert!(problems[1].starts_with("cable_type1 of lpar07 is there 2 times"));
}

#[test]
fn the_same_name_means_another_thing_in_another_class() {
    let (values, _) =
        only("g:\n   class   = groups\n   member2 = b\n   member1 = a\n   spot    = s\n");
    assert_eq!(
        (&values["members"], &values["resources"]),
        (&json!(["a", "b"]), &json!({"spot": ["s"]}))
    );
    let (values, _) =
        only("n:\n   class    = networks\n   if1      = a b c\n   routing1 = default gw\n");
    assert_eq!(values["attributes"], json!({"if1": "a b c"}));
    assert_eq!(values["routes"], json!([{"index": 1, "destination": "default", "gateway": "gw"}]));
}

#[test]
fn what_a_listing_does_not_show_is_null_and_what_is_not_there_is_empty() {
    let (short, _) = only("lpar07  machines  standalone\n");
    for field in
        ["interfaces", "allocations", "serves", "routes", "members", "resources", "attributes"]
    {
        assert_eq!(short[field], Value::Null, "{field}");
    }
    let (of_one, _) = only("lpar07:\n   if1 = net1 h1 0\n");
    assert_eq!((&of_one["class"], &of_one["attributes"]), (&Value::Null, &Value::Null));
    assert_eq!(of_one["interfaces"][0]["network"], "net1");
    let (whole, _) = only("lpar07:\n   class = machines\n");
    assert_eq!((&whole["interfaces"], &whole["attributes"]), (&json!([]), &json!({})));
    assert_eq!(whole["type"], Value::Null);
}

#[test]
fn objects_come_in_the_order_of_their_names() {
    let (lines, _) =
        lines(b"b:\n   class = machines\nB:\n   class = machines\na:\n   class = machines\n");
    let names: Vec<&Value> = lines
        .iter()
        .filter(|line| line["type"] == "object")
        .map(|line| &line["key"]["name"])
        .collect();
    assert_eq!(names, ["B", "a", "b"]);
}

#[test]
fn an_object_that_is_listed_twice_is_told_once() {
    let same = b"a:\n   class = machines\na:\n   class = machines\n";
    let (records, ended) = lines(same);
    assert_eq!(ended.unwrap(), Status::Done);
    assert_eq!((&records[1]["type"], &records[2]["type"]), (&json!("object"), &json!("problem")));
    let other = b"a:\n   class = machines\na:\n   class = networks\n";
    let (records, ended) = lines(other);
    assert_eq!(ended.unwrap(), Status::Partial);
    assert_eq!(records[1]["values"]["class"], "machines");
    assert_eq!(records[3]["message"], "a is not what line 1 says of it");
    assert_eq!(records[3]["item"], "lsnim.txt line 3");
}

#[test]
fn what_is_no_listing_is_not_believed() {
    let why = |text: &str| {
        let (lines, ended) = lines(text.as_bytes());
        assert_eq!(lines.last().unwrap()["status"], 4);
        ended.unwrap_err().to_string()
    };
    assert!(why("").contains("is empty: lsnim failed"));
    assert!(why(" \n\n").contains("--empty-ok"));
    assert!(why("\x7fELF").contains("no object is in it"));
    assert!(why("export NIM_NAME=master\n").contains("no object is in it"));
    let said = why("0042-053 lsnim: there is no NIM object named \"lpar99\"\n");
    assert!(said.contains("lsnim says 0042-053: there is no NIM object named"), "{said}");
    assert!(said.ends_with("see lsnim for the names"), "{said}");
    let (lines, ended) = told(b"\n", true);
    assert_eq!((ended.unwrap(), lines.len()), (Status::Done, 2));
    assert_eq!((&lines[1]["objects"], &lines[1]["listing"]), (&json!(0), &Value::Null));
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    let (lines, ended) =
        lines(b"a:\n   class    = machines\n   comments = caf\xe9\n   if1      = n\xe9t h 0\n");
    assert_eq!(ended.unwrap(), Status::Done);
    assert_eq!(
        lines[1]["values"]["attributes"],
        json!({"comments_base64": "Y2Fm6Q==", "if1_base64": "bul0IGggMA=="})
    );
}

#[test]
fn a_listing_that_was_cut_is_not_whole() {
    let (records, ended) = lines(b"a:\n   class = machines\n   comments = a long on");
    assert_eq!(ended.unwrap(), Status::Partial);
    assert_eq!(records[3]["item"], "lsnim.txt line 3");
    assert!(records[3]["message"].as_str().unwrap().contains("was cut"));
    let (_, problems) = only("a:\n");
    assert_eq!(problems, ["a has no attributes"]);
}

#[test]
fn an_object_too_long_for_a_record_is_an_error_and_the_others_are_told() {
    let long = format!(
        "a:\n   class    = machines\n   err_info = {}\nb:\n   class = machines\n",
        "x".repeat(LONGEST_BYTES)
    );
    let (lines, ended) = lines(long.as_bytes());
    assert_eq!(ended.unwrap(), Status::Partial);
    assert_eq!(lines[1]["key"]["name"], "b");
    assert_eq!(lines[2]["message"], "a is longer than 8 MiB");
}

#[test]
fn a_listing_of_many_objects_takes_no_quadratic_time() {
    let took = |count: usize| {
        let object = |at| {
            format!(
                "c{at}:\n   class    = machines\n   if1      = net h{at} 0\n   err_info = a\nb:\nc\n"
            )
        };
        let listing = (0..count).map(object).collect::<String>().into_bytes();
        let once = || {
            let begun = std::time::Instant::now();
            assert_eq!(lines(&listing).0.last().unwrap()["objects"], count);
            begun.elapsed()
        };
        (0..3).map(|_| once()).min().unwrap()
    };
    let (few, many) = (took(1_000), took(10_000));
    assert!(many < few * 40, "{few:?}, and ten times as many {many:?}");
}

proptest! {
    #[test]
    fn any_bytes_give_a_stream_that_ends(
        soup in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "((n1:|   class = (machines|groups)|   if1 = a b c|   a  = b|#name:if1:a:|n1:a:b:|n1 machines master|0042-053 lsnim: x|junk|)\n){0,8}"
                .prop_map(String::into_bytes),
        ]
    ) {
        let (lines, ended) = lines(&soup);
        let end = lines.last().unwrap();
        let status = ended.unwrap_or_else(|error| error.kind.status());
        prop_assert_eq!(&end["status"], &json!(status.code()));
        prop_assert!([0, 3, 4].contains(&status.code()));
        prop_assert_eq!(end["records"].as_u64().unwrap() as usize, lines.len() - 2);
        let names: Vec<String> =
            lines.iter().filter(|line| line["type"] == "object").map(|line| line["key"].to_string()).collect();
        let mut once = names.clone();
        once.dedup();
        prop_assert_eq!(names, once);
    }
}
