//! Stored objects that are not what the log says that they are: found, and never served.

use object_store::path::Path;
use thiserror::Error;

use crate::store::database::Harm;

/// An object that was damaged: it is missing, or not what was written. Whoever sees it changes nothing in the store.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{object} {problem}")]
pub struct Damage {
    /// The path where it lies, or should.
    pub object: String,
    /// The rest of a sentence that begins with the object.
    pub problem: String,
}

impl Damage {
    /// For whoever can put things right.
    pub const ADVICE: &str = "the shard was damaged and is refused: put back what the store held before, as \
                              it was (an older version of the object, a backup); the shard is looked at \
                              every ten seconds. `kafkaesque storage repair` tells what is lost otherwise";

    /// The same of a segment that only who reads its records needs.
    pub const OF_RECORDS: &str = "a stored object was damaged, and its records are refused: put back what \
                                  the store held before, as it was. Otherwise consumers must seek to what \
                                  is behind them, or DeleteRecords removes them";

    /// The damage of an index that an error tells of: of the object that it names, or else, as a `problem`, of that at
    /// `path`.
    pub fn of_index(error: &slatedb::Error, path: &Path, problem: &str) -> Option<Damage> {
        let harm = Harm::find(error)?;
        Some(match &harm.path {
            Some(path) => Damage::new(path, harm.problem),
            None => Damage::new(path, format!("{problem}: {}", harm.problem)),
        })
    }

    /// Of the problem the first line is told: servers answer errors with documents.
    pub fn new(object: &Path, problem: impl Into<String>) -> Damage {
        let problem: String = problem.into();
        let problem = problem.lines().next().unwrap_or_default().to_owned();
        Damage { object: object.to_string(), problem }
    }
}
