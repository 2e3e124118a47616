//! Lists of policies: maps with one key, the kind.

use crate::{
    Node, Policy, Report, Value,
    pending::{self, Scope},
};

/// The policies under `policies` in `parent`, as far as they are well formed.
pub(super) fn check(parent: &Node, report: &mut Report) -> Vec<Policy> {
    let policies = parent.get("policies").map(Node::items).unwrap_or_default();
    policies.iter().filter_map(|node| policy(node, report)).collect()
}

fn policy(node: &Node, report: &mut Report) -> Option<Policy> {
    let Value::Map(entries) = &node.value else {
        let message = format!("expected a map with one key, the kind of the policy, found {}", node.describe());
        match node.text() {
            Some(kind) => report.error_with_hint(&node.place, message, format!("write `{kind}: {{}}`")),
            None => report.error(&node.place, message),
        }
        return None;
    };
    pending::refuse(Scope::Policy, node, report);
    let mut kinds = entries.iter().filter(|(key, _)| key.name != "when");
    match (kinds.next(), kinds.next()) {
        (Some((key, settings)), None) => {
            let mut settings = settings.clone();
            if settings.value == Value::Null {
                // `kind:` is how YAML spells "with no settings".
                settings.value = Value::Map(Vec::new());
            }
            Some(Policy { kind: key.name.as_str().into(), place: key.place.clone(), settings })
        }
        (Some((first, _)), Some((second, _))) => {
            let message =
                format!("a policy is a map with one key, and this one has `{}` and `{}`", first.name, second.name);
            report.error_with_hint(
                &second.place,
                message,
                "begin each policy with `- `, and indent its settings below it",
            );
            None
        }
        (None, _) => {
            report.error(&node.place, "expected a map with one key, the kind of the policy, found none");
            None
        }
    }
}
