//! The place of the objects, as plain data. The names of the variables that fill it are the configuration's business.

use std::path::PathBuf;
use std::time::Duration;

use object_store::path::Path;

use super::faults;
use crate::runtime::Secret;

/// The object store of a broker.
#[derive(Clone, Debug)]
pub struct Config {
    pub backend: Backend,
    /// Time for one HTTP request, body included. Not used by `local` and memory.
    pub request_timeout: Duration,
    /// Time at the start for a store that is not there yet.
    pub start_timeout: Duration,
    /// Variables by which a platform tells clients of its credentials. They count where none are configured.
    pub platform: Vec<(&'static str, Secret)>,
    /// Faults on purpose. For tests and benchmarks of a whole process.
    pub faults: Option<faults::Setting>,
}

impl Config {
    /// The default time for one request.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

    /// The default time for a store that is not there yet.
    pub const START_TIMEOUT: Duration = Duration::from_secs(30);

    pub fn new(backend: Backend) -> Config {
        Config {
            backend,
            request_timeout: Config::REQUEST_TIMEOUT,
            start_timeout: Config::START_TIMEOUT,
            platform: Vec::new(),
            faults: None,
        }
    }

    /// Everything of the cluster lies below this path of the bucket; empty for `local`, whose directory is the prefix.
    pub fn prefix(&self) -> Path {
        match &self.backend {
            Backend::Local(_) | Backend::Memory => Path::default(),
            Backend::S3(s3) => Path::from(s3.prefix.as_str()),
            Backend::Gcs(gcs) => Path::from(gcs.prefix.as_str()),
            Backend::Azure(azure) => Path::from(azure.prefix.as_str()),
        }
    }
}

/// The kinds of store.
#[derive(Clone, Debug)]
pub enum Backend {
    Local(Local),
    S3(S3),
    Gcs(Gcs),
    Azure(Azure),
    /// In this process's memory, gone with it. For tests.
    Memory,
}

impl Backend {
    /// The configuration's word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Backend::Local(_) => "local",
            Backend::S3(_) => "s3",
            Backend::Gcs(_) => "gcs",
            Backend::Azure(_) => "azure",
            Backend::Memory => "memory",
        }
    }

    /// True if a request takes network round trips, which timeouts and commit intervals should respect.
    pub fn is_remote(&self) -> bool {
        !matches!(self, Backend::Local(_) | Backend::Memory)
    }
}

/// A directory of a local file system.
#[derive(Clone, Debug)]
pub struct Local {
    /// Made if absent.
    pub path: PathBuf,
    /// True if an object is synced to the disk before its PUT returns.
    pub fsync: bool,
    /// Room that is kept for deletions when the disk is full.
    pub reserve_bytes: u64,
}

/// A bucket of S3, or of a store that speaks its protocol.
#[derive(Clone, Debug, Default)]
pub struct S3 {
    pub bucket: String,
    pub region: Option<String>,
    /// For stores other than AWS: the base URL, without the bucket.
    pub endpoint: Option<String>,
    /// Without a key and secret, the credentials that AWS gives to the machine or pod are used.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<Secret>,
    pub session_token: Option<Secret>,
    /// Allows an endpoint without TLS.
    pub allow_http: bool,
    pub prefix: String,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, Default)]
pub struct Gcs {
    pub bucket: String,
    /// A service account's or the application-default JSON file; without it, the machine's own account is used.
    pub credentials_path: Option<PathBuf>,
    /// Another base URL, and a bearer token instead of credentials. For tests.
    pub base_url: Option<String>,
    pub bearer_token: Option<Secret>,
    pub prefix: String,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, Default)]
pub struct Azure {
    pub container: String,
    pub account: String,
    /// Without a key, the identity that Azure gives to the machine or pod is used.
    pub access_key: Option<Secret>,
    /// Another base URL, account included: an emulator, or a sovereign cloud.
    pub endpoint: Option<String>,
    /// Allows an endpoint without TLS.
    pub allow_http: bool,
    pub prefix: String,
}
