//! What must hold before anything is touched.

use crate::{Answer, Check, Probe, probe, sys};
use ha_json::reason;
use nix::net::if_::InterfaceFlags;
use std::fs;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a name may take to resolve: a dead name server must not eat the deadline of a takeover.
const RESOLVE: Duration = Duration::from_secs(10);

/// How long a check may take that stands in no plan; a probe has its own time.
const ALONE: Duration = Duration::from_secs(60);

impl Check {
    /// Whether it holds now; where not, why, as a sentence without its end.
    ///
    /// # Errors
    /// That sentence.
    pub fn holds(&self) -> Result<(), String> {
        let wait = match self {
            Check::Probe { probe } => Duration::from_secs(probe.timeout_seconds),
            _ => ALONE,
        };
        holds(self, Instant::now() + wait, &|| false)
    }
}

/// As [`Check::holds`], within a time and for as long as `give_up` says no.
pub(crate) fn holds(
    check: &Check,
    ends: Instant,
    give_up: &dyn Fn() -> bool,
) -> Result<(), String> {
    match check {
        Check::Probe { probe } => answers(probe, ends, give_up),
        Check::Unproven {} => Err("nothing here proves it".to_owned()),
        Check::Mounted { path } => match mounted(path)? {
            true => Ok(()),
            false => Err(format!("{path} is not a mounted file system")),
        },
        Check::NotMounted { path } => match mounted(path)? {
            true => Err(format!("{path} is still mounted")),
            false => Ok(()),
        },
        Check::LiesOn { directory, mounts } => lies_on(Path::new(directory), mounts).map(|_| ()),
        Check::Address { addresses } => configured(addresses),
        Check::KnownAddresses { addresses } => all_known(addresses),
        Check::Resolves { name, addresses } => resolves(name, addresses, ends),
        Check::Executable { program } => executable(program),
    }
}

/// Whether the probe answers as expected; where not, what it answers.
pub(crate) fn answers(
    probe: &Probe,
    ends: Instant,
    give_up: &dyn Fn() -> bool,
) -> Result<(), String> {
    let given = probe::answer(probe, ends, give_up).map_err(|error| error.to_string())?;
    let program = &probe.argv[0];
    match (given == probe.expect, given) {
        (true, _) => Ok(()),
        (false, Answer::Yes) => Err(format!("{program} answers yes")),
        (false, Answer::No) => Err(format!("{program} answers no")),
    }
}

fn mounted(path: &str) -> Result<bool, String> {
    sys::is_mounted(Path::new(path)).map_err(|error| format!("{path}: {}", reason(&error)))
}

/// The device of the directory, which lies on one of these mounted file systems.
pub(crate) fn lies_on(directory: &Path, mounts: &[String]) -> Result<u64, String> {
    let look = |path: &Path| {
        let real = fs::canonicalize(path)?;
        let device = fs::metadata(&real)?.dev();
        Ok((real, device))
    };
    let told =
        |path: &Path, error: std::io::Error| format!("{}: {}", path.display(), reason(&error));
    let (real, device): (PathBuf, u64) = look(directory).map_err(|error| told(directory, error))?;
    for mount in mounts {
        if !mounted(mount)? {
            continue;
        }
        let path = Path::new(mount);
        let (point, its_device) = look(path).map_err(|error| told(path, error))?;
        // Both: another file system may be mounted beneath it, and one can be mounted twice.
        if real.starts_with(&point) && device == its_device {
            return Ok(device);
        }
    }
    let mut text = format!("{} is not on {}", directory.display(), mounts.join(", "));
    if real != directory {
        text.push_str(&format!(", but is {}", real.display()));
    }
    Err(text)
}

