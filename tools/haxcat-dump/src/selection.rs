//! Which tables are dumped: those that were named, else what dumpxCATdb would dump.

use ha_json::Error;
use ha_xcat::Table;

/// The tables to dump and those that are passed over, both sorted by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) tables: Vec<&'static Table>,
    pub(crate) skipped: Vec<&'static str>,
}

/// Tables of events, which grow for ever: dumped only on demand.
const ON_DEMAND: [&str; 2] = ["auditlog", "eventlog"];

/// The tables that were named on the command line. What is named is dumped, on a skip list or not.
///
/// # Errors
/// Usage, for a name that xCAT's schema does not have.
pub(crate) fn named(names: &[String]) -> Result<Vec<&'static Table>, Error> {
    let mut tables = names
        .iter()
        .map(|name| {
            ha_xcat::table(name).ok_or_else(|| Error::usage(name, "is no table that xCAT knows"))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    tables.sort_by_key(|table| table.name);
    tables.dedup();
    Ok(tables)
}

/// All tables but those of `skip`, a list as xCAT has it in `XCAT_SKIPTABLES` and in site.skiptables:
/// names with commas and nothing else between them.
pub(crate) fn all_but(skip: &[u8], with_events: bool) -> Selection {
    let skips = |table: &&Table| {
        !with_events && ON_DEMAND.contains(&table.name)
            || skip.split(|&byte| byte == b',').any(|name| name == table.name.as_bytes())
    };
    let (skipped, tables): (Vec<_>, Vec<_>) = ha_xcat::tables().iter().partition(skips);
    Selection { tables, skipped: skipped.iter().map(|table| table.name).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_dumped_on_demand_and_everything_else_always() {
        let selection = all_but(b"", false);
        assert_eq!(selection.tables.len(), 71);
        assert_eq!(selection.skipped, ["auditlog", "eventlog"]);
        assert_eq!(all_but(b"", true).tables.len(), 73);
    }

    #[test]
    fn the_skip_list_is_compared_name_by_name_without_trimming_as_xcat_does() {
        let selection = all_but(b"mac,vpd, site,nodelis", true);
        assert_eq!(selection.skipped, ["mac", "vpd"]);
    }

    #[test]
    fn named_tables_come_once_and_sorted_and_unknown_names_are_named() {
        let names = ["site", "eventlog", "site"].map(str::to_owned);
        let tables: Vec<_> = named(&names).unwrap().iter().map(|table| table.name).collect();
        assert_eq!(tables, ["eventlog", "site"]);
        let error = named(&["nodelists".to_owned()]).unwrap_err();
        assert_eq!((error.kind, error.what.as_str()), (ha_json::Kind::Usage, "nodelists"));
    }
}
