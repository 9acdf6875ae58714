//! Public keys of cfengine: PKCS#1 in PEM, known by a digest of their content.
//!
//! Source: what cf-key and cf-serverd of CFEngine 3.21 write and accept (facts of the lab in tests/real).

use md5::Md5;
use pkcs1::der::{Decode, Document, EncodePem};
use pkcs1::{LineEnding, RsaPublicKey};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::ops::RangeInclusive;

/// 512 to 16384 bits.
const MODULUS_BYTES: RangeInclusive<usize> = 64..=2048;

/// The digest that a build of cfengine 3 names keys by, as `cf-key -p` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// `MD5=`: builds of the community edition, Debian's among them.
    Md5,
    /// `SHA=`, which is SHA-256: builds with FIPS.
    Sha256,
}

impl Algorithm {
    /// The algorithm of a digest such as `MD5=0f…`.
    pub(crate) fn of(digest: &str) -> Option<Algorithm> {
        let (word, hexadecimal) = digest.split_once('=')?;
        let digits = hexadecimal.bytes().all(|digit| digit.is_ascii_hexdigit());
        match (word, hexadecimal.len()) {
            ("MD5", 32) if digits => Some(Algorithm::Md5),
            ("SHA", 64) if digits => Some(Algorithm::Sha256),
            _ => None,
        }
    }
}

/// Reads a digest such as `MD5=0f…`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn digest(text: &str) -> Result<String, String> {
    match Algorithm::of(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("a digest is MD5= with 32 hexadecimal digits, or SHA= with 64".to_owned()),
    }
}

/// A key, whatever file it is in.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    pem: String,
}

/// The same number is the same key, however its file is wrapped.
impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        (&self.modulus, &self.exponent) == (&other.modulus, &other.exponent)
    }
}

impl Eq for PublicKey {}

impl PublicKey {
    /// Reads the text of a file; `None` where it is no RSA public key in PEM.
    pub(crate) fn parse(text: &[u8]) -> Option<PublicKey> {
        let text = std::str::from_utf8(text).ok()?.trim();
        let (label, document) = Document::from_pem(text).ok()?;
        if label != "RSA PUBLIC KEY" {
            return None;
        }
        let key = RsaPublicKey::from_der(document.as_bytes()).ok()?;
        // Only the key: what stands before it in a file goes nowhere else.
        let pem = key.to_pem(LineEnding::LF).ok()?;
        let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
        // No build makes a key of other sizes.
        if !MODULUS_BYTES.contains(&modulus.len()) || !(1..=8).contains(&exponent.len()) {
            return None;
        }
        Some(PublicKey { modulus: modulus.to_vec(), exponent: exponent.to_vec(), pem })
    }

    /// The text of its file.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// What `cf-key -p` of such a build prints: the digest of modulus and exponent, big-endian bytes.
    pub(crate) fn digest(&self, algorithm: Algorithm) -> String {
        match algorithm {
            Algorithm::Md5 => format!("MD5={}", self.hashed::<Md5>()),
            Algorithm::Sha256 => format!("SHA={}", self.hashed::<Sha256>()),
        }
    }

    fn hashed<D: Digest>(&self) -> String {
        let digest = D::new().chain_update(&self.modulus).chain_update(&self.exponent).finalize();
        digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether it is the key that goes by this digest.
    pub(crate) fn is(&self, digest: &str) -> bool {
        Algorithm::of(digest)
            .is_some_and(|algorithm| self.digest(algorithm).eq_ignore_ascii_case(digest))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use pkcs1::UintRef;
    use proptest::prelude::*;

    /// A key that no private one belongs to: the same for the same seed.
    pub(crate) fn key(seed: u8) -> PublicKey {
        let modulus: Vec<u8> = (0..=255u8).map(|at| at.wrapping_mul(seed) | 1).collect();
        let key = RsaPublicKey {
            modulus: UintRef::new(&modulus).unwrap(),
            public_exponent: UintRef::new(&[1, 0, 1]).unwrap(),
        };
        PublicKey::parse(key.to_pem(LineEnding::LF).unwrap().as_bytes()).unwrap()
    }

    /// Made by `cf-key` 3.21.0 of Debian 12, which printed this digest of it; `openssl rsa
    /// -RSAPublicKey_in` reads it.
    pub(crate) const MADE: &str = include_str!("../tests/cf-key-3.21.pub");
    const PRINTED: &str = include_str!("../tests/cf-key-3.21.digest");

    #[test]
    fn the_digest_is_the_one_that_cf_key_prints() {
        let key = PublicKey::parse(MADE.as_bytes()).unwrap();
        assert_eq!(key.digest(Algorithm::Md5), PRINTED.trim());
        assert!(key.is(PRINTED.trim()));
        assert_eq!(key.digest(Algorithm::Sha256).len(), "SHA=".len() + 64);
        assert!(key.is(&key.digest(Algorithm::Sha256)));
        assert!(!key.is(PRINTED.trim().trim_start_matches("MD5=")));
        assert_eq!(key.pem(), MADE);
    }

    #[test]
    fn blank_lines_and_line_endings_make_no_other_key() {
        let key = PublicKey::parse(MADE.as_bytes()).unwrap();
        let other = format!("\nnot of the key\n{}\n\n", MADE.replace('\n', "\r\n"));
        let read = PublicKey::parse(other.as_bytes()).unwrap();
        assert_eq!((&read, read.pem()), (&key, MADE));
    }

    #[test]
    fn half_a_key_is_none() {
        for length in 0..MADE.trim_end().len() {
            assert_eq!(PublicKey::parse(&MADE.as_bytes()[..length]), None, "{length}");
        }
    }

    #[test]
    fn other_files_are_no_keys() {
        let other = MADE.replace("RSA PUBLIC KEY", "PUBLIC KEY");
        assert_eq!(PublicKey::parse(other.as_bytes()), None);
        assert_eq!(Algorithm::of("MD5=0f"), None);
        assert_eq!(Algorithm::of("SHA1=00000000000000000000000000000000"), None);
    }

    proptest! {
        #[test]
        fn soup_is_no_key(soup: Vec<u8>, at in 0usize..400, byte: u8) {
            prop_assert_eq!(PublicKey::parse(&soup), None);
            // Bent: another key at most, and never a panic.
            let mut bent = MADE.as_bytes().to_vec();
            let at = at % bent.len();
            bent[at] = byte;
            if let Some(key) = PublicKey::parse(&bent) {
                prop_assert!(key.is(&key.digest(Algorithm::Md5)));
            }
        }
    }
}
