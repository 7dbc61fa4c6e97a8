//! Credentials of names that nobody has: as good as real ones, until the proof.

use aws_lc_rs::hmac;

use super::keys::LEAST_ITERATIONS;
use crate::auth::credentials::{SaltKey, ScramCredential};
use crate::auth::mechanism::Scram;

/// Digits of a salt.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Bytes that a salt is made of; of the first, the lower two bits.
const SALT_BYTES: usize = 17;
const FIRST_BITS: u8 = 0b11;

/// Makes up what a name has, always the same from one key.
pub struct MadeUp(hmac::Key);

impl MadeUp {
    pub fn new(key: &SaltKey) -> MadeUp {
        MadeUp(hmac::Key::new(hmac::HMAC_SHA512, key.reveal()))
    }

    /// A salt as Kafka's tools draw them for users: a number of 130 bits, to the base 36. Any other shape would tell names
    /// that were made up from those of users.
    pub fn salt(&self, mechanism: Scram, name: &str) -> Vec<u8> {
        let tag = self.sign("salt", mechanism, name);
        let mut number = [0; SALT_BYTES];
        number.copy_from_slice(&tag.as_ref()[..SALT_BYTES]);
        number[0] &= FIRST_BITS;
        digits(number)
    }

    pub fn credential(&self, mechanism: Scram, name: &str) -> ScramCredential {
        let key = |what| {
            self.sign(what, mechanism, name).as_ref().iter().copied().take(mechanism.key_bytes()).collect()
        };
        ScramCredential {
            salt: self.salt(mechanism, name),
            stored_key: key("stored key"),
            server_key: key("server key"),
            iterations: LEAST_ITERATIONS,
        }
    }

    fn sign(&self, what: &str, mechanism: Scram, name: &str) -> hmac::Tag {
        let mut tag = hmac::Context::with_key(&self.0);
        for part in [what, mechanism.mechanism().name()] {
            tag.update(part.as_bytes());
            tag.update(&[0]);
        }
        tag.update(name.as_bytes());
        tag.sign()
    }
}

/// A number, the most significant byte first, to the base 36.
fn digits(mut number: [u8; SALT_BYTES]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(26);
    loop {
        let mut rest = 0u16;
        for byte in &mut number {
            let part = rest << 8 | u16::from(*byte);
            *byte = (part / 36) as u8;
            rest = part % 36;
        }
        digits.push(DIGITS[usize::from(rest)]);
        if number.iter().all(|byte| *byte == 0) {
            digits.reverse();
            return digits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(low: u128, high: u8) -> [u8; SALT_BYTES] {
        let mut number = [0; SALT_BYTES];
        number[0] = high;
        number[1..].copy_from_slice(&low.to_be_bytes());
        number
    }

    #[test]
    fn numbers_are_written_to_the_base_36() {
        for (low, text) in
            [(0, "0"), (35, "z"), (36, "10"), (36u128.pow(24) + 7, "1000000000000000000000007")]
        {
            assert_eq!(String::from_utf8(digits(number(low, 0))).as_deref(), Ok(text));
        }
        let largest = digits(number(u128::MAX, FIRST_BITS));
        assert_eq!((largest.len(), largest[0]), (26, b'1'));
    }

    #[test]
    fn a_name_has_one_salt_for_each_mechanism_and_cluster() {
        let (one, other) = (MadeUp::new(&SaltKey::new([1; 32])), MadeUp::new(&SaltKey::new([2; 32])));
        let salt = one.salt(Scram::Sha256, "eve");
        assert_eq!(MadeUp::new(&SaltKey::new([1; 32])).credential(Scram::Sha256, "eve").salt, salt);
        for different in
            [one.salt(Scram::Sha256, "eva"), one.salt(Scram::Sha512, "eve"), other.salt(Scram::Sha256, "eve")]
        {
            assert_ne!(different, salt);
        }
    }

    #[test]
    fn salts_have_the_lengths_of_those_that_are_drawn() {
        let made_up = MadeUp::new(&SaltKey::new([3; 32]));
        let long = (0..1000).filter(|n| match made_up.salt(Scram::Sha256, &n.to_string()).len() {
            26 => true,
            short => {
                assert!((22..26).contains(&short), "{short}");
                false
            }
        });
        // 2^130 / 36^25 is 1.68: 0.68 / 1.68 of the numbers have 26 digits.
        let long = long.count();
        assert!((350..460).contains(&long), "{long}");
    }
}
