//! The exit statuses, once for all tools.

/// How a tool ended: what a script may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Done, or the answer is yes.
    Done = 0,
    /// It worked, and the answer is no.
    No = 1,
    /// Wrong usage; nothing was done.
    Usage = 2,
    /// Partly done; stdout says which items failed.
    Partial = 3,
    /// The input is not to be trusted; nothing was done.
    Input = 4,
    /// Busy or unreachable now; trying again may help.
    Busy = 5,
    /// Failed; trying again will not help.
    Failed = 6,
}

/// The EXIT STATUS section of every manual page: number, meaning.
pub const EXIT_STATUSES: [(Status, &str); 7] = [
    (Status::Done, "Done, or the answer is yes."),
    (Status::No, "It worked, and the answer is no."),
    (Status::Usage, "Wrong usage; nothing was done."),
    (Status::Partial, "Partly done; standard output says which items failed."),
    (Status::Input, "The input is not to be trusted; nothing was done."),
    (Status::Busy, "Busy or unreachable now; trying again may help."),
    (Status::Failed, "Failed; trying again will not help."),
];

impl Status {
    /// The number the process exits with.
    pub fn code(self) -> u8 {
        self as u8
    }
}
