//! The wildcards of a pattern. A path is gone through once, whatever the pattern is, and a pattern takes
//! memory in proportion to its text: rules may come from a peer, and be many.
//!
//! Source: rsync(1), PATTERN MATCHING RULES, and rsync 3.5.0 where that is silent.

/// One piece of a pattern.
#[derive(Debug)]
enum Piece {
    Byte(u8),
    /// `?`: any byte but a slash.
    One,
    /// `[...]`
    Class(Box<Class>),
    /// `*`: bytes but slashes.
    Name,
    /// `**`: any bytes.
    Path,
}

impl Piece {
    /// True when it stands for no byte, or for many.
    fn is_star(&self) -> bool {
        matches!(self, Piece::Name | Piece::Path)
    }

    fn takes(&self, byte: u8) -> bool {
        match self {
            Piece::Byte(own) => *own == byte,
            Piece::One | Piece::Name => byte != b'/',
            Piece::Class(class) => class.has(byte),
            Piece::Path => true,
        }
    }
}

/// Where in a path a match begins; it ends where the path does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Path,
    /// With any of its names.
    AnyName,
    /// With the name after which there are as many slashes as in the pattern.
    SameDepth,
}

/// A pattern's wildcards, ready to be asked.
#[derive(Debug)]
pub(super) struct Glob {
    pieces: Vec<Piece>,
    start: Start,
    slashes: usize,
    /// So many pieces at its end are bytes: most paths end in others.
    plain: usize,
}

impl Glob {
    /// Reads a pattern; `None` for one that matches nothing: a bracket that is not closed, a class that
    /// there is not, a backslash at its end.
    pub(super) fn new(text: &[u8], start: Start) -> Option<Glob> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let (piece, length) = match rest[0] {
                b'*' => match rest.iter().take_while(|&&byte| byte == b'*').count() {
                    1 => (Piece::Name, 1),
                    stars => (Piece::Path, stars),
                },
                b'?' => (Piece::One, 1),
                b'[' => {
                    let (class, length) = Class::read(rest)?;
                    // A slash in it is counted, and never matched.
                    if start == Start::SameDepth && rest[..length].contains(&b'/') {
                        return None;
                    }
                    (Piece::Class(Box::new(class)), length)
                }
                b'\\' => (Piece::Byte(*rest.get(1)?), 2),
                byte => (Piece::Byte(byte), 1),
            };
            pieces.push(piece);
            at += length;
        }
        pieces.shrink_to_fit();
        let plain = pieces.iter().rev().take_while(|piece| matches!(piece, Piece::Byte(_))).count();
        let slashes = pieces.iter().filter(|piece| matches!(piece, Piece::Byte(b'/'))).count();
        Some(Glob { pieces, start, slashes, plain })
    }

    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let last = self.pieces.iter().rev().take(self.plain);
        if path.len() < self.plain
            || !last.zip(path.iter().rev()).all(|(piece, &byte)| piece.takes(byte))
        {
            return false;
        }
        let path = match self.start {
            Start::SameDepth => match last_names(path, self.slashes) {
                Some(names) => names,
                None => return false,
            },
            Start::Path | Start::AnyName => path,
        };
        let mut now = Reached::default();
        now.add(0, &self.pieces);
        let mut next = Reached::default();
        for &byte in path {
            next.0.clear();
            if self.start == Start::AnyName && byte == b'/' {
                next.add(0, &self.pieces);
            }
            for &place in &now.0 {
                match self.pieces.get(place) {
                    Some(piece) if !piece.takes(byte) => {}
                    Some(piece) if piece.is_star() => next.add(place, &self.pieces),
                    Some(_) => next.add(place + 1, &self.pieces),
                    None => {}
                }
            }
            std::mem::swap(&mut now, &mut next);
            if self.start != Start::AnyName && now.0.is_empty() {
                return false;
            }
        }
        now.0.last() == Some(&self.pieces.len())
    }
}

/// The pieces that the next byte may belong to, in order.
#[derive(Default)]
struct Reached(Vec<usize>);

impl Reached {
    /// Adds a piece, and those behind it that may stand for nothing before them. They are added in
    /// order, so that what lies before the last is there.
    fn add(&mut self, mut place: usize, pieces: &[Piece]) {
        loop {
            if self.0.last().is_none_or(|last| *last < place) {
                self.0.push(place);
            }
            if !pieces.get(place).is_some_and(Piece::is_star) {
                return;
            }
            place += 1;
        }
    }
}

/// The end of a path that has so many slashes; `None` where it has fewer.
fn last_names(path: &[u8], slashes: usize) -> Option<&[u8]> {
    let mut at = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    match at.nth(slashes) {
        Some(before) => Some(&path[before + 1..]),
        None => (path.iter().filter(|&&byte| byte == b'/').count() == slashes).then_some(path),
    }
}

/// A set of bytes, a bit for each. A slash is in none.
#[derive(Debug, Default)]
struct Class([u64; 4]);

impl Class {
    /// Reads a bracket expression at the start of `text`, and tells its length; `None` for one that
    /// is not closed, or names a class that there is not.
    fn read(text: &[u8]) -> Option<(Class, usize)> {
        let mut at = 1;
        let negated = matches!(text.get(at), Some(b'!' | b'^'));
        at += usize::from(negated);
        let mut class = Class::default();
        let first = at;
        // What a range may begin with: the byte before, unless that ended a range or was a class.
        let mut low = None;
        loop {
            let byte = *text.get(at)?;
            match byte {
                b']' if at > first => break,
                b'\\' => {
                    at += 1;
                    low = Some(*text.get(at)?);
                }
                b'-' if low.is_some() && text.get(at + 1).is_some_and(|&next| next != b']') => {
                    at += 1;
                    if text[at] == b'\\' {
                        at += 1;
                    }
                    let (from, to) = (low.take()?, *text.get(at)?);
                    (from..=to).for_each(|byte| class.add(byte));
                }
                b'[' if text.get(at + 1) == Some(&b':') => {
                    let end = at + 2 + text[at + 2..].iter().position(|&byte| byte == b']')?;
                    match text[at + 2..end].strip_suffix(b":") {
                        Some(name) => {
                            let is_in = posix_class(name)?;
                            (0..=u8::MAX).filter(is_in).for_each(|byte| class.add(byte));
                            at = end;
                            low = None;
                        }
                        None => low = Some(byte),
                    }
                }
                byte => low = Some(byte),
            }
            if let Some(byte) = low {
                class.add(byte);
            }
            at += 1;
        }
        if negated {
            class.0 = class.0.map(|bits| !bits);
        }
        class.remove(b'/');
        Some((class, at + 1))
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }

    fn remove(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] &= !(1 << (byte % 64));
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] & 1 << (byte % 64) != 0
    }
}

fn posix_class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}
