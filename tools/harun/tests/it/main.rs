//! harun with real programs.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod rehearsed;
