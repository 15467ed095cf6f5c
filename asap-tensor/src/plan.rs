//! The backend that computes nothing: it runs a network to find how much memory `Cpu` would take.
//!
//! Buffers have sizes but no values, and each op takes and releases what its kernel on `Cpu` does. So the code that
//! trains or generates, run on this backend, finds its peak of memory in milliseconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::profile::Profiler;
use crate::storage::Storage;

/// Counts bytes taken and released. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Counts>>);

/// What a [`Meter`] has counted, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Taken now, scratch included.
    pub live: u64,
    /// The maximum taken at once.
    pub peak: u64,
    /// Working memory that threads keep from one kernel to the next.
    pub scratch: u64,
}

#[derive(Debug, Default)]
struct Counts {
    live: u64,
    peak: u64,
    /// Scratch of all threads: for kernels, and for what runs inside them.
    scratch: [u64; 2],
}

impl Meter {
    /// The counts up to now.
    pub fn usage(&self) -> Usage {
        let Counts { live, peak, scratch } = &*self.counts();
        let scratch = scratch[0].saturating_add(scratch[1]);
        // Memory that tensors release is kept for the next ones, and scratch that grows later comes on top of it.
        Usage { live: live.saturating_add(scratch), peak: peak.saturating_add(scratch), scratch }
    }

    /// Sets the peak to what is taken now.
    pub fn reset_peak(&self) {
        let mut counts = self.counts();
        counts.peak = counts.live;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: u64) {
        let mut counts = self.counts();
        counts.live = counts.live.saturating_add(bytes);
        counts.peak = counts.peak.max(counts.live);
    }
}

/// Room for some values or ids, counted by the meter while it lives.
#[derive(Debug)]
pub struct Block {
    count: usize,
    bytes: u64,
    meter: Meter,
}

impl Block {
    fn new(meter: &Meter, count: usize, size: usize) -> Arc<Self> {
        let bytes = (count as u64).saturating_mul(size as u64);
        meter.take(bytes);
        Arc::new(Block { count, bytes, meter: meter.clone() })
    }
}

/// A copy takes its own room.
impl Clone for Block {
    fn clone(&self) -> Self {
        self.meter.take(self.bytes);
        Block { count: self.count, bytes: self.bytes, meter: self.meter.clone() }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut counts = self.meter.counts();
        counts.live = counts.live.saturating_sub(self.bytes);
    }
}

/// What `Cpu` would take, without the values. Every value read back is 0.
#[derive(Clone, Debug)]
pub struct Plan {
    meter: Meter,
    threads: usize,
    profiler: Option<Profiler>,
}

impl Plan {
    /// A backend that counts what `Cpu` with that many threads would take.
    pub fn new(threads: usize) -> Self {
        Plan { meter: Meter::default(), threads: threads.max(1), profiler: None }
    }

    /// Counts of everything on this backend.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Room for `count` single-precision values.
    pub(crate) fn block(&self, count: usize) -> Arc<Block> {
        Block::new(&self.meter, count, size_of::<f32>())
    }

    /// Room for `count` ids.
    pub(crate) fn id_block(&self, count: usize) -> Arc<Block> {
        Block::new(&self.meter, count, size_of::<u8>())
    }

    /// Room for `count` values that each thread keeps from one call to the next, as `cpu::scratch` does.
    pub(crate) fn scratch(&self, count: usize) {
        self.nested_scratch([count, 0]);
    }

    /// As [`Plan::scratch`], where a thread takes the second room while it has the first. Each of the two is kept at its
    /// maximum size.
    pub(crate) fn nested_scratch(&self, counts: [usize; 2]) {
        let counts = if counts[0] == 0 { [counts[1], 0] } else { counts };
        for (kept, count) in self.meter.counts().scratch.iter_mut().zip(counts) {
            let bytes = (count as u64 * size_of::<f32>() as u64).saturating_mul(self.threads as u64);
            *kept = bytes.max(*kept);
        }
    }
}

impl Storage for Plan {
    type Elem = f32;
    type Buffer = Arc<Block>;
    type IdBuffer = Arc<Block>;

    fn device(&self) -> String {
        "plan".into()
    }

    fn holds_values(&self) -> bool {
        false
    }

    fn upload(&self, data: Vec<f32>) -> Result<Self::Buffer> {
        Ok(self.block(data.len()))
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f32>> {
        Ok(vec![0.0; buffer.count])
    }

    fn filled(&self, _value: f64, count: usize) -> Result<Self::Buffer> {
        Ok(self.block(count))
    }

    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer> {
        Ok(self.id_block(ids.len()))
    }

    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>> {
        Ok(vec![0; ids.count])
    }

    fn filled_ids(&self, _id: u8, count: usize) -> Result<Self::IdBuffer> {
        Ok(self.id_block(count))
    }

    fn profiler(&self) -> Option<&Profiler> {
        self.profiler.as_ref()
    }

    fn with_profiler(&self, profiler: Profiler) -> Self {
        Plan { profiler: Some(profiler), ..self.clone() }
    }

    fn held_memory(&self) -> Option<u64> {
        Some(self.meter.usage().live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;
    use crate::ops::{AdamStep, Unary, adam, unary};

    #[test]
    fn dropping_releases_memory_and_keeps_the_peak() {
        let plan = Plan::new(1);
        let x = Tensor::zeros(&plan, [2, 3]).unwrap();
        let shared = x.reshape([6]).unwrap();
        assert_eq!(plan.meter().usage(), Usage { live: 24, peak: 24, scratch: 0 });
        let y = unary(Unary::Abs, &x).unwrap();
        assert_eq!(plan.meter().usage().live, 48);
        drop((x, y));
        assert_eq!(plan.meter().usage(), Usage { live: 24, peak: 48, scratch: 0 });
        plan.meter().reset_peak();
        drop(shared);
        assert_eq!(plan.meter().usage(), Usage { live: 0, peak: 24, scratch: 0 });
    }

    #[test]
    fn adam_copies_a_shared_weight() {
        let plan = Plan::new(1);
        let zeros = || Tensor::zeros(&plan, [10]).unwrap();
        let (mut weight, mut first, mut second, grad) = (zeros(), zeros(), zeros(), zeros());
        let step = AdamStep { learning_rate: 0.1, beta1: 0.0, beta2: 0.9, epsilon: 0.0, step: 1 };
        adam(&mut weight, &mut first, &mut second, &grad, None, &step).unwrap();
        assert_eq!(plan.meter().usage().live, 160);
        let kept = weight.clone();
        adam(&mut weight, &mut first, &mut second, &grad, None, &step).unwrap();
        assert_eq!(plan.meter().usage().live, 200);
        drop(kept);
        assert_eq!(plan.meter().usage().live, 160);
    }

    #[test]
    fn scratch_is_the_maximum_over_kernels_per_thread() {
        let plan = Plan::new(3);
        plan.scratch(10);
        plan.scratch(5);
        assert_eq!(plan.meter().usage(), Usage { live: 120, peak: 120, scratch: 120 });
        plan.scratch(20);
        assert_eq!(plan.meter().usage(), Usage { live: 240, peak: 240, scratch: 240 });
        plan.nested_scratch([1, 10]);
        plan.nested_scratch([0, 15]);
        assert_eq!(plan.meter().usage(), Usage { live: 360, peak: 360, scratch: 360 });
    }
}
