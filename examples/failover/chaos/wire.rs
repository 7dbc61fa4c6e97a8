//! Requests by hand, to one broker and not to whichever a client picks: Metadata in version 7, which tells leader epochs, ListOffsets
//! in version 1, OffsetFetch in version 2.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const METADATA: (i16, i16) = (3, 7);
const LIST_OFFSETS: (i16, i16) = (2, 1);
const OFFSET_FETCH: (i16, i16) = (9, 2);
const LATEST: i64 = -1;
const LIMIT: Duration = Duration::from_secs(2);
const MOST_BYTES: usize = 16 << 20;

/// The leader of a partition, as a broker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Led {
    pub partition: i32,
    pub leader: i32,
    pub epoch: i32,
}

/// A connection to one broker.
pub struct Asker(TcpStream);

impl Asker {
    pub fn connect(port: u16) -> Result<Asker> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Asker(stream))
    }

    /// Who leads the partitions of a topic.
    pub fn leaders(&mut self, topic: &str) -> Result<Vec<Led>> {
        let asked = request(METADATA, 1, |body| {
            body.extend(1_i32.to_be_bytes());
            text(body, topic);
            // Nothing is made by asking.
            body.push(0);
        });
        self.0.write_all(&asked)?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MOST_BYTES {
            return Err(no_answer());
        }
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame)?;
        parse(&mut Reader(&frame)).ok_or_else(no_answer)
    }
}

fn no_answer() -> Error {
    Error::other("a frame that is no answer")
}

/// A connection to one broker on which questions are sent whether answers come or not.
pub struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Line {
    /// `pause` is the longest that [`Line::frames`] waits.
    pub fn connect(port: u16, pause: Duration) -> Result<Line> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
        stream.set_read_timeout(Some(pause))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Line { stream, received: Vec::new() })
    }

    /// Asks where the partitions of a topic end.
    pub fn ask_for_ends(&mut self, number: i32, topic: &str, partitions: usize) -> Result<()> {
        let asked = request(LIST_OFFSETS, number, |body| {
            // No replica.
            body.extend((-1_i32).to_be_bytes());
            topic_of(body, topic, partitions, &LATEST.to_be_bytes());
        });
        self.stream.write_all(&asked)
    }

    /// Asks what a group has committed of the partitions of a topic.
    pub fn ask_for_committed(
        &mut self,
        number: i32,
        group: &str,
        topic: &str,
        partitions: usize,
    ) -> Result<()> {
        let asked = request(OFFSET_FETCH, number, |body| {
            text(body, group);
            topic_of(body, topic, partitions, &[]);
        });
        self.stream.write_all(&asked)
    }

    /// Whatever has come, as it comes next: each with the number of its request.
    pub fn frames(&mut self) -> Result<Vec<(i32, Vec<u8>)>> {
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err(Error::from(ErrorKind::UnexpectedEof)),
            Ok(read) => self.received.extend(&piece[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        let mut frames = Vec::new();
        while let Some((length, rest)) = self.received.split_first_chunk() {
            let length = u32::from_be_bytes(*length) as usize;
            if length > MOST_BYTES {
                return Err(no_answer());
            }
            let Some((number, body)) = rest.get(..length).and_then(|frame| frame.split_first_chunk()) else {
                break;
            };
            frames.push((i32::from_be_bytes(*number), body.to_vec()));
            self.received.drain(..4 + length);
        }
        Ok(frames)
    }
}

/// The ends of partitions in an answer; those that were refused are left out.
pub fn ends(answer: &[u8]) -> Option<Vec<(usize, i64)>> {
    of_partitions(&mut Reader(answer), |answer| {
        let error = answer.i16()?;
        answer.skip(8)?;
        Some((answer.i64()?, error))
    })
}

/// The committed offsets in an answer, -1 of what nothing was committed for; those that were refused are left out.
pub fn committed(answer: &[u8]) -> Option<Vec<(usize, i64)>> {
    let mut answer = Reader(answer);
    let mut found = of_partitions(&mut answer, |answer| {
        let offset = answer.i64()?;
        answer.text()?;
        Some((offset, answer.i16()?))
    })?;
    if answer.i16()? != 0 {
        found.clear();
    }
    Some(found)
}

/// An offset of each partition without an error, of all topics: `read` gives both, of what follows the partition's number.
fn of_partitions(
    answer: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Option<(i64, i16)>,
) -> Option<Vec<(usize, i64)>> {
    let mut found = Vec::new();
    for _ in 0..answer.i32()? {
        answer.text()?;
        for _ in 0..answer.i32()? {
            let partition = answer.i32()?;
            let (offset, error) = read(answer)?;
            found.extend((error == 0).then_some((partition as usize, offset)));
        }
    }
    Some(found)
}

/// A frame with this request in it.
fn request((key, version): (i16, i16), number: i32, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(key.to_be_bytes());
    body.extend(version.to_be_bytes());
    body.extend(number.to_be_bytes());
    text(&mut body, "watch");
    fill(&mut body);
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend(body);
    frame
}

/// One topic with its partitions, each followed by the same bytes.
fn topic_of(body: &mut Vec<u8>, topic: &str, partitions: usize, each: &[u8]) {
    body.extend(1_i32.to_be_bytes());
    text(body, topic);
    body.extend((partitions as i32).to_be_bytes());
    for partition in 0..partitions as i32 {
        body.extend(partition.to_be_bytes());
        body.extend(each);
    }
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as i16).to_be_bytes());
    body.extend(text.as_bytes());
}

fn parse(answer: &mut Reader<'_>) -> Option<Vec<Led>> {
    // Correlation id, throttle time.
    answer.skip(8)?;
    for _ in 0..answer.i32()? {
        answer.skip(4)?;
        answer.text()?;
        answer.skip(4)?;
        answer.text()?;
    }
    answer.text()?;
    answer.skip(4)?;
    let mut found = Vec::new();
    for _ in 0..answer.i32()? {
        answer.skip(2)?;
        answer.text()?;
        answer.skip(1)?;
        for _ in 0..answer.i32()? {
            answer.skip(2)?;
            found.push(Led { partition: answer.i32()?, leader: answer.i32()?, epoch: answer.i32()? });
            for _ in 0..3 {
                let brokers = answer.i32()?;
                answer.skip(4 * usize::try_from(brokers).ok()?)?;
            }
        }
    }
    Some(found)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn number<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    fn i16(&mut self) -> Option<i16> {
        self.number().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.number().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.number().map(i64::from_be_bytes)
    }

    fn text(&mut self) -> Option<()> {
        // Null has a length of -1.
        let length = self.i16()?;
        self.skip(usize::try_from(length).unwrap_or(0))
    }
}
