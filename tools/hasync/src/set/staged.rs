//! What waits to be put in place, looked at and rewritten.

use super::commit::{at, keyed};
use super::document::is_within;
use super::plan::Staged;
use super::rewrite::{MOST_BYTES, Names, Substitutions};
use super::standby::absolute;
use super::talk::Order;
use super::tree::Tree;
use crate::entry::Kind;
use ha_json::{Error, Map, Value, json};
use std::collections::BTreeMap;

/// What waits, rewritten where the group says so.
pub(super) fn staged(
    order: &Order,
    waits: &Tree,
    tell: &impl Fn(&str, Map<String, Value>) -> Result<(), Error>,
) -> Result<BTreeMap<Vec<u8>, Staged>, Error> {
    let mut found = Vec::new();
    waits.walk(b"", &mut |path, mark| found.push((path.to_vec(), mark))).map_err(at(b""))?;
    let substitutions = Substitutions::new(&order.substitutions);
    let is_in = |list: &[String], path: &[u8]| {
        list.iter().any(|top| is_within(&absolute(path), top.as_bytes()))
    };
    let names = Names::new(&order.names);
    let mut staged = BTreeMap::new();
    for (path, mut mark) in found {
        let (mut digest, mut source) = (None, None);
        if mark.kind == Kind::File && mark.size > MOST_BYTES {
            digest = Some(waits.digest(&path).map_err(at(&path))?);
        } else if mark.kind == Kind::File {
            let text = waits.read(&path, MOST_BYTES + 1).map_err(at(&path))?;
            digest = Some(digest_of(&text));
            let made = match &substitutions {
                Some(all) if is_in(&order.group.rewrite, &path) => all.made_in(&text),
                _ => None,
            };
            if let Some(made) = made {
                waits.rewrite(&path, &made).map_err(at(&path))?;
                source = digest.replace(digest_of(&made));
                mark = waits.mark(&path).map_err(at(&path))?.unwrap_or(mark);
            }
            let silent =
                is_in(&order.group.may_name_node, &path) || is_in(&order.group.rewrite, &path);
            if let Some(name) = names.first_in(&text).filter(|_| !silent) {
                let message =
                    format!("holds {name}, which is the primary's own (rewrite, may_name_node)");
                tell(
                    "warning",
                    keyed(&path, json!({"reason": "names_primary", "message": message})),
                )?;
            }
        }
        staged.insert(path, Staged { mark, digest, source });
    }
    Ok(staged)
}

fn digest_of(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}
