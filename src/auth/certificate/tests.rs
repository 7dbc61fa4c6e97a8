use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// Certificates with the names that Java gives them, made by `scripts/security/names/make.sh`.
const NAMES: &str = include_str!("../golden/names.json");

#[derive(serde::Deserialize)]
struct Golden {
    certificates: Vec<Certificate>,
}

#[derive(serde::Deserialize)]
struct Certificate {
    certificate: String,
    der: String,
    subject: String,
}

fn certificates() -> Vec<(Certificate, Vec<u8>)> {
    let golden: Golden = serde_json::from_str(NAMES).unwrap();
    let decoded = |one: Certificate| {
        let der = STANDARD.decode(&one.der).unwrap();
        (one, der)
    };
    golden.certificates.into_iter().map(decoded).collect()
}

#[test]
fn subjects_are_written_as_java_writes_them() {
    let certificates = certificates();
    assert!(certificates.len() >= 30);
    for (expected, der) in certificates {
        assert_eq!(subject(&der), Ok(expected.subject), "{}", expected.certificate);
    }
}

#[test]
fn a_part_of_a_certificate_is_none() {
    for (_, der) in certificates() {
        for length in 0..der.len() {
            assert!(subject(&der[..length]).is_err());
        }
    }
}

proptest! {
    #[test]
    fn damaged_certificates_are_read_or_refused(
        which in 0usize..30,
        damage in proptest::collection::vec((0usize..600, any::<u8>()), 1..8),
    ) {
        let (_, mut der) = certificates().swap_remove(which);
        for (at, byte) in damage {
            let at = at % der.len();
            der[at] = byte;
        }
        let _ = subject(&der);
    }

    #[test]
    fn random_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = subject(&bytes);
    }
}
