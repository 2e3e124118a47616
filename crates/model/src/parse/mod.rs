//! Text to tree: YAML 1.2, of which JSON is a subset, with the place of everything.
//!
//! A document is untrusted (an admin API takes it from the network), so size, depth and what aliases may expand to
//! are bounded. Nothing here reads a file or the environment.

mod builder;
mod environment;
mod scalar;
mod syntax;

use std::sync::Arc;

use granit_parser::Parser;

use crate::{Node, Place, Report, Value};

/// Longest document, in bytes.
const LONGEST: usize = 64 << 20;

/// Deepest nesting of lists and maps.
const DEEPEST: usize = 64;

/// Parses one document.
///
/// `file` is what places will name, and `environment` answers for `${NAME}`. Problems that leave the tree whole
/// (a duplicate key, a variable that is not set) are reported and the tree is returned, so that its check can report
/// the rest in the same run; `None` is for a text that has no tree.
pub fn parse(
    file: &str,
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Option<Node> {
    let start = Place { file: Arc::from(file), line: 1, column: 1 };
    if text.len() > LONGEST {
        report.error_with_hint(
            &start,
            format!("the document has {} bytes, more than the {LONGEST} that are read", text.len()),
            "split it with `include`",
        );
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut options = granit_parser::options! {
        flow_nesting_limit: DEEPEST + 2,
        block_nesting_limit: DEEPEST + 2,
        simple_key_max_lookahead: 4096,
    };
    options.set_emit_comments(false);
    let mut builder = builder::Builder::new(start.clone(), environment, text.contains("${"), report);
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => Err(syntax::problem(&error, text)),
        };
        if let Err(stop) = step {
            builder.fail(stop);
            return None;
        }
    }
    Some(builder.finish().unwrap_or(Node { place: start, value: Value::Null }))
}
