//! Wildcards and regexes of one group of hosts, tried together.
//!
//! What a pattern needs, and how it is joined with others, is read from its text. So patterns must have been compiled
//! with the flags that a regex has by default; what is written in the pattern itself, such as `(?i)`, is understood.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use aho_corasick::AhoCorasick;
use regex::Regex;
use regex_automata::{Input, MatchKind, PatternSet, meta, util::syntax};
use smallvec::SmallVec;

use super::{
    NONE, Rank, Search,
    literal::{Literal, required},
    words::Full,
};

/// Up to so many are tried one by one.
const FEW: usize = 8;

/// So many are compiled into one automaton: enough to be worth it, not so many that its states grow without bound.
const TOGETHER: usize = 64;

/// What one grouped automaton may take, in bytes.
const GROUP_LIMIT: usize = 10 << 20;

/// What all grouped automata of a table may take, in bytes.
const TABLE_LIMIT: usize = 64 << 20;

/// The patterns of one group.
///
/// A pattern is tried only if the text that it cannot do without is in the path; one pass over the path finds all such
/// texts. Where many patterns need the same text, or none, they are joined into automata that test them at once.
#[derive(Debug)]
pub(super) struct Patterns {
    /// The greatest first.
    all: Vec<Pattern>,
    filter: Option<Filter>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// The greatest rank of the leaf.
    top: Rank,
    leaf: u32,
}

/// The patterns of all groups while they are collected: those of each, and where to find one by its text.
#[derive(Debug, Default)]
pub(super) struct CollectedPatterns {
    groups: Vec<Vec<Pattern>>,
    places: HashMap<(u32, Arc<str>), usize>,
}

#[derive(Debug)]
struct Filter {
    texts: AhoCorasick,
    /// By the number of the text in `texts`.
    needs: Vec<Need>,
    /// Those that need no text.
    always: Bucket,
}

#[derive(Debug)]
struct Need {
    at_start: bool,
    bucket: Bucket,
}

/// Patterns that are tried for the same reason: one by one, or joined.
#[derive(Debug, Default)]
struct Bucket {
    top: Rank,
    single: Vec<u32>,
    joined: Vec<Joined>,
}

#[derive(Debug)]
struct Joined {
    regex: meta::Regex,
    members: Vec<u32>,
}

/// A pattern worth a look, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Lead {
    index: u32,
    /// Known to match.
    certain: bool,
}

type Leads = SmallVec<[Lead; 16]>;

/// Automata became too large with the pattern whose leaf is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooLarge {
    One { leaf: u32 },
    Together { leaf: u32 },
}

// === impl Patterns ===

impl Patterns {
    /// `spent` counts the bytes that the automata of a table take.
    fn new(mut all: Vec<Pattern>, spent: &mut usize) -> Result<Self, TooLarge> {
        all.sort_by_key(|pattern| Reverse(pattern.top));
        let filter = if all.len() > FEW { Filter::new(&all, spent)? } else { None };
        Ok(Self { all, filter })
    }

    pub(super) fn leaves(&mut self) -> impl Iterator<Item = &mut u32> {
        self.all.iter_mut().map(|pattern| &mut pattern.leaf)
    }

    /// Offers the leaf of every pattern that matches, the greatest first, as long as it can be better than the best.
    pub(super) fn walk(&self, path: &str, search: &mut Search<'_>) {
        match &self.filter {
            None => {
                for pattern in &self.all {
                    if pattern.top <= search.best {
                        break;
                    }
                    pattern.walk(path, search);
                }
            }
            Some(filter) => {
                for lead in filter.leads(path, search.best) {
                    let pattern = &self.all[lead.index as usize];
                    if pattern.top <= search.best {
                        break;
                    }
                    if lead.certain { search.offer(pattern.leaf) } else { pattern.walk(path, search) }
                }
            }
        }
    }
}

// === impl CollectedPatterns ===

impl CollectedPatterns {
    /// Where the leaf of a pattern is kept. `group` is given a number when its first pattern comes.
    ///
    /// Patterns come in the order of rank, so `rank` is the greatest of its leaf.
    pub(super) fn entry(&mut self, group: &mut u32, regex: &Regex, rank: Rank) -> Result<&mut u32, Full> {
        if *group == NONE {
            *group = u32::try_from(self.groups.len()).map_err(|_| Full)?;
            self.groups.push(Vec::new());
        }
        let patterns = &mut self.groups[*group as usize];
        let place = *self.places.entry((*group, regex.as_str().into())).or_insert(patterns.len());
        if place == patterns.len() {
            patterns.push(Pattern { regex: regex.clone(), top: rank, leaf: NONE });
        }
        patterns[place].top = rank;
        Ok(&mut patterns[place].leaf)
    }

