use super::{not_expected, text_value};
use crate::FromText;

/// Where a media type says a version: in a parameter, or in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaTypeVersion {
    /// In lower case.
    Parameter(String),
    /// What stands before and after the version.
    Name { before: String, after: String },
}

text_value!(MediaTypeVersion, {
    "type": "string",
    "description": "A parameter of media types, as `version` for `application/json;version=2`; or a media type with `{version}` in it, as `application/vnd.acme.{version}+json`.",
    "examples": ["version", "application/vnd.acme.{version}+json"],
});

const HOLE: &str = "{version}";

// === impl MediaTypeVersion ===

impl FromText for MediaTypeVersion {
    const EXPECTED: &'static str =
        "a parameter of media types such as `version`, or a media type with `{version}` in it";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.split_once(HOLE) {
            None if text.contains('/') => {
                Err(format!("the media type `{text}` has no place for a version; put `{HOLE}` where it stands"))
            }
            None if is_token(text) => Ok(Self::Parameter(text.to_ascii_lowercase())),
            // Any version in the hole must make a media type.
            Some((before, after)) if before.contains('/') && is_media_type(&format!("{before}1{after}")) => {
                Ok(Self::Name { before: before.to_owned(), after: after.to_owned() })
            }
            _ => Err(not_expected::<Self>(text)),
        }
    }
}

fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name))
}

/// As RFC 6838, 4.2 restricts names.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_a_place_for_a_version() {
        let parameter = |name: &str| Some(MediaTypeVersion::Parameter(name.to_owned()));
        let name = |before: &str, after: &str| {
            Some(MediaTypeVersion::Name { before: before.to_owned(), after: after.to_owned() })
        };
        for (text, expected) in [
            ("version", parameter("version")),
            ("V", parameter("v")),
            ("application/vnd.acme.{version}+json", name("application/vnd.acme.", "+json")),
            ("application/{version}", name("application/", "")),
            ("application/json", None),
            ("{version}", None),
            ("vnd.{version}", None),
            ("{version}/json", None),
            ("a/b/{version}", None),
            ("a b", None),
            ("application/vnd.{version};q=1", None),
            ("application/{version}{version}", None),
            ("", None),
        ] {
            assert_eq!(MediaTypeVersion::from_text(text).ok(), expected, "{text}");
        }
    }
}
