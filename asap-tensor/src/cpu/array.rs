//! Values in memory, and the pool that their memory returns to.
//!
//! A network allocates the same sizes in every pass, and memory that is new to a process costs as much time as some
//! kernels. So freed memory is kept for the next tensor of its size. Live and kept memory together never exceed the peak
//! of live memory, so the pool never enlarges the process. A backend that is allowed more, up to a quarter of the peak,
//! also reuses memory for somewhat smaller tensors; then training steps after the first few allocate nothing.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Smaller arrays are left to the system's allocator, which reuses them itself.
const SMALL: usize = 1 << 14;

/// Values of one tensor. Their memory returns to its pool.
pub struct Array {
    /// The tensor's values; longer where its memory is larger.
    values: Vec<f32>,
    count: usize,
    pool: Pool,
}

impl Deref for Array {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[..self.count]
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.count]
    }
}

impl Clone for Array {
    fn clone(&self) -> Self {
        let mut copy = self.pool.take(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        self.pool.put_back(std::mem::take(&mut self.values), self.count);
    }
}

/// Memory for the next tensors. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    kept: Arc<Mutex<Kept>>,
    /// Whether uninitialized values are NaN, to detect kernels that leave one unwritten.
    marks: bool,
}

#[derive(Debug, Default)]
struct Kept {
    /// Free memory, the least recently freed first.
    waiting: VecDeque<Vec<f32>>,
    /// Values in `waiting`.
    waiting_count: usize,
    /// Values of live arrays, without small ones.
    live: usize,
    /// Values by which their memory is larger.
    unused: usize,
    /// Maximum of `live` so far.
    peak: usize,
    /// Values that may be kept beyond `peak`, up to a quarter of it.
    extra: usize,
}

impl Kept {
    fn spare(&self) -> usize {
        self.extra.min(self.peak / 4)
    }

    /// Takes free memory for `count` values: of that size, or else the smallest that is at most half as large again, if
    /// the bound has room for the values left unused.
    fn find(&mut self, count: usize) -> Option<Vec<f32>> {
        let unused = self.spare().saturating_sub(self.unused).min(count / 2);
        let fits = |length: usize| (count..=count + unused).contains(&length);
        let waiting = self.waiting.iter().map(Vec::len).enumerate().rev();
        let (at, _) = waiting.filter(|&(_, length)| fits(length)).min_by_key(|&(_, length)| length)?;
        let found = self.waiting.remove(at)?;
        self.waiting_count -= found.len();
        Some(found)
    }

    /// Counts `count` live values in memory of `length`. Returns free memory that the bound has no room for.
    fn enter(&mut self, count: usize, length: usize) -> Vec<Vec<f32>> {
        self.live += count;
        self.unused += length - count;
        self.peak = self.peak.max(self.live);
        let bound = self.peak + self.spare();
        let mut released = Vec::new();
        while self.live + self.unused + self.waiting_count > bound {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_count -= oldest.len();
            released.push(oldest);
        }
        released
    }
}

