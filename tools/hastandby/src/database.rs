//! The xCAT database: its engine, and that what is in it names the role and not a node.

use crate::answers::{Answers, Question, failure, stream, stream_error, tool};
use crate::finding::{Finding, Look, Topic};
use crate::sight::Sight;
use ha_json::{Error, Value};
use ha_pair::{Engine, Pair};

const WHERE: &str = "database";
const ROWS: &str = "rows";

/// Where cfgloc is.
const CFGLOC: &str = "/etc/xcat/cfgloc";

pub(crate) fn questions() -> Vec<Question> {
    vec![tool(WHERE, "haxcat-dump", &["--where"])]
}

/// For the primary, whose database runs.
pub(crate) fn questions_to_the_primary() -> Vec<Question> {
    let arguments = ["--lock-wait", "5", "site", "networks", "noderes", "policy"];
    vec![tool(ROWS, "haxcat-dump", &arguments)]
}

pub(crate) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = [0, 1].map(|number| engine(sight, number)).into();
    let rows = rows(sight.primary().1);
    findings.push(site(sight, &rows, "master"));
    findings.push(site(sight, &rows, "nameservers"));
    findings.push(column_of(sight, &rows, "networks", "tftpserver"));
    let noderes = ["xcatmaster", "tftpserver", "nfsserver"];
    findings.extend(noderes.map(|column| column_of(sight, &rows, "noderes", column)));
    findings.extend(policy(sight, &rows));
    findings
}

/// The records of a whole stream of haxcat-dump.
fn records(answers: &Answers, name: &str) -> Look<Vec<Value>> {
    let reply = answers.of(name)?;
    let records = stream(reply).ok_or_else(|| failure("haxcat-dump", reply))?;
    match reply.status {
        0 => Ok(records),
        _ => {
            let why = stream_error(&records).unwrap_or("a table could not be read");
            Err(Error::failed("haxcat-dump", why))
        }
    }
}

fn engine(sight: &Sight<'_>, number: usize) -> Finding {
    let wanted = sight.pair.database.engine;
    let expected = format!("cfgloc names {}", wanted.word());
    let topic = sight.topic(number, "database-engine", &expected);
    if number == sight.roles.standby && sight.pair.is_shared(CFGLOC) {
        return topic.not_applicable(format!("{CFGLOC} is on the shared disks"));
    }
    let records = match records(&sight.nodes[number], WHERE) {
        Ok(records) => records,
        Err(error) => return topic.unknown(error.to_string()),
    };
    let name = records.last().and_then(|end| end["engine"].as_str()).unwrap_or_default();
    match Engine::named(name) {
        Some(engine) if engine == wanted => topic.ok(name),
        Some(_) => topic.failed(name, format!("set {CFGLOC} there to the engine of both")),
        None => topic.unknown(format!("haxcat-dump names the engine {name:?}")),
    }
}

type Rows = Look<Vec<Value>>;

fn rows(answers: &Answers) -> Rows {
    let records = records(answers, ROWS)?;
    Ok(records.into_iter().filter(|record| record["type"] == "row" && is_enabled(record)).collect())
}

/// As xCAT reads it: a row is off unless `disable` is null or one of these.
fn is_enabled(row: &Value) -> bool {
    match row["values"]["disable"].as_str() {
        None => row["values"]["disable"].is_null(),
        Some(word) => word == "0" || word.eq_ignore_ascii_case("no"),
    }
}

fn of_table<'a>(rows: &'a [Value], table: &'a str) -> impl Iterator<Item = &'a Value> {
    rows.iter().filter(move |row| row["key"]["table"] == table)
}

/// A text of a row, wherever it stands.
fn text<'a>(row: &'a Value, column: &str) -> Option<&'a str> {
    row["values"][column].as_str().or_else(|| row["key"][column].as_str())
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split([',', ' ', ':']).filter(|word| !word.is_empty())
}

