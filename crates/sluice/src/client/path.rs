use std::fmt;

use fetch::encoded;

/// What is asked for below `/api/v1`, with what stands behind the `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    text: String,
    has_query: bool,
}

// === impl Path ===

impl Path {
    /// Names are encoded, so that none can mean more than itself.
    pub(crate) fn new(segments: &[&str]) -> Self {
        let mut text = "/api/v1".to_owned();
        for segment in segments {
            text.push('/');
            text.push_str(&encoded(segment));
        }
        Self { text, has_query: false }
    }

    #[must_use]
    pub(crate) fn with(self, name: &str, value: impl fmt::Display) -> Self {
        let mut path = self.flag(name, true);
        path.text.push('=');
        path.text.push_str(&encoded(&value.to_string()));
        path
    }

    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Says the name, if it is so.
    #[must_use]
    pub(crate) fn flag(mut self, name: &str, is_so: bool) -> Self {
        if is_so {
            self.text.push(if self.has_query { '&' } else { '?' });
            self.text.push_str(name);
            self.has_query = true;
        }
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_mean_themselves() {
        let path = Path::new(&["routes", "a/b?"]).with("message", "x&y=1").flag("diff", true).flag("dry_run", false);
        assert_eq!(path.as_str(), "/api/v1/routes/a%2Fb%3F?message=x%26y%3D1&diff");
        assert_eq!(Path::new(&["nodes"]).with_some("q", None::<&str>).as_str(), "/api/v1/nodes");
    }
}
