//! Names in certificates, as Java and so Kafka writes them: RFC 2253, in the order and with the escapes of `X500Principal`.

use x509_parser::asn1_rs::{Any, Class, ToDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, RelativeDistinguishedName};

/// The attributes that have a keyword; the others are written by their number.
const KEYWORDS: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// ASN.1's numbers of the kinds of text: UTF8String, PrintableString, T61String, IA5String, GeneralString,
/// UniversalString, BMPString. Java takes all of them for UTF-8.
const TEXTS: &[u32] = &[12, 19, 20, 22, 27, 28, 30];

/// Characters that a backslash precedes wherever they stand.
const ESCAPED: &str = ",=+<>#;\"\\";

/// Characters that a backslash precedes at either end of a value.
const BLANKS: &[char] = &[' ', '\r'];

/// Bytes that are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate cannot be read: {0}")]
pub struct BadCertificate(String);

/// The subject of a certificate in DER, the most special part first. It is empty if the certificate has none.
pub fn subject(der: &[u8]) -> Result<String, BadCertificate> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| BadCertificate(error.to_string()))?;
    let parts: Result<Vec<String>, BadCertificate> = certificate.subject().iter_rdn().map(part).collect();
    let mut parts = parts?;
    parts.reverse();
    Ok(parts.join(","))
}

/// One part of a name, which may have several values.
fn part(part: &RelativeDistinguishedName<'_>) -> Result<String, BadCertificate> {
    let values: Result<Vec<String>, BadCertificate> = part.iter().map(attribute).collect();
    Ok(values?.join("+"))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Result<String, BadCertificate> {
    let number = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == number).map(|(_, keyword)| *keyword);
    match keyword {
        Some(keyword) if is_text(value) => Ok(format!("{keyword}={}", escape(value.data))),
        keyword => Ok(format!("{}=#{}", keyword.unwrap_or(&number), hex(value)?)),
    }
}

fn is_text(value: &Any<'_>) -> bool {
    value.class() == Class::Universal && TEXTS.contains(&value.tag().0)
}

fn escape(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let is_blank = |c: char| BLANKS.contains(&c);
    let begins = text.len() - text.trim_start_matches(is_blank).len();
    let ends = text.trim_end_matches(is_blank).len();
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '\0' {
            escaped.push_str("\\00");
            continue;
        }
        if ESCAPED.contains(c) || at < begins || at >= ends {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn hex(value: &Any<'_>) -> Result<String, BadCertificate> {
    let bytes = value.to_der_vec().map_err(|error| BadCertificate(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
