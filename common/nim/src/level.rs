//! Levels of AIX, as `oslevel` prints them.

/// A release and its technology level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level {
    /// Such as 7300.
    release: u32,
    /// Such as 2.
    technology_level: u32,
}

/// Beyond it the masters speak nimsh and nothing else; before it they cannot.
pub const NIMSH_FROM: Level = Level { release: 6100, technology_level: 4 };

/// Clients before it know nothing of alternate masters.
pub const CLIENTS_FROM: Level = Level { release: 5300, technology_level: 0 };

impl Level {
    /// Reads `7300-02-01-2320` of `oslevel -s`, and `7.3.0.0` of a plain `oslevel`.
    pub fn parse(text: &str) -> Option<Level> {
        let number = |part: &str| part.trim().parse::<u32>().ok();
        if let Some((release, rest)) = text.split_once('-') {
            let technology_level = number(rest.split('-').next()?)?;
            return Some(Level { release: number(release)?, technology_level });
        }
        let mut parts = text.split('.').map(number);
        let release =
            parts.next()??.checked_mul(1000)?.checked_add(parts.next()??.checked_mul(100)?)?;
        Some(Level { release, technology_level: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_compared() {
        let level = |text| Level::parse(text).unwrap();
        assert!(level("7300-02-01-2320") > NIMSH_FROM);
        assert!(level("6100-05-00-0000") > NIMSH_FROM);
        assert_eq!(level("6100-04"), NIMSH_FROM);
        assert!(level("6100-03-02-0846") < NIMSH_FROM);
        assert!(level("5.2.0.0") < CLIENTS_FROM);
        assert!(level("5.3.0.0") >= CLIENTS_FROM);
        assert!(level("7.3.0.0") > level("7.2.0.0"));
    }

    #[test]
    fn what_is_no_level_is_none() {
        for text in ["", "x", "7300-xx", "-", "7", "99999999999-1", "not found"] {
            assert_eq!(Level::parse(text), None, "{text}");
        }
    }
}
