//! Variables, and the entries of maps.

use http::HeaderName;

use super::{Checker, Typed};
use crate::{
    MapVariable, Variable,
    compiled::{Key, Text},
    nearest,
    problem::Fault,
    syntax::{Kind, Syntax},
};

/// More names than this are not listed below a part of them.
const LISTED: usize = 8;

// === impl Checker ===

impl Checker<'_> {
    /// A name, or a member of something.
    pub(super) fn named(&mut self, syntax: &Syntax) -> Option<Typed> {
        if let Some(name) = path(syntax)
            && let Some(variable) = self.environment.get(&name)
        {
            return Some(Typed::of(variable));
        }
        if let Kind::Member(target, member) = &syntax.kind {
            let is_variable = path(target).is_none_or(|name| self.declares_within(&name));
            if is_variable {
                let value = self.value(target)?;
                return self.member(syntax.at, &value, member);
            }
        }
        self.unknown(syntax)
    }

    /// Whether `name` or something in front of it is a variable.
    fn declares_within(&self, name: &str) -> bool {
        let ends = name.match_indices('.').map(|(dot, _)| dot).chain([name.len()]);
        ends.into_iter().any(|end| self.environment.get(&name[..end]).is_some())
    }

    fn member(&mut self, at: usize, target: &Typed, member: &str) -> Option<Typed> {
        if let Typed::Map(map) = *target {
            let key = self.key(at, map, Typed::Text(Text::Constant(member.into())))?;
            return Some(Typed::Text(Text::Entry(map, key)));
        }
        let message = format!("{} has no `.{member}`", target.kind().with_article());
        let hint = format!("write `.{member}(…)`, with parentheses");
        self.object(at, message, super::function::is_method(member).then_some(&*hint))
    }

    /// `target[key]`
    pub(super) fn entry(&mut self, target: &Syntax, key: &Syntax) -> Option<Typed> {
        let (target_value, key_value) = (self.value(target), self.value(key));
        let (target_value, key_value) = (target_value?, key_value?);
        let Typed::Map(map) = target_value else {
            let found = target_value.kind().with_article();
            return self.object(target.at, format!("`[…]` takes an entry out of a map, and this is {found}"), None);
        };
        let key = self.key(key.at, map, key_value)?;
        Some(Typed::Text(Text::Entry(map, key)))
    }

    /// The key of an entry. What is written out is checked here and now.
    pub(super) fn key(&mut self, at: usize, map: MapVariable, key: Typed) -> Option<Key> {
        match key.plain() {
            Typed::Text(Text::Constant(text)) if map == MapVariable::RequestHeaders => {
                match HeaderName::from_bytes(text.as_bytes()) {
                    Ok(name) => Some(Key::Header(name)),
                    Err(_) => self.object(at, format!("`{text}` is no name that a header can have"), None),
                }
            }
            Typed::Text(Text::Constant(text)) => Some(Key::Constant(text)),
            Typed::Text(text) => Some(Key::Text(Box::new(text))),
            other => {
                let message = format!("the key of an entry is a string, and this is {}", other.kind().with_article());
                self.object(at, message, None)
            }
        }
    }

    /// Reports a name that nothing has.
    fn unknown(&mut self, syntax: &Syntax) -> Option<Typed> {
        let name = path(syntax)?;
        let ends = name.match_indices('.').map(|(dot, _)| dot).chain([name.len()]);
        let fronts: Vec<&str> = ends.map(|end| &name[..end]).collect();
        if let Some(hint) = fronts.iter().find_map(|front| self.environment.pending(front)) {
            let message = format!("`{name}` is not available in this version of sluice");
            return self.object(syntax.at, message, Some(hint));
        }
        let known = || self.environment.declared().map(|declared| declared.name);
        let below: Vec<String> = known()
            .filter(|known| known.strip_prefix(&*name).is_some_and(|rest| rest.starts_with('.')))
            .map(|known| format!("`{known}`"))
            .collect();
        if !below.is_empty() {
            let hint = format!("name one below it: {}", below.join(", "));
            return self.object(syntax.at, format!("`{name}` has no value of its own"), Some(&hint));
        }
        // The longer the part that is like a variable, the likelier it was meant.
        let near = fronts.iter().rev().find_map(|front| nearest(front, known()));
        let hint = match near.or_else(|| last_word(&name, known())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", listed(known())),
        };
        self.object(syntax.at, format!("unknown variable `{name}`"), Some(&hint))
    }

    /// What is meant by a header with a dash, `request.headers.x-a`, which is `request.headers.x` minus `a`.
    pub(super) fn dashed(&self, left: &Syntax, right: &Syntax) -> Option<Fault> {
        let Kind::Member(target, front) = &left.kind else { return None };
        let Kind::Name(back) = &right.kind else { return None };
        let map = path(target).filter(|map| matches!(self.environment.get(map), Some(Variable::Map(_))))?;
        let message = format!("`{map}.{front}-{back}` is read as `{map}.{front}` minus `{back}`");
        Some(Fault::with_hint(left.at, message, format!("write `{map}[\"{front}-{back}\"]`")))
    }
}

/// The name that `a.b.c` spells; `None` for what is no name.
fn path(syntax: &Syntax) -> Option<String> {
    match &syntax.kind {
        Kind::Name(name) => Some(name.clone()),
        Kind::Member(target, member) => Some(path(target)? + "." + member),
        _ => None,
    }
}

/// The variable whose last word is the last, or the only, word of `name`: `headers` for `request.headers`.
fn last_word<'k>(name: &str, mut known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
    known.find(|known| last(known) == last(name))
}

fn listed<'k>(names: impl Iterator<Item = &'k str> + Clone) -> String {
    let mut shown: Vec<String> = names.clone().take(LISTED).map(|name| format!("`{name}`")).collect();
    if names.count() > LISTED {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
