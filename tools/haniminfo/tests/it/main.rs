//! What the tool does, seen from outside: the real binary on real files.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod goldens;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod looks;
#[cfg(test)]
mod soup;
#[cfg(test)]
mod writes;
