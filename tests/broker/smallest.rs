//! The smallest requests that could cost most: of every API that the broker declares, each count, length and number at
//! its greatest, alone, in a request that is otherwise small and right. None takes more than a second or 16 MB.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kafkaesque::protocol::codec::{EntitySchema, Field, Initial, Kind, MessageSchema};
use kafkaesque::protocol::messages::APIS;
use kafkaesque::protocol::messages::create_topics::{self, CreatableTopic};
use kafkaesque::protocol::{ApiKey, header};

use crate::process::Process;

const MOST_TIME: Duration = Duration::from_secs(1);
const MOST_KIB: u64 = 16 * 1024;

/// Values of every string: the name of a topic that is there, and one that nothing has.
const WORDS: [&str; 2] = ["alpha", "fresh"];

/// Values of everything else in a request.
#[derive(Clone, Copy)]
struct Shape {
    word: &'static str,
    /// Elements of lists within lists; of the others there is one.
    inner: usize,
}

/// Writes one small request, with the value at one place as large as it can be.
struct Writer {
    out: Vec<u8>,
    version: i16,
    flexible: bool,
    shape: Shape,
    /// The place whose value is the greatest, counted from 0; beyond all places, none is.
    target: usize,
    places: usize,
    path: Vec<&'static str>,
    /// The path of the target, once it was met.
    met: Option<String>,
}

impl Writer {
    /// Set if the value that is written now is the one to be the greatest.
    fn is_target(&mut self) -> bool {
        self.places += 1;
        let is_target = self.places == self.target + 1;
        if is_target {
            self.met = Some(self.path.join("/"));
        }
        is_target
    }

    fn varint(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    /// A count or a length of 32 bits, or of 16 in front of strings of the older encoding.
    fn length(&mut self, length: usize, is_short: bool) {
        let greatest = self.is_target();
        match (self.flexible, is_short) {
            (true, _) => self.varint(if greatest { u32::MAX } else { length as u32 + 1 }),
            (false, true) => {
                self.out.extend((if greatest { i16::MAX } else { length as i16 }).to_be_bytes());
            }
            (false, false) => {
                self.out.extend((if greatest { i32::MAX } else { length as i32 }).to_be_bytes());
            }
        }
    }

    fn number(&mut self, field: &Field, bytes: usize) {
        let ordinary = match field.initial {
            _ if field.name.ends_with("wait_ms") => 10,
            _ if field.name.ends_with("_ms") => 10_000,
            Initial::Int(number) => number,
            Initial::Zero | Initial::Null => i64::from(bytes < 8),
        };
        // Whoever asks to wait waits.
        let greatest = !field.name.ends_with("_ms") && self.is_target();
        let number = if greatest { i64::MAX >> (64 - 8 * bytes) } else { ordinary };
        self.out.extend(&number.to_be_bytes()[8 - bytes..]);
    }

    fn value(&mut self, field: &Field, kind: &Kind) {
        match kind {
            Kind::Bool => self.out.push(0),
            Kind::Int8 => self.number(field, 1),
            Kind::Int16 | Kind::Uint16 => self.number(field, 2),
            Kind::Int32 => self.number(field, 4),
            Kind::Int64 => self.number(field, 8),
            Kind::Float64 => self.out.extend(f64::MAX.to_be_bytes()),
            Kind::Uuid => self.out.extend([0; 16]),
            Kind::String => {
                self.length(self.shape.word.len(), true);
                self.out.extend(self.shape.word.as_bytes());
            }
            Kind::Bytes | Kind::Records => self.length(0, false),
            Kind::Array(element) => {
                let elements = if self.path.len() > 1 { self.shape.inner } else { 1 };
                self.length(elements, false);
                for _ in 0..elements {
                    self.value(field, element);
                }
            }
            Kind::Struct(entity) => {
                if field.nullable.contains(self.version) && !matches!(field.kind, Kind::Array(_)) {
                    self.out.push(1);
                }
                self.entity(entity);
            }
        }
    }

    fn entity(&mut self, entity: &EntitySchema) {
        for field in entity.fields {
            if field.versions.contains(self.version) && field.tag.is_none() {
                self.path.push(field.name);
                self.value(field, &field.kind);
                self.path.pop();
            }
        }
        if self.flexible {
            self.length_of_tags();
        }
    }

    /// The number of tagged fields, which has no place for none.
    fn length_of_tags(&mut self) {
        self.path.push("tags");
        let count = if self.is_target() { u32::MAX } else { 0 };
        self.path.pop();
        self.varint(count);
    }
}

/// A frame, and which value in it is the greatest; none once all places have been.
fn frame(
    (key, schema): (ApiKey, &MessageSchema),
    version: i16,
    shape: Shape,
    target: usize,
) -> Option<(Vec<u8>, String)> {
    let flexible = schema.is_flexible(version);
    let mut writer =
        Writer { out: Vec::new(), version, flexible, shape, target, places: 0, path: Vec::new(), met: None };
    writer.out.extend(key.key().to_be_bytes());
    writer.out.extend(version.to_be_bytes());
    writer.out.extend([0, 0, 0, 1, 0, 0]);
    if flexible {
        writer.out.push(0);
    }
    writer.entity(schema.entity);
    let mut frame = (writer.out.len() as i32).to_be_bytes().to_vec();
    frame.extend(writer.out);
    Some((frame, writer.met?))
}

/// Sends a frame and waits for its answer, or for the end of the connection.
fn ask(process: &Process, frame: &[u8]) {
    let mut stream = TcpStream::connect(process.clients).expect("the broker accepts");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
    stream.write_all(frame).expect("the broker reads");
    let mut length = [0; 4];
    if stream.read_exact(&mut length).is_ok() {
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).expect("a length")];
        stream.read_exact(&mut answer).expect("a whole answer");
    }
}

