//! What a record comes to for those who ask for a service.

use std::{net::SocketAddr, sync::Arc};

use model::{EndpointAddress, EurekaService, FromText, values::EndpointTarget};
use upstream::discovery::{Answer, Flaw, Instance, Status};

use super::wire::Record;

/// Adds what is told of an instance, if it is one of the service.
pub(super) fn add(record: &Record, service: &EurekaService, answer: &mut Answer) {
    if !is_of(record, service) {
        return;
    }
    let flaw = |detail| Flaw { id: record.id.clone(), detail };
    if let Some(detail) = record.flaw {
        answer.flaws.push(flaw(detail.to_owned()));
        return;
    }
    let address = match address(record, service.is_secure) {
        Ok(address) => address,
        Err(detail) => return answer.flaws.push(flaw(detail)),
    };
    let weight = weight(record).unwrap_or_else(|detail| {
        answer.flaws.push(flaw(detail));
        1
    });
    let (id, labels, status) = (record.id.clone(), labels(record), status(record));
    answer.instances.push(Instance { id, address, weight, tier: 0, labels, status });
}

/// Whether one of its virtual host names is the wanted one.
fn is_of(record: &Record, service: &EurekaService) -> bool {
    let Some(wanted) = &service.vip else { return true };
    let names = if service.is_secure { &record.secure_vip } else { &record.vip };
    names.split(',').any(|name| name.trim().eq_ignore_ascii_case(wanted))
}

/// The IP address that it registered with: names of hosts are often known to themselves only.
fn address(record: &Record, is_secure: bool) -> Result<EndpointAddress, String> {
    let (port, key) = if is_secure { (record.secure, "securePort") } else { (record.plain, "port") };
    let port = match port.number {
        Some(number) if port.is_enabled => number,
        Some(_) if is_secure => return Err("its `securePort` is not enabled".to_owned()),
        Some(_) => return Err("its `port` is not enabled; with `secure: true` the secure one is taken".to_owned()),
        None => return Err(format!("it has no `{key}` that is a port")),
    };
    if let Some(Ok(ip)) = record.ip.as_deref().map(str::parse) {
        return Ok(EndpointAddress::Socket(SocketAddr::new(ip, port)));
    }
    let Some(host) = record.host.as_deref().or(record.ip.as_deref()) else {
        return Err("it has neither an `ipAddr` nor a `hostName`".to_owned());
    };
    match EndpointTarget::from_text(&format!("{host}:{port}")) {
        Ok(EndpointTarget(EndpointAddress::Unix(_))) => Err(format!("`{host}` is no host")),
        Ok(EndpointTarget(address)) => Ok(address),
        Err(why) => Err(why),
    }
}

/// What operators say goes before what an instance says of itself, unless that is that it cannot serve: as servers have it.
fn status(record: &Record) -> Status {
    let own = record.status.as_str();
    let said = match own {
        "DOWN" | "STARTING" => own,
        _ => record.overridden.as_deref().unwrap_or(own),
    };
    match said {
        "UP" => Status::Up,
        "OUT_OF_SERVICE" => Status::Draining,
        _ => Status::Down,
    }
}

fn weight(record: &Record) -> Result<u32, String> {
    let Some((_, weight)) = record.metadata.iter().find(|(key, _)| &**key == "weight") else { return Ok(1) };
    weight.parse().map_err(|_| format!("the weight `{weight}` is no whole number, and is taken for 1"))
}

