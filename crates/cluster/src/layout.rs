//! Where what is kept below the prefix:
//!
//! ```text
//! documents/<revision>/<commit>/<chunk>   a document in pieces
//! latest                                  the number of the newest revision            ┐
//! metas/<revision>                        what is known of it, and which commit it is  ├ watched
//! nodes/<instance>                        who is there, for as long as its lease       ┘
//! ```
//!
//! What is watched is one range, and documents, which are long, are not in it. Numbers have as many digits as they can have,
//! so that their order is that of the keys.

use std::{ops::Range, sync::Arc};

/// The prefix, with a slash at its end.
#[derive(Debug, Clone)]
pub(crate) struct Layout(Arc<str>);

/// What a watched key is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Watched<'a> {
    Latest,
    Meta(u64),
    Node(&'a str),
    /// Nothing of ours.
    Foreign,
}

const LATEST: &str = "latest";
const METAS: &str = "metas/";
const NODES: &str = "nodes/";

// === impl Layout ===

impl Layout {
    pub(crate) fn new(prefix: Arc<str>) -> Self {
        Self(prefix)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.0
    }

    pub(crate) fn latest(&self) -> Vec<u8> {
        format!("{}{LATEST}", self.0).into_bytes()
    }

    pub(crate) fn meta(&self, number: u64) -> Vec<u8> {
        format!("{}{METAS}{number:020}", self.0).into_bytes()
    }

    /// The metas of these revisions.
    pub(crate) fn metas(&self, numbers: Range<u64>) -> Range<Vec<u8>> {
        self.meta(numbers.start)..self.meta(numbers.end)
    }

    /// Everything of the documents of these revisions.
    pub(crate) fn documents(&self, numbers: Range<u64>) -> Range<Vec<u8>> {
        let of = |number| format!("{}documents/{number:020}/", self.0).into_bytes();
        of(numbers.start)..of(numbers.end)
    }

    /// All chunks of one commit.
    pub(crate) fn document(&self, number: u64, commit: &str) -> Range<Vec<u8>> {
        // What follows the slash.
        let of = |end| format!("{}documents/{number:020}/{commit}{end}", self.0).into_bytes();
        of('/')..of('0')
    }

    pub(crate) fn chunk(&self, number: u64, commit: &str, index: usize) -> Vec<u8> {
        format!("{}documents/{number:020}/{commit}/{index:05}", self.0).into_bytes()
    }

    pub(crate) fn node(&self, instance: &str) -> Vec<u8> {
        format!("{}{NODES}{instance}", self.0).into_bytes()
    }

    /// What is watched: from `latest` to the last node.
    pub(crate) fn watched(&self) -> Range<Vec<u8>> {
        self.latest()..format!("{}nodes0", self.0).into_bytes()
    }

    pub(crate) fn read<'a>(&self, key: &'a [u8]) -> Watched<'a> {
        let Some(rest) = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(&*self.0)) else {
            return Watched::Foreign;
        };
        if rest == LATEST {
            return Watched::Latest;
        }
        if let Some(instance) = rest.strip_prefix(NODES) {
            return Watched::Node(instance);
        }
        let number =
            rest.strip_prefix(METAS).filter(|digits| digits.len() == 20).and_then(|digits| digits.parse().ok());
        number.map_or(Watched::Foreign, Watched::Meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_is_all_but_documents() {
        let layout = Layout::new("/sluice/".into());
        let watched = layout.watched();
        for (key, about) in [
            (layout.latest(), Watched::Latest),
            (layout.meta(0), Watched::Meta(0)),
            (layout.meta(u64::MAX), Watched::Meta(u64::MAX)),
            (layout.node("a/b"), Watched::Node("a/b")),
            (b"/sluice/metas/1".to_vec(), Watched::Foreign),
            (b"/sluice/n".to_vec(), Watched::Foreign),
        ] {
            assert!(watched.contains(&key), "{key:?}");
            assert_eq!(layout.read(&key), about);
        }
        for key in [layout.chunk(1, "a", 0), b"/sluice/nodes0".to_vec(), b"/sluice2/latest".to_vec()] {
            assert!(!watched.contains(&key), "{key:?}");
        }
    }

    #[test]
    fn keys_have_the_order_of_numbers() {
        let layout = Layout::new("/".into());
        assert!(layout.metas(0..10).contains(&layout.meta(9)) && !layout.metas(0..10).contains(&layout.meta(10)));
        let chunk = layout.chunk(9, "a", 99_999);
        assert!(layout.documents(9..10).contains(&chunk) && layout.document(9, "a").contains(&chunk));
        assert!(!layout.documents(0..9).contains(&chunk) && !layout.document(9, "b").contains(&chunk));
    }
}
