//! Amounts of data, as messages say them.

/// So many KiB in a unit that a person reads at once.
pub(crate) fn amount(kib: u64) -> String {
    let mut value = kib as f64;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    match unit {
        "KiB" => format!("{kib} KiB"),
        _ => format!("{value:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn an_amount_has_the_unit_that_suits_it() {
        let all = [(0, "0 KiB"), (1023, "1023 KiB"), (1 << 10, "1.0 MiB"), (34 << 20, "34.0 GiB")];
        for (kib, text) in all {
            assert_eq!(amount(kib), text);
        }
        assert_eq!(amount(3 << 31), "6.0 TiB");
    }
}
