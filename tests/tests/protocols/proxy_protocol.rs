//! The PROXY protocol: a balancer in front says for whom it connects.

use std::net::SocketAddr;

use testkit::{
    certs::Authority,
    origin::RawOrigin,
    tls,
    wire::{Wire, proxy_protocol},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::{Forward, certificates};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn addresses() -> [(SocketAddr, SocketAddr); 2] {
    [("192.0.2.7:51000", "198.51.100.1:443"), ("[2001:db8::7]:51000", "[2001:db8::1]:443")]
        .map(|(source, destination)| (source.parse().unwrap(), destination.parse().unwrap()))
}

/// Each header with the address that it tells; an endpoint learns it as the client's.
fn headers() -> Vec<(Vec<u8>, &'static str)> {
    let [(source4, destination4), (source6, destination6)] = addresses();
    let mut extended = proxy_protocol::v2(source4, destination4);
    // An extension (PP2_TYPE_NOOP, two octets) that is skipped.
    extended[15] += 5;
    extended.extend([0x04, 0, 2, 0, 0]);
    vec![
        (proxy_protocol::v1(source4, destination4).into_bytes(), "192.0.2.7"),
        (proxy_protocol::v1(source6, destination6).into_bytes(), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (proxy_protocol::v2(source4, destination4), "192.0.2.7"),
        (proxy_protocol::v2(source6, destination6), "2001:db8::7"),
        (proxy_protocol::v2_local(), "127.0.0.1"),
        (extended, "192.0.2.7"),
    ]
}

#[tokio::test]
async fn the_client_is_who_the_header_names() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).listener("proxy_protocol: true").start().await;
    for (header, client) in headers() {
        // In one segment with the request, and octet by octet.
        for piece in [usize::MAX, 1] {
            let mut wire = gateway.wire().await;
            for octets in [&header, GET].concat().chunks(piece) {
                wire.send(octets).await.unwrap();
            }
            assert_eq!(wire.response().await.unwrap().text(), "ok", "{}", header.escape_ascii());
            let request = origin.next_request().await;
            assert_eq!(request.fields.one("x-forwarded-for"), Some(client), "{}", header.escape_ascii());
        }
    }
}

#[tokio::test]
async fn it_comes_before_tls() {
    let authority = Authority::new();
    let identity = authority.server("web", &["web.test"]);
    let origin = RawOrigin::answering(OK).await;
    let fields = format!("proxy_protocol: true, {} }}", certificates(&[&identity]));
    let gateway = Forward::to(origin.address).listener(fields).start().await;
    for (header, client) in headers() {
        let mut stream = TcpStream::connect(gateway.web()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &header).await.unwrap();
        let config = TlsConnector::from(tls::Client::trusting(&authority).build());
        let stream = config.connect("web.test".try_into().unwrap(), stream).await.unwrap();
        let mut wire = Wire::over(stream);
        wire.send(GET).await.unwrap();
        assert_eq!(wire.response().await.unwrap().text(), "ok");
        let request = origin.next_request().await;
        let told = (request.fields.one("x-forwarded-for"), request.fields.one("x-forwarded-proto"));
        assert_eq!(told, (Some(client), Some("https")));
    }
}

#[tokio::test]
async fn whoever_says_nothing_or_nonsense_is_not_served() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address).listener("proxy_protocol: true").start().await;
    for header in [
        &b""[..],
        b"PROXY TCP4 192.0.2.7 198.51.100.1 51000\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 51000 443\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 51000 443 and much more that does not belong into a line of at most 107 octets",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 99999 443\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ] {
        let mut wire = gateway.wire().await;
        // It may be closed before all of it is sent.
        let _ = wire.send([header, GET].concat()).await;
        let answer = wire.until_close().await;
        assert!(answer.as_ref().map_or_else(|failure| failure.is_closed(), Vec::is_empty), "{answer:?}");
    }
    assert_eq!(origin.counts.requests(), 0);
}

/// It tells who the client is, not whose word about others is believed; but trust is a matter of that address.
#[tokio::test]
async fn trust_is_in_the_address_that_was_told() {
    let origin = RawOrigin::answering(OK).await;
    let gateway = Forward::to(origin.address)
        .gateway("trusted_proxies: [192.0.2.0/24]")
        .listener("proxy_protocol: true")
        .start()
        .await;
    let destination = "198.51.100.1:443".parse().unwrap();
    for (source, expected) in [("192.0.2.7:1", "203.0.113.9, 192.0.2.7"), ("203.0.113.1:1", "203.0.113.1")] {
        let mut wire = gateway.wire().await;
        wire.send(proxy_protocol::v1(source.parse().unwrap(), destination)).await.unwrap();
        wire.send("GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.9\r\n\r\n").await.unwrap();
        assert_eq!(wire.response().await.unwrap().status, 200);
        assert_eq!(origin.next_request().await.fields.one("x-forwarded-for"), Some(expected));
    }
}
