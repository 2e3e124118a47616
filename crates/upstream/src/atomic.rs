//! The atomics that are shared between workers, by one name: model tests put others in their place.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
