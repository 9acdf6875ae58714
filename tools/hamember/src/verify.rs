//! A real cf-runagent (cfrun) from a member to each client.

use crate::cluster::Cluster;
use crate::configuration::{Host, Layout};
use crate::parallel::in_parallel;
use crate::reach::Tcp;
use crate::report::Report;
use crate::verdict::{Verdict, Word, judge};
use ha_json::{Error, Kind, json, one_line};
use ha_remote::quoted;
use std::time::Duration;

struct Run {
    verdict: Verdict,
    tcp: Option<Tcp>,
    status: Option<i32>,
    effect: Option<bool>,
    said: String,
}

/// Runs it, and tells of each client what became of it.
pub(crate) fn verify(cluster: &Cluster, member: &Host, clients: &[Host], report: &mut Report) {
    let parallel = cluster.configuration.parallel;
    in_parallel(
        clients,
        parallel,
        |client| run(cluster, member, client),
        |client, ran| {
            let (verdict, values) = match ran {
                Ok(run) => {
                    let values = json!({
                        "verdict": run.verdict.word.word(),
                        "cause": run.verdict.cause,
                        "tcp": run.tcp.map(|tcp| tcp.word),
                        "exit_status": run.status,
                        "effect": run.effect,
                        "said": run.said,
                    });
                    (run.verdict, values)
                }
                Err(error) => {
                    let values = json!({
                        "verdict": "unknown", "cause": error.to_string(), "tcp": null,
                        "exit_status": null, "effect": null, "said": null,
                    });
                    let cause = Some(error.to_string());
                    (Verdict { word: Word::Unknown, cause }, values)
                }
            };
            report.record("run", json!({"host": client.name, "member": member.name}), values);
            if verdict.word != Word::Accepted {
                let kind =
                    if verdict.word == Word::Unreachable { Kind::Busy } else { Kind::Failed };
                let cause = verdict.cause.unwrap_or_default();
                report.failed(kind, verdict.word.word(), &client.name, &cause);
            }
        },
    );
}

fn run(cluster: &Cluster, member: &Host, client: &Host) -> Result<Run, Error> {
    let trace = || -> Result<Option<String>, Error> {
        let Some(path) = &cluster.configuration.effect else { return Ok(None) };
        let place = cluster.place(client);
        let said = place.must(&mut place.open()?, &format!("trace {}", quoted(path)), None)?;
        Ok(Some(said.lines.iter().map(|line| String::from_utf8_lossy(line)).collect()))
    };
    let before = trace()?;
    let mut place = cluster.place(member);
    place.patience = Duration::from_secs(cluster.configuration.run_seconds);
    let address = client.address.as_ref().unwrap_or(&client.name);
    let command = match cluster.configuration.layout {
        Layout::Cfengine3 => {
            let address =
                if address.contains(':') { format!("[{address}]") } else { address.clone() };
            format!("cf-runagent -H {}", quoted(&format!("{address}:{}", client.port)))
        }
        // It takes the port out of its cfrun.hosts.
        Layout::Cfengine2 => format!("cfrun {}", quoted(&client.name)),
    };
    let answer = place.open()?.order(&format!("{command} </dev/null 2>&1"), None)?;
    let effect = match (before, trace()?) {
        (Some(before), Some(after)) => Some(before != after),
        _ => None,
    };
    let said: Vec<_> =
        answer.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let text = said.join("\n");
    let may_be_down = text.contains("onnect");
    let tcp = may_be_down.then(|| Tcp::to(address, client.port));
    let reached = tcp.clone().unwrap_or(Tcp { word: "ok", why: None });
    let verdict = judge(cluster.configuration.layout, &text, answer.status, effect, &reached);
    Ok(Run {
        verdict,
        tcp,
        status: Some(answer.status),
        effect,
        said: one_line(&answer.last_words()),
    })
}
