//! The search through automata, step by step in all of them at once.

use std::collections::HashSet;

use regex_automata::{
    Anchored,
    hybrid::{LazyStateID, dfa::Cache},
    util::start,
};
use smallvec::SmallVec;

use super::Language;

/// What texts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// Paths in normal form, and a few that only look so: a `%` may have anything behind it, and there may be dot segments.
    Path,
    /// Visible ASCII.
    Value,
}

/// So many states are looked at before a search gives up.
const MOST: usize = 4_000;

/// So many texts are offered before a search gives up.
const OFFERS: usize = 8;

/// What people would write comes first, so that an example looks like one.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-_~.";
const REST: &[u8] = b"!$&'()*+,=:@;%/";
/// What else may stand in a value.
const BESIDE: &[u8] = b" \"#<>?[\\]^`{|}";

type States = SmallVec<[LazyStateID; 3]>;

/// Automata that take the same steps.
struct Walk<'l> {
    languages: &'l [&'l Language],
    /// How many of them, from the first, a text must be in.
    needed: usize,
    caches: Vec<Cache>,
    alphabet: Alphabet,
    /// Those that make a difference: of bytes that no automaton tells apart, one.
    bytes: Vec<u8>,
    places: Vec<Place>,
    known: HashSet<(States, Last)>,
}

/// Where a walk has been, and how it came there.
struct Place {
    states: States,
    last: Last,
    from: usize,
    byte: u8,
}

/// What was read last, as far as it says what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Last {
    Nothing,
    Slash,
    Other,
}

/// The bounds were met, or an automaton cannot say.
struct Unsure;

/// The first text, the shortest ones first, that is in all of `languages` and `good`. `None` also if unsure.
pub(crate) fn shortest(
    languages: &[&Language],
    alphabet: Alphabet,
    mut good: impl FnMut(&str) -> bool,
) -> Option<String> {
    let mut offers = 0;
    let mut found = None;
    let enough = |walk: &Walk<'_>, at: usize, ends: &[bool]| {
        if ends.iter().all(|end| *end) {
            offers += 1;
            found = Some(walk.text(at)).filter(|text| good(text));
        }
        found.is_some() || offers == OFFERS
    };
    Walk::new(languages, languages.len(), alphabet).go(enough).ok()?;
    found
}

/// Whether every path of `inner` is one of `outer`. `None` if unsure.
pub(crate) fn within(inner: &Language, outer: &Language) -> Option<bool> {
    let escaped = Walk::new(&[inner, outer], 1, Alphabet::Path).go(|_, at, ends| at > 0 && ends[0] && !ends[1]);
    escaped.ok().map(|escaped| !escaped)
}

// === impl Walk ===

impl<'l> Walk<'l> {
    fn new(languages: &'l [&'l Language], needed: usize, alphabet: Alphabet) -> Self {
        let beside = if alphabet == Alphabet::Value { BESIDE } else { b"" };
        let class = |byte: u8| -> SmallVec<[u8; 4]> {
            let classes = languages.iter().map(|Language(dfa)| dfa.byte_classes().get(byte));
            classes.chain([u8::from(byte == b'/')]).collect()
        };
        let mut classes = HashSet::new();
        let all = LETTERS.iter().chain(REST).chain(beside).copied();
        let bytes = all.filter(|byte| classes.insert(class(*byte))).collect();
        let caches = languages.iter().map(|Language(dfa)| dfa.create_cache()).collect();
        Self { languages, needed, caches, alphabet, bytes, places: Vec::new(), known: HashSet::new() }
    }

    /// Takes every way, the shortest first, until it is enough. False: there is no way left.
    fn go(mut self, mut enough: impl FnMut(&Self, usize, &[bool]) -> bool) -> Result<bool, Unsure> {
        let states = self.start()?;
        self.reach(Place { states, last: Last::Nothing, from: 0, byte: 0 });
        let mut at = 0;
        while at < self.places.len() {
            let ends = self.ends(at)?;
            if enough(&self, at, &ends) {
                return Ok(true);
            }
            if self.places.len() > MOST {
                return Err(Unsure);
            }
            self.step(at)?;
            at += 1;
        }
        Ok(false)
    }

    fn start(&mut self) -> Result<States, Unsure> {
        let config = start::Config::new().anchored(Anchored::Yes);
        let all = self.languages.iter().zip(&mut self.caches);
        all.map(|(Language(dfa), cache)| dfa.start_state(cache, &config).map_err(|_| Unsure)).collect()
    }

    fn step(&mut self, at: usize) -> Result<(), Unsure> {
        for index in 0..self.bytes.len() {
            let byte = self.bytes[index];
            let Place { states, last, .. } = &self.places[at];
            if !self.alphabet.allows(*last, byte) {
                continue;
            }
            let all = self.languages.iter().zip(&mut self.caches).zip(states);
            let next = all.map(|((Language(dfa), cache), state)| match dfa.next_state(cache, *state, byte) {
                Ok(next) if !next.is_quit() => Ok(next),
                _ => Err(Unsure),
            });
            let next: States = next.collect::<Result<_, _>>()?;
            if !next[..self.needed].iter().any(|state| state.is_dead()) {
                let last = if byte == b'/' { Last::Slash } else { Last::Other };
                self.reach(Place { states: next, last, from: at, byte });
            }
        }
        Ok(())
    }

    fn reach(&mut self, place: Place) {
        if self.known.insert((place.states.clone(), place.last)) {
            self.places.push(place);
        }
    }

    /// Which automata accept what was read so far.
    fn ends(&mut self, at: usize) -> Result<SmallVec<[bool; 3]>, Unsure> {
        let all = self.languages.iter().zip(&mut self.caches).zip(&self.places[at].states);
        let ends = all.map(|((Language(dfa), cache), state)| dfa.next_eoi_state(cache, *state));
        ends.map(|end| end.map(|end| end.is_match()).map_err(|_| Unsure)).collect()
    }

    fn text(&self, mut at: usize) -> String {
        let mut letters = Vec::new();
        while at > 0 {
            letters.push(char::from(self.places[at].byte));
            at = self.places[at].from;
        }
        letters.iter().rev().collect()
    }
}

// === impl Alphabet ===

impl Alphabet {
    fn allows(self, last: Last, byte: u8) -> bool {
        match (self, last) {
            (Self::Value, _) | (Self::Path, Last::Other) => true,
            (Self::Path, Last::Nothing) => byte == b'/',
            (Self::Path, Last::Slash) => byte != b'/',
        }
    }
}
