//! hasync against peers that lie, babble, fall silent or die: a peer written here by hand, from
//! `man/hasync-protocol.5` and not from the program's own code.
#![cfg(test)]

mod as_source;
mod as_standby;
mod caller;
mod content;
mod death;
mod floods;
mod job;
mod keeps;
mod peer;
mod pulled;
mod security;
mod served;
mod soup;
mod words;
