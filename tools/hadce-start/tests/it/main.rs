//! What the tool does, seen from outside: the real binary, with files in place of daemons.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod starts;
#[cfg(test)]
mod tells;
