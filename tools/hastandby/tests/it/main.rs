//! What the tool does, seen from outside: the real binary.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
