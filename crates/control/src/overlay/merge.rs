//! Behind the files.

use std::sync::Arc;

use model::{Node, Report, Value};

use super::NAME;
use crate::{Main, further};

/// Whether an overlay, seen without its routes, says something that is not its own to say.
pub(crate) fn has_too_much(overlay: &Node, main: &Main) -> bool {
    let gateway = overlay.get("gateway");
    gateway.is_some_and(|gateway| matches!(main, Main::File(_)) || gateway.get("home").is_some())
}

/// Puts an overlay behind the operator's files, but for what has the name of something that is there already: with a warning
/// that names both places.
pub(crate) fn merge(root: Node, main: &Main, text: &Arc<str>, report: &mut Report) -> Node {
    let Some(mut overlay) = model::parse(NAME, text, &further::nothing, report) else { return root };
    if let Main::File(_) = main {
        leave_out_gateway(&root, &mut overlay, report);
    } else if let Some(home) = overlay.get("gateway").and_then(|gateway| gateway.key("home")) {
        let hint = "leave it out: without a file, all is kept in the state directory";
        report.error_with_hint(&home.place, "a document cannot say where it is kept itself", hint);
    }
    further::behind(root, vec![overlay], report)
}

fn leave_out_gateway(root: &Node, overlay: &mut Node, report: &mut Report) {
    let Value::Map(entries) = &mut overlay.value else { return };
    entries.retain(|(key, _)| {
        if key.name != "gateway" {
            return true;
        }
        let whose = match root.key("gateway") {
            Some(first) => format!("there is one at {}", first.place),
            None => format!("it belongs to {}", root.place.file),
        };
        report.warning(&key.place, format!("`gateway` is left out: {whose}"));
        false
    });
}
