//! Numbers and strings in a frame.

use ha_json::Error;

/// A frame that does not hold what it should.
pub(crate) fn damaged(what: &str) -> Error {
    Error::failed("protocol", format!("the far side sent {what}"))
}

/// Writes the fields of a frame.
#[derive(Debug, Default)]
pub(crate) struct Encoder(pub(crate) Vec<u8>);

impl Encoder {
    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    /// LEB128: seven bits a byte, lowest first.
    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn signed(&mut self, value: i64) {
        // Zigzag, so that small negative numbers stay short.
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn fixed(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    pub(crate) fn string(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.fixed(value);
    }
}

/// Reads the fields of a frame. Every length is checked against what is there.
#[derive(Debug)]
pub(crate) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Decoder<'a> {
        Decoder(bytes)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or_else(|| damaged("a frame that is cut"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| damaged("a frame that is cut"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(damaged("a flag that is neither 0 nor 1")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            value |= bits << shift;
            if shift == 63 && bits > 1 {
                break;
            }
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a number of more than 64 bits"))
    }

    pub(crate) fn small(&mut self) -> Result<u32, Error> {
        u32::try_from(self.number()?).map_err(|_| damaged("a number of more than 32 bits"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Error> {
        let zigzag = self.number()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub(crate) fn string(&mut self) -> Result<Vec<u8>, Error> {
        let length =
            usize::try_from(self.number()?).map_err(|_| damaged("a string without an end"))?;
        Ok(self.take(length)?.to_vec())
    }

    /// The string that ends the frame: its length, and the frame's tail is it.
    pub(crate) fn payload(&mut self) -> Result<usize, Error> {
        let length =
            usize::try_from(self.number()?).map_err(|_| damaged("a string without an end"))?;
        self.take(length)?;
        Ok(length)
    }

    /// A count of items that each take at least `least` bytes: never more than the frame can hold,
    /// so that no number from the peer alone allocates memory.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, Error> {
        let count = self.number()?;
        if count > (self.0.len() / least.max(1)) as u64 {
            return Err(damaged("a count that its frame cannot hold"));
        }
        Ok(count as usize)
    }

    pub(crate) fn end(&self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(damaged("a frame that is too long")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_strings_come_back(a: u64, b: i64, s: Vec<u8>) {
            let mut encoder = Encoder::default();
            encoder.number(a);
            encoder.signed(b);
            encoder.string(&s);
            let mut decoder = Decoder::new(&encoder.0);
            prop_assert_eq!(decoder.number().unwrap(), a);
            prop_assert_eq!(decoder.signed().unwrap(), b);
            prop_assert_eq!(decoder.string().unwrap(), s);
            decoder.end().unwrap();
        }
    }

    #[test]
    fn a_length_beyond_the_frame_is_refused_before_it_allocates() {
        let mut encoder = Encoder::default();
        encoder.number(u64::MAX);
        assert!(Decoder::new(&encoder.0).string().is_err());
        assert!(Decoder::new(&encoder.0).count(1).is_err());
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        assert!(Decoder::new(&[0xff; 11]).number().is_err());
        assert!(
            Decoder::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2])
                .number()
                .is_err()
        );
    }
}
