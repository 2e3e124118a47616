//! The built-in policies: one file or folder per kind, named like its key in the document.
//!
//! In the order of their stages:

/// Tells the exchange's id to the upstream and to the client.
mod request_id;

/// Finds out by a key who calls.
mod key_auth;

/// Lets browsers call from other origins.
mod cors;

/// Delays or refuses a share of the requests on purpose.
mod fault;

/// Compresses responses.
mod compress;
/// Sets, adds and removes header fields.
mod headers;

/// What several kinds need.
mod common;

#[cfg(test)]
mod testing;

use policy::{Kind, erase};

/// Every built-in kind. A new one is added here, and nowhere else.
pub fn kinds() -> Vec<Box<dyn Kind>> {
    vec![
        erase::<compress::Compress>(),
        erase::<cors::Cors>(),
        erase::<fault::Fault>(),
        erase::<headers::Headers>(),
        erase::<key_auth::KeyAuth>(),
        erase::<request_id::RequestId>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_passes_its_own_check_and_builds() {
        for kind in kinds() {
            let manual = kind.manual();
            let document = testing::parse(manual.example);
            let [(key, settings)] = document.entries() else { panic!("{}: not one policy", kind.name()) };
            assert_eq!(key.name, kind.name());
            assert_eq!(testing::problems(&*kind, settings), [""; 0], "{}", kind.name());
            assert!(kind.build(settings, &testing::site(settings)).is_ok(), "{}", kind.name());
        }
    }

    #[test]
    fn every_kind_explains_itself() {
        for kind in kinds() {
            let manual = kind.manual();
            assert!(!manual.summary.is_empty() && !manual.summary.ends_with('.'), "{}", kind.name());
            assert!(!manual.description.is_empty(), "{}", kind.name());
            let schema = serde_json::to_value(kind.schema()).unwrap();
            let settings = schema["properties"].as_object().unwrap();
            for (name, setting) in settings {
                assert!(setting["description"].is_string(), "{}.{name} has no description", kind.name());
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = kinds().iter().map(|kind| kind.name()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
