//! What is hidden from records: the columns of xCAT that hold passwords, keys and communities.

/// Table and column of every secret of xCAT's schema.
const COLUMNS: &[(&str, &[&str])] = &[
    ("domain", &["adminpassword"]),
    ("ipmi", &["password"]),
    ("iscsi", &["passwd"]),
    ("mpa", &["password"]),
    ("openbmc", &["password"]),
    ("passwd", &["password"]),
    ("pdu", &["password", "community", "authkey", "privkey"]),
    ("ppcdirect", &["password"]),
    ("ppchcp", &["password"]),
    ("prodkey", &["key"]),
    ("switches", &["password", "sshpassword"]),
    ("token", &["tokenid"]),
    ("vm", &["vidpassword"]),
    ("websrv", &["password"]),
];

/// Tables of key and value: which secret a row holds is told by its key.
const KEYED: &[(&str, &str, &str)] = &[("site", "key", "value"), ("monsetting", "key", "value")];

/// Words in the name of a setting, or of a column of the site's own, that mean a secret.
const WORDS: &[&str] = &[
    "passw",
    "pwd",
    "secret",
    "communit",
    "credential",
    "privkey",
    "privatekey",
    "private_key",
    "authkey",
    "apikey",
    "api_key",
    "tokenid",
];

/// The columns of a row that may hold a secret: `name` is the column, `known` whether xCAT's schema
/// has it, and `key` gives the row's value of a column.
pub fn is_secret<'a>(
    table: &str,
    name: &str,
    known: bool,
    key: impl FnOnce(&str) -> Option<&'a [u8]>,
) -> bool {
    if COLUMNS.iter().any(|(of, columns)| *of == table && columns.contains(&name)) {
        return true;
    }
    if !known {
        return sounds_secret(name.as_bytes());
    }
    match KEYED.iter().find(|(of, _, value)| *of == table && *value == name) {
        Some((_, column, _)) => key(column).is_some_and(sounds_secret),
        None => false,
    }
}

/// True for the name of a setting that holds a secret, such as site's `snmpc`.
fn sounds_secret(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    name == "snmpc" || name.ends_with("pw") || WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_secret_is_a_column_of_the_schema() {
        for (table, columns) in COLUMNS {
            let table = schema::table(table).unwrap();
            assert!(columns.iter().all(|column| table.columns.contains(column)));
        }
        for (table, key, value) in KEYED {
            let table = schema::table(table).unwrap();
            assert!(table.keys.contains(key) && table.columns.contains(value));
        }
    }

    #[test]
    fn every_column_that_sounds_secret_is_one() {
        for table in schema::tables() {
            for column in &table.columns {
                assert!(
                    !sounds_secret(column.as_bytes())
                        || is_secret(table.name, column, true, |_| None),
                    "{}.{column}",
                    table.name
                );
            }
        }
    }

    #[test]
    fn a_setting_is_secret_by_its_key() {
        let value_of =
            |key: &'static str| is_secret("site", "value", true, |_| Some(key.as_bytes()));
        assert!(value_of("snmpc") && value_of("cloudPassword"));
        assert!(!value_of("master") && !value_of("sshbetweennodes"));
        assert!(!is_secret("site", "comments", true, |_| Some(b"snmpc")));
    }

    #[test]
    fn a_column_of_the_sites_own_is_secret_by_its_name() {
        assert!(is_secret("mac", "root_password", false, |_| None));
        assert!(!is_secret("mac", "legacycol", false, |_| None));
    }
}
