//! Names in messages.

/// The names with commas between; where they are many, the first of them and how many more.
pub(crate) fn some<S: AsRef<str>>(names: &[S]) -> String {
    const TOLD: usize = 8;
    let told: Vec<&str> = names.iter().take(TOLD).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(TOLD) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_told_in_part() {
        let names: Vec<String> = (1..=10).map(|number| format!("n{number}")).collect();
        assert_eq!(some(&names[..2]), "n1, n2");
        assert_eq!(some(&names), "n1, n2, n3, n4, n5, n6, n7, n8 and 2 more");
    }
}
