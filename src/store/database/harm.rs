//! Damage of a database, as its errors tell of it.

use std::error::Error;
use std::fmt;

use object_store::path::Path;
use slatedb::ErrorKind;

use super::seals::Broken;

/// Something in a database that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harm {
    /// The object, if the error names one.
    pub path: Option<Path>,
    /// The rest of a sentence that begins with the path, or a sentence of its own.
    pub problem: String,
}

impl Harm {
    /// The harm that an error of a database, or of its rows, tells of; `None` if the store may only be out. The database
    /// counts what is wrong inside of an object among its internal errors.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Harm> {
        if let Some(broken) = find_cause::<Broken>(error) {
            return Some(Harm { path: Some(broken.path.clone()), problem: broken.problem.to_owned() });
        }
        match find_cause(error).map(slatedb::Error::kind) {
            // Without an error of the database, the rows themselves are wrong.
            None | Some(ErrorKind::Data | ErrorKind::Internal) => {
                Some(Harm { path: None, problem: error.to_string() })
            }
            Some(_) => None,
        }
    }
}

/// The error of this type that an error is, or was caused by.
pub(super) fn find_cause<'a, T: Error + 'static>(mut error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    loop {
        match error.downcast_ref() {
            Some(cause) => return Some(cause),
            None => error = error.source()?,
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Servers answer errors with documents.
        let problem = self.problem.lines().next().unwrap_or_default();
        match &self.path {
            Some(path) => write!(f, "{path} {problem}"),
            None => f.write_str(problem),
        }
    }
}
