//! What each may do.

use revisions::{
    Document, Part,
    edit::{Edit, List, apply},
};
use serde_json::Value;
use snapshot::Role;

/// Below `gateway`: where the document is kept that the API changes.
const HOME: &str = "home";

/// What somebody must be, to make these edits on `current`, the document that the API keeps: [`Role::Admin`] if they touch
/// operators in whatever way, be it that another document takes the place of this one.
///
/// Of an [`Edit::Replace`] that holds for this very document only: have it made with [`Expected::Revision`], so that operators
/// that an admin changes meanwhile are not changed back.
///
/// [`Expected::Revision`]: snapshot::Expected::Revision
pub fn least_role_of(edits: &[Edit], current: &Document) -> Role {
    let touches_operators = |edit: &Edit| match edit {
        Edit::Create { list, .. } | Edit::Put { list, .. } | Edit::Patch { list, .. } | Edit::Delete { list, .. } => {
            *list == List::Operators
        }
        Edit::PatchGateway { patch } => patch.get(HOME).is_some(),
        Edit::Replace { document } => decisive(document) != decisive(current),
    };
    // And whatever edits there may be one day.
    let comes_to = || apply(current, edits).is_ok_and(|edited| decisive(&edited) != decisive(current));
    if edits.iter().any(touches_operators) || comes_to() { Role::Admin } else { Role::Operator }
}

/// What says who the operators are: they themselves, further files with some, and where all of that is kept.
fn decisive(document: &Document) -> ([Option<&Part>; 2], Option<&Value>) {
    // None is the same as an empty list.
    let is_some = |part: &&Part| match part {
        Part::Objects(objects) => !objects.is_empty(),
        Part::Value(value) => !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()),
    };
    let top = |key| document.get(key).filter(is_some);
    let home = document.value("gateway").and_then(|gateway| gateway.get(HOME));
    ([top(List::Operators.name()), top("include")], home)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn edits_that_touch_operators_are_for_admins() {
        let document = |value: Value| serde_json::from_value::<Document>(value).unwrap();
        let current =
            document(json!({ "routes": [{ "name": "a" }], "operators": [{ "name": "o", "role": "viewer" }] }));
        let none = document(json!({ "routes": [{ "name": "a" }] }));
        let (list, name) = (List::Operators, "o".to_owned());
        let (routes, a) = (List::Routes, "a".to_owned());
        let put = Edit::Put { list: routes, name: "operators".to_owned(), object: Map::new() };
        let replace = |it: Value| Edit::Replace { document: document(it) };
        let others = json!([{ "name": "o", "role": "admin" }]);
        for (edits, current, expected) in [
            (vec![], &current, Role::Operator),
            (vec![put.clone(), Edit::Delete { list: routes, name: a }], &current, Role::Operator),
            (vec![Edit::PatchGateway { patch: json!({ "operators": others }) }], &current, Role::Operator),
            (vec![replace(json!({ "operators": [{ "role": "viewer", "name": "o" }] }))], &current, Role::Operator),
            (vec![replace(json!({}))], &none, Role::Operator),
            (vec![replace(json!({ "operators": [] }))], &none, Role::Operator),
            (vec![replace(json!({ "operators": null }))], &none, Role::Operator),
            (vec![replace(json!({}))], &current, Role::Admin),
            (vec![replace(json!({ "operators": [] }))], &current, Role::Admin),
            (vec![replace(json!({ "operators": others }))], &current, Role::Admin),
            (vec![replace(json!({ "operators": others }))], &none, Role::Admin),
            (vec![replace(json!({ "operators": 5 }))], &none, Role::Admin),
            // Who the operators are would be for another place to say.
            (vec![Edit::PatchGateway { patch: json!({ "home": "read_only" }) }], &none, Role::Admin),
            (vec![Edit::PatchGateway { patch: json!({ "home": null }) }], &none, Role::Admin),
            (vec![replace(json!({ "gateway": { "home": { "etcd": {} } } }))], &none, Role::Admin),
            (vec![replace(json!({ "include": ["others.yaml"] }))], &none, Role::Admin),
            // There and back is no way around.
            (
                vec![replace(json!({ "operators": others })), Edit::Replace { document: none.clone() }],
                &none,
                Role::Admin,
            ),
            (vec![put, Edit::Delete { list, name: name.clone() }], &current, Role::Admin),
            (vec![Edit::Patch { list, name: name.clone(), patch: json!({}) }], &current, Role::Admin),
            (vec![Edit::Patch { list, name: "nobody".to_owned(), patch: json!({}) }], &current, Role::Admin),
            (vec![Edit::Put { list, name, object: Map::new() }], &none, Role::Admin),
            (vec![Edit::Create { list, object: Map::new() }], &none, Role::Admin),
        ] {
            assert_eq!(least_role_of(&edits, current), expected, "{edits:?}");
        }
    }
}
