//! The version of an API that a request asks for.

use message::{Cause, Error, Result};
use model::VersionSource;
use route::{Value, first_value};

use super::{Asking, Choice, Reason, Side, media_type, there_are};

pub(super) struct Versions {
    /// The first that a request has decides.
    from: Box<[VersionSource]>,
    default: Option<usize>,
}

// === impl Versions ===

impl Versions {
    pub(super) fn new(versions: &model::Versions) -> Self {
        Self { from: versions.from.as_slice().into(), default: versions.default }
    }

    pub(super) fn decide(&self, sides: &[Side], asking: &Asking<'_>) -> Result<Choice> {
        match self.named(asking) {
            Some((source, version)) => match sides.iter().position(|side| version.is(&side.name)) {
                Some(side) => Ok(Choice { side, reason: Reason::Forced }),
                None => Err(unknown(source, sides)),
            },
            None => match self.default {
                Some(side) => Ok(Choice { side, reason: Reason::Default }),
                None => Err(self.required(sides)),
            },
        }
    }

    /// The version that a request names, and where.
    fn named<'s, 'a>(&'s self, asking: &Asking<'a>) -> Option<(&'s VersionSource, Value<'a>)> {
        self.from.iter().find_map(|source| Some((source, version(source, asking)?)))
    }

    pub(super) fn why(&self, choice: Choice, asking: &Asking<'_>) -> String {
        match self.named(asking) {
            Some((source, _)) => format!("{} by the {source}", choice.reason),
            None => choice.reason.to_string(),
        }
    }

    #[cold]
    fn required(&self, sides: &[Side]) -> Error {
        let places: Vec<_> = self.from.iter().map(|source| format!("the {source}")).collect();
        let sides: Vec<_> = sides.iter().collect();
        let detail = format!("name a version in {}; there {}", places.join(", or in "), there_are(&sides));
        Error::new(Cause::VersionRequired, detail)
    }
}

fn version<'a>(source: &VersionSource, asking: &Asking<'a>) -> Option<Value<'a>> {
    let headers = asking.ask.headers;
    match source {
        VersionSource::Field(field) => first_value(field, &asking.ask),
        VersionSource::MediaTypeParameter(name) => media_type::parameter(headers, name).map(Value::Plain),
        VersionSource::MediaType { before, after } => media_type::between(headers, before, after).map(Value::Plain),
        VersionSource::Path { index, .. } => {
            let taken = asking.captures.get(*index, asking.ask.path);
            (!taken.is_empty()).then_some(Value::Plain(taken.as_bytes()))
        }
    }
}

/// Says which there are, never what the request holds.
#[cold]
fn unknown(source: &VersionSource, sides: &[Side]) -> Error {
    let sides: Vec<_> = sides.iter().collect();
    let detail = format!("the {source} names a version that is not known; there {}", there_are(&sides));
    Error::new(Cause::UnknownVersion, detail)
}
