//! Many small maps from text in one: a hash table over (scope, word).
//!
//! A lookup among many routes costs what its cache misses cost, so a [`Words`] is laid out for one per word: a slot is
//! a whole number of cache lines and holds the hash, the key and the value. Slots are in the order of hash; a word lies
//! where its hash points to, or a little later, and a search ends at the first greater hash.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use hashbrown::{HashTable, hash_table::Entry};

/// Maps a word within a scope to a value. `N`: words up to so many bytes lie in their slot.
#[derive(Debug)]
pub(super) struct Words<V, const N: usize> {
    slots: Box<[Slot<V, N>]>,
    /// So many slots are pointed to by hashes; behind them are those that were pushed out of the last ones.
    places: u32,
    /// The words that are longer than `N`.
    long: String,
}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Slot<V, const N: usize> {
    /// [`EMPTY`] where there is nothing.
    hash: u32,
    scope: u32,
    length: u32,
    value: V,
    /// The word, or where it begins among the long ones.
    text: [u8; N],
}

/// [`Words`] while they are collected.
#[derive(Debug)]
pub(super) struct Collected<V> {
    text: String,
    table: HashTable<Word<V>>,
}

#[derive(Debug)]
struct Word<V> {
    hash: u64,
    scope: u32,
    start: u32,
    end: u32,
    value: V,
}

/// The lengths of some words, one bit for every 32nd: most words that are not there need not be looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lengths(u32);

/// More than 32 bits can number.
#[derive(Debug)]
pub(super) struct Full;

/// Greater than every hash.
const EMPTY: u32 = u32::MAX;

// === impl Words ===

impl<V, const N: usize> Default for Words<V, N> {
    fn default() -> Self {
        Self { slots: Box::default(), places: 0, long: String::new() }
    }
}

impl<V, const N: usize> Words<V, N> {
    #[inline]
    pub(super) fn get(&self, scope: u32, word: &str) -> Option<&V> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = high(hash(scope, word.as_bytes()));
        self.slots[place(hash, self.places)..]
            .iter()
            .take_while(|slot| slot.hash <= hash)
            .find(|slot| slot.hash == hash && slot.scope == scope && self.text(slot) == word.as_bytes())
            .map(|slot| &slot.value)
    }

    #[inline]
    fn text<'s>(&'s self, slot: &'s Slot<V, N>) -> &'s [u8] {
        let length = slot.length as usize;
        slot.text.get(..length).unwrap_or_else(|| {
            let start = slot.text.first_chunk().map_or(0, |start| u32::from_le_bytes(*start)) as usize;
            &self.long.as_bytes()[start..start + length]
        })
    }
}

// === impl Collected ===

impl<V> Default for Collected<V> {
    fn default() -> Self {
        Self { text: String::new(), table: HashTable::new() }
    }
}

impl<V> Collected<V> {
    pub(super) fn get(&self, scope: u32, word: &str) -> Option<&V> {
        let same = |held: &Word<V>| held.scope == scope && held.of(&self.text) == word;
        self.table.find(hash(scope, word.as_bytes()), same).map(|held| &held.value)
    }

