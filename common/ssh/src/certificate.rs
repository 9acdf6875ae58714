//! A host that shows a certificate. libssh2 proves the key alone; ssh-keyscan brings the certificate,
//! which counts only where it is of that very key.

use crate::known_hosts::Known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ha_command::{Fate, capture};
use signature::Verifier;
use ssh_key::{Algorithm, PublicKey, Signature};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SUFFIX: &str = "-cert-v01@openssh.com";
/// `SSH2_CERT_TYPE_HOST`.
const HOST: u32 = 2;

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
        if certificate.key.key_data() != actual.key_data() {
            why = "it is of another key than the host has".to_owned();
            continue;
        }
        match certificate.valid(authorities, revoked, principal, now.as_secs()) {
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
    let kind = match actual.algorithm() {
        Algorithm::Ecdsa { .. } => "ecdsa",
        Algorithm::Rsa { .. } => "rsa",
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
    Ok(String::from_utf8_lossy(&said.stdout).lines().filter_map(Certificate::of_line).collect())
}

/// A certificate as PROTOCOL.certkeys of OpenSSH has it. ssh-key 0.6 reads none without an end.
#[derive(Debug)]
struct Certificate {
    key: PublicKey,
    kind: u32,
    principals: Vec<String>,
    valid_after: u64,
    valid_before: u64,
    has_critical_options: bool,
    signer: PublicKey,
    signature: Signature,
    signed: Vec<u8>,
}

/// Bytes that are taken away from the front.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()?;
        self.bytes(usize::try_from(count).ok()?)
    }
}

impl Certificate {
    /// A line of ssh-keyscan, which for another port than 22 leaves the name out (OpenSSH 9.2).
    fn of_line(line: &str) -> Option<Certificate> {
        let mut words = line.split_whitespace();
        let kind = words.find(|word| word.ends_with(SUFFIX))?;
        let blob = STANDARD.decode(words.next()?).ok()?;
        Certificate::of_blob(kind.strip_suffix(SUFFIX)?, &blob)
    }

    fn of_blob(plain: &str, blob: &[u8]) -> Option<Certificate> {
        let mut wire = Wire(blob);
        if wire.string()? != [plain, SUFFIX].concat().as_bytes() {
            return None;
        }
        wire.string()?;
        // The key is what a plain one has behind its type.
        let fields = match plain {
            "ssh-ed25519" => 1,
            "ssh-rsa" => 2,
            _ if plain.starts_with("ecdsa-sha2-nistp") => 2,
            _ => return None,
        };
        let behind = wire.0;
        for _ in 0..fields {
            wire.string()?;
        }
        let mut key = u32::try_from(plain.len()).ok()?.to_be_bytes().to_vec();
        key.extend_from_slice(plain.as_bytes());
        key.extend_from_slice(&behind[..behind.len() - wire.0.len()]);
        let _serial = wire.u64()?;
        let kind = wire.u32()?;
        let _id = wire.string()?;
        let mut names = Wire(wire.string()?);
        let mut principals = Vec::new();
        while !names.0.is_empty() {
            principals.push(String::from_utf8(names.string()?.to_vec()).ok()?);
        }
        let (valid_after, valid_before) = (wire.u64()?, wire.u64()?);
        let has_critical_options = !wire.string()?.is_empty();
        let (_extensions, _reserved) = (wire.string()?, wire.string()?);
        let signer = PublicKey::from_bytes(wire.string()?).ok()?;
        let signed = blob[..blob.len() - wire.0.len()].to_vec();
        let signature = Signature::try_from(wire.string()?).ok()?;
        wire.0.is_empty().then_some(())?;
        Some(Certificate {
            key: PublicKey::from_bytes(&key).ok()?,
            kind,
            principals,
            valid_after,
            valid_before,
            has_critical_options,
            signer,
            signature,
            signed,
        })
    }

