//! Keys as OpenSSL writes them.

use super::support::Authority;
use crate::runtime::Runtime;
use crate::tls::Acceptor;
use crate::tls::encrypted_key::NotDecrypted;
use crate::tls::pem::{PemError, private_key};

const PASSWORD: &[u8] = b"open: sesame";

macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("keys/", $name, ".pem"))
    };
}

#[test]
fn encrypted_keys_are_decrypted() {
    let clear = private_key(key!("ec-pkcs8"), None).expect("a key");
    let encrypted: [&[u8]; 3] = [key!("ec-aes256-sha256"), key!("ec-aes128-sha1"), key!("ec-aes192-sha512")];
    for text in encrypted {
        assert_eq!(private_key(text, Some(PASSWORD)).expect("a key").secret_der(), clear.secret_der());
        assert_eq!(private_key(text, None), Err(PemError::NoPassword));
    }
    let clear = private_key(key!("rsa-pkcs8"), None).expect("a key");
    let decrypted = private_key(key!("rsa-aes256-sha256"), Some(PASSWORD)).expect("a key");
    assert_eq!(decrypted.secret_der(), clear.secret_der());
}

/// Some of these leave what looks like padding.
#[test]
fn a_wrong_password_is_told() {
    for number in 0..600 {
        let password = format!("open {number}");
        let read = private_key(key!("ec-aes192-sha512"), Some(password.as_bytes()));
        assert_eq!(read, Err(PemError::Decryption(NotDecrypted::Password)), "{password}");
    }
}

#[test]
fn encryption_that_is_not_known_is_told() {
    let unsupported: [&[u8]; 2] = [key!("ec-scrypt"), key!("ec-des3")];
    for text in unsupported {
        let read = private_key(text, Some(PASSWORD));
        assert_eq!(read, Err(PemError::Decryption(NotDecrypted::Unsupported)));
    }
    for password in [None, Some(PASSWORD)] {
        assert_eq!(private_key(key!("ec-old"), password), Err(PemError::OldEncryption));
    }
}

#[test]
fn a_part_of_a_key_is_no_key() {
    let texts: [&[u8]; 3] = [key!("ec-pkcs8"), key!("rsa-pkcs1"), key!("ec-aes256-sha256")];
    for text in texts {
        let end = text.windows(8).position(|window| window == b"-----END").expect("an end");
        for length in 0..end {
            assert!(private_key(&text[..length], Some(PASSWORD)).is_err(), "{length} bytes");
        }
    }
    assert_eq!(private_key(b"no key\n", None), Err(PemError::NoKey));
}

/// Bytes of an encrypted key may be anything.
#[test]
fn damaged_keys_do_no_harm() {
    let section = x509_parser::pem::Pem::iter_from_buffer(key!("ec-aes192-sha512")).next();
    let whole = section.expect("a section").expect("is whole").contents;
    // The number of iterations stays, or this would take as long as it says.
    for at in (0..whole.len()).filter(|at| !(43..47).contains(at)) {
        for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            let _ = crate::tls::encrypted_key::decrypt(&damaged, PASSWORD);
        }
        assert!(crate::tls::encrypted_key::decrypt(&whole[..at], PASSWORD).is_err());
    }
}

/// Each form of one key fits the certificate of that key.
#[test]
fn keys_of_all_forms_are_used() {
    let runtime = Runtime::system();
    let authority = Authority::new();
    let ec: [&[u8]; 3] = [key!("ec-sec1"), key!("ec-pkcs8"), key!("ec-aes256-sha256")];
    let rsa: [&[u8]; 3] = [key!("rsa-pkcs1"), key!("rsa-pkcs8"), key!("rsa-aes256-sha256")];
    for forms in [ec, rsa] {
        let text = std::str::from_utf8(forms[1]).expect("a text");
        let key = rcgen::KeyPair::from_pem(text).expect("a key");
        let mut files = authority.files(&authority.pair_of(&key, "broker.test", |_| {}));
        files.key_password = Some(authority.write("password", "open: sesame\n"));
        for form in forms {
            std::fs::write(&files.key, form).expect("is written");
            Acceptor::open("SSL", files.clone(), &runtime).expect("opens");
        }
    }
}
