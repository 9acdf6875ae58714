//! What the fuzz targets call: each reads what a peer or a stranger wrote, as the program does, and
//! asserts what must hold whatever that is. Tests run the corpus that is kept through the same.

#[cfg(test)]
mod corpus;
mod frames;
mod scene;
mod set;
mod source;
mod standby;
mod text;

pub use frames::{delta, greeting, job, to_source, to_standby};
pub(crate) use scene::Scene;
pub use set::{set, set_files};
pub use source::source;
pub use standby::standby;
pub use text::{attributes, chmod, files_from, format, maps, records};

/// How many directories a source may be ahead.
const DIRECTORIES: usize = 64;

/// Filter rules: single ones, and the file of a directory.
pub fn rules(data: &[u8]) {
    crate::filter::fuzz::rules(data);
}

/// A filter pattern and what it is asked about.
pub fn patterns(data: &[u8]) {
    crate::filter::fuzz::patterns(data);
}

/// A target by its name, which is that of its corpus, too.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 17] = [
    ("attributes", attributes),
    ("chmod", chmod),
    ("delta", delta),
    ("files_from", files_from),
    ("format", format),
    ("greeting", greeting),
    ("job", job),
    ("maps", maps),
    ("patterns", patterns),
    ("records", records),
    ("rules", rules),
    ("set", set),
    ("set_files", set_files),
    ("source", source),
    ("standby", standby),
    ("to_source", to_source),
    ("to_standby", to_standby),
];

/// The text before the first null byte, and what stands behind it.
fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&byte| byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, b""),
    }
}
