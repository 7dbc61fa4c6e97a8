//! Kafka's own classes in a Java program that stays up and answers line by line (`Wire.java`, `Batches.java`).

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bytes::Bytes;
use serde_json::Value as Json;

/// The program, running.
pub struct Kafka {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Kafka {
    /// Starts it. Without Java, or without Kafka's jars in `.tools/kafka/libs`, says so and gives `None`.
    pub fn start(test: &str) -> Option<Self> {
        Kafka::run("Wire.java", "kafka-clients-4.4.0.jar", test)
    }

    /// Starts `program`, which needs `jar` and what belongs to it.
    pub fn run(program: &str, jar: &str, test: &str) -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let libs = root.join(".tools/kafka/libs");
        if !libs.join(jar).exists() {
            skipped(test, "no Kafka in .tools/kafka/libs: run scripts/tools/kafka.sh");
            return None;
        }
        let started = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp"])
            .arg(libs.join("*"))
            .arg(root.join("tests/protocol").join(program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            skipped(test, "java does not start");
            return None;
        };
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Kafka { child, questions, answers })
    }

    /// The lines of an answer.
    pub fn ask(&mut self, question: &str) -> Result<Vec<String>, String> {
        writeln!(self.questions, "{question}").unwrap();
        self.questions.flush().unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the Java program ended");
            match line.trim_end() {
                "" => return Ok(lines),
                error if error.starts_with('!') => {
                    self.answers.read_line(&mut String::new()).unwrap();
                    return Err(error[2..].to_owned());
                }
                line => lines.push(line.to_owned()),
            }
        }
    }

    /// Reads and writes `bytes` as the class `name`.
    pub fn read(&mut self, name: &str, version: i16, bytes: &[u8]) -> Result<(Bytes, Json), String> {
        self.message(&format!("read {name} {version} {}", hex(bytes)))
    }

    /// Reads a message from the front of `bytes`: how many follow it, and the message.
    pub fn take(&mut self, name: &str, version: i16, bytes: &[u8]) -> Result<(usize, Json), String> {
        let lines = self.ask(&format!("take {name} {version} {}", hex(bytes)))?;
        let (left, json) = lines[0].split_once(' ').unwrap();
        Ok((left.parse().unwrap(), serde_json::from_str(json).unwrap()))
    }

    /// A new message of the class `name`.
    pub fn new_message(&mut self, name: &str, version: i16) -> Result<(Bytes, Json), String> {
        self.message(&format!("new {name} {version}"))
    }

    fn message(&mut self, question: &str) -> Result<(Bytes, Json), String> {
        let lines = self.ask(question)?;
        let (bytes, json) = lines[0].split_once(' ').unwrap();
        Ok((unhex(bytes), serde_json::from_str(json).unwrap()))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Past the capture of test output: whoever runs the tests should see it.
fn skipped(test: &str, why: &str) {
    let _ = std::io::stderr().write_all(format!("SKIPPED: {test} ({why})\n").as_bytes());
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Hexadecimal digits as bytes.
pub fn unhex(text: &str) -> Bytes {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}
