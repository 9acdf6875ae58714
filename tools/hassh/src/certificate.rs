//! A host that shows a certificate. libssh2 proves the key alone; ssh-keyscan brings the certificate,
//! which counts only where it is of that very key.

use crate::known_hosts::Known;
use ha_command::{Fate, capture};
use ssh_key::certificate::CertType;
use ssh_key::{Certificate, Fingerprint, HashAlg, PublicKey};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whether the host at `address` shows a certificate of `actual` by one of `authorities`: where that
/// one stands.
///
/// # Errors
/// Why not.
pub(crate) fn judge(
    authorities: &[&Known],
    revoked: &[&PublicKey],
    principal: &str,
    actual: &PublicKey,
    address: SocketAddr,
    timeout: Duration,
) -> Result<String, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    let mut why = "the host shows none".to_owned();
    for certificate in fetch(actual, address, timeout)? {
        if certificate.public_key() != actual.key_data() {
            why = "it is of another key than the host has".to_owned();
            continue;
        }
        match valid(&certificate, authorities, revoked, principal, now.as_secs()) {
            Ok(place) => return Ok(place),
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

fn fetch(
    actual: &PublicKey,
    address: SocketAddr,
    timeout: Duration,
) -> Result<Vec<Certificate>, String> {
    let kind = match actual.algorithm().to_string() {
        kind if kind.starts_with("ecdsa") => "ecdsa",
        kind if kind == "ssh-rsa" => "rsa",
        _ => "ed25519",
    };
    let (wait, port) = (timeout.as_secs().max(1).to_string(), address.port().to_string());
    let ip = address.ip().to_string();
    let argv = ["ssh-keyscan", "-c", "-T", &wait, "-t", kind, "-p", &port, "--", &ip];
    let said =
        capture(&argv, timeout + Duration::from_secs(2)).map_err(|error| error.to_string())?;
    if said.fate == Fate::TimedOut || said.cut {
        return Err("ssh-keyscan brings none".to_owned());
    }
    let text = String::from_utf8_lossy(&said.stdout);
    let certificates = text.lines().filter_map(|line| {
        let (_, certificate) = line.split_once(' ')?;
        Certificate::from_openssh(certificate.trim()).ok()
    });
    Ok(certificates.collect())
}

fn valid(
    certificate: &Certificate,
    authorities: &[&Known],
    revoked: &[&PublicKey],
    principal: &str,
    now: u64,
) -> Result<String, String> {
    let signer = certificate.signature_key();
    let Some(authority) = authorities.iter().find(|known| known.line.key.key_data() == signer)
    else {
        return Err("it is signed by none of the authorities of this name".to_owned());
    };
    if revoked.iter().any(|key| key.key_data() == signer) {
        return Err("its authority is revoked".to_owned());
    }
    if certificate.cert_type() != CertType::Host {
        return Err("it is none of a host".to_owned());
    }
    if !certificate.valid_principals().iter().any(|name| name.eq_ignore_ascii_case(principal)) {
        return Err(format!("it is not for the name {principal}"));
    }
    if !certificate.critical_options().is_empty() {
        return Err("it has critical options, which no host's has".to_owned());
    }
    if now < certificate.valid_after() || now >= certificate.valid_before() {
        return Err("it is not valid now".to_owned());
    }
    let trusted: Fingerprint = authority.line.key.fingerprint(HashAlg::Sha256);
    match certificate.validate_at(now, [&trusted]) {
        Ok(()) => Ok(authority.place.clone()),
        Err(_) => Err("its signature is wrong".to_owned()),
    }
}