    pub(super) fn compile(self) -> Result<Vec<Patterns>, TooLarge> {
        let mut spent = 0;
        self.groups.into_iter().map(|patterns| Patterns::new(patterns, &mut spent)).collect()
    }
}

// === impl Pattern ===

impl Pattern {
    fn walk(&self, path: &str, search: &mut Search<'_>) {
        if self.regex.is_match(path) {
            search.offer(self.leaf);
        }
    }
}

// === impl Filter ===

impl Filter {
    /// `None` if the texts do not make an automaton; then every pattern is tried.
    fn new(all: &[Pattern], spent: &mut usize) -> Result<Option<Self>, TooLarge> {
        let mut needs: HashMap<Literal, Vec<u32>> = HashMap::new();
        let mut always = Vec::new();
        for (index, pattern) in (0..).zip(all) {
            match required(pattern.regex.as_str()) {
                Some(literal) => needs.entry(literal).or_default().push(index),
                None => always.push(index),
            }
        }
        let (texts, members): (Vec<_>, Vec<_>) = needs.into_iter().unzip();
        let Ok(automaton) = AhoCorasick::new(texts.iter().map(|literal| &literal.text)) else { return Ok(None) };
        let bucket = |members| Bucket::new(members, all, spent);
        let buckets: Vec<_> = members.into_iter().chain([always]).map(bucket).collect::<Result<_, _>>()?;
        let mut buckets = buckets.into_iter();
        let needs = texts.iter().zip(&mut buckets).map(|(text, bucket)| Need { at_start: text.at_start, bucket });
        let needs = needs.collect();
        Ok(Some(Self { texts: automaton, needs, always: buckets.next().unwrap_or_default() }))
    }

    /// Which patterns may match, by index and so by rank.
    fn leads(&self, path: &str, best: Rank) -> Leads {
        let mut found: SmallVec<[usize; 16]> = SmallVec::new();
        for hit in self.texts.find_overlapping_iter(path) {
            let number = hit.pattern().as_usize();
            let need = &self.needs[number];
            if need.bucket.top > best && (hit.start() == 0 || !need.at_start) && found.last() != Some(&number) {
                found.push(number);
            }
        }
        // A text may be in the path many times; its patterns are tried once.
        found.sort_unstable();
        found.dedup();
        let mut leads = Leads::new();
        self.always.leads(path, best, &mut leads);
        for number in found {
            self.needs[number].bucket.leads(path, best, &mut leads);
        }
        leads.sort_unstable();
        leads
    }
}

// === impl Bucket ===

impl Bucket {
    fn new(members: Vec<u32>, all: &[Pattern], spent: &mut usize) -> Result<Self, TooLarge> {
        let top = members.first().map_or(0, |first| all[*first as usize].top);
        if members.len() <= FEW {
            return Ok(Self { top, single: members, joined: Vec::new() });
        }
        let mut joined = Vec::new();
        for members in members.chunks(TOGETHER) {
            Joined::join(members, all, spent, &mut joined)?;
        }
        Ok(Self { top, single: Vec::new(), joined })
    }

    fn leads(&self, path: &str, best: Rank, leads: &mut Leads) {
        if self.top <= best {
            return;
        }
        leads.extend(self.single.iter().map(|&index| Lead { index, certain: false }));
        for joined in &self.joined {
            let mut matched = PatternSet::new(joined.members.len());
            joined.regex.which_overlapping_matches(&Input::new(path), &mut matched);
            leads.extend(matched.iter().map(|number| Lead { index: joined.members[number.as_usize()], certain: true }));
        }
    }
}

// === impl Joined ===

impl Joined {
    /// Compiles `members` into as few automata as the limit allows.
    fn join(members: &[u32], all: &[Pattern], spent: &mut usize, into: &mut Vec<Self>) -> Result<(), TooLarge> {
        let texts: Vec<_> = members.iter().map(|index| all[*index as usize].regex.as_str()).collect();
        let config = meta::Config::new().match_kind(MatchKind::All).nfa_size_limit(Some(GROUP_LIMIT));
        let leaf = all[members[0] as usize].leaf;
        match meta::Builder::new().configure(config).syntax(syntax::Config::new()).build_many(&texts) {
            Ok(regex) => {
                *spent += regex.memory_usage();
                into.push(Self { regex, members: members.to_vec() });
                if *spent > TABLE_LIMIT { Err(TooLarge::Together { leaf }) } else { Ok(()) }
            }
            Err(_) if members.len() == 1 => Err(TooLarge::One { leaf }),
            Err(_) => {
                let (left, right) = members.split_at(members.len() / 2);
                Self::join(left, all, spent, into)?;
                Self::join(right, all, spent, into)
            }
        }
    }
}
