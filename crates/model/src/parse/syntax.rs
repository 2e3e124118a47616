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
        | ErrorKind::TabAtBlockScalarStart => ("a tab in the indentation", "indent with spaces"),
        ErrorKind::UnclosedQuotedScalar => ("a quote that is never closed", "close it with the same quote"),
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            ("text behind a closing quote", "put all of it in quotes; within single quotes `''` is a quote")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("text behind a closing quote", "put all of it in quotes; within double quotes `\\\"` is a quote")
        }
        ErrorKind::UnclosedFlowCollection { open: '[' }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::ExpectedFlowSequenceSeparator => (
            "a list in `[]` that does not go on as a list",
            "separate its items with `,`, close it with `]`, and put texts that hold brackets or `,` in quotes",
        ),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator => (
            "a map in `{}` that does not go on as a map",
            "separate its entries with `,`, close it with `}`, and put texts that hold brackets or `,` in quotes",
        ),
        ErrorKind::MisplacedFlowCollectionEnd => ("a bracket that closes nothing", "remove it, or open it before"),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::ExpectedDocumentStart => (
            "a line that fits neither the map it follows nor one around it",
            "give the keys of one map the same indentation",
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            "a line that does not go on with its list",
            "begin each item with `- `, all of them with the same indentation",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            ("a `- ` where no list can begin", "begin a list on a line of its own")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key without `:`", "write `key: value`, with a space after the colon")
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::MappingKeyNotAllowed => (
            "a `key: value` where none can stand",
            "begin it on a line of its own, indented like its neighbours; put a text that holds `: ` in quotes",
        ),
        ErrorKind::InvalidColonPlacement => {
            ("a `key: value` within a list in `[]`", "close the list, or put a text that holds `: ` in quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            "an unknown `\\` escape in double quotes",
            "write `\\\\` for a backslash, or use single quotes, in which nothing is escaped",
        ),
        ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => (
            "an alias (`*name`) of an anchor (`&name`) that is not set before it",
            "put a text that begins with `*` or `&` in quotes: `\"*.example.org\"`",
        ),
        ErrorKind::UnexpectedCharacter { character: '@' | '`' | '%' } => {
            ("a text that begins with a reserved character", "put it in quotes")
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            ("a control character", "write it as an escape in double quotes: `\"\\u0000\"`")
        }
        ErrorKind::InvalidBlockScalarHeader => ("text behind `|` or `>`", "begin the text on the next line"),
        ErrorKind::RecursionLimitExceeded => ("lists and maps are nested too deeply", "at most 64 levels are read"),
        _ => return (error.info(), None),
    };
    (message.to_owned(), Some(hint))
}
