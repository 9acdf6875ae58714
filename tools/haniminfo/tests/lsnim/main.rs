//! What `--lsnim` does, seen from outside: the real binary on listings.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod listings;
