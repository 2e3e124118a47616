//! Expressions, which know at which of their characters they are wrong.

use expression::{Condition, Environment};

use crate::{Node, Report};

/// The condition on a request that a text is. A node that is no text was reported when it was decoded.
pub(super) fn condition(node: &Node, report: &mut Report) -> Option<Condition> {
    let problems = match Environment::request().condition(node.text()?) {
        Ok(condition) => return Some(condition),
        Err(problems) => problems,
    };
    for problem in problems {
        let message = format!("{}, at character {}", problem.message, problem.at);
        match problem.hint {
            Some(hint) => report.error_with_hint(&node.place, message, hint),
            None => report.error(&node.place, message),
        }
    }
    None
}
