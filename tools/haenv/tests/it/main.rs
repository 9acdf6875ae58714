//! What the tool does, seen from outside: the real binary on real files.

#[cfg(test)]
mod adapters;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod export;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod looks;
#[cfg(test)]
mod pam_env;