fn names_the_role(pair: &Pair, word: &str) -> bool {
    word == pair.vip.name || word == "<xcatmaster>" || is_address(word, &[pair.vip.address])
}

fn names_a_node(pair: &Pair, word: &str) -> bool {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    pair.nodes.iter().any(|node| {
        node.name == word || short(&node.name) == word || is_address(word, &[node.address])
    })
}

fn is_address(word: &str, addresses: &[std::net::IpAddr]) -> bool {
    word.parse().is_ok_and(|address| addresses.contains(&address))
}

/// A value of the site table that must be the address of the role.
fn site(sight: &Sight<'_>, rows: &Rows, key: &str) -> Finding {
    let vip = &sight.pair.vip;
    let expected = format!("site.{key} is {}", vip.address);
    let topic = Topic::of_the_pair("site", expected).of(key);
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => return topic.unknown(error.to_string()),
    };
    let row = of_table(rows, "site").find(|row| text(row, "key") == Some(key));
    let value = row.and_then(|row| text(row, "value")).unwrap_or_default();
    let fix = format!("chdef -t site {key}={}", vip.address);
    let role = words(value).any(|word| names_the_role(sight.pair, word));
    match (role, words(value).find(|word| names_a_node(sight.pair, word))) {
        (_, None) if value.is_empty() => topic.failed("it is not set", fix),
        (_, Some(_)) => topic.failed(format!("{value}, which names a node"), fix),
        (true, None) => topic.ok(value),
        (false, None) => topic.failed(value, fix),
    }
}

/// A column in which no row may name a node of the pair.
fn column_of(sight: &Sight<'_>, rows: &Rows, table: &'static str, column: &str) -> Finding {
    let expected =
        format!("names no node of the pair: the managed nodes know {}", sight.pair.vip.name);
    let topic = Topic::of_the_pair(table, expected).of(column);
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => return topic.unknown(error.to_string()),
    };
    let named = |row: &&Value| {
        text(row, column)
            .is_some_and(|value| words(value).any(|word| names_a_node(sight.pair, word)))
    };
    let faults: Vec<String> = of_table(rows, table)
        .filter(named)
        .map(|row| {
            let key = text(row, "netname").or_else(|| text(row, "node")).unwrap_or_default();
            format!("{key}: {}", text(row, column).unwrap_or_default())
        })
        .collect();
    let count = of_table(rows, table).count();
    match faults.as_slice() {
        [] => topic.ok(format!("none of {count} rows does")),
        faults => {
            let some = faults.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            let fix = format!("set {table}.{column} to {}", sight.pair.vip.address);
            topic.failed(format!("{} of {count} rows: {some}", faults.len()), fix)
        }
    }
}

/// The names under which a node is the management node are trusted.
fn policy(sight: &Sight<'_>, rows: &Rows) -> Vec<Finding> {
    let pair = sight.pair;
    let names = pair.nodes.iter().map(|node| &node.name).chain([&pair.vip.name]);
    names
        .map(|name| {
            let topic = Topic::of_the_pair("policy", "is trusted").of(name);
            let rows = match rows {
                Ok(rows) => rows,
                Err(error) => return topic.unknown(error.to_string()),
            };
            let rules: Vec<&str> = of_table(rows, "policy")
                .filter(|row| text(row, "name") == Some(name))
                .filter_map(|row| text(row, "rule"))
                .collect();
            match rules.as_slice() {
                rules if rules.iter().any(|rule| rule.eq_ignore_ascii_case("trusted")) => {
                    topic.ok("trusted")
                }
                [] => topic.failed("no rule has this name", trust(name)),
                rules => topic.failed(format!("its rule is {}", rules.join(", ")), trust(name)),
            }
        })
        .collect()
}

fn trust(name: &str) -> String {
    format!("chdef -t policy -o PRIORITY name={name} rule=trusted, with a free PRIORITY")
}
