//! What the tool does, seen from outside: the real binary, among hosts that are directories.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod ground;
