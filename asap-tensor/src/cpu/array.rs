//! Values in memory, and the pool that their memory returns to.
//!
//! A network asks for the same sizes in every pass, and memory that is new to a process costs as much time as some
//! kernels take. So what a tensor lets go of is kept for the next one of its size, within one bound: what lives and
//! what is kept together never exceed the most that ever lived at once. So a process that keeps is no larger than one
//! that doesn't. Where a backend is given more, up to a quarter, what is kept also serves somewhat smaller tensors, and a
//! round of training asks the system for nothing once the first ones are over.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Fewer values than this are left to the system's allocator, which keeps small pieces itself.
const SMALL: usize = 1 << 14;

/// Values of one tensor. Their memory returns to its pool.
pub struct Array {
    /// The tensor's values, and others behind them where its memory is larger.
    numbers: Vec<f32>,
    count: usize,
    pool: Pool,
}

impl Deref for Array {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[..self.count]
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[..self.count]
    }
}

/// A copy takes its own memory.
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
        self.pool.put_back(std::mem::take(&mut self.numbers), self.count);
    }
}

/// Memory that waits for its next tensor. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    kept: Arc<Mutex<Kept>>,
    /// Whether unknown values are NaN, so that a kernel that leaves one out is found out.
    marks: bool,
}

#[derive(Debug, Default)]
struct Kept {
    /// What waits, the longest first.
    waiting: VecDeque<Vec<f32>>,
    /// How many values wait.
    waiting_count: usize,
    /// How many values live in arrays, small ones aside.
    live: usize,
    /// How many more their memory has.
    unused: usize,
    /// The most that ever lived at once.
    most: usize,
    /// Values that may be held beyond `most`, if that is at most a quarter of it.
    more: usize,
}

impl Kept {
    /// Values that may be held beyond the most that ever lived.
    fn spare(&self) -> usize {
        self.more.min(self.most / 4)
    }

    /// Takes memory for `count` values out of what waits: of that size, or else the smallest that is at most half as
    /// large again, as far as the values that it leaves unused may be held too.
    fn find(&mut self, count: usize) -> Option<Vec<f32>> {
        let unused = self.spare().saturating_sub(self.unused).min(count / 2);
        let fits = |length: usize| (count..=count + unused).contains(&length);
        let waiting = self.waiting.iter().map(Vec::len).enumerate().rev();
        let (at, _) = waiting.filter(|&(_, length)| fits(length)).min_by_key(|&(_, length)| length)?;
        let found = self.waiting.remove(at)?;
        self.waiting_count -= found.len();
        Some(found)
    }

    /// Counts `count` values as living, in memory of `length`, and makes room for them.
    fn enter(&mut self, count: usize, length: usize) -> Vec<Vec<f32>> {
        self.live += count;
        self.unused += length - count;
        self.most = self.most.max(self.live);
        let bound = self.most + self.spare();
        let mut released = Vec::new();
        while self.live + self.unused + self.waiting_count > bound {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_count -= oldest.len();
            released.push(oldest);
        }
        released
    }
}

