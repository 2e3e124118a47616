//! Who calls.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

/// The field that tells endpoints who calls.
pub const X_CONSUMER_NAME: HeaderName = HeaderName::from_static("x-consumer-name");

/// The field that tells endpoints which groups that is in, with commas between them.
pub const X_CONSUMER_GROUPS: HeaderName = HeaderName::from_static("x-consumer-groups");

/// How the names of fields begin that only the gateway writes.
const PREFIX: &[u8] = b"x-consumer-";

/// Somebody whom the document knows, as a policy that identifies callers found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    pub name: Arc<str>,
    pub groups: Box<[Arc<str>]>,
    /// It showed nothing, and is who the document says that such a caller is.
    pub is_anonymous: bool,
}

/// Whether an endpoint may take the field for one that tells who calls: programs that know fields as variables (CGI,
/// RFC 3875, 4.1.18, and what came of it) have one character for all that is neither letter nor digit.
#[inline]
pub fn tells_caller(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let is_alike = |(byte, wanted): (&u8, &u8)| byte == wanted || *wanted == b'-' && !byte.is_ascii_alphanumeric();
    name.len() > PREFIX.len() && name.iter().zip(PREFIX).all(is_alike)
}

/// Removes what clients say of who calls, for which only policies have an answer.
#[cold]
pub fn strip(headers: &mut HeaderMap) {
    let told: Vec<_> = headers.keys().filter(|name| tells_caller(name)).cloned().collect();
    for name in told {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_known() {
        for (name, tells) in [
            ("x-consumer-name", true),
            ("X-CONSUMER-GROUPS", true),
            ("x_consumer_name", true),
            ("x-consumer_name", true),
            ("x.consumer!name", true),
            ("x-consumer-custom-id", true),
            ("x-consumer-", false),
            ("x-consumer", false),
            ("x-consumers-name", false),
            ("xxconsumer-name", false),
            ("consumer-name", false),
        ] {
            assert_eq!(tells_caller(&HeaderName::from_bytes(name.as_bytes()).unwrap()), tells, "{name}");
        }
    }
}