/// The addresses of the adapters that are up.
fn here() -> Result<Vec<IpAddr>, String> {
    let adapters = nix::ifaddrs::getifaddrs().map_err(|error| {
        format!("the adapters cannot be listed: {}", error.desc().to_lowercase())
    })?;
    let address = |adapter: nix::ifaddrs::InterfaceAddress| {
        let address = adapter.address?;
        let four = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
    };
    Ok(adapters
        .filter(|adapter| adapter.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(address)
        .collect())
}

fn listed(addresses: &[String]) -> Vec<IpAddr> {
    addresses.iter().filter_map(|text| text.parse().ok()).collect()
}

fn named(addresses: impl Iterator<Item = IpAddr>) -> Option<String> {
    let names: Vec<String> = addresses.map(|address| address.to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn configured(addresses: &[String]) -> Result<(), String> {
    let here = here()?;
    match named(listed(addresses).into_iter().filter(|address| !here.contains(address))) {
        None => Ok(()),
        Some(missing) => Err(format!("{missing} is on no adapter of this machine")),
    }
}

fn all_known(addresses: &[String]) -> Result<(), String> {
    let known = listed(addresses);
    let counts = |address: &IpAddr| address.is_ipv4() && !address.is_loopback();
    match named(here()?.into_iter().filter(|one| counts(one) && !known.contains(one))) {
        None => Ok(()),
        Some(others) => Err(format!("{others} is on an adapter of this machine, too")),
    }
}

fn resolves(name: &str, addresses: &[String], ends: Instant) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let asked = name.to_owned();
    thread::spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(
            (asked.as_str(), 0)
                .to_socket_addrs()
                .map(|found| found.map(|socket| socket.ip()).collect::<Vec<IpAddr>>()),
        );
    });
    let wait = ends.saturating_duration_since(Instant::now()).min(RESOLVE);
    let found = match receiver.recv_timeout(wait) {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return Err(format!("{name} does not resolve")),
        Err(_) => return Err(format!("{name} did not resolve within {} s", wait.as_secs())),
    };
    let wanted = listed(addresses);
    match found.iter().any(|address| wanted.contains(address)) {
        true => Ok(()),
        false => {
            Err(format!("{name} resolves to {}", named(found.into_iter()).unwrap_or_default()))
        }
    }
}

fn executable(program: &str) -> Result<(), String> {
    let can = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return match can(Path::new(program)) {
            true => Ok(()),
            false => Err(format!("{program} is not a program that can be run")),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&path).any(|directory| can(&directory.join(program))) {
        true => Ok(()),
        false => Err(format!("{program} is not in PATH ({})", path.to_string_lossy())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(check: Check) -> Option<String> {
        holds(&check, Instant::now() + Duration::from_secs(20), &|| false).err()
    }

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_directory_under_a_mount_point_is_not_the_file_system() {
        assert_eq!(why(Check::Mounted { path: "/proc".into() }), None);
        let path = "/proc/self".to_owned();
        assert!(why(Check::Mounted { path: path.clone() }).unwrap().contains("not a mounted"));
        assert_eq!(why(Check::NotMounted { path }), None);
        assert!(why(Check::NotMounted { path: "/proc".into() }).unwrap().contains("still"));
    }

    #[test]
    fn a_link_is_followed_to_where_the_directory_lies() {
        let ground = tempfile::tempdir().unwrap();
        let link = ground.path().join("var");
        std::os::unix::fs::symlink("/proc/sys", &link).unwrap();
        let on = |directory: &Path, mount: &str| {
            why(Check::LiesOn {
                directory: directory.to_str().unwrap().into(),
                mounts: list(&["/no/such", mount]),
            })
        };
        assert_eq!(on(&link, "/proc"), None);
        assert!(on(ground.path(), "/proc").unwrap().contains("is not on"));
        assert!(on(&link, "/dev").unwrap().contains("but is /proc/sys"));
    }

    #[test]
    fn an_address_is_configured_here_or_named_as_missing() {
        let check = |all: &[&str]| why(Check::Address { addresses: list(all) });
        assert_eq!(check(&["127.0.0.1"]), None);
        let told = check(&["127.0.0.1", "192.0.2.77"]).unwrap();
        assert_eq!(told, "192.0.2.77 is on no adapter of this machine");
    }

    #[test]
    fn an_address_that_nobody_listed_is_named() {
        let check = |all: &[&str]| why(Check::KnownAddresses { addresses: list(all) });
        let all: Vec<String> = here().unwrap().iter().map(IpAddr::to_string).collect();
        assert_eq!(why(Check::KnownAddresses { addresses: all.clone() }), None);
        let has_others = all.iter().any(|text| {
            text.parse::<IpAddr>().is_ok_and(|one| one.is_ipv4() && !one.is_loopback())
        });
        assert_eq!(check(&["192.0.2.77"]).is_some(), has_others);
    }

    #[test]
    fn a_name_resolves_to_one_of_the_addresses() {
        let check = |name: &str, address: &str| {
            why(Check::Resolves { name: name.into(), addresses: list(&[address]) })
        };
        assert_eq!(check("127.0.0.1", "127.0.0.1"), None);
        assert!(check("127.0.0.1", "192.0.2.1").unwrap().contains("resolves to 127.0.0.1"));
        assert!(check("no-such-host.invalid", "192.0.2.1").unwrap().contains("not resolve"));
    }

    #[test]
    fn a_program_is_found_by_its_path_or_in_path() {
        let check = |program: &str| why(Check::Executable { program: program.into() });
        assert_eq!(check("sh"), None);
        assert_eq!(check("/bin/sh"), None);
        assert!(check("/etc/passwd").unwrap().contains("can be run"));
        assert!(check("no-such-program").unwrap().contains("PATH"));
    }
}
