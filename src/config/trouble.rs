//! Which variable to look at when the store fails.

use super::Config;
use crate::store::{Backend, Trouble};

impl Config {
    /// The variable that is most likely wrong.
    pub fn to_look_at(&self, trouble: Trouble) -> &'static str {
        match &self.store.backend {
            Backend::Local(_) | Backend::Memory => "DATA_PATH",
            Backend::S3(s3) => match trouble {
                Trouble::Unreachable | Trouble::UnknownName | Trouble::Tls | Trouble::Busy => "AWS_ENDPOINT",
                Trouble::Region => "AWS_REGION",
                Trouble::KeyId => "AWS_ACCESS_KEY_ID",
                Trouble::Secret if s3.session_token.is_some() => "AWS_SESSION_TOKEN",
                Trouble::Secret => "AWS_SECRET_ACCESS_KEY",
                Trouble::Forbidden => "AWS_ACCESS_KEY_ID",
                Trouble::NoBucket | Trouble::NoSpace | Trouble::Other => "S3_BUCKET",
            },
            Backend::Gcs(_) => match trouble {
                Trouble::KeyId | Trouble::Secret | Trouble::Forbidden => "GOOGLE_APPLICATION_CREDENTIALS",
                _ => "GCS_BUCKET",
            },
            Backend::Azure(azure) => match trouble {
                Trouble::Unreachable | Trouble::UnknownName | Trouble::Tls | Trouble::Busy => {
                    if azure.endpoint.is_some() { "AZURE_ENDPOINT" } else { "AZURE_STORAGE_ACCOUNT" }
                }
                Trouble::KeyId | Trouble::Secret | Trouble::Forbidden => "AZURE_STORAGE_ACCESS_KEY",
                Trouble::NoBucket | Trouble::Region | Trouble::NoSpace | Trouble::Other => "AZURE_CONTAINER",
            },
        }
    }
}
