//! Upstreams whose names the path fills in: `orders-{region}`.

use std::collections::BTreeMap;

use expression::suggestion;
use regex::Regex;

use super::super::{names::Names, subsets::Subsets};
use super::{Known, matching, templates};
use crate::{NamedUpstream, Node, Report, Template, TemplatePart, nearest};

/// The upstreams that a name with holes can mean.
pub(super) struct Fitting {
    name: Template,
    upstreams: Vec<u32>,
}

/// What a route sends to by a name with holes. `None`: it does not. `Some(None)`: it is wrong, which is reported.
///
/// A name that some upstream has is no template, whatever it looks like.
pub(super) fn check(route: &Node, known: &Known<'_>, report: &mut Report) -> Option<Option<Fitting>> {
    let reference = route.get("upstream")?.near("name");
    let text = reference.text()?;
    let has_hole = || Template::read_text(text, |_| Ok(0)).is_ok_and(|template| template.fixed().is_none());
    if known.upstreams.has(text) || !has_hole() {
        return None;
    }
    Some(fitting(reference, text, route, known, report))
}

fn fitting(reference: &Node, text: &str, route: &Node, known: &Known<'_>, report: &mut Report) -> Option<Fitting> {
    // What is captured by a path that cannot be read, nobody knows.
    let path = matching::path(route)?;
    let name = templates::complain(reference, templates::text(text, path.as_ref()), report)?;
    let fits = regex(&name)?;
    let fitting: Vec<(&str, u32)> = known.upstreams.iter().filter(|(name, _)| fits.is_match(name)).collect();
    if fitting.is_empty() {
        let message = format!("no upstream has a name that fits `{text}`");
        match near(&name, &known.upstreams) {
            Some(hint) => report.error_with_hint(&reference.place, message, hint),
            None => report.error(&reference.place, message),
        }
        return None;
    }
    same_policies(reference, &fitting, known.upstream_nodes, report)?;
    Some(Fitting { name, upstreams: fitting.into_iter().map(|(_, index)| index).collect() })
}

/// All names that the template can make.
fn regex(name: &Template) -> Option<Regex> {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Literal(text) => regex::escape(text),
        TemplatePart::Capture(_) => ".*".to_owned(),
    };
    let parts: String = name.0.iter().map(part).collect();
    // Escaped text and dots always make one.
    Regex::new(&format!("^(?:{parts})$")).ok()
}

/// The name whose beginning was probably meant, or else what there is.
fn near(name: &Template, names: &Names<'_>) -> Option<String> {
    let beginning = match name.0.first() {
        Some(TemplatePart::Literal(text)) => &**text,
        _ => "",
    };
    let begins_near = |name: &&str| {
        let ends = name.char_indices().map(|(at, letter)| at + letter.len_utf8());
        ends.filter(|end| end.abs_diff(beginning.len()) <= 2).any(|end| nearest(beginning, [&name[..end]]).is_some())
    };
    let names: Vec<&str> = names.iter().map(|(name, _)| name).collect();
    match names.iter().copied().find(|name| begins_near(name)) {
        Some(near) => Some(format!("`{near}` comes near")),
        None if names.is_empty() => Some("this document has no upstreams".to_owned()),
        None => suggestion("", names),
    }
}

/// Policies of upstreams run before it is known which of them gets the request.
fn same_policies(reference: &Node, fitting: &[(&str, u32)], nodes: &[Node], report: &mut Report) -> Option<()> {
    let policies = |index: u32| nodes.get(index as usize)?.get("policies").filter(|list| !list.items().is_empty());
    let (first, first_index) = fitting.first()?;
    let differs = |(_, index): &&(&str, u32)| match (policies(*first_index), policies(*index)) {
        (Some(one), Some(other)) => !one.says_the_same(other),
        (one, other) => one.is_some() != other.is_some(),
    };
    let Some((other, _)) = fitting.iter().find(differs) else { return Some(()) };
    let message = format!("the upstreams `{first}` and `{other}` fit here, and their policies differ");
    report.error_with_hint(&reference.place, message, "give them the same policies, or move them to the route");
    None
}

// === impl Fitting ===

impl Fitting {
    /// Those who may get the requests.
    pub(super) fn upstreams(&self) -> Vec<Option<u32>> {
        self.upstreams.iter().copied().map(Some).collect()
    }

    /// `node` is where the labels stand.
    pub(super) fn resolve(
        self,
        labels: &BTreeMap<String, String>,
        subsets: &mut Subsets,
        node: &Node,
    ) -> NamedUpstream {
        let place = &node.near("labels").place;
        let known = self.upstreams.into_iter().map(|index| subsets.destination(index, labels.clone(), place));
        NamedUpstream { name: self.name, known: known.collect() }
    }
}
