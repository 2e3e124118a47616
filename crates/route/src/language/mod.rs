//! Patterns as the sets of texts that they match: what is in several of them at once, and which lies within another.
//!
//! All that documents say of paths and values is regular, so both questions have an answer that an automaton finds. The
//! search for it is bounded: patterns may be hostile, and whoever asks must take "unsure" for an answer.

mod search;

use model::{CaptureType, PathPattern, Segment, ValueMatch};
use regex_automata::{
    MatchKind,
    hybrid::dfa::DFA,
    nfa::thompson::{Compiler, Config, WhichCaptures},
};
use regex_syntax::{
    escape,
    hir::{Hir, Look},
};

pub(crate) use search::{Alphabet, shortest, within};

/// The texts that a pattern matches, as an automaton that is built where a search goes.
#[derive(Debug)]
pub(crate) struct Language(DFA);

/// What the states of one automaton and of one search in it may take, in bytes.
const LARGEST: usize = 1 << 20;

// === impl Language ===

impl Language {
    /// `None` if the pattern makes too large an automaton.
    pub(crate) fn of_path(pattern: &PathPattern) -> Option<Self> {
        match pattern {
            PathPattern::Exact(path) => Self::whole(&escape(path)),
            PathPattern::Prefix(prefix) => Self::whole(&match prefix.trim_end_matches('/') {
                "" => "/(?s:.*)".to_owned(),
                prefix => format!("{}(?:/(?s:.*))?", escape(prefix)),
            }),
            PathPattern::Template(segments) => Self::whole(&template(segments)?),
            PathPattern::Wildcard { regex, .. } | PathPattern::Regex(regex) => Self::anywhere(regex.as_str()),
        }
    }

    /// The values of which any one is enough; `None` also for the lack of any.
    pub(crate) fn of_value(wanted: &ValueMatch) -> Option<Self> {
        match wanted {
            ValueMatch::Exact(text) => Self::whole(&escape(text)),
            ValueMatch::Prefix(text) => Self::whole(&format!("{}(?s:.*)", escape(text))),
            ValueMatch::AnyOf(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| escape(text)).collect();
                Self::whole(&format!("(?:{})", texts.join("|")))
            }
            ValueMatch::Regex(regex) => Self::anywhere(regex.as_str()),
            ValueMatch::Present => Self::whole("(?s:.*)"),
            ValueMatch::Absent => None,
        }
    }

    fn whole(regex: &str) -> Option<Self> {
        Self::new(vec![regex_syntax::parse(regex).ok()?, Hir::look(Look::End)])
    }

    /// All texts in which the regex finds something.
    fn anywhere(regex: &str) -> Option<Self> {
        let any = || regex_syntax::parse("(?s:.*)").ok();
        Self::new(vec![any()?, regex_syntax::parse(regex).ok()?, any()?, Hir::look(Look::End)])
    }

    fn new(parts: Vec<Hir>) -> Option<Self> {
        let config = Config::new().which_captures(WhichCaptures::None).nfa_size_limit(Some(LARGEST));
        let nfa = Compiler::new().configure(config).build_from_hir(&Hir::concat(parts)).ok()?;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(LARGEST)
            .skip_cache_capacity_check(true)
            // States are kept by number, so they must not be thrown away and numbered anew.
            .minimum_cache_clear_count(Some(0));
        DFA::builder().configure(config).build_from_nfa(nfa).ok().map(Self)
    }
}

/// `None` if the type of a segment is more than a regex can say.
fn template(segments: &[Segment]) -> Option<String> {
    let mut regex = String::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => regex += &format!("/{}", escape(text)),
            Segment::Capture(_) => regex += "/[^/]+",
            Segment::Typed(_, kind) => regex += &format!("/{}", typed(*kind)?),
            Segment::Rest(_) if regex.is_empty() => regex += "/(?s:.*)",
            Segment::Rest(_) => regex += "(?:/(?s:.*))?",
        }
    }
    Some(if regex.is_empty() { "/".to_owned() } else { regex })
}

fn typed(kind: CaptureType) -> Option<&'static str> {
    match kind {
        CaptureType::Alpha => Some("[A-Za-z]+"),
        CaptureType::Hex => Some("[0-9A-Fa-f]+"),
        CaptureType::Int => Some("-?[0-9]+"),
        CaptureType::Slug => Some("[a-z0-9-]+"),
        CaptureType::Uuid => Some("[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"),
        // Which days there are.
        CaptureType::Date => None,
    }
}
