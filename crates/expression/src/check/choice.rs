//! `a ? b : c`

use super::{Checker, Typed};
use crate::{compiled::If, syntax::Syntax};

// === impl Checker ===

impl Checker<'_> {
    pub(super) fn choice(&mut self, at: usize, parts: &[Syntax; 3]) -> Option<Typed> {
        let [condition, then, otherwise] = parts;
        let condition = self.decision(condition, "what stands before `?` decides");
        let (then, otherwise) = (self.value(then), self.value(otherwise));
        let (condition, then, otherwise) = (condition?, then?.plain(), otherwise?.plain());
        macro_rules! same {
            ($($kind:ident),*) => {
                match (then, otherwise) {
                    $((Typed::$kind(then), Typed::$kind(otherwise)) => {
                        let value = If { condition, then, otherwise };
                        Some(Typed::$kind(crate::compiled::$kind::If(Box::new(value))))
                    })*
                    (then, otherwise) => {
                        let (then, otherwise) = (then.kind(), otherwise.kind());
                        let message = if then == otherwise {
                            format!("`? :` chooses between values that can be computed, not between {then}s")
                        } else {
                            let (then, otherwise) = (then.with_article(), otherwise.with_article());
                            format!("`? :` chooses between values of one type, and these are {then} and {otherwise}")
                        };
                        self.object(at, message, None)
                    }
                }
            };
        }
        same!(Bool, Int, Double, Text, Time, Span)
    }
}
