//! What responses of a side say about it.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use message::vary;
use model::{Field, VersionSource};

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Header fields, made when the document is compiled.
#[derive(Debug, Default)]
pub(super) struct Notice {
    /// Names the side, in place of what an endpoint says.
    reveal: Option<(HeaderName, HeaderValue)>,
    /// Stand once; an endpoint that says them itself knows better.
    once: Vec<(HeaderName, HeaderValue)>,
    /// Each unless there is a link with this relation.
    links: Vec<(&'static str, HeaderValue)>,
    /// Request fields that the choice depends on.
    vary: Vec<HeaderName>,
}

// === impl Notice ===

impl Notice {
    pub(super) fn of_side(split: &model::Split, side: &model::Side) -> Self {
        let name = HeaderValue::from_bytes(side.name.as_bytes()).ok();
        Self { reveal: split.reveal.clone().zip(name), ..Self::default() }
    }

    pub(super) fn of_version(versions: &model::Versions, version: &model::ApiVersion) -> Self {
        let mut notice = Self { vary: decisive(versions), ..Self::default() };
        if let Some(deprecated) = version.deprecated {
            notice.once.extend(deprecation(deprecated).map(|value| (DEPRECATION, value)));
            notice.link("deprecation", version.link.as_deref());
        }
        if let Some(sunset) = version.sunset {
            let date = HeaderValue::try_from(httpdate::fmt_http_date(sunset)).ok();
            notice.once.extend(date.map(|value| (SUNSET, value)));
            notice.link("sunset", version.link.as_deref());
        }
        notice
    }

    /// RFC 9745, 3, and RFC 8594, 6.
    fn link(&mut self, relation: &'static str, page: Option<&str>) {
        let value = page.and_then(|page| HeaderValue::try_from(format!("<{page}>; rel=\"{relation}\"")).ok());
        self.links.extend(value.map(|value| (relation, value)));
    }

    /// A response that has no room for another field goes without.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.reveal {
            _ = headers.try_insert(name, value.clone());
        }
        for (name, value) in &self.once {
            if !headers.contains_key(name) {
                _ = headers.try_append(name, value.clone());
            }
        }
        for (relation, value) in &self.links {
            if !has_link(headers, relation) {
                _ = headers.try_append(header::LINK, value.clone());
            }
        }
        for name in &self.vary {
            if !vary::names(headers, name.as_str()) {
                _ = headers.try_append(header::VARY, HeaderValue::from(name.clone()));
            }
        }
    }
}

/// The request fields that a version may be found in.
fn decisive(versions: &model::Versions) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for source in &versions.from {
        let name = match source {
            VersionSource::Field(Field::Header(name)) => name.clone(),
            VersionSource::Field(Field::Cookie(_)) => header::COOKIE,
            VersionSource::MediaTypeParameter(_) | VersionSource::MediaType { .. } => header::ACCEPT,
            // Parts of the target, which every cache goes by.
            VersionSource::Field(Field::Query(_)) | VersionSource::Path { .. } => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A date of structured fields (RFC 9745, 2.1; RFC 9651, 3.3.7).
fn deprecation(since: SystemTime) -> Option<HeaderValue> {
    let seconds = since.duration_since(UNIX_EPOCH).ok()?.as_secs();
    HeaderValue::try_from(format!("@{seconds}")).ok()
}

/// Whether there is a link with this relation, alone or among others (RFC 8288, 3.3).
fn has_link(headers: &HeaderMap, relation: &str) -> bool {
    headers.get_all(header::LINK).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split("rel=").skip(1).any(|value| {
            let (value, end) = match value.strip_prefix('"') {
                Some(value) => (value, &['"'][..]),
                None => (value, &[';', ',', ' '][..]),
            };
            let relations = value.split(end).next().unwrap_or_default();
            relations.split(' ').any(|found| found.eq_ignore_ascii_case(relation))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    fn notice() -> Notice {
        let mut notice = Notice {
            once: vec![(DEPRECATION, HeaderValue::from_static("@0"))],
            vary: vec![HeaderName::from_static("x-api-version"), header::ACCEPT],
            ..Notice::default()
        };
        notice.link("deprecation", Some("https://a.example/v1"));
        notice.link("sunset", Some("https://a.example/v1"));
        notice
    }

    #[test]
    fn a_bare_response_gets_all_of_it() {
        let mut headers = HeaderMap::new();
        notice().write(&mut headers);
        assert_eq!(lines(&headers, &DEPRECATION), ["@0"]);
        let links = ["<https://a.example/v1>; rel=\"deprecation\"", "<https://a.example/v1>; rel=\"sunset\""];
        assert_eq!(lines(&headers, &header::LINK), links);
        assert_eq!(lines(&headers, &header::VARY), ["x-api-version", "accept"]);
    }

    #[test]
    fn what_an_endpoint_says_itself_is_not_said_again() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (DEPRECATION, "@7"),
            (header::LINK, "</a>; rel=next, </b>; rel=\"alternate Deprecation\""),
            (header::VARY, "X-Api-Version"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        notice().write(&mut headers);
        assert_eq!(lines(&headers, &DEPRECATION), ["@7"]);
        assert_eq!(lines(&headers, &header::LINK)[1..], ["<https://a.example/v1>; rel=\"sunset\""]);
        assert_eq!(lines(&headers, &header::VARY), ["X-Api-Version", "accept"]);
        let once = headers.clone();
        notice().write(&mut headers);
        assert_eq!(headers, once, "never twice");
    }
}
