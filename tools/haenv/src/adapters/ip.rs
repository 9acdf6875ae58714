//! What `ip -j addr` of Linux prints.

use super::Adapter;
use ha_json::Value;

/// Reads an array of adapters. Of those that it was asked not to show, ip prints empty objects.
pub(super) fn parse(text: &str) -> Result<Vec<Adapter>, String> {
    let whole: Value = text.parse().map_err(|error| format!("is not JSON: {error}"))?;
    let objects = whole.as_array().ok_or("is not an array of adapters")?;
    let mut adapters = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let fields = object.as_object().ok_or(format!("element {index} is not an adapter"))?;
        if !fields.is_empty() {
            let read = adapter(object).ok_or(format!("element {index} is not an adapter"))?;
            adapters.push(read);
        }
    }
    Ok(adapters)
}

fn adapter(object: &Value) -> Option<Adapter> {
    let flags = object.get("flags")?.as_array()?;
    let has = |wanted: &str| flags.iter().any(|flag| flag == wanted);
    let mut addresses = Vec::new();
    for info in object.get("addr_info")?.as_array()? {
        if info.get("family").and_then(Value::as_str) == Some("inet") {
            addresses.push(info.get("local")?.as_str()?.parse().ok()?);
        }
    }
    Some(Adapter {
        name: object.get("ifname")?.as_str()?.to_owned(),
        up: has("UP"),
        loopback: has("LOOPBACK"),
        addresses,
    })
}
