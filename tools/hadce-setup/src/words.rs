//! Words of a command, as a person types them.

/// As it is, or between quotes where a shell would take it for something else.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:,=@%+-".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A whole command.
pub(crate) fn command(argv: &[String]) -> String {
    argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("/.../C=US/O=ABC:x"), "/.../C=US/O=ABC:x");
        assert_eq!(quoted("/a b; rm -r /"), "'/a b; rm -r /'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(command(&["a".to_owned(), String::new()]), "a ''");
    }
}
