//! A variable set or taken away, and every other line left alone.

use crate::parse::{EnvironmentFile, Line};
use crate::problems::is_name;
use ha_json::Error;

impl EnvironmentFile {
    /// Sets a variable in the place of the last line with its name, else behind the last line. Other
    /// lines with its name go, so that nobody reads an old value. True where that changed the file.
    ///
    /// # Errors
    /// Usage, with the file as it was: a name that no shell takes, or a value that such a file has
    /// no way to write. Failed: a last line that would take in the new one.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<bool, Error> {
        if !is_name(name.as_bytes()) {
            return Err(Error::usage(
                name,
                "is no name of a variable: letters, digits and _, and no digit first",
            ));
        }
        let written = self.dialect.written(name, value)?;
        let Some(last) = self.lines.iter().rposition(|line| line.speaks_of(name)) else {
            return self.append(name, &written).map(|()| true);
        };
        let mut changed = false;
        if self.get(name) != Some(value) {
            let line = &self.lines[last];
            let end = line.assignment.as_ref().map_or(0, |assignment| assignment.name.end);
            let bytes = [&line.bytes[..end], b"=", &written, b"\n"].concat();
            self.lines[last] = Line::new(self.dialect, line.number, bytes);
            changed = true;
        }
        let behind = self.lines.split_off(last);
        self.lines.retain(|line| !line.speaks_of(name));
        changed |= self.lines.len() != last;
        self.lines.extend(behind);
        Ok(changed)
    }

    /// Takes away every line with the name. True where there was one.
    pub fn unset(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !line.speaks_of(name));
        self.lines.len() != before
    }

    fn append(&mut self, name: &str, written: &[u8]) -> Result<(), Error> {
        let mut number = 1;
        if let Some(last) = self.lines.last_mut() {
            let lines = last.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            if self.dialect.goes_on(&last.bytes) {
                let why = "cannot be set behind the last line: a backslash at its end joins it with the next";
                return Err(Error::failed(name, why));
            }
            if !last.bytes.ends_with(b"\n") {
                last.bytes.push(b'\n');
            }
            number = last.number + lines.max(1);
        }
        let bytes = [name.as_bytes(), b"=", written, b"\n"].concat();
        self.lines.push(Line::new(self.dialect, number, bytes));
        Ok(())
    }
}
