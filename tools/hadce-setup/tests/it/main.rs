//! What the tool does, seen from outside: the real binary on nodes that are directories.

#[cfg(test)]
mod apply;
#[cfg(test)]
mod check;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod machine;