/// Zeros in memory that is new to the process, in huge pages where the system has them: fewer page faults and TLB
/// misses.
fn fresh(count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 2 << 20;
        let skipped = values.as_ptr().align_offset(PAGE);
        let whole = count.saturating_sub(skipped) * size_of::<f32>() / PAGE * PAGE;
        if whole > 0 {
            // SAFETY: advice on pages that contain nothing but the values, none of which it changes.
            unsafe { libc::madvise(values[skipped..].as_mut_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        }
    }
    values
}

impl Pool {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allows `count` values beyond the peak, or a quarter of the peak if that is less.
    pub(crate) fn allow_extra(&self, count: usize) {
        self.kept().extra = count;
    }

    /// The same memory, with NaN as uninitialized values.
    pub(crate) fn marking(self) -> Self {
        Pool { marks: true, ..self }
    }

    /// `count` uninitialized values: the caller writes each of them.
    pub(crate) fn take(&self, count: usize) -> Array {
        let marks = self.marks || cfg!(any(test, debug_assertions));
        if count < SMALL {
            let value = if marks { f32::NAN } else { 0.0 };
            return Array { values: vec![value; count], count, pool: self.clone() };
        }
        let mut kept = self.kept();
        let found = kept.find(count);
        let released = kept.enter(count, found.as_ref().map_or(count, Vec::len));
        drop(kept);
        drop(released);
        let mut values = found.unwrap_or_else(|| fresh(count));
        if marks {
            values.fill(f32::NAN);
        }
        Array { values, count, pool: self.clone() }
    }

    /// An array of existing values.
    pub(crate) fn adopt(&self, values: Vec<f32>) -> Array {
        let count = values.len();
        if count >= SMALL {
            drop(self.kept().enter(count, count));
        }
        Array { values, count, pool: self.clone() }
    }

    fn put_back(&self, values: Vec<f32>, count: usize) {
        if count >= SMALL {
            let mut kept = self.kept();
            kept.live -= count;
            kept.unused -= values.len() - count;
            kept.waiting_count += values.len();
            kept.waiting.push_back(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 2 * SMALL;

    #[test]
    fn memory_is_reused_for_the_same_size() {
        let pool = Pool::default();
        let first = pool.take(LARGE);
        let place = first.as_ptr();
        let other = pool.take(LARGE + 1);
        drop((first, other));
        let other = pool.take(LARGE + 1);
        assert_ne!(other.as_ptr(), place);
        let again = pool.take(LARGE);
        assert_eq!(again.as_ptr(), place);
        assert!(again.iter().all(|value| value.is_nan()), "its values are uninitialized");
    }

    #[test]
    fn live_and_free_memory_stay_below_the_peak() {
        let pool = Pool::default();
        let arrays: Vec<Array> = (0..4).map(|i| pool.take(LARGE + i)).collect();
        let peak = arrays.iter().map(|array| array.len()).sum::<usize>();
        drop(arrays);
        assert_eq!(pool.kept().waiting_count, peak);
        let larger = pool.take(2 * LARGE);
        let adopted = pool.adopt(vec![0.0; LARGE]);
        let kept = pool.kept();
        assert_eq!(kept.live, 3 * LARGE);
        assert_eq!(kept.peak, peak);
        assert!(kept.live + kept.waiting_count <= peak);
        drop(kept);
        drop((larger, adopted));
    }

    #[test]
    fn extra_memory_is_reused_for_smaller_arrays_within_the_bound() {
        let pool = Pool::default();
        pool.allow_extra(LARGE);
        let first = pool.take(8 * LARGE);
        let others: Vec<Array> = (0..3).map(|i| pool.take(LARGE + i)).collect();
        let place = first.as_ptr();
        drop(first);
        let smaller = pool.take(7 * LARGE);
        assert_eq!((smaller.as_ptr(), smaller.len()), (place, 7 * LARGE), "memory of a larger array");
        assert_eq!(pool.kept().unused, LARGE);
        let waiting = others[0].as_ptr();
        drop(others);
        let another = pool.take(LARGE - 1);
        assert_ne!(another.as_ptr(), waiting, "the bound on unused memory");
        let peak = pool.kept().peak;
        for i in 0..20 {
            drop(pool.take(LARGE / 2 + i));
            let kept = pool.kept();
            assert_eq!(kept.waiting_count, kept.waiting.iter().map(Vec::len).sum::<usize>());
            assert!(kept.live + kept.unused + kept.waiting_count <= peak + LARGE);
        }
        drop((smaller, another));
        let kept = pool.kept();
        assert_eq!((kept.live, kept.unused), (0, 0));
        assert!(kept.waiting_count > peak, "more than the peak is kept");
    }

    #[test]
    fn small_arrays_are_not_kept() {
        let pool = Pool::default();
        drop((pool.take(SMALL - 1), pool.adopt(vec![1.0])));
        let kept = pool.kept();
        assert_eq!((kept.waiting_count, kept.peak), (0, 0));
    }
}
