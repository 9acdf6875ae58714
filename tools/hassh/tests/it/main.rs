//! What the tool does, seen from outside: the real binary, and a real sshd of any user.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod ground;