    /// Where the authority stands that makes it valid for `principal`.
    fn valid(
        &self,
        authorities: &[&Known],
        revoked: &[&PublicKey],
        principal: &str,
        now: u64,
    ) -> Result<String, String> {
        let signer = self.signer.key_data();
        let authority = authorities.iter().find(|known| known.line.key.key_data() == signer);
        let Some(authority) = authority else {
            return Err("it is signed by none of the authorities of this name".to_owned());
        };
        let weak = matches!(self.signature.algorithm(), Algorithm::Rsa { hash: None });
        if weak || signer.verify(&self.signed, &self.signature).is_err() {
            return Err("its signature is wrong".to_owned());
        }
        if revoked.iter().any(|key| key.key_data() == signer) {
            return Err("its authority is revoked".to_owned());
        }
        if self.kind != HOST {
            return Err("it is none of a host".to_owned());
        }
        if !self.principals.iter().any(|name| name.eq_ignore_ascii_case(principal)) {
            return Err(format!("it is not for the name {principal}"));
        }
        if self.has_critical_options {
            return Err("it has critical options, which no host's has".to_owned());
        }
        if now < self.valid_after || now >= self.valid_before {
            return Err("it is not valid now".to_owned());
        }
        Ok(authority.place.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_hosts;
    use proptest::prelude::*;

    // Made by ssh-keygen of OpenSSH 9.2 for this test: ssh-keygen -s ca -I x -h -n 127.0.0.2,mn2 host.pub
    const LINE: &str = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIFkrVWwQAAEfTdBsM0PjxQ74ly+0esL1SgQVFJt2r0+8AAAAIP8EmR8CB0dnKtnrusKLO1ql0XXfyeCMaeh8wmtv8KLyAAAAAAAAAAAAAAACAAAAAXgAAAAUAAAACTEyNy4wLjAuMgAAAANtbjIAAAAAAAAAAP//////////AAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACB1AXRsen6SMz18P6d1DY3yPh4c4AOdslQiB1MH5v8siQAAAFMAAAALc3NoLWVkMjU1MTkAAABA1KvWZ3ydZgDb7YDMXcd/I1tMi6s7VhIWUZaNDBovhqLsfCipjHSZB7+uxDQvxzkZt8WPTvr4SXOYCUnJj37eDw==";
    const AUTHORITY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUBdGx6fpIzPXw/p3UNjfI+HhzgA52yVCIHUwfm/yyJ";

    fn judged(
        certificate: &Certificate,
        authority: &str,
        principal: &str,
    ) -> Result<String, String> {
        let known = known_hosts::read(authority.as_bytes(), "f");
        certificate.valid(&known.iter().collect::<Vec<_>>(), &[], principal, 1_800_000_000)
    }

    #[test]
    fn a_certificate_of_openssh_without_an_end_is_valid() {
        let certificate = Certificate::of_line(LINE).unwrap();
        let authority = format!("@cert-authority * {AUTHORITY}");
        assert_eq!(judged(&certificate, &authority, "mn2"), Ok("f:1".to_owned()));
        assert!(judged(&certificate, &authority, "mn3").unwrap_err().contains("not for the name"));
        assert!(judged(&certificate, "", "mn2").unwrap_err().contains("signed by none"));
    }

    proptest! {
        #[test]
        fn one_changed_byte_makes_it_invalid(at in 0usize..10_000, bits in 1u8..) {
            let (kind, text) = LINE.split_once(' ').unwrap();
            let mut blob = STANDARD.decode(text).unwrap();
            let at = at % blob.len();
            blob[at] ^= bits;
            let authority = format!("@cert-authority * {AUTHORITY}");
            let plain = kind.strip_suffix(SUFFIX).unwrap();
            if let Some(changed) = Certificate::of_blob(plain, &blob) {
                prop_assert!(judged(&changed, &authority, "mn2").is_err());
            }
        }

        #[test]
        fn soup_is_no_certificate(soup: Vec<u8>) {
            prop_assert!(Certificate::of_blob("ssh-ed25519", &soup).is_none());
        }
    }
}
