//! What the tool does, seen from outside: the real binary on real files.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod restores;
