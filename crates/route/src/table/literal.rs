//! Text without which a regex cannot match.

use regex_syntax::hir::{Hir, HirKind, Look};

/// Text that every match of a regex holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Literal {
    pub(super) text: Vec<u8>,
    /// It must be at the very beginning.
    pub(super) at_start: bool,
}

/// The longest run of literal text in a regex, if it has one that tells anything.
///
/// Looks only at what must be there: not into alternatives, and into repetitions only if they occur at least once.
pub(super) fn required(regex: &str) -> Option<Literal> {
    let hir = regex_syntax::parse(regex).ok()?;
    let mut runs = Runs::default();
    runs.visit(&hir);
    runs.end();
    runs.best
}

#[derive(Default)]
struct Runs {
    run: Vec<u8>,
    /// Something of unknown length went before the run.
    adrift: bool,
    anchored: bool,
    best: Option<Literal>,
}

// === impl Runs ===

impl Runs {
    fn visit(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => self.run.extend_from_slice(&literal.0),
            HirKind::Look(Look::Start) => self.anchored |= !self.adrift && self.run.is_empty(),
            // Takes no room, so what comes before and after still touch.
            HirKind::Look(_) => {}
            HirKind::Capture(capture) => self.visit(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.visit(part)),
            HirKind::Repetition(repetition) if repetition.min > 0 => {
                self.visit(&repetition.sub);
                self.end();
            }
            HirKind::Repetition(_) | HirKind::Class(_) | HirKind::Alternation(_) => self.end(),
        }
    }

    /// Ends a run: what follows it is not known to touch it.
    fn end(&mut self) {
        let text = std::mem::take(&mut self.run);
        let at_start = self.anchored && !self.adrift;
        self.adrift = true;
        // Every path holds a `/`.
        if text != b"/" && text.len() > self.best.as_ref().map_or(0, |best| best.text.len()) {
            self.best = Some(Literal { text, at_start });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(regex: &str, wanted: Option<(&str, bool)>) {
        let found = required(regex).map(|literal| (String::from_utf8(literal.text).unwrap(), literal.at_start));
        assert_eq!(found, wanted.map(|(text, at_start)| (text.to_owned(), at_start)), "{regex}");
    }

    #[test]
    fn the_longest_text_that_must_be_there() {
        check("^/v[0-9]+/users$", Some(("/users", false)));
        check("^/service/v[0-9]+/x$", Some(("/service/v", true)));
        check("^/service", Some(("/service", true)));
        check("/service", Some(("/service", false)));
        check(r"\A/files/[^/]*/raw\z", Some(("/files/", true)));
        check("(a+)+$", Some(("a", false)));
        check("^(?:ab)+c", Some(("ab", true)));
        check("x(?:abc)+y", Some(("xabc", false)));
        check("x(?<name>abc)y", Some(("xabcy", false)));
    }

    #[test]
    fn nothing_that_may_be_missing() {
        check("a?", None);
        check("(?:abc)*", None);
        check("abc|def", None);
        check("(?i)abc", None);
        check("^/", None);
        check("", None);
        check("(?:^|x)abc", Some(("abc", false)));
        check("(?:^)?abc", Some(("abc", false)));
        check("(?m)^abc", Some(("abc", false)));
        check("[0-9]^abc", Some(("abc", false)));
    }
}
