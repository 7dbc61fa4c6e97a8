//! Asks a broker on this machine whether it lives, or is ready: `kafkaesque health`, for images without any other client of HTTP.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::runtime::Clock;
use crate::tls::unproven;

/// Enough for an answer that takes nothing but a look at memory.
const PATIENCE: Duration = Duration::from_secs(3);

/// The page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `/live`.
    IsLive,
    /// `/ready`.
    IsReady,
}

/// Why a broker is not known to be well.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("HEALTH_PORT is 0: there is nobody to ask")]
    Off,
    #[error("no answer from {address}: {source}")]
    Silent { address: String, source: io::Error },
    #[error("{0}")]
    Unwell(String),
}

/// Asks at `host`, where a broker listens with these settings. Gives what it says. Its certificate is not looked at: it need
/// not be of the address that is asked.
pub fn probe(
    question: Question,
    host: &str,
    port: Option<u16>,
    is_encrypted: bool,
) -> Result<String, ProbeError> {
    let port = port.ok_or(ProbeError::Off)?;
    let silent = |source| ProbeError::Silent { address: format!("{host}:{port}"), source };
    let answer = ask(question, host, port, is_encrypted).map_err(silent)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status == "200" { Ok(body.to_owned()) } else { Err(ProbeError::Unwell(body.to_owned())) }
}

fn ask(question: Question, host: &str, port: u16, is_encrypted: bool) -> io::Result<String> {
    let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let stream = TcpStream::connect_timeout(&reachable(address), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if is_encrypted { say(question, unproven(stream, &Clock::system())?) } else { say(question, stream) }
}

fn say(question: Question, mut stream: impl Read + Write) -> io::Result<String> {
    let page = match question {
        Question::IsLive => "live",
        Question::IsReady => "ready",
    };
    write!(stream, "GET /{page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A broker that listens on every address is asked on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
