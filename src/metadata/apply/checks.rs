//! Checks of commands, which differ where they are applied again.

/// The extent to which a command is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metadata) enum Checks {
    /// Everything, at the leader, before the command enters the log.
    Admission,
    /// All that depends on the image. Config values and feature levels were checked at admission, by the leader's
    /// tables: another version of the program may have other tables, and must still come to the same image.
    Replay,
}
