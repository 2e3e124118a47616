//! The versions of an API.

use std::collections::HashMap;

use expression::suggestion;

use super::destination::Known;
use crate::{
    ApiVersion, Field, Node, PathPattern, Place, Report, VersionSource, Versions, document,
    values::{DateOrTime, FieldName, Link, MediaTypeVersion, Name},
};

/// `path` is the path of the route.
pub(super) fn check(
    node: &Node,
    written: document::Versions,
    path: Option<&PathPattern>,
    known: &mut Known<'_>,
    report: &mut Report,
) -> Option<Versions> {
    let document::Versions { from, default, known: versions } = written;
    if from.is_empty() {
        let hint = "for example `from: [{ header: x-api-version }]`";
        report.error_with_hint(&node.near("from").place, "nothing says where requests name their version", hint);
    }
    let sources = node.near("from");
    let from: Vec<_> = from
        .into_iter()
        .enumerate()
        .map(|(index, written)| source(sources.item(index), written, path, report))
        .collect();
    let list = node.near("known");
    if versions.is_empty() {
        let hint = "for example `known: [{ name: \"1\", upstream: users }]`";
        report.error_with_hint(&list.place, "no version is known", hint);
    }
    check_names(list, &versions, report);
    let default = default.map(|name| self::default(node.near("default"), &name, &versions, report));
    let versions: Vec<_> = versions
        .into_iter()
        .enumerate()
        .map(|(index, written)| version(list.item(index), index, written, known, report))
        .collect();
    Some(Versions {
        from: from.into_iter().collect::<Option<_>>()?,
        default: match default {
            Some(default) => Some(default?),
            None => None,
        },
        known: versions.into_iter().collect::<Option<_>>()?,
    })
}

fn source(
    node: &Node,
    written: document::VersionSource,
    path: Option<&PathPattern>,
    report: &mut Report,
) -> Option<VersionSource> {
    Some(match written {
        document::VersionSource::Header(FieldName(name)) => VersionSource::Field(Field::Header(name)),
        document::VersionSource::Query(name) => VersionSource::Field(Field::Query(name.into())),
        document::VersionSource::MediaType(MediaTypeVersion::Parameter(name)) => {
            VersionSource::MediaTypeParameter(name.into())
        }
        document::VersionSource::MediaType(MediaTypeVersion::Name { before, after }) => {
            VersionSource::MediaType { before: before.into(), after: after.into() }
        }
        document::VersionSource::Path(name) => {
            let captures = path.map(PathPattern::captures).unwrap_or_default();
            let Some(index) = captures.iter().position(|capture| *capture == name) else {
                let message = format!("the path of this route does not capture `{name}`");
                let hint = suggestion(&name, captures).unwrap_or_else(|| {
                    "it captures nothing: only templates, prefixes and named groups of a regex do".to_owned()
                });
                report.error_with_hint(&node.near("path").place, message, hint);
                return None;
            };
            VersionSource::Path { name: name.into(), index }
        }
    })
}

fn check_names(list: &Node, versions: &[document::ApiVersion], report: &mut Report) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for (index, document::ApiVersion { name: Name(name), .. }) in versions.iter().enumerate() {
        let place = &list.item(index).near("name").place;
        if let Some(first) = seen.insert(name, place) {
            let message = format!("there are two versions with the name `{name}`, the first at {first}");
            report.error_with_hint(place, message, "give each a name of its own");
        }
    }
}

fn default(node: &Node, name: &str, versions: &[document::ApiVersion], report: &mut Report) -> Option<usize> {
    let names = versions.iter().map(|document::ApiVersion { name: Name(name), .. }| &**name);
    let index = names.clone().position(|known| known == name);
    if index.is_none() && !versions.is_empty() {
        let message = format!("unknown version `{name}`");
        report.error_with_hint(&node.place, message, suggestion(name, names).unwrap_or_default());
    }
    index
}

fn version(
    node: &Node,
    index: usize,
    written: document::ApiVersion,
    known: &mut Known<'_>,
    report: &mut Report,
) -> Option<ApiVersion> {
    let document::ApiVersion { name: Name(name), upstream: _, labels, deprecated, sunset, link } = written;
    let deprecated = deprecated.map(|DateOrTime(time)| time);
    let sunset = sunset.map(|DateOrTime(time)| time);
    if let (Some(deprecated), Some(sunset)) = (deprecated, sunset)
        && sunset < deprecated
    {
        // RFC 9745, 4.
        let hint = "a version is deprecated first, and ends later";
        report.error_with_hint(&node.near("sunset").place, "`sunset` is before `deprecated`", hint);
    }
    if let Some(key) = node.key("link").filter(|_| deprecated.is_none() && sunset.is_none()) {
        let message = "`link` stands beside `Deprecation` and `Sunset`, and this version has neither";
        report.error_with_hint(&key.place, message, "give it `deprecated` or `sunset`, or leave `link` out");
    }
    let to = known.destination(index, labels, node)?;
    Some(ApiVersion { name, to, deprecated, sunset, link: link.map(|Link(link)| link) })
}
