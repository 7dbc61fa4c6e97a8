//! Credentials that are stored: what a broker knows of a SCRAM user, which is not the password.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::mechanism::Scram;

/// The credentials that the brokers of a cluster share.
pub trait Credentials: Send + Sync {
    fn scram(&self, mechanism: Scram, user: &str) -> Option<Arc<ScramCredential>>;

    /// The key that salts of names without credentials are made with; none before the cluster has one.
    fn salt_key(&self) -> Option<SaltKey>;
}

/// A user's credential for one mechanism. Who has it cannot log in with it, but can play the broker.
#[derive(Clone, Serialize, Deserialize)]
pub struct ScramCredential {
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
    pub iterations: u32,
}

impl PartialEq for ScramCredential {
    fn eq(&self, other: &ScramCredential) -> bool {
        let same = |one: &[u8], two: &[u8]| verify_slices_are_equal(one, two).is_ok();
        let keys = same(&self.stored_key, &other.stored_key) & same(&self.server_key, &other.server_key);
        keys & (self.salt == other.salt) & (self.iterations == other.iterations)
    }
}

impl Eq for ScramCredential {}

impl fmt::Debug for ScramCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredential").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Drop for ScramCredential {
    fn drop(&mut self) {
        self.stored_key.zeroize();
        self.server_key.zeroize();
    }
}

/// The key of a cluster from which salts are made for names that nobody has, so that they are the same on every broker.
#[derive(Clone, Serialize, Deserialize)]
pub struct SaltKey([u8; 32]);

impl SaltKey {
    pub fn new(bytes: [u8; 32]) -> SaltKey {
        SaltKey(bytes)
    }

    /// The bytes themselves, for the one who signs with them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SaltKey {
    fn eq(&self, other: &SaltKey) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for SaltKey {}

impl fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltKey(..)")
    }
}

impl Drop for SaltKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(stored_key: &[u8], iterations: u32) -> ScramCredential {
        ScramCredential { salt: vec![1], stored_key: stored_key.to_vec(), server_key: vec![77], iterations }
    }

    #[test]
    fn credentials_are_equal_by_content_and_print_no_key() {
        assert_eq!(credential(&[88, 89], 4096), credential(&[88, 89], 4096));
        assert_ne!(credential(&[88, 89], 4096), credential(&[88, 90], 4096));
        assert_ne!(credential(&[88, 89], 4096), credential(&[88, 89], 4097));
        assert_eq!(format!("{:?}", credential(&[88], 4096)), "ScramCredential { iterations: 4096, .. }");
        assert_eq!(SaltKey::new([7; 32]), SaltKey::new([7; 32]));
        assert_ne!(SaltKey::new([7; 32]), SaltKey::new([8; 32]));
        assert_eq!(format!("{:?}", SaltKey::new([7; 32])), "SaltKey(..)");
    }
}
