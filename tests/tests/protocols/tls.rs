//! TLS towards clients: versions, certificates by name, certificates of clients.

use std::io;

use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};
use testkit::{
    certs::{Authority, Identity},
    client::{Client, tool},
    origin::Origin,
    tls,
    wire::{Failure, Wire},
};

use crate::support::{Forward, Gateway, certificates};

/// A gateway that shows these certificates; `more` is added to its `tls`.
async fn showing(identities: &[&Identity], more: &str) -> (Gateway, Origin) {
    let origin = Origin::text("hello").await;
    let fields = format!("{}{more} }}", certificates(identities));
    (Forward::to(origin.address).listener(fields).start().await, origin)
}

#[tokio::test]
async fn versions_from_1_2_on_are_spoken() {
    let authority = Authority::new();
    let identity = authority.server("web", &["web.test"]);
    let (default, _one) = showing(&[&identity], "").await;
    let (strict, _other) = showing(&[&identity], ", min_version: \"1.3\"").await;
    for (gateway, version, spoken) in
        [(&default, &TLS12, true), (&default, &TLS13, true), (&strict, &TLS12, false), (&strict, &TLS13, true)]
    {
        for alpn in [&["http/1.1"][..], &["h2"]] {
            let config = tls::Client::trusting(&authority).versions(&[version]).alpn(alpn).build();
            match tls::connect(gateway.web(), "web.test", config).await {
                Ok(stream) => {
                    assert!(spoken, "{version:?}");
                    let mut client = Client::over(stream, "https", "web.test", alpn[0] == "h2").await;
                    assert_eq!(client.get("/").await.text(), "hello", "{version:?} {alpn:?}");
                }
                Err(error) => assert!(!spoken, "{version:?}: {error}"),
            }
        }
    }
    let connect = default.web().to_string();
    let old = tool::openssl_s_client(&["-connect", &connect, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]).await;
    assert_ne!(old.code, Some(0), "{}", old.stdout);
}

#[tokio::test]
async fn what_is_no_tls_is_closed_and_harms_nobody() {
    let authority = Authority::new();
    let (gateway, _origin) = showing(&[&authority.server("web", &["web.test"])], "").await;
    let mut plain = gateway.wire().await;
    plain.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let answer = plain.until_close().await;
    assert!(answer.map_or(true, |octets| !octets.starts_with(b"HTTP")), "an alert at most");
    let config = tls::Client::trusting(&authority).build();
    assert_eq!(Client::tls(gateway.web(), "web.test", config).await.get("/").await.text(), "hello");
}

#[tokio::test]
async fn certificates_are_chosen_by_name() {
    let authority = Authority::new();
    let first = authority.server("first", &["first.test", "127.0.0.1"]);
    let second = authority.server("second", &["second.test", "also.test"]);
    let wild = authority.server("wild", &["*.wild.test"]);
    let exact = authority.server("exact", &["exact.wild.test"]);
    let (gateway, _origin) = showing(&[&first, &second, &wild, &exact], "").await;
    for (name, expected) in [
        ("first.test", &first),
        ("second.test", &second),
        ("also.test", &second),
        ("ALSO.test", &second),
        ("a.wild.test", &wild),
        ("exact.wild.test", &exact),
        // An address is no name: the client asks for none.
        ("127.0.0.1", &first),
    ] {
        let config = tls::Client::trusting(&authority).build();
        let shown = tls::shown(gateway.web(), name, config).await.unwrap();
        assert!(shown == expected.leaf, "{name} was shown another certificate than {}", expected.cert.display());
    }

    // Clients that ask for a name that nobody holds are shown the first; most will not want it.
    let connect = gateway.web().to_string();
    let unknown = ["-connect", &connect, "-servername", "a.b.wild.test", "-showcerts"];
    let shown = tool::openssl_s_client(&unknown).await;
    assert!(shown.stdout.contains("CN = first") || shown.stdout.contains("CN=first"), "{}", shown.stdout);
}

