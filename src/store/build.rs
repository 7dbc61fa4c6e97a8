//! Builds the client of the configured store.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::config::{Azure, Backend, Config, Gcs, Local, S3};
use super::directory::Directory;
use super::error::OpenError;
use super::room::Room;
use super::trouble::cause;
use crate::runtime::Runtime;

/// Retries of one request inside the client: few and short, since whoever must not fail retries on top.
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client, not tested and not counted.
pub(super) fn object_store(config: &Config, runtime: &Runtime) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let store = config.backend.name();
    let built = match &config.backend {
        Backend::Local(local) => return directory(local, runtime),
        Backend::Memory => return Ok(Arc::new(InMemory::new())),
        Backend::S3(s3) => s3_client(s3, config).map(|client| Arc::new(client) as Arc<dyn ObjectStore>),
        Backend::Gcs(gcs) => gcs_client(gcs, config).map(|client| Arc::new(client) as Arc<dyn ObjectStore>),
        Backend::Azure(azure) => {
            azure_client(azure, config).map(|client| Arc::new(client) as Arc<dyn ObjectStore>)
        }
    };
    built.map_err(|error| OpenError::Configuration { store, cause: cause(&error) })
}

fn directory(local: &Local, runtime: &Runtime) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let path = local.path.clone();
    if path.is_file() {
        return Err(OpenError::NoDirectory { path });
    }
    std::fs::create_dir_all(&path).map_err(|source| OpenError::Directory { path, source })?;
    let client = LocalFileSystem::new_with_prefix(&local.path)
        .map_err(|error| OpenError::Configuration { store: "local", cause: cause(&error) })?;
    Ok(match local.fsync {
        // Waiting for the disk takes a thread.
        true => Arc::new(client.with_fsync(true)),
        false => Arc::new(Directory::new(client, runtime.clock.clone())),
    })
}

/// The room that is kept for deletions, where the store is a directory. Its folder is there.
pub(super) fn room(config: &Config, runtime: &Runtime) -> Result<Room, OpenError> {
    let Backend::Local(Local { path, reserve_bytes, .. }) = &config.backend else {
        return Ok(Room::unlimited());
    };
    let kept = Room::keep(path, *reserve_bytes, &runtime.clock);
    kept.map_err(|source| OpenError::Reserve { path: path.clone(), source })
}

fn s3_client(s3: &S3, config: &Config) -> object_store::Result<object_store::aws::AmazonS3> {
    let mut builder = match (&s3.access_key_id, &s3.secret_access_key) {
        (Some(key), Some(secret)) => {
            let builder =
                AmazonS3Builder::new().with_access_key_id(key).with_secret_access_key(secret.reveal());
            match &s3.session_token {
                Some(token) => builder.with_token(token.reveal()),
                None => builder,
            }
        }
        // Web identity and container credentials are announced by variables that the platform sets.
        _ => {
            told(config).fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(key, value))
        }
    };
    if let Some(region) = &s3.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &s3.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder
        .with_bucket_name(&s3.bucket)
        .with_allow_http(s3.allow_http)
        // Hashing the payload again would cost more than the rest of a commit; batches carry their own checksums.
        .with_unsigned_payload(true)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry())
        .with_client_options(client_options(config, s3.allow_http))
        .build()
}

fn gcs_client(gcs: &Gcs, config: &Config) -> object_store::Result<object_store::gcp::GoogleCloudStorage> {
    let builder = GoogleCloudStorageBuilder::new();
    let mut builder = match &gcs.credentials_path {
        Some(path) => builder.with_application_credentials(path.to_string_lossy()),
        // Other accounts are announced by variables that the platform sets.
        None => told(config).fold(builder, |builder, (key, value)| builder.with_config(key, value)),
    };
    if let Some(url) = &gcs.base_url {
        builder = builder.with_base_url(url);
    }
    if let Some(token) = &gcs.bearer_token {
        builder = builder.with_bearer_token(token.reveal());
    }
    let plain = gcs.base_url.as_ref().is_some_and(|url| url.starts_with("http://"));
    builder
        .with_bucket_name(&gcs.bucket)
        .with_retry(retry())
        .with_client_options(client_options(config, plain))
        .build()
}

fn azure_client(azure: &Azure, config: &Config) -> object_store::Result<object_store::azure::MicrosoftAzure> {
    let mut builder = match &azure.access_key {
        Some(key) => MicrosoftAzureBuilder::new().with_access_key(key.reveal()),
        // Workload identity is announced by variables that the platform sets.
        None => {
            let builder = MicrosoftAzureBuilder::new();
            told(config).fold(builder, |builder, (key, value)| builder.with_config(key, value))
        }
    };
    if let Some(endpoint) = &azure.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    builder
        .with_account(&azure.account)
        .with_container_name(&azure.container)
        .with_allow_http(azure.allow_http)
        .with_retry(retry())
        .with_client_options(client_options(config, azure.allow_http))
        .build()
}

/// The platform's word, by the keys of the store's client: they are called as the variables, in small letters.
fn told<K: FromStr>(config: &Config) -> impl Iterator<Item = (K, &str)> {
    let told = config.platform.iter();
    told.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.reveal())))
}

fn retry() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT }
}

fn client_options(config: &Config, allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_timeout(config.request_timeout)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(allow_http)
}
