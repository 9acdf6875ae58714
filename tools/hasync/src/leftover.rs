//! Temporary names, and those that a run which was killed left behind.

use crate::sys;

const PREFIX: &str = ".hasync.";

/// The temporary names of this run: they say which boot and which process made them, so that
/// another run can tell a leftover from a file that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Temporaries {
    stem: String,
}

impl Temporaries {
    pub(crate) fn of_this_run() -> Temporaries {
        let pid = std::process::id();
        let start = sys::process_start(pid).unwrap_or(0);
        Temporaries { stem: format!("{PREFIX}{}.{pid}.{start}.", sys::boot()) }
    }

    /// The name with this number.
    pub(crate) fn name(&self, number: u64) -> Vec<u8> {
        format!("{}{number}", self.stem).into_bytes()
    }
}

/// The boot, process and start time in a temporary name; `None` for any other name.
fn parts(name: &[u8]) -> Option<(&str, u32, u64)> {
    let rest = std::str::from_utf8(name).ok()?.strip_prefix(PREFIX)?;
    let mut fields = rest.split('.');
    let boot = fields.next()?;
    let digits = |field: &str| !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit());
    let (pid, start, number) = (fields.next()?, fields.next()?, fields.next()?);
    let well_formed = boot.len() == 8
        && boot.bytes().all(|byte| byte.is_ascii_hexdigit())
        && [pid, start, number].into_iter().all(digits)
        && fields.next().is_none();
    if !well_formed {
        return None;
    }
    Some((boot, pid.parse().ok()?, start.parse().ok()?))
}

/// True for a name that only hasync makes; such files are never sent and never compared.
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(PREFIX.as_bytes()) && parts(name).is_some()
}

/// True for a temporary name whose process is gone: of an earlier boot, or no longer running.
pub(crate) fn is_abandoned(name: &[u8]) -> bool {
    let Some((boot, pid, start)) = parts(name) else { return false };
    boot != sys::boot() || sys::process_start(pid) != Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_keeps_its_temporaries_and_an_ended_one_does_not() {
        let own = Temporaries::of_this_run().name(7);
        assert!(is_temporary(&own));
        assert!(!is_abandoned(&own));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let start = sys::process_start(child.id()).unwrap();
        let name = format!(".hasync.{}.{}.{start}.1", sys::boot(), child.id()).into_bytes();
        assert!(!is_abandoned(&name));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_abandoned(&name));
    }

    #[test]
    fn a_temporary_of_an_earlier_boot_is_abandoned() {
        let pid = std::process::id();
        let start = sys::process_start(pid).unwrap();
        assert!(is_abandoned(format!(".hasync.0badb007.{pid}.{start}.1").as_bytes()));
    }

    #[test]
    fn names_that_only_look_alike_are_files_like_any_other() {
        for name in [".hasync", ".hasync.conf", ".hasync.12345678.1.2", ".hasync.1234567g.1.2.3"] {
            assert!(!is_temporary(name.as_bytes()), "{name}");
        }
    }
}