/// A route may be for the name that the handshake asked for, whatever the request says; a plain connection has none.
#[tokio::test]
async fn routes_are_chosen_by_the_name_of_the_handshake() {
    let authority = Authority::new();
    let identity = authority.server("web", &["one.test", "a.two.test", "b.two.test", "127.0.0.1"]);
    let document = format!(
        "listeners:
  - {{ name: web, address: \"127.0.0.1:0\", {} }} }}
  - {{ name: plain, address: \"127.0.0.1:0\" }}
routes:
  - {{ name: one, match: {{ sni: [ONE.test] }}, respond: {{ body: one }} }}
  - {{ name: two, match: {{ sni: [\"*.two.test\"] }}, respond: {{ body: two }} }}
  - {{ name: any, respond: {{ body: any }} }}
",
        certificates(&[&identity])
    );
    let gateway = Gateway::start(&document).await;
    for (name, expected) in [("one.test", "one"), ("One.Test", "one"), ("b.two.test", "two"), ("127.0.0.1", "any")] {
        for alpn in ["http/1.1", "h2"] {
            let config = tls::Client::trusting(&authority).alpn(&[alpn]).build();
            let stream = tls::connect(gateway.web(), name, config).await.unwrap();
            let mut client = Client::over(stream, "https", "one.test", alpn == "h2").await;
            assert_eq!(client.get("/").await.text(), expected, "{name} {alpn}");
        }
    }
    let mut plain = Client::http1(gateway.address("plain")).await.authority("one.test");
    assert_eq!(plain.get("/").await.text(), "any");
}

/// What a client gets who shows this certificate.
async fn asked(gateway: &Gateway, authority: &Authority, identity: Option<&Identity>) -> io::Result<String> {
    let config = tls::Client::trusting(authority);
    let config = identity.into_iter().fold(config, tls::Client::identity).build();
    let mut wire = Wire::over(tls::connect(gateway.web(), "web.test", config).await?);
    let talk = async {
        wire.send("GET / HTTP/1.1\r\nhost: web.test\r\n\r\n").await?;
        wire.response().await
    };
    // Under TLS 1.3 a client learns only now that its certificate was refused.
    talk.await.map(|response| response.text().to_owned()).map_err(|failure: Failure| {
        assert!(failure.is_closed(), "{failure}");
        io::Error::other(failure)
    })
}

#[tokio::test]
async fn clients_show_certificates_as_the_listener_wants() {
    let authority = Authority::new();
    let other = Authority::new();
    let identity = authority.server("web", &["web.test"]);
    let (alice, mallory) = (authority.client("alice"), other.client("mallory"));
    let ca = authority.ca();
    for (mode, alice_served, nobody_served, mallory_served) in
        [("none", true, true, true), ("request", true, true, false), ("require", true, false, false)]
    {
        let more = format!(", client_auth: {{ mode: {mode}, ca: \"{}\" }}", ca.display());
        let more = if mode == "none" { ", client_auth: { mode: none }" } else { &more };
        let (gateway, _origin) = showing(&[&identity], more).await;
        for (client, served) in [(Some(&alice), alice_served), (None, nobody_served), (Some(&mallory), mallory_served)]
        {
            let got = asked(&gateway, &authority, client).await;
            assert_eq!(got.as_deref().ok(), served.then_some("hello"), "{mode}: {got:?}");
        }
    }
}

/// Tickets are good with every worker, and the certificate of the client is remembered with them.
#[tokio::test]
async fn sessions_are_resumed_on_any_worker() {
    let authority = Authority::new();
    let identity = authority.server("web", &["web.test"]);
    let alice = authority.client("alice");
    let gateway = Gateway::start(&format!(
        "gateway: {{ workers: 4 }}\nlisteners:\n  - {{ name: web, address: \"127.0.0.1:0\", \
         {}, client_auth: {{ mode: require, ca: \"{}\" }} }} }}\nroutes:\n  - {{ name: all, respond: {{ body: hello }} }}\n",
        certificates(&[&identity]),
        authority.ca().display()
    ))
    .await;
    for version in [&TLS12, &TLS13] {
        let config = tls::Client::trusting(&authority).identity(&alice).versions(&[version]).build();
        for index in 0..8 {
            let stream = tls::connect(gateway.web(), "web.test", config.clone()).await.unwrap();
            let kind = stream.get_ref().1.handshake_kind().unwrap();
            let expected = if index == 0 { HandshakeKind::Full } else { HandshakeKind::Resumed };
            assert_eq!(kind, expected, "{version:?}, connection {index}");
            // The tickets come along with the first answer.
            let mut client = Client::over(stream, "https", "web.test", false).await;
            assert_eq!(client.get("/").await.text(), "hello");
        }
    }
}

#[tokio::test]
async fn the_scheme_is_told_to_endpoints() {
    let authority = Authority::new();
    let identity = authority.server("web", &["web.test"]);
    let echo = testkit::demo::echo().await.unwrap();
    let fields = format!("{} }}", certificates(&[&identity]));
    let gateway = Forward::to(echo.address).listener(fields).start().await;
    for alpn in ["http/1.1", "h2"] {
        let config = tls::Client::trusting(&authority).alpn(&[alpn]).build();
        let said = Client::tls(gateway.web(), "web.test", config).await.get("/").await.json();
        let headers = said["headers"].as_array().unwrap();
        for pair in [["x-forwarded-proto", "https"], ["x-forwarded-host", "web.test"]] {
            assert!(headers.contains(&pair.as_slice().into()), "{alpn}: {said}");
        }
    }
}
