//! What a shell would expand: it is recognised and never worked out.

use super::word::{Scanner, Word, is_name_byte};

impl Scanner<'_> {
    /// A `$` or a backtick: what it stands for is not known. One that does not end in its line takes
    /// the rest of it.
    pub(super) fn expansion(&mut self, word: &mut Word, in_quotes: bool) {
        let start = self.at;
        let next = self.next();
        let (what, end) = match (self.bytes[start], next) {
            (b'`', _) => ("`..`", self.closing(start + 1, b'`', b'`')),
            (_, Some(b'(')) => ("$(..)", self.closing(start + 2, b'(', b')')),
            (_, Some(b'{')) => ("${..}", self.closing(start + 2, b'{', b'}')),
            (_, Some(b'"')) if !in_quotes => ("$\"..\"", Some(start + 1)),
            (_, Some(b'A'..=b'Z' | b'a'..=b'z' | b'_')) => {
                let name = self.bytes[start + 1..].iter().take_while(|byte| is_name_byte(**byte));
                ("$NAME", Some(start + 1 + name.count()))
            }
            (_, Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-')) => {
                ("$NAME", Some(start + 2))
            }
            _ => {
                word.push(b'$');
                self.at += 1;
                return;
            }
        };
        word.expanded(what);
        match end {
            Some(end) => self.at = end,
            None => {
                word.errors.push(format!("{what} does not end in its line"));
                self.rest_of_line();
            }
        }
    }

    /// Behind the closing mark of what was opened before `from`, if it stands in the same line.
    fn closing(&self, from: usize, open: u8, close: u8) -> Option<usize> {
        let (mut depth, mut at, mut quote) = (1u32, from, None);
        while let Some(&byte) = self.bytes.get(at) {
            match (byte, quote) {
                (b'\n', _) => return None,
                (b'\\', None | Some(b'"')) => {
                    at += usize::from(self.bytes.get(at + 1) != Some(&b'\n'));
                }
                (_, Some(mark)) if byte == mark => quote = None,
                (b'"' | b'\'', None) if open == b'(' => quote = Some(byte),
                (_, None) if byte == close => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                (_, None) if byte == open => depth += 1,
                _ => {}
            }
            at += 1;
        }
        None
    }
}