/// Every frame, with what it is.
fn frames() -> Vec<(Vec<u8>, String)> {
    let mut frames = Vec::new();
    for api in APIS {
        let versions = api.request.versions;
        for version in BTreeSet::from([versions.first, versions.last]) {
            for (word, inner) in WORDS.into_iter().flat_map(|word| [(word, 0), (word, 1)]) {
                let shape = Shape { word, inner };
                let places = (0..).map_while(|n| frame((api.key, api.request), version, shape, n));
                frames.extend(places.map(|(frame, place)| {
                    let name = api.key.name();
                    (frame, format!("{name} version {version}, {word}, {inner} within: {place}"))
                }));
            }
        }
    }
    frames
}

#[test]
#[cfg(target_os = "linux")]
fn no_small_request_takes_a_second_or_sixteen_megabytes() {
    let process = Process::start(&[]);
    let topic = CreatableTopic {
        name: WORDS[0].to_owned(),
        num_partitions: 2,
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    let request = create_topics::Request { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
    let made = header::request_frame(&request, 5, 1, None).expect("a request");
    ask(&process, &made.concat());
    let frames = frames();
    assert!(frames.len() > 1000, "only {} requests", frames.len());
    // A first round makes the process as large as it gets by itself.
    frames.iter().for_each(|(frame, _)| ask(&process, frame));
    let (mut slowest, mut largest, mut dear) = (Duration::ZERO, 0, Vec::new());
    for (frame, what) in &frames {
        let started = Instant::now();
        let grown = process.growth(|| ask(&process, frame));
        let took = started.elapsed();
        slowest = slowest.max(took);
        largest = largest.max(grown);
        if took > MOST_TIME || grown > MOST_KIB {
            dear.push(format!("{what}: {took:?}, {grown} KiB"));
        }
    }
    println!("{} requests; slowest {slowest:?}, largest {largest} KiB", frames.len());
    assert!(dear.is_empty(), "too dear:\n{}", dear.join("\n"));
}
