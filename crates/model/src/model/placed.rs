use std::{fmt, ops::Deref, sync::Arc};

use crate::Place;

/// Something with the place where it is written.
///
/// The place moves when lines come or go before it. The thing itself does not, and is shared by all models that were
/// read from the same text: who has worked on it already sees by its address that it is the same.
pub struct Placed<T> {
    pub place: Place,
    pub value: Arc<T>,
    /// The line of `place` when the places within the value were right.
    read: u32,
}

// === impl Placed ===

impl<T> Placed<T> {
    pub fn new(place: Place, value: T) -> Self {
        Self { read: place.line, place, value: Arc::new(value) }
    }

    /// The same, so many lines further down.
    pub(crate) fn moved(&self, from: u32, to: u32) -> Self {
        let mut moved = self.clone();
        moved.place.line = self.place.line - from + to;
        moved
    }

    /// Where something stands now whose place is held within the value.
    pub fn within(&self, place: &Place) -> Place {
        Place { line: place.line + self.place.line - self.read, ..place.clone() }
    }
}

impl<T> Clone for Placed<T> {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), value: self.value.clone(), read: self.read }
    }
}

/// Shows the thing alone: where it stands is no part of it.
impl<T: fmt::Debug> fmt::Debug for Placed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> AsRef<T> for Placed<T> {
    fn as_ref(&self) -> &T {
        &self.value
    }
}
