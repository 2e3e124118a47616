//! A text cut apart at the items of one of its lists, so that each can be read by itself.
//!
//! Cut is only what reads the same in pieces as it does whole: a list in block style at the top level, each item on
//! lines of its own. What is within an item is indented further than its dash, so whatever began there has ended where
//! the next dash stands; or it has not, and then neither the item nor what is left reads at all. Whoever reads pieces
//! reads the whole as soon as anything about them is odd.

use std::ops::Range;

/// A text without the items of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Only the line breaks of the items are left, so that every other line keeps its number.
    pub(crate) rest: String,
    pub(crate) items: Vec<Item>,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// In bytes, from the beginning of its first line to that of the next item.
    pub(crate) text: Range<usize>,
    /// The number of its first line, from 1.
    pub(crate) line: u32,
}

/// A line with where it begins.
struct Line<'t> {
    number: u32,
    start: usize,
    /// With its break.
    text: &'t str,
}

/// What a line is to a list whose dashes are indented so far.
#[derive(PartialEq, Eq)]
enum Role {
    /// Begins an item.
    Dash,
    /// Goes on with what is there.
    Inside,
    /// Ends the list.
    Outside,
}

/// Cuts out the items of the list under `key`; none if there is no such key. `None` if it cannot be cut.
pub(crate) fn cut(text: &str, key: &str) -> Option<Cut> {
    // A carriage return alone is a line break as well, and a zero ends a text.
    let has_bare_return = text.split('\r').skip(1).any(|behind| !behind.starts_with('\n'));
    if text.contains('\0') || has_bare_return {
        return None;
    }
    let mut cut = Cut { rest: String::new(), items: Vec::new() };
    let mut lines = lines(text).peekable();
    let mut kept = 0;
    let mut is_found = false;
    while let Some(line) = lines.next() {
        if !is_key(line.text, key) {
            continue;
        }
        if std::mem::replace(&mut is_found, true) {
            return None;
        }
        let end = line.start + line.text.len();
        cut.rest.push_str(&text[kept..end]);
        kept = cut_items(&mut lines, &mut cut, end)?;
    }
    cut.rest.push_str(&text[kept..]);
    Some(cut)
}

/// Takes the items that come next; returns where the list ends.
fn cut_items<'t>(
    lines: &mut std::iter::Peekable<impl Iterator<Item = Line<'t>>>,
    cut: &mut Cut,
    start: usize,
) -> Option<usize> {
    let mut end = start;
    let mut indent = None;
    while let Some(line) = lines.peek() {
        let is_blank = is_blank(line.text);
        let role = match indent {
            _ if is_blank => Role::Inside,
            Some(indent) => Role::of(line.text, indent)?,
            None => {
                let own = indentation(line.text);
                indent = Some(own);
                // A value of any other kind is not for us.
                (Role::of(line.text, own)? == Role::Dash).then_some(Role::Dash)?
            }
        };
        match role {
            Role::Outside => break,
            Role::Dash => cut.items.push(Item { text: line.start..line.start, line: line.number }),
            Role::Inside => {}
        }
        end = line.start + line.text.len();
        // Blank lines and comments before the first item stay where they are.
        match cut.items.last_mut() {
            Some(item) => {
                item.text.end = end;
                cut.rest.push_str(if line.text.ends_with('\n') { "\n" } else { "" });
            }
            None => cut.rest.push_str(line.text),
        }
        lines.next();
    }
    Some(end)
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    (1..).zip(text.split_inclusive('\n')).map(move |(number, text)| {
        let line = Line { number, start, text };
        start += text.len();
        line
    })
}

/// Whether a line is `key:` and nothing else.
fn is_key(line: &str, key: &str) -> bool {
    line.strip_prefix(key)
        .and_then(|rest| rest.strip_prefix(':'))
        .is_some_and(|rest| is_blank(rest) && !rest.starts_with('#'))
}

/// Whether a line holds nothing, or a comment.
fn is_blank(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\r', '\n']);
    line.is_empty() || line.starts_with('#')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

// === impl Role ===

impl Role {
    /// `None` for a tab where it may count as indentation.
    fn of(line: &str, indent: usize) -> Option<Self> {
        let own = indentation(line);
        let behind = &line[own..];
        if behind.starts_with('\t') {
            return None;
        }
        Some(match own.cmp(&indent) {
            std::cmp::Ordering::Greater => Self::Inside,
            std::cmp::Ordering::Equal if is_dash(behind) => Self::Dash,
            _ => Self::Outside,
        })
    }
}

fn is_dash(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with([' ', '\r', '\n']) || rest.is_empty())
}
