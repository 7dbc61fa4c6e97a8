//! Flaws that a build could have: tests give them to brokers, to show that they would notice. Only a build with the feature `flaws`
//! takes one from its environment; no other is ever asked for.

use std::time::Duration;

/// Promises that are not kept. The default keeps all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Answers do not wait for the PUT of what they acknowledge.
    pub acks_early: bool,
    /// A fence that is in the way of a write stops nobody.
    pub heeds_no_fence: bool,
    /// Assignments are made whatever has come of those that they replace.
    pub assigns_blindly: bool,
    /// Assignments are made before the owner has released what it had.
    pub assigns_first: bool,
    /// The least time that a proof of ownership lasts.
    pub keeps_proofs: Duration,
}

impl Flaws {
    /// The flaw of this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(name: &str) -> Result<Flaws, String> {
        let kept = Flaws::default();
        match name {
            "acks-early" => Ok(Flaws { acks_early: true, ..kept }),
            "no-fence" => Ok(Flaws { heeds_no_fence: true, ..kept }),
            "blind-assignments" => Ok(Flaws { assigns_blindly: true, ..kept }),
            "early-assignments" => Ok(Flaws { assigns_first: true, ..kept }),
            "proofs-of-3s" => Ok(Flaws { keeps_proofs: Duration::from_secs(3), ..kept }),
            "stale-coordinator" => Ok(Flaws { keeps_proofs: Duration::from_secs(60), ..kept }),
            other => Err(format!("there is no flaw {other}")),
        }
    }
}
