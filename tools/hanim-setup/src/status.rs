//! A question answered: what a monitoring script asks, and the probes of a plan.

use crate::client::{self, Own};
use crate::options::Options;
use crate::pair::bare;
use crate::question::{self, Evidence, Question};
use crate::side::{self, Side};
use ha_json::{Error, Map, Status, Value, answer, json};
use ha_nim::lsnim::parse_long;
use ha_nim::master::{NIMINFO, failure};
use ha_remote::Machine;

const SCHEMA: &str = "hanim-setup-status/1";

/// Asks, and writes the answer.
///
/// # Errors
/// Busy, where a machine cannot be asked now; failed, where what it says is no answer.
pub(crate) fn tell(question: &Question, options: &Options) -> Result<Status, Error> {
    let looked = look(question, options);
    let end = match &looked {
        Ok(all) if all.iter().all(|one| one.holds) => Ok(Status::Done),
        Ok(_) => Ok(Status::No),
        Err(error) => Err(error.clone()),
    };
    answer::write_all(
        format!("{}\n", judged(question, options.master()?, &looked, &end)).as_bytes(),
    )?;
    end
}

/// Whether the answer is yes.
///
/// # Errors
/// As [`tell`].
pub(crate) fn is_so(question: &Question, options: &Options) -> Result<bool, Error> {
    Ok(look(question, options)?.iter().all(|one| one.holds))
}

fn look(question: &Question, options: &Options) -> Result<Vec<Evidence>, Error> {
    match question {
        Question::Alternate | Question::Return => of_masters(question, options),
        Question::Client(name) | Question::Idle(name) => of_client(question, name, options),
    }
}

fn of_masters(question: &Question, options: &Options) -> Result<Vec<Evidence>, Error> {
    let (master, patience) = (options.master()?, options.carrier.patience());
    let questions = side::brief_questions();
    let this = side::brief(None, &Machine::Here.ask(&questions, patience)?)?;
    let that = options.carrier.to(master)?.ask(&questions, patience)?;
    let that = side::brief(Some(bare(master)), &that)?;
    let (alternate, whose) = match question {
        Question::Return => (&that, &this),
        _ => (&this, &that),
    };
    let all = question::of_masters(alternate, whose);
    // A master whose database cannot be listed now has not said no.
    match &whose.master.not_listed {
        Some(why) if whose.master.is_master() && all.iter().take(2).all(|one| one.holds) => {
            Err(Error::busy(&whose.shown, format!("its database cannot be listed: {why}")))
        }
        _ => Ok(all),
    }
}

fn of_client(question: &Question, name: &str, options: &Options) -> Result<Vec<Evidence>, Error> {
    let (master, patience) = (options.master()?, options.carrier.patience());
    let ask = |argv: &[&str]| argv.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let questions = [ask(&["cat", NIMINFO]), ask(&["lsnim", "-l", name]), ask(&["hostname"])];
    let replies = options.carrier.to(master)?.ask(&questions, patience)?;
    let listed = replies.get(1).cloned().unwrap_or_default();
    let that = side::brief(Some(bare(master)), &replies)?;
    let listing = parse_long(&listed.stdout);
    let object = listing.object(name);
    if object.is_none()
        && let Some(why) = failure(&listed)
    {
        return match why.starts_with("0042-053") {
            true => Err(Error::failed(name, format!("is no object of {}", that.shown))),
            false => Err(Error::busy(&that.shown, format!("{name} cannot be listed: {why}"))),
        };
    }
    if matches!(question, Question::Idle(_)) {
        return Ok(question::of_idle(name, object, &that));
    }
    let this = this_machine(options)?;
    let host = object.map_or_else(|| name.to_owned(), ha_nim::Object::hostname);
    match client::own(&options.carrier, name, &host, &this.host) {
        Own::File { niminfo, .. } => {
            Ok(question::of_client(name, object, Some(&niminfo), &this, &that))
        }
        Own::Missing { .. } => Ok(question::of_client(name, object, None, &this, &that)),
        Own::Stranger(whose) => Err(Error::failed(name, client::stranger(&host, &whose))),
        Own::NotSeen(why) => Err(Error::busy(name, why)),
    }
}

fn this_machine(options: &Options) -> Result<Side, Error> {
    let replies = Machine::Here.ask(&side::brief_questions(), options.carrier.patience())?;
    side::brief(None, &replies)
}

fn judged(
    question: &Question,
    master: &str,
    looked: &Result<Vec<Evidence>, Error>,
    end: &Result<Status, Error>,
) -> Value {
    let status = match end {
        Ok(status) => *status,
        Err(error) => error.kind.status(),
    };
    let evidence: Vec<Value> = looked.iter().flatten().map(Evidence::value).collect();
    let mut answer = Map::from_iter([
        ("schema".to_owned(), Value::from(SCHEMA)),
        ("ok".to_owned(), Value::from(end.is_ok())),
        ("status".to_owned(), Value::from(status.code())),
        ("question".to_owned(), Value::from(question.word())),
        ("master".to_owned(), Value::from(master)),
        ("client".to_owned(), json!(question.client())),
        ("holds".to_owned(), json!(end.as_ref().ok().map(|status| *status == Status::Done))),
        ("evidence".to_owned(), Value::from(evidence)),
    ]);
    if let Err(error) = end {
        let told = json!({"kind": error.kind.word(), "message": error.to_string()});
        answer.insert("error".to_owned(), told);
    }
    Value::from(answer)
}

impl Evidence {
    fn value(&self) -> Value {
        json!({"machine": self.machine, "what": self.what, "holds": self.holds})
    }
}
