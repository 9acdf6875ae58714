//! What the tool does, seen from outside: the real program on fakes of AIX's commands.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod many;
#[cfg(test)]
mod usage;
