//! One value for each header, query parameter or cookie.

use model::ValueMatch;

use crate::{
    field::{self, Value},
    language::{Alphabet, Language, shortest},
};

/// A field that must be there.
pub(super) struct Field<N> {
    pub(super) name: N,
    pub(super) value: String,
}

/// What a field holds of which no more is wanted than that it is there.
const SOMETHING: &str = "1";

/// A value for every field that has to be there, so that all matchers hold. `None` if none is found.
pub(super) fn of<'m, N: PartialEq + Clone + 'm>(
    matchers: impl Iterator<Item = (&'m N, &'m ValueMatch)>,
) -> Option<Vec<Field<N>>> {
    let mut wanted: Vec<(&N, Vec<&ValueMatch>)> = Vec::new();
    for (name, value) in matchers {
        match wanted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => wanted.push((name, vec![value])),
        }
    }
    // What must be absent is left out, and that is all that it takes.
    wanted.retain(|(_, values)| !values.iter().all(|value| matches!(value, ValueMatch::Absent)));
    wanted.into_iter().map(|(name, values)| Some(Field { name: name.clone(), value: value(&values)? })).collect()
}

/// One value that is what all of `wanted` want.
fn value(wanted: &[&ValueMatch]) -> Option<String> {
    let holds = |text: &str| {
        let one = || std::iter::once(Value::Plain(text.as_bytes()));
        text.trim_ascii() == text && wanted.iter().all(|wanted| field::holds(wanted, one()))
    };
    let written = wanted.iter().flat_map(|wanted| match wanted {
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) => std::slice::from_ref(text),
        ValueMatch::AnyOf(texts) => texts.as_slice(),
        ValueMatch::Regex(_) | ValueMatch::Present | ValueMatch::Absent => &[],
    });
    let found = written.map(|text| &**text).chain([SOMETHING]).find(|text| holds(text)).map(str::to_owned);
    found.or_else(|| {
        let languages: Vec<_> = wanted.iter().map(|wanted| Language::of_value(wanted)).collect::<Option<_>>()?;
        shortest(&languages.iter().collect::<Vec<_>>(), Alphabet::Value, holds)
    })
}