/// Zeros in memory that is new to the process, in pages as large as the system has: it hands out each page, and looks its
/// place up, on its own.
fn fresh(count: usize) -> Vec<f32> {
    let mut numbers = vec![0.0; count];
    #[cfg(target_os = "linux")]
    {
        /// The size of a large page, where there are any.
        const PAGE: usize = 2 << 20;
        let skipped = numbers.as_ptr().align_offset(PAGE);
        let whole = count.saturating_sub(skipped) * size_of::<f32>() / PAGE * PAGE;
        if whole > 0 {
            // SAFETY: these pages hold nothing but the values, and advice changes none of them. A system that does not
            // take it leaves small pages.
            unsafe { libc::madvise(numbers[skipped..].as_mut_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        }
    }
    numbers
}

impl Pool {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it hold `count` values beyond the most that ever lived, or a quarter of that if it is less.
    pub(crate) fn hold_more(&self, count: usize) {
        self.kept().more = count;
    }

    /// The same memory, whose unknown values are NaN.
    pub(crate) fn marking(self) -> Self {
        Pool { marks: true, ..self }
    }

    /// `count` uninitialized values: whoever takes them writes every one.
    pub(crate) fn take(&self, count: usize) -> Array {
        let marks = self.marks || cfg!(any(test, debug_assertions));
        if count < SMALL {
            let unknown = if marks { f32::NAN } else { 0.0 };
            return Array { numbers: vec![unknown; count], count, pool: self.clone() };
        }
        let mut kept = self.kept();
        let found = kept.find(count);
        let released = kept.enter(count, found.as_ref().map_or(count, Vec::len));
        drop(kept);
        drop(released);
        let mut numbers = found.unwrap_or_else(|| fresh(count));
        if marks {
            numbers.fill(f32::NAN);
        }
        Array { numbers, count, pool: self.clone() }
    }

    /// Values that exist already.
    pub(crate) fn adopt(&self, numbers: Vec<f32>) -> Array {
        let count = numbers.len();
        if count >= SMALL {
            let released = self.kept().enter(count, count);
            drop(released);
        }
        Array { numbers, count, pool: self.clone() }
    }

    fn put_back(&self, numbers: Vec<f32>, count: usize) {
        if count >= SMALL {
            let mut kept = self.kept();
            kept.live -= count;
            kept.unused -= numbers.len() - count;
            kept.waiting_count += numbers.len();
            kept.waiting.push_back(numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 2 * SMALL;

    #[test]
    fn memory_is_used_again_by_the_next_of_its_size() {
        let pool = Pool::default();
        let first = pool.take(LARGE);
        let place = first.as_ptr();
        let other = pool.take(LARGE + 1);
        drop((first, other));
        let other = pool.take(LARGE + 1);
        assert_ne!(other.as_ptr(), place);
        let again = pool.take(LARGE);
        assert_eq!(again.as_ptr(), place);
        assert!(again.iter().all(|number| number.is_nan()), "its numbers are unknown");
    }

    #[test]
    fn what_waits_and_what_lives_never_exceed_the_most_that_lived() {
        let pool = Pool::default();
        let arrays: Vec<Array> = (0..4).map(|i| pool.take(LARGE + i)).collect();
        let most = arrays.iter().map(|array| array.len()).sum::<usize>();
        drop(arrays);
        assert_eq!(pool.kept().waiting_count, most);
        let larger = pool.take(2 * LARGE);
        let adopted = pool.adopt(vec![0.0; LARGE]);
        let kept = pool.kept();
        assert_eq!(kept.live, 3 * LARGE);
        assert_eq!(kept.most, most);
        assert!(kept.live + kept.waiting_count <= most);
        drop(kept);
        drop((larger, adopted));
    }

    #[test]
    fn with_more_memory_smaller_arrays_use_it_again_within_the_bound() {
        let pool = Pool::default();
        pool.hold_more(LARGE);
        let first = pool.take(8 * LARGE);
        let others: Vec<Array> = (0..3).map(|i| pool.take(LARGE + i)).collect();
        let place = first.as_ptr();
        drop(first);
        let smaller = pool.take(7 * LARGE);
        assert_eq!((smaller.as_ptr(), smaller.len()), (place, 7 * LARGE), "a larger one's memory");
        assert_eq!(pool.kept().unused, LARGE);
        let waiting = others[0].as_ptr();
        drop(others);
        let another = pool.take(LARGE - 1);
        assert_ne!(another.as_ptr(), waiting, "no more may be left unused");
        let most = pool.kept().most;
        for i in 0..20 {
            drop(pool.take(LARGE / 2 + i));
            let kept = pool.kept();
            assert_eq!(kept.waiting_count, kept.waiting.iter().map(Vec::len).sum::<usize>());
            assert!(kept.live + kept.unused + kept.waiting_count <= most + LARGE);
        }
        drop((smaller, another));
        let kept = pool.kept();
        assert_eq!((kept.live, kept.unused), (0, 0));
        assert!(kept.waiting_count > most, "more than ever lived is held");
    }

    #[test]
    fn small_arrays_leave_nothing_behind() {
        let pool = Pool::default();
        drop((pool.take(SMALL - 1), pool.adopt(vec![1.0])));
        let kept = pool.kept();
        assert_eq!((kept.waiting_count, kept.most), (0, 0));
    }
}
