//! Users of the cluster: the credentials by which any broker can tell that somebody is one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use crate::auth::{SaltKey, Scram, ScramCredential};

/// The users that a cluster keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    scram: RedBlackTreeMapSync<Arc<str>, ScramCredentials>,
    /// Drawn once.
    salt_key: Option<SaltKey>,
}

/// The credentials of one user; at least one.
pub type ScramCredentials = Arc<BTreeMap<Scram, Arc<ScramCredential>>>;

impl Users {
    /// A user's credential for a mechanism.
    pub fn scram(&self, mechanism: Scram, user: &str) -> Option<&Arc<ScramCredential>> {
        self.scram_of(user)?.get(&mechanism)
    }

    /// All credentials of a user, if there are any.
    pub fn scram_of(&self, user: &str) -> Option<&ScramCredentials> {
        self.scram.get(user)
    }

    /// Users with credentials, in the order of their names.
    pub fn with_scram(&self) -> impl Iterator<Item = (&Arc<str>, &ScramCredentials)> {
        self.scram.iter()
    }

    pub fn salt_key(&self) -> Option<&SaltKey> {
        self.salt_key.as_ref()
    }

    pub(super) fn set_scram(&mut self, user: &Arc<str>, mechanism: Scram, credential: ScramCredential) {
        let mut credentials = self.scram_of(user).cloned().unwrap_or_default();
        Arc::make_mut(&mut credentials).insert(mechanism, Arc::new(credential));
        self.scram.insert_mut(Arc::clone(user), credentials);
    }

    /// False if there was none.
    pub(super) fn delete_scram(&mut self, user: &Arc<str>, mechanism: Scram) -> bool {
        let Some(mut credentials) = self.scram_of(user).cloned() else { return false };
        let was_there = Arc::make_mut(&mut credentials).remove(&mechanism).is_some();
        match credentials.is_empty() {
            true => _ = self.scram.remove_mut(user),
            false => self.scram.insert_mut(Arc::clone(user), credentials),
        }
        was_there
    }

    pub(super) fn keep_salt_key(&mut self, key: &SaltKey) {
        self.salt_key.get_or_insert_with(|| key.clone());
    }
}
