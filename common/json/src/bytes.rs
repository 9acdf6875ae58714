//! Bytes in JSON: as text where they are UTF-8, else as base64 under `<name>_base64`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

/// Puts `bytes` into `map` as `name`, or as `<name>_base64` where they are not UTF-8.
pub fn put_bytes(map: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => map.insert(name.to_owned(), Value::from(text)),
        Err(_) => map.insert(format!("{name}_base64"), Value::from(STANDARD.encode(bytes))),
    };
}

/// The bytes that [`put_bytes`] put under `name`; `None` where there are none, or where the base64
/// is damaged.
pub fn bytes_of(map: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    if let Some(text) = map.get(name).and_then(Value::as_str) {
        return Some(text.as_bytes().to_vec());
    }
    let encoded = map.get(&format!("{name}_base64"))?.as_str()?;
    STANDARD.decode(encoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_come_back_as_they_were(bytes: Vec<u8>) {
            let mut map = Map::new();
            put_bytes(&mut map, "path", &bytes);
            prop_assert_eq!(bytes_of(&map, "path"), Some(bytes));
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_never_stand_under_the_plain_name() {
        let mut map = Map::new();
        put_bytes(&mut map, "path", b"\xff");
        assert!(map.get("path").is_none());
        assert_eq!(map["path_base64"], "/w==");
    }
}
