//! What the tool does, seen from outside: the real binary on the fakes of NIM.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod runs;
