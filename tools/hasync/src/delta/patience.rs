//! How long rolling pays.

/// Rolling is given up after two segments that brought little, and tried again after a rest that
/// doubles each time.
#[derive(Debug)]
pub(crate) struct Patience {
    poor: u32,
    rest: u32,
    next_rest: u32,
}

/// In segments.
const FIRST_REST: u32 = 4;
const LONGEST_REST: u32 = 1024;

impl Default for Patience {
    fn default() -> Patience {
        Patience { poor: 0, rest: 0, next_rest: FIRST_REST }
    }
}

impl Patience {
    /// True when the next segment is worth a try.
    pub(crate) fn tries(&mut self) -> bool {
        let tries = self.rest == 0;
        self.rest = self.rest.saturating_sub(1);
        tries
    }

    /// Learns how many bytes were new before a try and after it; true when it gives up.
    pub(crate) fn learn(&mut self, before: usize, after: usize) -> bool {
        if after <= before / 16 * 15 {
            *self = Patience::default();
            return false;
        }
        self.poor += 1;
        if self.poor < 2 {
            return false;
        }
        // After a rest, one try decides.
        *self = Patience {
            poor: 1,
            rest: self.next_rest,
            next_rest: (self.next_rest * 2).min(LONGEST_REST),
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_nothing_but_new_bytes_is_tried_ever_more_rarely() {
        let mut patience = Patience::default();
        let tried: usize = (0..4096)
            .map(|_| {
                let tries = patience.tries();
                if tries {
                    patience.learn(100, 100);
                }
                usize::from(tries)
            })
            .sum();
        assert!((4..16).contains(&tried), "{tried}");
        patience.learn(100, 10);
        assert!(patience.tries() && patience.tries());
    }
}
