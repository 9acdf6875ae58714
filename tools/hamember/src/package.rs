//! Whether the package runs here: its file system is mounted, and has what it should.

use crate::configuration::Package;
use ha_file::Mounts;
use ha_json::Error;
use std::io::ErrorKind;

/// Refuses where it does not: an empty mount point looks like a configuration that has become empty.
///
/// # Errors
/// Busy, with where to run instead; failed, where it cannot be told.
pub(crate) fn runs_here(package: &Package) -> Result<(), Error> {
    let mount = package.mount.display().to_string();
    let next = "run this on the member that runs the package, or start the package first";
    match Mounts::of_this_machine().has(&package.mount) {
        Ok(true) => {}
        Ok(false) => return Err(Error::busy(mount, format!("is not mounted here: {next}"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::busy(mount, format!("is not there: {next}")));
        }
        Err(error) => return Err(Error::io(mount, &error)),
    }
    let sentinel = package.sentinel.display().to_string();
    match std::fs::metadata(&package.sentinel) {
        Ok(metadata) if metadata.is_file() && metadata.len() > 0 => Ok(()),
        Ok(_) => Err(Error::busy(
            sentinel,
            format!("is no file with anything in it, so that {mount} is not the package's: {next}"),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::busy(
            sentinel,
            format!(
                "is not there, so that what is mounted at {mount} is not the package's: {next}"
            ),
        )),
        Err(error) => Err(Error::io(sentinel, &error)),
    }
}
