//! The PROXY protocol, versions 1 and 2: a load balancer in front says for whom it connects.
//!
//! Read to the exact byte, because TLS or HTTP begins right behind it.

use std::{io, net::SocketAddr};

use ppp::{HeaderResult, PartialResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with. Longer than anything shorter than a whole header of version 1 (`PROXY UNKNOWN\r\n`).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version, family, length.
const FIXED: usize = SIGNATURE.len() + 4;
/// The longest header of version 1, line end included.
const LONGEST_V1: usize = 107;
/// Addresses take at most 216 bytes; the rest is for extensions, which are skipped.
const LONGEST_V2: usize = 4096;

/// Client and original destination; `None` if the balancer speaks for itself or does not know.
///
/// # Errors
/// What comes is no header: the connection must be closed, since nobody can say whose it is.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        read_v2(stream, &mut header).await?;
    } else if header.starts_with(b"PROXY ") {
        read_v1(stream, &mut header).await?;
    } else {
        return Err(invalid("the connection does not begin with a PROXY protocol header"));
    }
    addresses(&header)
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    header.resize(FIXED, 0);
    stream.read_exact(&mut header[SIGNATURE.len()..]).await?;
    let length = usize::from(u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]));
    if length > LONGEST_V2 {
        return Err(invalid("the PROXY protocol header is too long"));
    }
    header.resize(FIXED + length, 0);
    stream.read_exact(&mut header[FIXED..]).await.map(drop)
}

async fn read_v1(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    while !header.ends_with(b"\r\n") {
        if header.len() >= LONGEST_V1 {
            return Err(invalid("the PROXY protocol header is too long"));
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

fn addresses(header: &[u8]) -> io::Result<Option<(SocketAddr, SocketAddr)>> {
    let parsed = HeaderResult::parse(header);
    if !parsed.is_complete() {
        return Err(invalid("the PROXY protocol header is malformed"));
    }
    match parsed {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Tcp4(ip) => {
                pair((ip.source_address, ip.source_port), (ip.destination_address, ip.destination_port))
            }
            v1::Addresses::Tcp6(ip) => {
                pair((ip.source_address, ip.source_port), (ip.destination_address, ip.destination_port))
            }
            v1::Addresses::Unknown => None,
        }),
        // LOCAL is what health checks of the balancer say: the connection is its own.
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => Ok(None),
        HeaderResult::V2(Ok(header)) => Ok(match header.addresses {
            v2::Addresses::IPv4(ip) => {
                pair((ip.source_address, ip.source_port), (ip.destination_address, ip.destination_port))
            }
            v2::Addresses::IPv6(ip) => {
                pair((ip.source_address, ip.source_port), (ip.destination_address, ip.destination_port))
            }
            v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
        }),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => Err(invalid("the PROXY protocol header is malformed")),
    }
}

fn pair(source: impl Into<SocketAddr>, destination: impl Into<SocketAddr>) -> Option<(SocketAddr, SocketAddr)> {
    Some((source.into(), destination.into()))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(bytes: &[u8], expected: Option<Option<(&str, &str)>>, left: &[u8]) {
        let mut stream = bytes;
        let addresses = read(&mut stream).await.ok();
        let expected = expected.map(|pair| pair.map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())));
        assert_eq!(addresses, expected, "{}", bytes.escape_ascii());
        if expected.is_some() {
            assert_eq!(stream, left);
        }
    }

    #[tokio::test]
    async fn headers_are_read_to_the_byte() {
        // tidy-allow fixed-port: an address in a header, never bound
        check(b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET", Some(Some(("1.2.3.4:9", "5.6.7.8:10"))), b"GET").await;
        // tidy-allow fixed-port: as above
        check(b"PROXY TCP6 ::1 ::2 9 10\r\n", Some(Some(("[::1]:9", "[::2]:10"))), b"").await;
        check(b"PROXY UNKNOWN\r\nGET", Some(None), b"GET").await;
        let v2 = |command: u8, family: u8, rest: &[u8]| {
            let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
            [SIGNATURE, &[0x20 | command, family], &length, rest].concat()
        };
        let tcp4 = [1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 0, 10];
        check(&[v2(1, 0x11, &tcp4), b"GET".to_vec()].concat(), Some(Some(("1.2.3.4:9", "5.6.7.8:10"))), b"GET").await;
        check(&v2(0, 0, &[]), Some(None), b"").await;
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        check(b"GET / HTTP/1.1\r\n\r\n", None, b"").await;
        check(b"PROXY TCP4 1.2.3.4 5.6.7.8 9\r\n", None, b"").await;
        check(&[b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat(), None, b"").await;
        check(&[SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat(), None, b"").await;
        check(b"PROXY", None, b"").await;
    }
}
