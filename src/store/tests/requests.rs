use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::runtime::{Secret, TaskKind};
use crate::store::*;

/// Answers 403 to everything, and keeps the heads of the requests.
async fn recording_server(runtime: &Runtime) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("has an address"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&heads);
    runtime.tasks.spawn(TaskKind::Http, async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let head = String::from_utf8_lossy(&request).split("\r\n\r\n").next().map(str::to_lowercase);
            recorded.lock().extend(head);
            let body = "<Error>\n  <Code>AccessDenied</Code>\n</Error>";
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, heads)
}

/// The head of the first request, and the error.
async fn first_request(configure: impl FnOnce(String) -> Backend) -> (String, String) {
    let runtime = Runtime::system();
    let (url, heads) = recording_server(&runtime).await;
    let error =
        open(&Config::new(configure(url)), &runtime, |_, _| ()).await.expect_err("is refused").to_string();
    assert_eq!(heads.lock().len(), 1, "a refused credential is not tried again");
    (heads.lock()[0].clone(), error)
}

fn expect_parts(head: &str, parts: &[&str]) {
    for part in parts {
        assert!(head.contains(part), "no {part:?} in\n{head}");
    }
}

#[tokio::test]
async fn s3_creates_with_a_condition_and_without_hashing_the_payload() {
    let (head, error) = first_request(|url| {
        Backend::S3(S3 {
            bucket: "bucket".to_owned(),
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(url),
            access_key_id: Some("key".to_owned()),
            secret_access_key: Some(Secret::new("secret")),
            allow_http: true,
            prefix: "some/prefix".to_owned(),
            ..S3::default()
        })
    })
    .await;
    expect_parts(
        &head,
        &[
            "put /bucket/some/prefix/probe/",
            "if-none-match: *",
            "x-amz-content-sha256: unsigned-payload",
            "credential=key/",
            "/eu-central-1/s3/",
        ],
    );
    expect_parts(&error, &["s3 object store: create an object failed", "AccessDenied"]);
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn gcs_creates_with_a_condition() {
    let (head, error) = first_request(|url| {
        Backend::Gcs(Gcs {
            bucket: "bucket".to_owned(),
            base_url: Some(url),
            bearer_token: Some(Secret::new("token")),
            prefix: "prefix".to_owned(),
            ..Gcs::default()
        })
    })
    .await;
    expect_parts(
        &head,
        &["put /bucket/prefix%2fprobe%2f", "x-goog-if-generation-match: 0", "authorization: bearer token"],
    );
    expect_parts(&error, &["gcs object store: create an object failed"]);
}

#[tokio::test]
async fn azure_creates_with_a_condition() {
    let (head, error) = first_request(|url| {
        Backend::Azure(Azure {
            container: "container".to_owned(),
            account: "account".to_owned(),
            access_key: Some(Secret::new("c2VjcmV0")),
            endpoint: Some(format!("{url}/account")),
            allow_http: true,
            prefix: "prefix".to_owned(),
        })
    })
    .await;
    expect_parts(
        &head,
        &["put /account/container/prefix/probe/", "if-none-match: *", "authorization: sharedkey account:"],
    );
    expect_parts(&error, &["azure object store: create an object failed"]);
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
}
