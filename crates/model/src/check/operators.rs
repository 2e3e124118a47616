//! Who may ask at the admin address.

use std::collections::HashMap;

use super::names::Names;
use crate::{
    Node, Operator, Place, Report, TextOr,
    decode::decode,
    document::{self, OperatorToken},
    values::{DateOrTime, Name, SecretHash},
};

/// Who has the admin token is called so.
const RESERVED: &str = "admin";

/// One result for each node.
pub(super) fn check(nodes: &[Node], report: &mut Report) -> Vec<Option<Operator>> {
    Names::collect("operator", nodes, report);
    let mut tokens: HashMap<SecretHash, &Place> = HashMap::new();
    let mut operators = Vec::with_capacity(nodes.len());
    for node in nodes {
        let operator = operator(node, report);
        if let Some(operator) = &operator {
            let place = &node.near("token").near("hash").place;
            if let Some(first) = tokens.insert(operator.hash, place) {
                let message = format!("two operators have the same token, the first at {first}");
                report.error_with_hint(place, message, "make each its own with `sluice operator new`");
            }
        }
        operators.push(operator);
    }
    operators
}

fn operator(node: &Node, report: &mut Report) -> Option<Operator> {
    let written = decode::<document::Operator>(node, report)?;
    let document::Operator { name: Name(name), role, token: TextOr(OperatorToken { hash }), not_after } = written;
    if &*name == RESERVED {
        let hint = "call them by the name of who they are";
        report.error_with_hint(&node.near("name").place, "`admin` is whoever has the admin token", hint);
    }
    let not_after = not_after.map(|DateOrTime(time)| time);
    Some(Operator { name, place: node.place.clone(), role, hash, not_after })
}
