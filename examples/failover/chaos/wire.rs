//! Metadata requests by hand, of one broker and not of whichever a client picks: version 7, which tells leader epochs.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const METADATA: i16 = 3;
const VERSION: i16 = 7;
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
        let mut body = Vec::new();
        body.extend(METADATA.to_be_bytes());
        body.extend(VERSION.to_be_bytes());
        body.extend(1_i32.to_be_bytes());
        text(&mut body, "watch");
        body.extend(1_i32.to_be_bytes());
        text(&mut body, topic);
        // Nothing is made by asking.
        body.push(0);
        self.0.write_all(&(body.len() as u32).to_be_bytes())?;
        self.0.write_all(&body)?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MOST_BYTES {
            return Err(Error::other("a frame that is no answer"));
        }
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame)?;
        parse(&mut Reader(&frame)).ok_or_else(|| Error::other("a frame that is no answer"))
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

    fn i32(&mut self) -> Option<i32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*number))
    }

    fn text(&mut self) -> Option<()> {
        let (length, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        self.skip(usize::try_from(i16::from_be_bytes(*length)).unwrap_or(0))
    }
}