    /// The value of a word, which is `fresh` if the word is new.
    pub(super) fn entry(&mut self, scope: u32, word: &str, fresh: V) -> Result<&mut V, Full> {
        let Self { text, table } = self;
        let hash = hash(scope, word.as_bytes());
        let same = |held: &Word<V>| held.scope == scope && held.of(text) == word;
        let word = match table.entry(hash, same, |held| held.hash) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let start = u32::try_from(text.len()).map_err(|_| Full)?;
                let end = u32::try_from(text.len() + word.len()).map_err(|_| Full)?;
                text.push_str(word);
                entry.insert(Word { hash, scope, start, end, value: fresh }).into_mut()
            }
        };
        Ok(&mut word.value)
    }

    pub(super) fn values(&mut self) -> impl Iterator<Item = &mut V> {
        self.table.iter_mut().map(|word| &mut word.value)
    }

    /// Lays out what was collected; `value` makes what is kept of what was collected.
    ///
    /// `N` is at least 4, so that a slot has room for the place of a long word.
    pub(super) fn lay_out<U: Copy, const N: usize>(self, mut value: impl FnMut(V) -> U) -> Result<Words<U, N>, Full> {
        const { assert!(N >= 4) };
        let mut words: Vec<_> = self.table.into_iter().collect();
        words.sort_unstable_by_key(|word| word.hash);
        // Two words in three places: few are pushed out of theirs.
        let places = u32::try_from(words.len() + words.len() / 2 + 1).map_err(|_| Full)?;
        let mut slots: Vec<Slot<U, N>> = Vec::with_capacity(places as usize);
        let mut long = String::new();
        for word in words {
            let text = &self.text[word.start as usize..word.end as usize];
            let mut held = [0; N];
            match held.get_mut(..text.len()) {
                Some(room) => room.copy_from_slice(text.as_bytes()),
                None => {
                    let start = u32::try_from(long.len()).map_err(|_| Full)?;
                    held[..4].copy_from_slice(&start.to_le_bytes());
                    long.push_str(text);
                }
            }
            let hash = high(word.hash);
            let length = word.end - word.start;
            let slot = Slot { hash, scope: word.scope, length, value: value(word.value), text: held };
            let empty = Slot { hash: EMPTY, ..slot };
            let place = place(hash, places).max(slots.len());
            slots.resize(place, empty);
            slots.push(slot);
        }
        // The last place of all may be asked for.
        if let Some(&last) = slots.last() {
            slots.resize(slots.len().max(places as usize), Slot { hash: EMPTY, ..last });
        }
        Ok(Words { slots: slots.into(), places, long })
    }
}

/// The seed is fixed: keys come from the document alone, a request only looks for them.
#[inline]
fn hash(scope: u32, word: &[u8]) -> u64 {
    let mut state = FixedState::with_seed(0).build_hasher();
    state.write_u32(scope);
    state.write(word);
    state.finish()
}

/// The half of a hash that is kept in a slot. Never [`EMPTY`].
#[inline]
fn high(hash: u64) -> u32 {
    ((hash >> 32) as u32).min(EMPTY - 1)
}

/// Where among `places` a hash points to: in the order of hashes, and always below `places`.
#[inline]
fn place(hash: u32, places: u32) -> usize {
    ((u64::from(hash) * u64::from(places)) >> 32) as usize
}

// === impl Lengths ===

impl Lengths {
    pub(super) fn add(&mut self, length: usize) {
        self.0 |= 1 << (length % 32);
    }

    #[inline]
    pub(super) fn may_be(self, length: usize) -> bool {
        self.0 & 1 << (length % 32) != 0
    }
}

// === impl Word ===

impl<V> Word<V> {
    fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize..self.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words in their slot and beyond, in several scopes, and as many again that are not there.
    #[test]
    fn finds_every_word_and_no_other() {
        for number in [0, 1, 2, 100, 10_000] {
            let word = |index: usize| format!("{index}{}", "x".repeat(index % 40));
            let mut collected = Collected::default();
            for index in 0..number {
                *collected.entry(index as u32 % 3, &word(index), 0).unwrap() += index;
            }
            let words: Words<usize, 16> = collected.lay_out(|value| value).unwrap();
            for index in 0..number {
                let (word, scope) = (word(index), index as u32 % 3);
                assert_eq!(words.get(scope, &word), Some(&index), "{word} of {number}");
                assert_eq!(words.get(scope + 1, &word), None, "{word} of {number}");
                assert_eq!(words.get(scope, &format!("z{word}")), None, "{word} of {number}");
                assert_eq!(words.get(scope, &(word + "y")), None, "{index} of {number}");
            }
            assert_eq!(words.get(0, ""), None);
        }
    }

    #[test]
    fn the_empty_word_is_a_word() {
        let mut collected = Collected::default();
        collected.entry(1, "", 7).unwrap();
        let words: Words<_, 4> = collected.lay_out(|value| value).unwrap();
        assert_eq!((words.get(1, ""), words.get(2, "")), (Some(&7), None));
    }

    #[test]
    fn lengths_never_miss_one_that_was_added() {
        let mut lengths = Lengths::default();
        assert!((0..200).all(|length| !lengths.may_be(length)));
        lengths.add(33);
        assert!(lengths.may_be(33) && !lengths.may_be(32));
    }
}
