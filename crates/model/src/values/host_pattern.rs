use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use super::{endpoint_address::is_host, not_expected, text_value};
use crate::{FromText, HostPattern};

/// A host that a route is for: `api.example.com`, or `*.example.org` for every name below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName(pub HostPattern);

text_value!(HostName, {
    "type": "string",
    "description": "A host without port: `api.example.com`, or `*.example.org` for every name below it.",
    "examples": ["api.example.com", "*.example.org"],
});

// === impl HostName ===

impl FromText for HostName {
    const EXPECTED: &'static str = "a host such as `api.example.com` or `*.example.org`";

    fn from_text(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        if lower == "*" {
            return Err("`*` alone stands for nothing; leave `hosts` out to match every host".to_owned());
        }
        if let Some(suffix) = lower.strip_prefix("*.").filter(|suffix| is_host(suffix) && !suffix.ends_with('.')) {
            return Ok(Self(HostPattern::Suffix(Arc::from(suffix))));
        }
        let address = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_address = address.is_some_and(|a| a.parse::<Ipv6Addr>().is_ok()) || lower.parse::<Ipv4Addr>().is_ok();
        if is_address || is_host(&lower) && !lower.ends_with('.') {
            return Ok(Self(HostPattern::Exact(Arc::from(lower))));
        }
        Err(not_expected::<Self>(text) + &hint(&lower))
    }
}

fn hint(text: &str) -> String {
    if let Some((_, host)) = text.split_once("://") {
        return format!("; write the host alone: `{}`", host.split(['/', ':']).next().unwrap_or_default());
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && super::address::is_port(port)
        && !host.contains(':')
    {
        return format!("; hosts match on every port: write `{host}`");
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return format!("; an IPv6 address stands in brackets: `[{text}]`");
    }
    if text.contains('*') {
        return "; `*` stands only in front, for one or more labels: `*.example.org`".to_owned();
    }
    if !text.is_ascii() {
        return "; write an international name in its ASCII form, which begins with `xn--`".to_owned();
    }
    match text.strip_suffix('.') {
        Some(text) => format!("; leave the last dot out: `{text}`"),
        None => String::new(),
    }
}
