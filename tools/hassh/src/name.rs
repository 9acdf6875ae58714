//! What a person names: read strictly, before a program or a file sees it.

use ssh_key::Fingerprint;

/// For `--fingerprint`.
///
/// # Errors
/// What a fingerprint is.
pub(crate) fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let read: Option<Fingerprint> = text.trim_end_matches('=').parse().ok();
    read.filter(|fingerprint| fingerprint.is_sha256())
        .ok_or_else(|| "is no SHA256:... as ssh-keygen -lf prints it".to_owned())
}

/// For `--hassh-path`: one word for any shell of the far side.
///
/// # Errors
/// What it may be.
pub(crate) fn program(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+,:@%-".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("is no plain path of a program".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_sha256_of_32_bytes() {
        assert!(fingerprint("SHA256:uzkJmeLwwbkDeRAfxnt9Wc8wTKWFd8jSU9HOa4ktOWo").is_ok());
        for text in
            ["SHA256:", "MD5:00:11", "SHA256:uzkJ", "uzkJmeLwwbkDeRAfxnt9Wc8wTKWFd8jSU9HOa4ktOWo"]
        {
            assert!(fingerprint(text).is_err(), "{text}");
        }
    }
}
