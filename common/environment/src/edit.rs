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
    /// no way to write. Failed: a line that goes on, or one at which the system stops reading.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<bool, Error> {
        if !is_name(name.as_bytes()) {
            return Err(Error::usage(
                name,
                "is no name of a variable: letters, digits and _, and no digit first",
            ));
        }
        let written = self.dialect.written(name, value)?;
        if name.len() + "=".len() + written.len() >= self.dialect.longest() {
            return Err(Error::usage(
                name,
                format!("the line would be longer than {} bytes", self.dialect.longest()),
            ));
        }
        self.may_be_edited(name)?;
        let Some(last) = self.lines.iter().rposition(|line| line.speaks_of(name)) else {
            self.append(name, &written);
            return Ok(true);
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
    ///
    /// # Errors
    /// Failed, with the file as it was: a line that goes on, or one at which the system stops reading.
    pub fn unset(&mut self, name: &str) -> Result<bool, Error> {
        self.may_be_edited(name)?;
        let before = self.lines.len();
        self.lines.retain(|line| !line.speaks_of(name));
        Ok(self.lines.len() != before)
    }

    /// What a line that goes on takes in would be another line after an edit, and what is set behind
    /// one that is too long nobody reads.
    fn may_be_edited(&self, name: &str) -> Result<(), Error> {
        let goes_on = self.lines.iter().find(|line| line.goes_on(self.dialect));
        if let Some(Line { number, .. }) = goes_on {
            return Err(Error::failed(
                name,
                format!(
                    "is not edited: a backslash at the end of line {number} joins it with others; \
                     write it as one line, or take the backslash away"
                ),
            ));
        }
        let too_long = self.lines.iter().find(|line| line.is_too_long(self.dialect));
        match too_long {
            Some(Line { number, .. }) => Err(Error::failed(
                name,
                format!(
                    "is not edited: line {number} is longer than {} bytes, and pam_env reads \
                     neither it nor what is behind it; make it shorter",
                    self.dialect.longest()
                ),
            )),
            None => Ok(()),
        }
    }

    fn append(&mut self, name: &str, written: &[u8]) {
        let mut number = 1;
        if let Some(last) = self.lines.last_mut() {
            if !last.bytes.ends_with(b"\n") {
                last.bytes.push(b'\n');
            }
            number = last.number + 1;
        }
        let bytes = [name.as_bytes(), b"=", written, b"\n"].concat();
        self.lines.push(Line::new(self.dialect, number, bytes));
    }
}
