//! A managed client that is added: ssh, keys both ways, its cf-serverd, its line in cfrun.hosts.

use crate::Arguments;
use crate::cfrun_hosts;
use crate::cluster::{cfrun_hosts_text, find, line_of};
use crate::configuration::{Configuration, Host, KeyPair};
use crate::distribution::{Manner, Round, distribute};
use crate::key_pair::Plan;
use crate::reach::Tcp;
use crate::report::Report;
use crate::verify;
use crate::work::{Access, Work};
use ha_command::{beside, capture_unless};
use ha_file::Durability;
use ha_json::{Error, Kind, Status, Tool, Value, json, one_line};
use ha_remote::quoted;
use std::time::Duration;

/// Does all that.
///
/// # Errors
/// What ended the work: usage, where the configuration has its clients itself and not this one; busy or
/// failed, where ssh does not get there.
pub(crate) fn add_client(
    tool: Tool,
    arguments: &Arguments,
    configuration: Configuration,
    name: &str,
) -> Result<Status, Error> {
    if !cfrun_hosts::is_name(name) {
        return Err(Error::usage(format!("{name:?}"), "is no name of a host"));
    }
    let begun = Work::begin(arguments, configuration, Access::of(arguments), |_, _| Ok(()))
        .and_then(|work| among_clients(work, name));
    let (mut work, mut report) = Work::told(begun, tool, arguments, "ADD_CLIENT", None)?;
    let done = run(arguments, &mut work, &mut report, name);
    work.end(report, done)
}

/// It may be one, and is one of the clients from now on.
fn among_clients(mut work: Work, name: &str) -> Result<Work, Error> {
    if work.cluster.member(name).is_some() {
        return Err(Error::usage(name, "is a member: MEMBER_ADDED is for members"));
    }
    if find(&work.cluster.clients, name).is_none() {
        if work.cluster.configuration.cfrun_hosts.is_none() {
            let why = "is not among the clients of the configuration: put it there first";
            return Err(Error::usage(name, why));
        }
        let client = work.cluster.configuration.host(&work.cluster.client_name(name));
        work.cluster.add_client(client);
    }
    Ok(work)
}

fn run(
    arguments: &Arguments,
    work: &mut Work,
    report: &mut Report,
    name: &str,
) -> Result<(), Error> {
    let client = find(&work.cluster.clients, name)
        .cloned()
        .unwrap_or_else(|| work.cluster.configuration.host(name));
    if arguments.rsh.is_none() {
        let values = ssh(arguments, &client, work)?;
        report.record("ssh", json!({"host": client.name}), values);
    }
    let place = work.cluster.place(&client);
    let mut session = place.open()?;
    let directory = place.look(&mut session)?;
    let plan = Plan::of(&work.cluster, KeyPair::Own, &place, &mut session, &directory)?;
    if !arguments.dry_run {
        let order = format!("prepare {}", quoted(&client.work_directory));
        place.must(&mut session, &order, None)?;
        plan.carry_out(&work.cluster, &place, &mut session)?;
    }
    drop(session);
    let here = work.cluster.here().name.clone();
    let members = work.cluster.members.clone();
    let silent = work.learn(&members, report, &[]);
    let mut targets = work.hosts_but(&[]);
    targets.retain(|host| *host == client.name || find(&members, host).is_some());
    for host in &targets {
        work.state.pend(host, &here);
    }
    if arguments.dry_run && !directory.present {
        // What would be made there cannot be looked at.
        targets.remove(&client.name);
    }
    work.keep()?;
    let manner = if arguments.dry_run { Manner::DryRun } else { Manner::Mend };
    let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
    let round = Round { hosts: &targets, silent: &silent, about: Some(&names), manner, next: None };
    distribute(work, report, &round)?;
    let address = client.address.as_ref().unwrap_or(&client.name);
    let tcp = Tcp::to(address, client.port);
    let values = json!({"port": client.port, "tcp": tcp.word, "cause": tcp.why});
    report.record("reach", json!({"host": client.name}), values);
    if let Some(why) = &tcp.why {
        let why = format!("its cf-serverd (cfservd) at port {} is not reached: {why}", client.port);
        report.failed(Kind::Busy, "reach", &client.name, &why);
    }
    work.keep()?;
    if arguments.dry_run || work.state.pending.contains_key(&client.name) {
        return Ok(());
    }
    work.state.is_client_again(&client.name);
    work.keep()?;
    line(work, &client, report)?;
    if arguments.verify {
        let member = work.cluster.here().clone();
        verify::verify(&work.cluster, &member, std::slice::from_ref(&client), report);
    }
    Ok(())
}

/// Its line in cfrun.hosts, where it has none.
fn line(work: &Work, client: &Host, report: &mut Report) -> Result<(), Error> {
    let Some(path) = &work.cluster.configuration.cfrun_hosts else { return Ok(()) };
    let shown = path.display().to_string();
    let text = cfrun_hosts_text(path)?;
    let line = line_of(client, work.cluster.configuration.port);
    let new = cfrun_hosts::with(&text, &line).map_err(|why| Error::usage(&shown, why))?;
    if let Some(new) = &new {
        ha_file::replace(path, new.as_bytes(), 0o600, Durability::Synced)?;
    }
    report.record(
        "line",
        json!({"file": shown, "host": client.name}),
        json!({"added": new.is_some()}),
    );
    Ok(())
}

/// What hassh says of the way there.
fn ssh(arguments: &Arguments, client: &Host, work: &Work) -> Result<Value, Error> {
    let mut argv = vec![beside("hassh"), "--one-way".to_owned()];
    if let Some(file) = &arguments.ssh_config {
        argv.extend(["-F".to_owned(), file.clone()]);
    }
    let user = work.cluster.configuration.ssh_user.as_ref();
    argv.push(match user {
        Some(user) => format!("{user}@{}", client.ssh),
        None => client.ssh.clone(),
    });
    let path = ha_remote::path();
    let deadline = work.cluster.place(client).patience;
    let said = capture_unless(
        &argv,
        ha_remote::environment(&path),
        deadline.max(Duration::from_secs(1)),
        1 << 20,
        &|| false,
    )?;
    let lines = said.stdout.split(|&byte| byte == b'\n');
    let records: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let end = records.last().filter(|record| record["type"] == "end").ok_or_else(|| {
        let words = String::from_utf8_lossy(&said.stderr).trim().to_owned();
        Error::failed("hassh", format!("gave no answer that is whole ({words})"))
    })?;
    let direction = records.iter().find(|record| record["type"] == "direction");
    let values = direction.map(|record| record["values"].clone()).unwrap_or_default();
    match end["status"].as_u64() {
        Some(0) => Ok(values),
        status => {
            let message = end["error"]["message"].as_str().map(str::to_owned);
            let told = |key: &str| values[key].as_str().map(one_line);
            let why =
                message.or(told("reason")).unwrap_or_else(|| "hassh does not say why".to_owned());
            let set_up = || format!("hassh --setup {} sets it up", client.ssh);
            let next = told("fix").unwrap_or_else(set_up);
            let kind = if status == Some(5) { Kind::Busy } else { Kind::Failed };
            Err(Error::new(kind, &client.name, format!("ssh does not get there: {why} ({next})")))
        }
    }
}
