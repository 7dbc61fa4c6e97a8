//! The users of the image, for whoever asks clients to prove that they are one.

use std::sync::Arc;

use super::command::Command;
use super::error::ProposeError;
use super::handle::Metadata;
use crate::auth::{Credentials, SaltKey, Scram, ScramCredential};
use crate::runtime::Rng;

impl Credentials for Metadata {
    fn scram(&self, mechanism: Scram, user: &str) -> Option<Arc<ScramCredential>> {
        self.image().configs.users.scram(mechanism, user).cloned()
    }

    fn salt_key(&self) -> Option<SaltKey> {
        self.image().configs.users.salt_key().cloned()
    }
}

impl Metadata {
    /// Gives the cluster a key for salts, if it has none. The last of its brokers that learns of such keys does that.
    pub(super) async fn have_salt_key(&self, rng: &Rng) -> Result<(), ProposeError> {
        if self.image().configs.users.salt_key().is_some() {
            return Ok(());
        }
        match self.insist(Command::MakeSaltKey(SaltKey::new(rng.bytes()))).await {
            Ok(_) | Err(ProposeError::NotSupported { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
