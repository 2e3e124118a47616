//! The parser's errors in words that say what to do.

use granit_parser::{ErrorKind, Marker, ScanError};

/// Why a text has no tree.
pub(super) struct Stop {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

// === impl Stop ===

impl Stop {
    pub(super) fn new(mark: &Marker, message: impl Into<String>, hint: Option<&'static str>) -> Self {
        let (line, column) = position(mark);
        Self { line, column, message: message.into(), hint }
    }
}

/// Line and column from 1, in characters.
pub(super) fn position(mark: &Marker) -> (u32, u32) {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (number(mark.line().max(1)), number(mark.col() + 1))
}

pub(super) fn problem(error: &ScanError, text: &str) -> Stop {
    let mark = error.marker();
    let (message, mut hint) = words(error);
    let line = text.lines().nth(mark.line().saturating_sub(1)).unwrap_or_default();
    let is_flow = matches!(
        error.kind(),
        ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::InvalidColonPlacement
    );
    if is_flow && line.contains("${") {
        hint = Some("within `{}` or `[]` a `${NAME}` must stand in quotes");
    }
    Stop::new(mark, message, hint)
}

fn words(error: &ScanError) -> (String, Option<&'static str>) {
    let (message, hint) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => ("a tab in the indentation", Some("indent with spaces")),
        ErrorKind::UnclosedQuotedScalar => ("a quote that is never closed", Some("close it with the same quote")),
        ErrorKind::UnclosedFlowCollection { open: '[' }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::ExpectedFlowSequenceSeparator => {
            ("a list in `[]` that does not go on as a list", Some("separate its items with `,` and close it with `]`"))
        }
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator => {
            ("a map in `{}` that does not go on as a map", Some("separate its entries with `,` and close it with `}`"))
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => (
            "a line that fits neither the map it follows nor one around it",
            Some("give the keys of one map the same indentation"),
        ),
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => {
            ("an item of a list where none can stand", Some("give the `- ` of one list the same indentation"))
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key without `:`", Some("write `key: value`, with a space after the colon"))
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::MappingKeyNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a `key: value` where none can stand",
            Some("begin it on a line of its own; put a text that holds `: ` in quotes"),
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "an unknown `\\` escape in double quotes",
            Some("write `\\\\` for a backslash, or use single quotes, in which nothing is escaped"),
        ),
        ErrorKind::UnknownAnchor => ("an alias (`*name`) of an anchor that is not set before it", None),
        ErrorKind::UnexpectedCharacter { character: '@' | '`' } => {
            ("a text that begins with a reserved character", Some("put it in quotes"))
        }
        ErrorKind::RecursionLimitExceeded => {
            ("lists and maps are nested too deeply", Some("at most 64 levels are read"))
        }
        _ => return (error.info(), None),
    };
    (message.to_owned(), hint)
}
