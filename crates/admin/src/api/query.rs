//! What stands behind the `?`.

use std::{borrow::Cow, collections::BTreeMap};

use http::{StatusCode, Uri};

use crate::problem::Problem;

/// Parameters by name, decoded.
pub(super) struct Query<'u>(BTreeMap<Cow<'u, str>, Cow<'u, str>>);

// === impl Query ===

impl<'u> Query<'u> {
    /// Takes no other parameters than the `known` ones, and none twice: whoever writes `resolutoin` shall not wonder.
    ///
    /// # Errors
    /// One that is neither.
    pub(super) fn read(uri: &'u Uri, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let complaint = match known.contains(&&*name) {
                false => {
                    let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
                    format!("there is no parameter `{name}`; there are {}", known.join(", "))
                }
                true if parameters.contains_key(&name) => format!("the parameter `{name}` is given twice"),
                true => {
                    parameters.insert(name, value);
                    continue;
                }
            };
            return Err(Problem::new(StatusCode::BAD_REQUEST, complaint));
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value)
    }
}
