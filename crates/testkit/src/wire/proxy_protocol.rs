//! The PROXY protocol headers, versions 1 and 2, as a load balancer writes them.

use std::net::SocketAddr;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The line of version 1.
///
/// # Panics
/// When the two addresses are of different families.
pub fn v1(source: SocketAddr, destination: SocketAddr) -> String {
    let family = match (source, destination) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => "TCP4",
        (SocketAddr::V6(_), SocketAddr::V6(_)) => "TCP6",
        _ => panic!("{source} and {destination} are of different families"),
    };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port())
}

/// The binary header of version 2, command PROXY, over TCP.
///
/// # Panics
/// When the two addresses are of different families.
pub fn v2(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let (family, addresses) = match (source, destination) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => (0x11, [from.ip().octets(), to.ip().octets()].concat()),
        (SocketAddr::V6(from), SocketAddr::V6(to)) => (0x21, [from.ip().octets(), to.ip().octets()].concat()),
        _ => panic!("{source} and {destination} are of different families"),
    };
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    v2_header(0x21, family, &[addresses, ports].concat())
}

/// The binary header of version 2, command LOCAL: a health check of the balancer itself.
pub fn v2_local() -> Vec<u8> {
    v2_header(0x20, 0x00, &[])
}

fn v2_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("addresses are short");
    [&SIGNATURE[..], &[command, family], &length.to_be_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_say_the_same() {
        let (from, to) = ("192.0.2.7:51000".parse().unwrap(), "198.51.100.1:443".parse().unwrap());
        assert_eq!(v1(from, to), "PROXY TCP4 192.0.2.7 198.51.100.1 51000 443\r\n");
        let binary = v2(from, to);
        assert_eq!(binary[..12], *b"\r\n\r\n\0\r\nQUIT\n");
        assert_eq!(binary[12..16], [0x21, 0x11, 0, 12]);
        assert_eq!(binary[16..], [192, 0, 2, 7, 198, 51, 100, 1, 0xc7, 0x38, 0x01, 0xbb]);
    }
}
