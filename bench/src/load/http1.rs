//! A lane of HTTP/1.1, by hand: a client that costs as little as possible leaves the core to the origin.

use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    client::{Answer, Connector, Wire},
    prefix,
};
use crate::Failure;

pub(super) struct Lane {
    connector: Rc<Connector>,
    wire: Option<Box<dyn Wire>>,
    /// A whole request, of which only the route's number changes.
    request: Vec<u8>,
    buffer: Vec<u8>,
}

/// What a lane has to know of a response's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Of the head, up to the first byte of the body.
    length: usize,
    body: u64,
    close: bool,
}

/// Where the route's number stands in a request: behind `GET /service-`.
const NUMBER: std::ops::Range<usize> = 13..18;

// === impl Lane ===

impl Lane {
    pub(super) fn new(connector: Rc<Connector>) -> Self {
        let request = format!(
            "GET {}/{} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n",
            prefix(0),
            connector.tail
        );
        // Large bodies are read in large pieces; ten thousand idle lanes must not hold what they do not use.
        let piece = if connector.tail == "json" { 2 << 10 } else { 64 << 10 };
        Self { connector, wire: None, request: request.into_bytes(), buffer: vec![0; piece] }
    }

    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        self.wire = Some(self.connector.wire().await?);
        Ok(())
    }

    pub(super) async fn exchange(&mut self, index: u32) -> Result<Answer, Failure> {
        if self.wire.is_none() {
            self.connect().await?;
        }
        // Taken out, put back at the end: whatever fails in between drops it.
        let mut wire = self.wire.take().ok_or("no connection")?;
        write_number(&mut self.request[NUMBER], index);
        wire.write_all(&self.request).await?;
        wire.flush().await?;
        let (head, buffered) = self.read_head(&mut wire).await?;
        let mut left = head.body.checked_sub((buffered - head.length) as u64).ok_or("more body than announced")?;
        while left > 0 {
            let piece = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match wire.read(&mut self.buffer[..piece]).await? {
                0 => return Err("the connection ended inside a body".into()),
                count => left -= count as u64,
            }
        }
        self.wire = Some(wire).filter(|_| !head.close);
        Ok(Answer { status: head.status, body_bytes: head.body })
    }

    /// The head, and how many bytes are in the buffer with it.
    async fn read_head(&mut self, wire: &mut Box<dyn Wire>) -> Result<(Head, usize), Failure> {
        let mut filled = 0;
        loop {
            match wire.read(&mut self.buffer[filled..]).await? {
                0 if filled == self.buffer.len() => return Err("a head of more than the buffer holds".into()),
                0 => return Err("the connection ended before a head".into()),
                count => filled += count,
            }
            if let Some(head) = parse(&self.buffer[..filled])? {
                return Ok((head, filled));
            }
        }
    }
}

fn write_number(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// `None`: not all of it is there yet.
fn parse(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no status line")?.parse()?;
    let (mut body, mut close) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body = Some(value.trim().parse()?);
        } else if name.eq_ignore_ascii_case("connection") {
            close |= value.trim().eq_ignore_ascii_case("close");
        }
    }
    // The origin always says how long a body is: a gateway that forgets it has changed the response.
    let body = body.ok_or("a response without content-length")?;
    Ok(Some(Head { status, length: end + 4, body, close }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_where_it_is_written() {
        let request = format!("GET {}/json HTTP/1.1\r\n", prefix(0));
        let mut bytes = request.into_bytes();
        write_number(&mut bytes[NUMBER], 40_127);
        assert!(bytes.starts_with(format!("GET {}/json", prefix(40_127)).as_bytes()));
    }

    #[test]
    fn heads_are_read() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ncontent-le").expect("incomplete"), None);
        let head =
            parse(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nConnection: close\r\n\r\nhello").expect("well formed");
        assert_eq!(head, Some(Head { status: 200, length: 57, body: 5, close: true }));
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
