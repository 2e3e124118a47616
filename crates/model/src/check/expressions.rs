//! Expressions, which know at which of their characters they are wrong.

use expression::{Condition, Environment, NumberExpression, Problem};

use crate::{Node, Report};

/// The condition on a request that a text is. A node that is no text was reported when it was decoded.
pub(super) fn condition(node: &Node, report: &mut Report) -> Option<Condition> {
    good(node, Environment::request().condition(node.text()?), report)
}

/// The score of an endpoint that a text is.
pub(super) fn score(node: &Node, report: &mut Report) -> Option<NumberExpression> {
    good(node, Environment::endpoint().number(node.text()?), report)
}

fn good<T>(node: &Node, checked: Result<T, Vec<Problem>>, report: &mut Report) -> Option<T> {
    let problems = match checked {
        Ok(good) => return Some(good),
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
