//! What stops a start: within seconds, with an exit code, and with a word that names the cause.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::broker::program;
use crate::free_port::free_port;

/// The broker with these variables and no others; it must end by itself.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let dir = tempfile::tempdir().expect("a folder for the broker");
    let mut process = Command::new(program())
        .args(arguments)
        .env_clear()
        .env("HOST", "127.0.0.1")
        .env("PORT", free_port().to_string())
        .env("HEALTH_PORT", "0")
        .env("DATA_PATH", dir.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the broker starts");
    let deadline = Instant::now() + Duration::from_secs(15);
    while process.try_wait().expect("the broker's state").is_none() {
        if Instant::now() > deadline {
            process.kill().expect("the broker still ran");
            panic!("{variables:?} did not stop the start");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    process.wait_with_output().expect("what the broker said")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn assert_refused(variables: &[(&str, &str)], cause: &str) {
    let output = run(&[], variables);
    let said = said(&output);
    assert!(
        output.status.code().is_some_and(|code| code > 0),
        "{variables:?} ended with {}: {said}",
        output.status
    );
    assert!(said.contains(cause), "{variables:?} does not name {cause}: {said}");
}

#[test]
fn a_wrong_value_names_its_variable() {
    let wrong = [
        ("PORT", "ninety"),
        ("BROKER_ID", "-7"),
        ("OBJECT_STORE_TYPE", "ftp"),
        ("AUTO_CREATE_TOPICS", "perhaps"),
        ("DEFAULT_NUM_PARTITIONS", "0"),
        ("ADVERTISED_HOST", "0.0.0.0"),
    ];
    for (name, value) in wrong {
        assert_refused(&[(name, value)], name);
    }
}

#[test]
fn protection_that_is_not_there_is_no_open_door() {
    for name in ["TLS_ENABLED", "SASL_ENABLED", "ACL_ENABLED"] {
        assert_refused(&[(name, "true")], name);
    }
}

#[test]
fn a_store_without_its_bucket_names_the_variable() {
    for (kind, name) in [("s3", "S3_BUCKET"), ("gcs", "GCS_BUCKET"), ("azure", "AZURE_CONTAINER")] {
        assert_refused(&[("OBJECT_STORE_TYPE", kind)], name);
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    assert_refused(&[("PORT", &port)], &port);
}

#[test]
fn a_file_is_no_data_path() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("its name").to_owned();
    assert_refused(&[("DATA_PATH", &path)], &path);
}

#[test]
fn help_lists_variables_with_their_defaults() {
    let output = run(&["--help"], &[]);
    assert!(output.status.success());
    let help = said(&output);
    for words in [
        "--port",
        "env: PORT",
        "default: 9092",
        "env: OBJECT_STORE_TYPE",
        "env: RAFT_PEERS",
        "env: HEALTH_PORT",
    ] {
        assert!(help.contains(words), "no {words:?} in the help");
    }
}
