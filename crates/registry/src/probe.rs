//! Asks instances how they are that want to be asked, as an agent of Consul does.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Registry,
    core::{CheckKind, CheckStatus, HttpProbe, Key, Probe, Registered},
    registry::Shared,
};

/// Of an answer, what is kept of its body for people to read.
const BODY_BYTES: usize = 2 * 1024;

/// Asks for the health of all that want it.
pub(crate) fn start_all(registry: &Registry) {
    let all: Vec<_> = {
        let core = registry.0.core();
        core.services().values().flat_map(|service| service.instances.values()).cloned().collect()
    };
    all.iter().for_each(|registered| start(&registry.0, registered));
}

/// Asks for the health of an instance, if it wants that, until it is registered anew or gone.
pub(crate) fn start(shared: &Arc<Shared>, registered: &Registered) {
    for check in &registered.instance.checks {
        if let CheckKind::Probe(probe) = &check.kind {
            let key = registered.instance.key.clone();
            let asked = Asked { key, serial: registered.serial, check: check.id.clone(), probe: probe.clone() };
            tokio::spawn(run(Arc::downgrade(shared), asked));
        }
    }
}

/// A check of one registration.
struct Asked {
    key: Key,
    serial: u64,
    check: Arc<str>,
    probe: Probe,
}

async fn run(registry: Weak<Shared>, asked: Asked) {
    loop {
        let Some(shared) = registry.upgrade() else { return };
        if !asked.is_wanted(&shared) {
            return;
        }
        let begun = Instant::now();
        let (status, output) = {
            // It is never closed.
            let _turn = shared.probes.acquire().await;
            let once = ask(&asked.probe, shared.allow());
            timeout(asked.probe.timeout, once)
                .await
                .unwrap_or_else(|_| (CheckStatus::Critical, format!("no answer within {:?}", asked.probe.timeout)))
        };
        if !asked.is_wanted(&shared) {
            return;
        }
        // Another instance may have a check of this id by now; then this one is not wanted any more.
        _ = shared.change(|core, now| core.set_check(&asked.check, status, &output, now));
        let next = begun + asked.probe.interval;
        while Instant::now() < next {
            let changed = shared.signals.of(&asked.key.service);
            tokio::select! {
                () = sleep_until(next.max(Instant::now() + Duration::from_millis(1))) => {}
                () = changed => {}
            }
            if !asked.is_wanted(&shared) {
                return;
            }
        }
    }
}

async fn ask(probe: &Probe, allow: &[IpNet]) -> (CheckStatus, String) {
    match connect(probe, allow).await {
        Err(error) => (CheckStatus::Critical, error.to_string()),
        Ok(stream) => match &probe.http {
            None => (CheckStatus::Passing, "connected".to_owned()),
            Some(http) => get(stream, probe, http).await.unwrap_or_else(|error| (CheckStatus::Critical, error)),
        },
    }
}

/// To the first address that may be asked: a name must not lead to where an address would not.
async fn connect(probe: &Probe, allow: &[IpNet]) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = lookup_host((&*probe.host, probe.port)).await?.collect();
    match addresses.iter().find(|address| is_allowed(address.ip(), allow)) {
        Some(address) => TcpStream::connect(address).await,
        None => Err(io::Error::other(format!("`{}` is outside of `gateway.discovery.allow`", probe.host))),
    }
}

fn is_allowed(address: IpAddr, allow: &[IpNet]) -> bool {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if allow.is_empty() { !is_link_local } else { allow.iter().any(|network| network.contains(&address)) }
}

/// 2xx passes, 429 warns, everything else is critical, as Consul has it. Redirects are not followed.
async fn get(stream: TcpStream, probe: &Probe, http: &HttpProbe) -> Result<(CheckStatus, String), String> {
    let host = if probe.host.contains(':') { format!("[{}]", probe.host) } else { probe.host.to_string() };
    let mut request = Request::builder()
        .method(&*http.method)
        .uri(&*http.path)
        .header(header::HOST, format!("{host}:{}", probe.port))
        .header(header::USER_AGENT, "sluice-registry")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    for (name, value) in &http.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            request.headers_mut().insert(name, value);
        }
    }
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_BYTES).collect().await.map(|body| body.to_bytes());
        let body = body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let health = match status.as_u16() {
            200..=299 => CheckStatus::Passing,
            429 => CheckStatus::Warning,
            _ => CheckStatus::Critical,
        };
        Ok((health, format!("HTTP {} {}: {status} {body}", http.method, http.path)))
    };
    tokio::pin!(connection);
    tokio::select! {
        answer = answer => answer,
        // Whoever waits for an answer hears of what broke the connection first.
        error = async { (&mut connection).await.err(); std::future::pending::<String>().await } => Err(error),
    }
}

// === impl Asked ===

impl Asked {
    fn is_wanted(&self, shared: &Shared) -> bool {
        shared.core().get(&self.key).is_some_and(|current| current.serial == self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_where_no_instance_may_be() {
        let networks: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        for (address, allow, expected) in [
            ("10.1.2.3", &[][..], true),
            ("169.254.169.254", &[], false),
            ("::ffff:169.254.169.254", &[], false),
            ("fe80::1", &[], false),
            ("10.1.2.3", &networks, true),
            ("192.168.0.1", &networks, false),
        ] {
            assert_eq!(is_allowed(address.parse().unwrap(), allow), expected, "{address}");
        }
    }
}
