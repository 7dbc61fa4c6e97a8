//! Users: their credentials, and the key of the salts that nobody has.

use std::sync::Arc;

use crate::auth::{SaltKey, Scram, ScramCredential};
use crate::metadata::image::Image;
use crate::metadata::outcome::{Applied, Outcome, Refused};

pub(super) fn alter_scram(
    image: &mut Image,
    user: &Arc<str>,
    mechanism: Scram,
    credential: Option<&ScramCredential>,
) -> Outcome {
    let users = &mut image.configs.users;
    match credential {
        Some(credential) => users.set_scram(user, mechanism, credential.clone()),
        None if users.delete_scram(user, mechanism) => {}
        None => return Err(Refused::NoScramCredential),
    }
    Ok(Applied::Done)
}

/// The first one stays: brokers that start at the same time draw different ones.
pub(super) fn make_salt_key(image: &mut Image, key: &SaltKey) -> Outcome {
    image.configs.users.keep_salt_key(key);
    Ok(Applied::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::apply::{Checks, apply};
    use crate::metadata::command::Command;

    fn credential(iterations: u32) -> ScramCredential {
        ScramCredential { salt: vec![1], stored_key: vec![2], server_key: vec![3], iterations }
    }

    fn alter(image: &mut Image, user: &str, mechanism: Scram, iterations: Option<u32>) -> Outcome {
        let credential = iterations.map(credential);
        let command = Command::AlterScram { user: user.into(), mechanism, credential };
        apply(image, &command, Checks::Admission)
    }

    #[test]
    fn credentials_are_set_replaced_and_deleted_one_by_one() {
        let mut image = Image::empty();
        assert_eq!(alter(&mut image, "alice", Scram::Sha256, Some(4096)), Ok(Applied::Done));
        assert_eq!(alter(&mut image, "alice", Scram::Sha512, Some(5000)), Ok(Applied::Done));
        assert_eq!(alter(&mut image, "alice", Scram::Sha256, Some(6000)), Ok(Applied::Done));
        let found = |image: &Image, user, mechanism| {
            image.configs.users.scram(mechanism, user).map(|credential| credential.iterations)
        };
        assert_eq!(found(&image, "alice", Scram::Sha256), Some(6000));
        assert_eq!(found(&image, "alice", Scram::Sha512), Some(5000));
        assert_eq!(found(&image, "bob", Scram::Sha256), None);

        assert_eq!(alter(&mut image, "alice", Scram::Sha256, None), Ok(Applied::Done));
        assert_eq!(found(&image, "alice", Scram::Sha256), None);
        let before = image.clone();
        for (user, mechanism) in [("alice", Scram::Sha256), ("bob", Scram::Sha256)] {
            assert_eq!(alter(&mut image, user, mechanism, None), Err(Refused::NoScramCredential));
        }
        assert_eq!(image, before, "a refusal leaves no trace");
        assert_eq!(alter(&mut image, "alice", Scram::Sha512, None), Ok(Applied::Done));
        assert_eq!(image, Image::empty(), "nothing is left of a user without credentials");
    }

    #[test]
    fn the_first_key_of_salts_stays() {
        let mut image = Image::empty();
        for byte in [7, 8] {
            let command = Command::MakeSaltKey(SaltKey::new([byte; 32]));
            assert_eq!(apply(&mut image, &command, Checks::Admission), Ok(Applied::Done));
        }
        assert_eq!(image.configs.users.salt_key(), Some(&SaltKey::new([7; 32])));
    }
}
