//! What is refused, and why.

use std::{fmt, net::IpAddr, time::Duration};

use super::{CheckKind, Instance, Key};

/// How much is kept, and how large each may be.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) services: usize,
    /// Of all services.
    pub(crate) instances: usize,
    pub(crate) max_ttl: Duration,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such instance, service or check.
    Unknown(String),
    /// What was said makes no sense.
    Bad(String),
    /// Somebody else is meant as well.
    Ambiguous(String),
    /// There is no room.
    Full(String),
}

/// Shorter ones would make a busy machine look like a dead service.
const MIN_TTL: Duration = Duration::from_secs(1);
/// Of the name of a service, in bytes.
const NAME: usize = 128;
const ID: usize = 256;
const LABELS: usize = 64;
const LABEL_NAME: usize = 128;
const LABEL_VALUE: usize = 512;
const TAGS: usize = 64;
const TAG: usize = 256;
const CHECKS: usize = 16;
/// Of everything else that is kept as said, such as addresses of pages and notes.
const TEXT: usize = 1024;
/// As high as endpoints in documents may have.
const WEIGHT: u32 = 65_535;
const LONGEST_INTERVAL: Duration = Duration::from_mins(10);

// === impl Limits ===

impl Limits {
    pub(crate) fn new(max_ttl: Duration) -> Self {
        Self { services: 5_000, instances: 20_000, max_ttl }
    }

    /// Whether an instance may be kept, whoever else is.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn check(&self, instance: &Instance) -> Result<(), Refusal> {
        self.problem(instance).map_or(Ok(()), |problem| Err(Refusal::Bad(problem)))
    }

    fn problem(&self, instance: &Instance) -> Option<String> {
        let Instance { key, host, port, weight, labels, tags, checks, .. } = instance;
        key_problem(key)
            .or_else(|| host_problem(host))
            .or_else(|| (*port == 0).then(|| "the port is missing; it is a number from 1 to 65535".to_owned()))
            .or_else(|| (*weight > WEIGHT).then(|| format!("the weight {weight} is more than {WEIGHT}")))
            .or_else(|| too_many("labels", labels.len(), LABELS))
            .or_else(|| labels.iter().find_map(|(name, value)| label_problem(name, value)))
            .or_else(|| too_many("tags", tags.len(), TAGS))
            .or_else(|| tags.iter().find_map(|tag| text_problem("a tag", tag, TAG)))
            .or_else(|| too_many("checks", checks.len(), CHECKS))
            .or_else(|| checks.iter().find_map(|check| self.check_problem(check)))
            .or_else(|| instance.eureka.as_deref().and_then(eureka_problem))
    }

    fn check_problem(&self, check: &super::Check) -> Option<String> {
        let text = text_problem("the id of a check", &check.id, ID + 16)
            .or_else(|| text_problem("the name of a check", &check.name, TEXT))
            .or_else(|| text_problem("the notes of a check", &check.notes, TEXT));
        text.or_else(|| match &check.kind {
            CheckKind::Ttl(ttl) => self.ttl_problem(*ttl),
            CheckKind::Probe(probe) if probe.interval < MIN_TTL || probe.interval > LONGEST_INTERVAL => Some(format!(
                "a check runs every {MIN_TTL:?} to {LONGEST_INTERVAL:?}, and not every {:?}",
                probe.interval
            )),
            CheckKind::Probe(_) => None,
        })
    }

    fn ttl_problem(&self, ttl: Duration) -> Option<String> {
        let max = self.max_ttl;
        (ttl < MIN_TTL || ttl > max).then(|| {
            format!(
                "a ttl of {ttl:?} is out of bounds: from {MIN_TTL:?} to {max:?}, which is `gateway.registry.max_ttl`"
            )
        })
    }
}

fn key_problem(Key { service, id }: &Key) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if service.is_empty() || service.len() > NAME || !service.bytes().all(is_name) {
        return Some(format!(
            "`{}` is no name of a service: 1 to {NAME} letters, digits, `-`, `_` and `.`",
            shown(service)
        ));
    }
    (id.is_empty() || id.len() > ID || !id.bytes().all(|byte| byte.is_ascii_graphic()))
        .then(|| format!("`{}` is no id of an instance: 1 to {ID} visible ASCII characters without spaces", shown(id)))
}

/// An address, or a name that can be resolved (RFC 1123, 2.1; underscores are common in names of services).
fn host_problem(host: &str) -> Option<String> {
    let is_address = host.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified() && !address.is_multicast());
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_numeric = host.split('.').next_back().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let is_name = host.len() <= 253 && host.split('.').all(is_label) && !is_numeric;
    (!is_address && !is_name).then(|| {
        format!("`{}` is nowhere that the gateway could connect to: a host name or an IP address", shown(host))
    })
}

fn label_problem(name: &str, value: &str) -> Option<String> {
    if name.is_empty() || name.len() > LABEL_NAME || name.chars().any(char::is_control) {
        return Some(format!(
            "`{}` is no name of a label: 1 to {LABEL_NAME} bytes without control characters",
            shown(name)
        ));
    }
    text_problem(&format!("the label `{name}`"), value, LABEL_VALUE)
}

fn eureka_problem(words: &super::EurekaWords) -> Option<String> {
    let class_and_name = words.data_center.iter().flat_map(|(class, name, _)| [class, name]);
    let beside =
        words.data_center.iter().flat_map(|(.., beside)| beside.iter()).flat_map(|(name, value)| [name, value]);
    let count = words.data_center.as_ref().map_or(0, |(.., beside)| beside.len());
    let mut texts =
        words.texts.values().chain([&words.host_name, &words.ip_address]).chain(class_and_name).chain(beside);
    too_many("fields of a data center", count, LABELS)
        .or_else(|| texts.find_map(|text| text_problem("a field", text, TEXT)))
}

fn text_problem(what: &str, text: &str, most: usize) -> Option<String> {
    if text.len() > most {
        return Some(format!("{what} has {} bytes, at most {most} are kept", text.len()));
    }
    text.chars().any(char::is_control).then(|| format!("{what} has control characters"))
}

fn too_many(what: &str, count: usize, most: usize) -> Option<String> {
    (count > most).then(|| format!("there are {count} {what}, at most {most} are kept"))
}

/// The begin of something that may be long, without what terminals would act on.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn unknown_instance(key: &Key) -> Self {
        let Key { service, id } = key;
        Self::Unknown(format!(
            "there is no instance `{}` of a service `{}`; register it (again)",
            shown(id),
            shown(service)
        ))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unknown(detail) | Self::Bad(detail) | Self::Ambiguous(detail) | Self::Full(detail)) = self;
        f.write_str(detail)
    }
}
