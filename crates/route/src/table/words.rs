//! Many small maps from text in one: a hash table over (scope, word), with all text in one piece.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::{HashTable, hash_table::Entry};

/// Maps a word within a scope to a value.
///
/// The seed is fixed: keys come from the document alone, a request only looks for them.
#[derive(Debug)]
pub(super) struct Words<V> {
    text: String,
    table: HashTable<Word<V>>,
    hasher: FixedState,
}

#[derive(Debug)]
struct Word<V> {
    scope: u32,
    start: u32,
    end: u32,
    value: V,
}

/// All words together are longer than 4 GiB.
#[derive(Debug)]
pub(super) struct Full;

// === impl Words ===

impl<V> Default for Words<V> {
    fn default() -> Self {
        Self { text: String::new(), table: HashTable::new(), hasher: FixedState::default() }
    }
}

impl<V: Copy> Words<V> {
    #[inline]
    pub(super) fn get(&self, scope: u32, word: &str) -> Option<V> {
        let same = |held: &Word<V>| held.scope == scope && held.of(&self.text) == word.as_bytes();
        self.table.find(hash(&self.hasher, scope, word.as_bytes()), same).map(|held| held.value)
    }

    /// The value of a word, which is `fresh` if the word is new.
    pub(super) fn entry(&mut self, scope: u32, word: &str, fresh: V) -> Result<&mut V, Full> {
        let Self { text, table, hasher } = self;
        let code = hash(hasher, scope, word.as_bytes());
        let same = |held: &Word<V>| held.scope == scope && held.of(text) == word.as_bytes();
        let entry = table.entry(code, same, |held| hash(hasher, held.scope, held.of(text)));
        let word = match entry {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let start = u32::try_from(text.len()).map_err(|_| Full)?;
                let end = u32::try_from(text.len() + word.len()).map_err(|_| Full)?;
                text.push_str(word);
                entry.insert(Word { scope, start, end, value: fresh }).into_mut()
            }
        };
        Ok(&mut word.value)
    }

    pub(super) fn shrink(&mut self) {
        let Self { text, table, hasher } = self;
        text.shrink_to_fit();
        table.shrink_to_fit(|held| hash(hasher, held.scope, held.of(text)));
    }
}

#[inline]
fn hash(hasher: &FixedState, scope: u32, word: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u32(scope);
    state.write(word);
    state.finish()
}

// === impl Word ===

impl<V> Word<V> {
    #[inline]
    fn of<'t>(&self, text: &'t str) -> &'t [u8] {
        &text.as_bytes()[self.start as usize..self.end as usize]
    }
}
