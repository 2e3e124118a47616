//! JSON as Consul reads it: the case of keys does not count, nor do underscores in them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use crate::front::go_duration;

/// The fields of an object.
#[derive(Clone, Copy)]
pub(super) struct Fields<'v>(&'v Map<String, Value>);

// === impl Fields ===

impl<'v> Fields<'v> {
    /// # Errors
    /// It is no object.
    pub(super) fn of(value: &'v Value, what: &str) -> Result<Self, String> {
        value.as_object().map(Self).ok_or_else(|| format!("{what} is no JSON object"))
    }

    /// `name` in lower case. What is `null` is not there.
    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        let is_it =
            |key: &str| key.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase()).eq(name.bytes());
        self.0.iter().find(|(key, value)| is_it(key) && !value.is_null()).map(|(_, value)| value)
    }

    /// Whether nothing is said at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|value| value.is_null() || value == "" || *value == Value::Bool(false))
    }

    /// What is said of `name`, if it is more than nothing.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'v str>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(other) => Err(format!("`{name}` is {other} and no text")),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().map(Some).ok_or_else(|| format!("`{name}` is {value} and no number from 0 on"))
            }
        }
    }

    /// A time as Go writes it, or in nanoseconds. None is as good as nothing.
    pub(super) fn time(&self, name: &str) -> Result<Option<Duration>, String> {
        let time = match self.get(name) {
            None => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => Some(
                go_duration(text)
                    .ok_or_else(|| format!("`{name}` is `{}`, which is no time such as `10s`", text.escape_debug()))?,
            ),
            Some(value) => {
                let nanos =
                    value.as_u64().ok_or_else(|| format!("`{name}` is {value}, which is no time such as \"10s\""))?;
                Some(Duration::from_nanos(nanos))
            }
        };
        Ok(time.filter(|time| !time.is_zero()))
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<Arc<str>>, String> {
        let wrong = || format!("`{name}` is no list of texts");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => {
                values.iter().map(|value| value.as_str().map(Arc::from).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    pub(super) fn map(&self, name: &str) -> Result<BTreeMap<Arc<str>, Arc<str>>, String> {
        let wrong = || format!("`{name}` is no object with texts");
        match self.get(name) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(fields)) => {
                let text = |(name, value): (&String, &Value)| Some((name.as_str().into(), value.as_str()?.into()));
                fields.iter().map(|field| text(field).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }
}
