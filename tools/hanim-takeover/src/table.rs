//! What `nim -o takeover` says: the messages, and the table of its end.
//!
//! Layout: the transcript in section 6 of "Alternate NIM Master Configurations and Applications" (IBM,
//! isg3T1012143): a line `Target  Result`, a line of dashes, then a row for each client with one
//! blank before it. Of the words in a row only SUCCESS is documented.

use ha_nim::message::{Message, messages};

/// The one result that says that it went well.
pub(crate) const SUCCESS: &str = "SUCCESS";

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The first word.
    pub(crate) target: String,
    /// All that is behind it.
    pub(crate) result: String,
}

/// A message, and the words near it that may name a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) message: Message,
    words: Vec<String>,
}

/// All that counts of what it said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) rows: Vec<Row>,
    pub(crate) told: Vec<Told>,
}

impl Said {
    /// Reads the lines, whichever they are. Messages and the table come by two ways, so that they may
    /// stand in any order.
    pub(crate) fn read(lines: &[String]) -> Said {
        let mut said = Said::default();
        let (mut in_table, mut block): (bool, Vec<&str>) = (false, Vec::new());
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_head = words.first().is_some_and(|word| is_code(word));
            if is_head {
                said.end_block(&mut block);
                block.push(line);
            } else if words == ["Target", "Result"] {
                said.end_block(&mut block);
                in_table = true;
            } else if let (true, Some(row)) = (in_table, row(line, &words)) {
                said.end_block(&mut block);
                said.rows.push(row);
            } else if !block.is_empty() {
                block.push(line);
            }
        }
        said.end_block(&mut block);
        said
    }

    fn end_block(&mut self, block: &mut Vec<&str>) {
        let text = block.join("\n");
        block.clear();
        let edges = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'));
        // The head's own words are the code and the method.
        let words: Vec<String> = text
            .split_whitespace()
            .skip(2)
            .map(|word| word.trim_matches(edges).to_owned())
            .filter(|word| !word.is_empty())
            .collect();
        if let Some(message) = messages(&text).into_iter().next() {
            self.told.push(Told { message, words });
        }
    }

    /// The result of the last row of a target that is one of these names.
    pub(crate) fn result(&self, is: impl Fn(&str) -> bool) -> Option<&str> {
        self.rows.iter().rfind(|row| is(&row.target)).map(|row| row.result.as_str())
    }
}

impl Told {
    /// Whether a word of it, or of the lines right behind it, is one of these names.
    pub(crate) fn names(&self, is: impl Fn(&str) -> bool) -> bool {
        self.words.iter().any(|word| is(word))
    }
}

fn is_code(word: &str) -> bool {
    word.strip_prefix("0042-")
        .is_some_and(|number| number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()))
}

fn row(line: &str, words: &[&str]) -> Option<Row> {
    let blanks = line.len() - line.trim_start().len();
    let (target, result) = words.split_first()?;
    let plain = !result.is_empty() && !words.iter().any(|word| word.bytes().all(|b| b == b'-'));
    (blanks == 1 && plain && !target.ends_with(':'))
        .then(|| Row { target: (*target).to_owned(), result: result.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Said {
        Said::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    const HEAD: &str = "Updating the NIM database on the \"alternate_master\" \"nima\"...\n\
        +-----------------------------------------------------------------------------+\n\
        \u{20}                     \"update\" Operation Summary\n\
        +-----------------------------------------------------------------------------+\n\
        \u{20}Target                                    Result\n\
        \u{20}------                                    ------\n";

    #[test]
    fn the_documented_table_is_read_and_other_words_are_kept() {
        let said = read(&format!(
            "{HEAD} lpar07                                    SUCCESS\n lpar12                 FAILURE\n \
             lpar13                 NOT TRIED\n"
        ));
        let rows: Vec<(&str, &str)> =
            said.rows.iter().map(|row| (row.target.as_str(), row.result.as_str())).collect();
        assert_eq!(rows, [("lpar07", "SUCCESS"), ("lpar12", "FAILURE"), ("lpar13", "NOT TRIED")]);
        assert_eq!(said.told, []);
    }

    #[test]
    fn a_message_between_rows_ends_neither_the_table_nor_becomes_a_row() {
        let said = read(&format!(
            "{HEAD} lpar07   SUCCESS\n0042-001 nim: processing error encountered on \"master\":\n   \
             0042-006 c_switch_master: (From_Master) connect Connection refused\n\nlpar12.example.com: \
             Connection refused\n lpar12   FAILURE\n"
        ));
        assert_eq!(said.rows.len(), 2);
        let codes: Vec<&str> = said.told.iter().map(|told| told.message.code.as_str()).collect();
        assert_eq!(codes, ["0042-001", "0042-006"]);
        assert!(said.told[1].names(|word| word == "lpar12.example.com"));
        assert!(!said.told[0].names(|word| word == "lpar12.example.com"));
    }

    #[test]
    fn the_client_in_the_text_of_a_message_is_found() {
        let said = read(
            "0042-001 nim: processing error encountered on \"master\":\n   0042-378 m_x: The \
                         current master for \"lpar07\"\n        is \"nimc.example.com\". You must run\n",
        );
        assert!(said.told[1].names(|word| word == "lpar07"));
        assert!(said.told[1].names(|word| word == "nimc.example.com"));
    }

    #[test]
    fn the_last_row_of_a_target_counts() {
        let said = read(&format!("{HEAD} lpar07   FAILURE\n lpar07   SUCCESS\n"));
        assert_eq!(said.result(|name| name == "lpar07"), Some(SUCCESS));
        assert_eq!(said.result(|name| name == "lpar08"), None);
    }

    #[test]
    fn without_its_head_there_is_no_table() {
        assert_eq!(read(" lpar07   SUCCESS\n").rows, []);
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic_and_no_row_is_made_of_nothing(
            text in "( Target  Result\n|[ ]{0,2}[a-z0-9.:]{0,6} {1,4}(SUCCESS|FAILURE|x y)?\n|0042-[0-9]{2,4} a: b\n|.{0,12}\n){0,12}"
        ) {
            for row in read(&text).rows {
                prop_assert!(!row.target.is_empty() && !row.result.is_empty());
            }
        }

        #[test]
        fn what_is_printed_in_the_layout_is_read_back(
            rows in prop::collection::vec(("[a-z][a-z0-9_.-]{0,40}", "[A-Z]{1,10}( [A-Z]{1,5})?"), 0..20)
        ) {
            let mut text = HEAD.to_owned();
            for (target, result) in &rows {
                text.push_str(&format!(" {target:<41} {result}\n"));
            }
            let read: Vec<_> = read(&text).rows.into_iter().map(|row| (row.target, row.result)).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
