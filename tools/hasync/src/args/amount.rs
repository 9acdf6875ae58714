//! Amounts on the command line, with rsync's suffixes.

use ha_json::Error;

/// A rate as rsync's `--bwlimit` takes it, in bytes a second: KiB where there is no suffix. 0 is no
/// limit, in rsync, too.
///
/// # Errors
/// Usage, for what is no rate.
pub(super) fn rate(text: &str) -> Result<u64, Error> {
    amount(text, 1024.0).ok_or_else(|| {
        Error::usage("--bwlimit", format!("{text:?} is no rate such as 500, 1.5M or 1G"))
    })
}

/// A size as rsync's `--max-size` takes it, in bytes: `1.5M` is 1.5 MiB, `2GB` is two billion, and
/// `+1` or `-1` after a suffix is one byte more or less.
///
/// # Errors
/// Usage, for what is no size.
pub(super) fn size(option: &str, text: &str) -> Result<u64, Error> {
    let bad = || Error::usage(option, format!("{text:?} is no size such as 500, 1.5M or 1G"));
    let (number, more) = match text.len().checked_sub(2).map(|at| text.split_at_checked(at)) {
        Some(Some((number, "+1"))) => (number, 1),
        Some(Some((number, "-1"))) => (number, -1),
        _ => (text, 0),
    };
    amount(number, 1.0).and_then(|size| size.checked_add_signed(more)).ok_or_else(bad)
}

fn amount(text: &str, plain: f64) -> Option<u64> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" => plain,
        "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024f64.powi(2),
        "g" | "gib" => 1024f64.powi(3),
        "t" | "tib" => 1024f64.powi(4),
        "p" | "pib" => 1024f64.powi(5),
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "pb" => 1e15,
        _ => return None,
    };
    let amount = number.parse::<f64>().ok()? * unit;
    (amount.is_finite() && amount < 9e18).then_some(amount as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_rsync_reads_them() {
        assert_eq!(rate("100").unwrap(), 102_400);
        assert_eq!(rate("1.5m").unwrap(), 1_572_864);
        assert_eq!(rate("2MB").unwrap(), 2_000_000);
        assert!(rate("fast").is_err());
        assert!(rate("-1").is_err());
    }

    #[test]
    fn sizes_are_read_as_rsync_reads_them() {
        assert_eq!(size("--max-size", "500").unwrap(), 500);
        assert_eq!(size("--max-size", "1.5k").unwrap(), 1536);
        assert_eq!(size("--max-size", "1m-1").unwrap(), (1 << 20) - 1);
        assert_eq!(size("--max-size", "2GB+1").unwrap(), 2_000_000_001);
        assert!(size("--max-size", "big").is_err());
        assert!(size("--max-size", "").is_err());
    }
}
