//! Clients with certificates.

use rcgen::DnType;

use super::requester;
use crate::Running;
use crate::certificates::Certificates;

#[tokio::test]
async fn clients_are_named_by_their_certificates() {
    let certificates = Certificates::new();
    certificates.make("alice", &[(DnType::CommonName, "Alice"), (DnType::OrganizationName, "Example")]);
    let files =
        [certificates.file("broker.pem"), certificates.file("broker.key"), certificates.file("ca.pem")];
    let [certificate, key, authority] = &files;
    let tls = [
        ("TLS_ENABLED", "true"),
        ("TLS_CERT_PATH", certificate.as_str()),
        ("TLS_KEY_PATH", key),
        ("TLS_CLIENT_CA_PATH", authority),
    ];
    let running = Running::with(&[&tls[..], &[("TLS_CLIENT_AUTH", "requested")]].concat()).await;
    let mut alice = certificates.connect(running.broker.address(), Some("alice")).await.expect("TLS");
    assert_eq!(requester(&mut alice).await, "User:O=Example,CN=Alice");
    let mut nobody = certificates.connect(running.broker.address(), None).await.expect("TLS");
    assert_eq!(requester(&mut nobody).await, "User:ANONYMOUS");
    running.stop().await;
    let rules = "RULE:^.*CN=([^,]*).*$/$1/L,DEFAULT";
    let mapped = [("TLS_CLIENT_AUTH", "required"), ("TLS_PRINCIPAL_MAPPING_RULES", rules)];
    let running = Running::with(&[&tls[..], &mapped].concat()).await;
    let mut alice = certificates.connect(running.broker.address(), Some("alice")).await.expect("TLS");
    assert_eq!(requester(&mut alice).await, "User:alice");
    // In TLS 1.3 a client learns of it with the first bytes that it reads.
    if let Ok(mut nobody) = certificates.connect(running.broker.address(), None).await {
        let _ = nobody.send_raw(&[0, 0, 0, 1]).await;
        assert_eq!(nobody.frame().await, None);
    }
    running.stop().await;
}
