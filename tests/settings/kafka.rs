//! Runs `Facts.java` on the jars of Apache Kafka 4.4, and a broker of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::free_port::free_port;

/// One line of facts: its fields, `None` for null.
pub type Fact = Vec<Option<String>>;

/// The jars and Java. `None`, with a word on why, if they are not here.
pub struct Kafka {
    root: PathBuf,
}

impl Kafka {
    pub fn find(test: &str) -> Option<Kafka> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        if !root.join(".tools/kafka/libs/kafka_2.13-4.4.0.jar").exists() {
            println!("SKIPPED: {test} (no Kafka in .tools/kafka/libs: run scripts/tools/kafka.sh)");
            return None;
        }
        if Command::new("java").arg("-version").output().is_err() {
            println!("SKIPPED: {test} (java does not start)");
            return None;
        }
        Some(Kafka { root })
    }

    /// What `Facts.java` prints for these arguments.
    pub fn facts(&self, arguments: &[&str]) -> Vec<Fact> {
        let output = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp"])
            .arg(self.root.join(".tools/kafka/libs/*"))
            .arg(self.root.join("tests/settings/Facts.java"))
            .args(arguments)
            .output()
            .expect("java starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "Facts.java {arguments:?}:\n{errors}");
        let text = String::from_utf8(output.stdout).expect("Facts.java prints text");
        text.lines().map(fact).collect()
    }

    /// Starts a fresh broker.
    pub fn start(&self) -> Broker {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let script = self.root.join("scripts/kafka.sh");
        let broker = Broker { script, folder, port };
        broker.run("start", &[&port.to_string()]);
        broker
    }
}

fn fact(line: &str) -> Fact {
    line.split('\t').map(|field| (field != "\\N").then(|| unescape(field))).collect()
}

fn unescape(field: &str) -> String {
    field.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\")
}

/// A running broker; stopped when dropped.
pub struct Broker {
    script: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Broker {
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where its settings and data are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, verb: &str, arguments: &[&str]) {
        let status = Command::new(&self.script).arg(verb).arg(self.folder.path()).args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "scripts/kafka.sh {verb} failed");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(self.folder.path()).status();
    }
}

/// Fails with every difference, one a line.
pub fn refuse(differences: &[String]) {
    assert!(differences.is_empty(), "{} differences\n  {}", differences.len(), differences.join("\n  "));
}
