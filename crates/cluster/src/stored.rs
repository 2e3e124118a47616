//! A revision as etcd holds it.

use std::sync::Arc;

use revisions::{Meta, Revision, pack, unpack};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// What is known of a revision, and what its document must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    format: u32,
    #[serde(flatten)]
    pub(crate) meta: Meta,
    /// Which attempt to write this number it was: the others lost.
    pub(crate) commit: String,
    /// In how many pieces the document is kept.
    pub(crate) chunks: usize,
    /// Of all pieces together (XXH3, 64 bits), so that one that somebody changed is not taken for ours.
    hash: String,
    /// All of this as it is written.
    #[serde(skip)]
    value: Vec<u8>,
}

/// So that a later version can tell its own from ours.
const FORMAT: u32 = 1;

/// A request to etcd may have 1.5 MiB; this leaves room for proxies and operators that allow less.
pub(crate) const CHUNK: usize = 512 << 10;

// === impl Stored ===

impl Stored {
    /// A commit of its own, and the pieces of the document.
    ///
    /// # Errors
    /// The document cannot be written down.
    pub(crate) fn new(revision: &Revision) -> Result<(Self, Vec<Vec<u8>>), String> {
        let packed = pack(&revision.document)?;
        let chunks: Vec<_> = packed.chunks(CHUNK).map(<[u8]>::to_vec).collect();
        let commit = uuid::Uuid::new_v4().simple().to_string();
        let (meta, hash) = (revision.meta.clone(), hash(&packed));
        let mut stored = Self { format: FORMAT, meta, commit, chunks: chunks.len(), hash, value: Vec::new() };
        stored.value = serde_json::to_vec(&stored).map_err(|error| error.to_string())?;
        Ok((stored, chunks))
    }

    /// # Errors
    /// It is no meta of ours, of this number.
    pub(crate) fn read(number: u64, value: &[u8]) -> Result<Self, String> {
        let mut stored: Self = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        if stored.format != FORMAT {
            return Err(format!("it was written by a later version of sluice (format {})", stored.format));
        }
        if stored.meta.number != number {
            return Err(format!("it says that it is revision {}", stored.meta.number));
        }
        value.clone_into(&mut stored.value);
        Ok(stored)
    }

    /// What its key holds.
    pub(crate) fn value(&self) -> Vec<u8> {
        self.value.clone()
    }

    /// The revision, of the pieces that were found. It shares with the one that is `known` what is the same.
    ///
    /// # Errors
    /// They are not those that were written.
    pub(crate) fn revision(&self, chunks: &[Vec<u8>], known: Option<&Revision>) -> Result<Revision, String> {
        if chunks.len() != self.chunks {
            return Err(format!("{} of {} pieces of its document are there", chunks.len(), self.chunks));
        }
        let packed = chunks.concat();
        if hash(&packed) != self.hash {
            return Err("its document is not the one that was written".to_owned());
        }
        let read = unpack(&packed)?;
        let document = match known {
            Some(known) => read.sharing_with(&known.document),
            None => read,
        };
        Ok(Revision { meta: self.meta.clone(), document: Arc::new(document) })
    }
}

fn hash(octets: &[u8]) -> String {
    format!("{:016x}", XxHash3_64::oneshot(octets))
}
