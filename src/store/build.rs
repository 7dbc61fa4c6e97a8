//! Builds the client of the configured store.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::config::{Azure, Backend, Config, Gcs, Local, S3};
use super::error::OpenError;

/// Retries of one request inside the client: few and short, since whoever must not fail retries on top.
const MAX_RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client, not tested and not counted.
pub(super) fn object_store(config: &Config) -> Result<Arc<dyn ObjectStore>, OpenError> {
    let store = config.backend.name();
    let built = match &config.backend {
        Backend::Local(local) => return directory(local),
        Backend::Memory => return Ok(Arc::new(InMemory::new())),
        Backend::S3(s3) => s3_client(s3, config).map(|client| Arc::new(client) as Arc<dyn ObjectStore>),
        Backend::Gcs(gcs) => gcs_client(gcs, config).map(|client| Arc::new(client) as Arc<dyn ObjectStore>),
        Backend::Azure(azure) => {
            azure_client(azure, config).map(|client| Arc::new(client) as Arc<dyn ObjectStore>)
        }
    };
    built.map_err(|source| OpenError::Configuration { store, source })
}

fn directory(local: &Local) -> Result<Arc<dyn ObjectStore>, OpenError> {
    std::fs::create_dir_all(&local.path)
        .map_err(|source| OpenError::Directory { path: local.path.clone(), source })?;
    let client = LocalFileSystem::new_with_prefix(&local.path)
        .map_err(|source| OpenError::Configuration { store: "local", source })?;
    Ok(Arc::new(client.with_fsync(local.fsync)))
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
        _ => AmazonS3Builder::from_env(),
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
    let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(&gcs.bucket);
    if let Some(path) = &gcs.credentials_path {
        builder = builder.with_application_credentials(path.to_string_lossy());
    }
    if let Some(url) = &gcs.base_url {
        builder = builder.with_base_url(url);
    }
    if let Some(token) = &gcs.bearer_token {
        builder = builder.with_bearer_token(token.reveal());
    }
    let plain = gcs.base_url.as_ref().is_some_and(|url| url.starts_with("http://"));
    builder.with_retry(retry()).with_client_options(client_options(config, plain)).build()
}

fn azure_client(azure: &Azure, config: &Config) -> object_store::Result<object_store::azure::MicrosoftAzure> {
    let mut builder = match &azure.access_key {
        Some(key) => MicrosoftAzureBuilder::new().with_access_key(key.reveal()),
        // Workload identity is announced by variables that the platform sets.
        None => MicrosoftAzureBuilder::from_env(),
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
