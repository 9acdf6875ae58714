//! What the tool does, seen from outside: the real program on the fakes of NIM.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod looks;
#[cfg(test)]
mod step;
