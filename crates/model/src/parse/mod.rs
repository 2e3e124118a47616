//! Text to tree: YAML 1.2, of which JSON is a subset, with the place of everything.
//!
//! A document is untrusted (an admin API takes it from the network), so size, depth and what aliases may expand to
//! are bounded. Nothing here reads a file or the environment.

mod builder;
mod cut;
mod environment;
mod scalar;
mod syntax;

use std::sync::Arc;

use granit_parser::Parser;

pub(crate) use self::cut::{Item, cut};
use self::{builder::Builder, syntax::Stop};
use crate::{Node, Place, Report, Value};

/// Longest document, in bytes.
pub(crate) const LONGEST: usize = 64 << 20;

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
    let mut builder = Builder::new(start.clone(), environment, text.contains("${"), report);
    if let Err(stop) = read(text, &mut builder) {
        builder.fail(stop);
        return None;
    }
    Some(builder.finish().unwrap_or(Node { place: start, value: Value::Null }))
}

/// Parses an item that was cut out of a list. `None` if it means anything but what it would mean there: then the
/// whole text has to be read.
pub(crate) fn parse_item(
    start: Place,
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Option<Node> {
    let mut builder = Builder::new(start, environment, text.contains("${"), report);
    // The map and the list that it was cut out of; its own list stands for the latter.
    builder.within(1);
    read(text, &mut builder).ok()?;
    if builder.has_anchors() {
        return None;
    }
    match builder.finish()?.value {
        Value::List(mut items) if items.len() == 1 => items.pop(),
        _ => None,
    }
}

fn read(text: &str, builder: &mut Builder<'_>) -> Result<(), Stop> {
    let mut options = granit_parser::options! {
        flow_nesting_limit: DEEPEST + 2,
        block_nesting_limit: DEEPEST + 2,
        simple_key_max_lookahead: 4096,
    };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, &span)?,
            Err(error) => return Err(syntax::problem(&error, text)),
        }
    }
    Ok(())
}
