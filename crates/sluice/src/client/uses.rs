//! Who uses what: objects that name another one.

use revisions::edit::List;
use serde_json::Value;

use super::{Remote, kind::Kind, kind::Which};
use crate::failure::Failure;

/// An object that names another one, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) list: List,
    pub(crate) name: String,
    /// `split.to[0].upstream`.
    pub(crate) path: String,
}

/// All that name an object.
pub(crate) async fn uses(remote: &Remote, list: List, name: &str) -> Result<Vec<Use>, Failure> {
    let keys = keys(list);
    let mut found = Vec::new();
    for (kind, within) in
        [(Kind::Listeners, List::Listeners), (Kind::Upstreams, List::Upstreams), (Kind::Routes, List::Routes)]
    {
        if keys.is_empty() {
            break;
        }
        for told in kind.find(remote, &Which { text: Some(name), ..Which::default() }).await? {
            let user = told["name"].as_str().unwrap_or_default();
            let mut paths = Vec::new();
            search(&told["object"], keys, name, &mut String::new(), &mut paths);
            found.extend(paths.into_iter().map(|path| Use { list: within, name: user.to_owned(), path }));
        }
    }
    Ok(found)
}

/// Under which keys objects of a list are named. Nobody names routes and operators.
fn keys(list: List) -> &'static [&'static str] {
    match list {
        List::Listeners => &["listeners"],
        List::Upstreams => &["upstream"],
        List::Consumers => &["consumers", "anonymous"],
        List::Routes | List::Operators => &[],
    }
}

fn search(value: &Value, keys: &[&str], name: &str, path: &mut String, found: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                let is_one_of = || value.as_array().is_some_and(|items| items.iter().any(|item| item == name));
                if keys.contains(&&**key) && (value == name || is_one_of()) {
                    found.push(path.clone());
                } else {
                    search(value, keys, name, path, found);
                }
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                search(item, keys, name, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_found_where_it_is_named() {
        let route = json!({
            "name": "users",
            "listeners": ["users"],
            "split": { "to": [{ "upstream": "orders" }, { "upstream": "users" }] },
            "fallback": [{ "upstream": "users" }],
            "policies": [{ "key_auth": { "anonymous": "users" } }],
        });
        let found = |list| {
            let mut found = Vec::new();
            search(&route, keys(list), "users", &mut String::new(), &mut found);
            found
        };
        assert_eq!(found(List::Upstreams), ["fallback[0].upstream", "split.to[1].upstream"]);
        assert_eq!(found(List::Listeners), ["listeners"]);
        assert_eq!(found(List::Consumers), ["policies[0].key_auth.anonymous"]);
        assert!(found(List::Routes).is_empty());
    }
}
