//! Variables by which a platform tells the clients of its store of credentials and of the store's ways: web identity,
//! containers and instances of AWS, workload and managed identities of Azure, accounts of Google Cloud. They are not
//! settings of ours, so the help leaves them out, and they count only where no credentials are configured.
//!
//! All that `object_store` knows are here, except those that a setting of ours decides (bucket, account, whether HTTP is
//! allowed), and those of its HTTP client.

use super::words::StoreKind;

const AWS: &[&str] = &[
    // The store.
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_S3_EXPRESS",
    "AWS_SKIP_SIGNATURE",
    "AWS_CHECKSUM_ALGORITHM",
    "AWS_COPY_IF_NOT_EXISTS",
    "AWS_DISABLE_TAGGING",
    "AWS_DISABLE_BULK_DELETE",
    "AWS_REQUEST_PAYER",
    // Web identity, as of service accounts in Kubernetes.
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    // Tasks of ECS, pod identities of EKS.
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    // The instance's own metadata.
    "AWS_METADATA_ENDPOINT",
    "AWS_IMDSV1_FALLBACK",
    // Encryption at rest.
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_SSE_CUSTOMER_KEY_BASE64",
];

const AZURE: &[&str] = &[
    // The store.
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_STORAGE_ENCRYPTION_KEY",
    "AZURE_SKIP_SIGNATURE",
    "AZURE_DISABLE_TAGGING",
    "AZURE_CREDENTIAL_TYPE",
    // Keys and tokens.
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_USE_AZURE_CLI",
    // Service principals; with a token file, workload identity.
    "AZURE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_STORAGE_TENANT_ID",
    "AZURE_AUTHORITY_ID",
    "AZURE_STORAGE_AUTHORITY_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_STORAGE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    // Managed identities.
    "IDENTITY_ENDPOINT",
    "AZURE_IDENTITY_ENDPOINT",
    "AZURE_MSI_ENDPOINT",
    "AZURE_MSI_RESOURCE_ID",
    "AZURE_OBJECT_ID",
    // Fabric.
    "AZURE_USE_FABRIC_ENDPOINT",
    "AZURE_FABRIC_TOKEN_SERVICE_URL",
    "AZURE_FABRIC_WORKLOAD_HOST",
    "AZURE_FABRIC_SESSION_TOKEN",
    "AZURE_FABRIC_CLUSTER_IDENTIFIER",
];

const GOOGLE: &[&str] = &[
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BEARER_TOKEN",
    "GOOGLE_SKIP_SIGNATURE",
    "GOOGLE_BASE_URL",
];

/// Read by the clients themselves, at each login.
pub(super) const READ_BY_CLIENTS: &[&str] =
    &["IDENTITY_HEADER", "GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"];

/// The variables of one kind of store.
pub(super) fn of(store: StoreKind) -> impl Iterator<Item = &'static str> {
    let names = match store {
        StoreKind::Local => &[],
        StoreKind::S3 => AWS,
        StoreKind::Gcs => GOOGLE,
        StoreKind::Azure => AZURE,
    };
    names.iter().copied()
}

/// The variables of all kinds of stores.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    [AWS, AZURE, GOOGLE].into_iter().flatten().copied()
}