/// The metadata, and the zone, wherever it was told.
fn labels(record: &Record) -> Vec<(Arc<str>, Arc<str>)> {
    let metadata = record.metadata.iter().filter(|(key, _)| !matches!(&**key, "zone" | "weight"));
    let zone = record.zone.as_deref().map(|zone| (Arc::from("zone"), Arc::from(zone)));
    let mut labels: Vec<_> = metadata.cloned().chain(zone).collect();
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{eureka::wire::Port, heard::brief};

    fn record() -> Record {
        Record {
            id: "a".into(),
            status: "UP".to_owned(),
            ip: Some("10.0.0.1".to_owned()),
            host: Some("a.test".to_owned()),
            plain: Port { number: Some(8080), is_enabled: true },
            secure: Port { number: Some(8443), is_enabled: false },
            vip: "orders,shop".to_owned(),
            secure_vip: "orders-tls".to_owned(),
            ..Record::default()
        }
    }

    fn service() -> EurekaService {
        EurekaService { app: "ORDERS".into(), vip: None, is_secure: false }
    }

    fn told(record: &Record, service: &EurekaService) -> String {
        let mut answer = Answer::default();
        add(record, service, &mut answer);
        let instances = answer.instances.iter().map(brief);
        instances.chain(answer.flaws.iter().map(|flaw| format!("flaw: {}", flaw.detail))).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn addresses_are_ip_addresses_before_names() {
        let service = service();
        assert_eq!(told(&record(), &service), "10.0.0.1:8080");
        assert_eq!(told(&Record { ip: Some("fd00::1".to_owned()), ..record() }, &service), "[fd00::1]:8080");
        assert_eq!(told(&Record { ip: None, ..record() }, &service), "a.test:8080");
        assert_eq!(told(&Record { ip: Some("b.test".to_owned()), host: None, ..record() }, &service), "b.test:8080");
        for (record, why) in [
            (Record { ip: None, host: None, ..record() }, "neither an `ipAddr` nor a `hostName`"),
            (Record { ip: None, host: Some("a b".to_owned()), ..record() }, "expected an address"),
            (Record { ip: None, host: Some("unix".to_owned()), plain: Port::default(), ..record() }, "no `port`"),
            (Record { plain: Port { number: Some(8080), is_enabled: false }, ..record() }, "`secure: true`"),
        ] {
            let told = told(&record, &service);
            assert!(told.starts_with("flaw: ") && told.contains(why), "{told}");
        }
    }

    #[test]
    fn the_secure_port_is_another() {
        let service = EurekaService { is_secure: true, ..service() };
        assert_eq!(told(&record(), &service), "flaw: its `securePort` is not enabled");
        let record = Record { secure: Port { number: Some(8443), is_enabled: true }, ..record() };
        assert_eq!(told(&record, &service), "10.0.0.1:8443");
        let of = |vip: &str| told(&record, &EurekaService { vip: Some(vip.into()), ..service.clone() });
        assert_eq!([of("orders-tls"), of("orders")], ["10.0.0.1:8443", ""]);
    }

    #[test]
    fn virtual_host_names_choose() {
        let of = |vip: &str| told(&record(), &EurekaService { vip: Some(vip.into()), ..service() });
        assert_eq!([of("shop"), of("Orders"), of("order")], ["10.0.0.1:8080", "10.0.0.1:8080", ""]);
    }

    #[test]
    fn statuses_are_three() {
        let of = |status: &str, overridden: Option<&str>| {
            let record =
                Record { status: status.to_owned(), overridden: overridden.map(ToOwned::to_owned), ..record() };
            super::status(&record)
        };
        for (status, overridden, wanted) in [
            ("UP", None, Status::Up),
            ("UP", Some("OUT_OF_SERVICE"), Status::Draining),
            ("OUT_OF_SERVICE", None, Status::Draining),
            ("OUT_OF_SERVICE", Some("UP"), Status::Up),
            ("STARTING", Some("UP"), Status::Down),
            ("DOWN", Some("OUT_OF_SERVICE"), Status::Down),
            ("UP", Some("DOWN"), Status::Down),
            ("UNKNOWN", None, Status::Down),
            ("ON_FIRE", None, Status::Down),
        ] {
            assert_eq!(of(status, overridden), wanted, "{status} {overridden:?}");
        }
    }

    #[test]
    fn metadata_are_labels_and_the_weight() {
        let with = |pairs: &[(&str, &str)], zone: Option<&str>| {
            let metadata = pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            told(&Record { metadata, zone: zone.map(ToOwned::to_owned), ..record() }, &service())
        };
        assert_eq!(
            with(&[("version", "v2"), ("weight", "3"), ("zone", "b")], Some("b")),
            "10.0.0.1:8080 weight 3 version=v2 zone=b"
        );
        assert_eq!(with(&[], Some("eu-1a")), "10.0.0.1:8080 zone=eu-1a");
        assert_eq!(
            with(&[("weight", "heavy")], None),
            "10.0.0.1:8080; flaw: the weight `heavy` is no whole number, and is taken for 1"
        );
    }
}
