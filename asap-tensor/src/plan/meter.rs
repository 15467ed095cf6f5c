//! Bytes that are held, and the most that ever were.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts bytes taken and given back. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

/// What a [`Meter`] has counted, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Held now, scratch included.
    pub live: u64,
    /// The most that was held at once.
    pub peak: u64,
    /// Working memory that threads keep from one kernel to the next.
    pub scratch: u64,
}

impl Meter {
    /// The counts up to now.
    pub fn usage(&self) -> Usage {
        let Usage { live, peak, scratch } = *self.counts();
        // What tensors let go of waits for the next ones, and scratch that grows later comes on top of it.
        Usage { live: live.saturating_add(scratch), peak: peak.saturating_add(scratch), scratch }
    }

    /// Forgets the peak: it is what is held now.
    pub fn reset_peak(&self) {
        let mut counts = self.counts();
        counts.peak = counts.live;
    }

    fn counts(&self) -> MutexGuard<'_, Usage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, bytes: u64) {
        let mut counts = self.counts();
        counts.live = counts.live.saturating_add(bytes);
        counts.peak = counts.peak.max(counts.live);
    }

    pub(super) fn release(&self, bytes: u64) {
        let mut counts = self.counts();
        counts.live = counts.live.saturating_sub(bytes);
    }

    /// `more` bytes of scratch.
    pub(super) fn raise_scratch(&self, more: u64) {
        let mut counts = self.counts();
        counts.scratch = counts.scratch.saturating_add(more);
    }
}
