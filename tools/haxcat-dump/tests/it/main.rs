//! What the tool does, seen from outside: the real binary on real files.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod csv_files;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod records;
#[cfg(test)]
mod safety;
