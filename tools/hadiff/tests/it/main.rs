//! What the tool does, seen from outside: the real binary on real files and pipes.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod memory;
