//! Users whose passwords the process itself was given, by a list or a file that is read again.
//! It must never keep a password: only digests, which mean nothing outside of this process.
//! Entry point: [`Users::open`], then [`Users::watch`] for as long as the process runs.
//! Invariant: a name that nobody has costs the same work as one that somebody has.

mod derived;
mod list;
mod source;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use parking_lot::RwLock;

use super::mechanism::Scram;
use super::scram::password_key;
use crate::runtime::{Complaints, Runtime, Secret};
use derived::Slots;
use list::{Given, Reason};
use source::{Found, Source};

/// The file is looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The place of the user that nobody is.
const NOBODY: usize = 0;

/// Places of users and their passwords.
#[derive(Clone, Debug, Default)]
pub struct UserSources {
    /// `name:password`, separated by commas.
    pub list: Option<Secret>,
    /// One `name:password` a line: the first colon divides.
    pub file: Option<PathBuf>,
}

/// Why users cannot be had. Nothing that is secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    #[error("entry {number}: {reason}")]
    Entry { number: usize, reason: Reason },
    #[error("{path}, line {number}: {reason}")]
    Line { path: String, number: usize, reason: Reason },
    #[error("{path} has more than {limit} bytes")]
    Large { path: String, limit: u64 },
    #[error("{path} cannot be read: {source}")]
    Unreadable { path: String, source: std::io::Error },
}

impl UsersError {
    /// True if the file is at fault, and not the list.
    pub fn is_of_file(&self) -> bool {
        !matches!(self, UsersError::Entry { .. })
    }
}

/// The users, as they are now.
pub struct Users {
    digests: Digests,
    /// Those of the list, which never change.
    listed: Vec<Arc<User>>,
    source: Option<Source>,
    table: RwLock<Arc<Table>>,
    derived: Slots,
    runtime: Runtime,
}

/// One user.
struct User {
    name: Arc<str>,
    digest: hmac::Tag,
    /// The password as a key of each hash: of use for deriving SCRAM's keys, and not to be turned back.
    keys: [hmac::Key; 2],
}

/// All users of one reading.
struct Table {
    /// The first is nobody.
    users: Vec<Arc<User>>,
    by_name: HashMap<Arc<str>, usize>,
}

/// The key of this process's digests.
struct Digests(hmac::Key);

/// A name or password that is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Name,
    Password,
}

impl Users {
    /// Reads the users. Whatever is wrong with them is an error now, and from then on a line in the log.
    pub fn open(sources: &UserSources, runtime: &Runtime) -> Result<Users, UsersError> {
        let digests = Digests(hmac::Key::new(hmac::HMAC_SHA256, &runtime.rng.bytes::<32>()));
        let listed: Vec<Arc<User>> = match &sources.list {
            Some(list) => list::entries(list.reveal())
                .map_err(|(number, reason)| UsersError::Entry { number, reason })?
                .iter()
                .map(|given| Arc::new(digests.user(given)))
                .collect(),
            None => Vec::new(),
        };
        let source = sources.file.clone().map(Source::new);
        let users = Users {
            table: RwLock::new(Arc::new(Table::of(digests.nobody(runtime), listed.clone()))),
            digests,
            listed,
            source,
            derived: Slots::default(),
            runtime: runtime.clone(),
        };
        users.read()?;
        Ok(users)
    }

    /// True if there is no user.
    pub fn is_empty(&self) -> bool {
        self.table().users.len() == NOBODY + 1
    }

    /// Reads the file again and again. A file that is not right leaves the users as they are.
    pub async fn watch(self: Arc<Users>) {
        let complaints = Complaints::default();
        let clock = &self.runtime.clock;
        while self.source.is_some() {
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                () = clock.sleep(LOOK_INTERVAL) => {}
            }
            let users = Arc::clone(&self);
            let read = self.runtime.tasks.blocking(move || users.read()).await;
            if let Ok(Err(error)) = read
                && complaints.due(error.to_string(), clock.instant()).is_some()
            {
                tracing::warn!(%error, "the users stay as they were");
            }
        }
    }

    /// Takes what the file says, if that is new.
    fn read(&self) -> Result<(), UsersError> {
        let Some(source) = &self.source else { return Ok(()) };
        let content = match source.read(|content| self.digests.of_content(content))? {
            Found::New(content) => content,
            Found::Same => return Ok(()),
        };
        let line = |(number, reason)| UsersError::Line { path: source.path(), number, reason };
        let given = list::lines(&content, &self.listed_names()).map_err(line)?;
        let of_file = given.iter().map(|given| Arc::new(self.digests.user(given)));
        let users: Vec<Arc<User>> = self.listed.iter().cloned().chain(of_file).collect();
        let count = users.len();
        *self.table.write() = Arc::new(Table::of(self.digests.nobody(&self.runtime), users));
        source.took(self.digests.of_content(&content));
        tracing::info!(file = source.path(), users = count, "users read");
        Ok(())
    }

    fn listed_names(&self) -> Vec<&str> {
        self.listed.iter().map(|user| &*user.name).collect()
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read())
    }

    /// The verdict on a password: in the same time whoever is meant, and wherever it differs.
    pub(super) fn check(&self, name: &str, password: &str) -> Result<(), Wrong> {
        let given = self.digests.of(name, password);
        let table = self.table();
        let place = table.by_name.get(name).copied().unwrap_or(NOBODY);
        let is_equal = verify_slices_are_equal(table.users[place].digest.as_ref(), given.as_ref()).is_ok();
        match (place != NOBODY, is_equal) {
            (true, true) => Ok(()),
            (true, false) => Err(Wrong::Password),
            (false, _) => Err(Wrong::Name),
        }
    }
}

impl Table {
    fn of(nobody: User, others: Vec<Arc<User>>) -> Table {
        let users: Vec<Arc<User>> = std::iter::once(Arc::new(nobody)).chain(others).collect();
        let places = users.iter().enumerate().skip(NOBODY + 1);
        let by_name = places.map(|(place, user)| (Arc::clone(&user.name), place)).collect();
        Table { users, by_name }
    }

    /// The users by their names.
    fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.iter().skip(NOBODY + 1)
    }
}

impl Digests {
    fn of(&self, name: &str, password: &str) -> hmac::Tag {
        let mut digest = hmac::Context::with_key(&self.0);
        // The length keeps apart what could be cut differently.
        digest.update(&(name.len() as u64).to_be_bytes());
        digest.update(name.as_bytes());
        digest.update(password.as_bytes());
        digest.sign()
    }

    fn of_content(&self, content: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, content)
    }

    fn user(&self, given: &Given<'_>) -> User {
        User {
            name: Arc::from(given.name),
            digest: self.of(given.name, given.password),
            keys: Scram::ALL.map(|mechanism| password_key(mechanism, given.password)),
        }
    }

    fn nobody(&self, runtime: &Runtime) -> User {
        let random = runtime.rng.bytes::<32>();
        User {
            name: Arc::from(""),
            digest: self.of_content(&random),
            keys: Scram::ALL.map(|mechanism| password_key(mechanism, "")),
        }
    }
}
