//! Numbers in memory, and the pool that their memory returns to.
//!
//! A network asks for the same sizes in every pass, and memory that is new to a process costs as much time as some
//! kernels take. So what a tensor lets go of is kept for the next one of its size, within one bound: what lives and
//! what is kept together never exceed the most that ever lived at once. So a process that keeps is no larger than one
//! that doesn't.

use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Fewer numbers than this are left to the system's allocator, which keeps small pieces itself.
const SMALL: usize = 1 << 14;

/// Numbers of one tensor. Their memory returns to its pool.
pub struct Array {
    numbers: Vec<f32>,
    pool: Pool,
}

impl Deref for Array {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers
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
        self.numbers == other.numbers
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.numbers.fmt(f)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        self.pool.put_back(std::mem::take(&mut self.numbers));
    }
}

/// Memory that waits for its next tensor. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// What waits, the longest first.
    waiting: VecDeque<Vec<f32>>,
    /// How many numbers wait.
    waiting_count: usize,
    /// How many numbers live in arrays, small ones aside.
    live: usize,
    /// The most that ever lived at once.
    most: usize,
}

impl Kept {
    /// Counts `count` numbers as living, and makes room for them.
    fn enter(&mut self, count: usize) -> Vec<Vec<f32>> {
        self.live += count;
        self.most = self.most.max(self.live);
        let mut released = Vec::new();
        while self.live + self.waiting_count > self.most {
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
            // SAFETY: these pages hold nothing but the numbers, and advice changes none of them. A system that does not
            // take it leaves small pages.
            unsafe { libc::madvise(numbers[skipped..].as_mut_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
        }
    }
    numbers
}

impl Pool {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `count` numbers of unknown value: whoever takes them writes every one.
    pub(crate) fn take(&self, count: usize) -> Array {
        if count < SMALL {
            return Array { numbers: vec![0.0; count], pool: self.clone() };
        }
        let mut kept = self.kept();
        let found = kept.waiting.iter().rposition(|numbers| numbers.len() == count);
        let found = found.and_then(|at| kept.waiting.remove(at));
        if found.is_some() {
            kept.waiting_count -= count;
        }
        let released = kept.enter(count);
        drop(kept);
        drop(released);
        let mut numbers = found.unwrap_or_else(|| fresh(count));
        if cfg!(any(test, debug_assertions)) {
            // A kernel that leaves a number out is found out.
            numbers.fill(f32::NAN);
        }
        Array { numbers, pool: self.clone() }
    }

    /// Numbers that exist already.
    pub(crate) fn adopt(&self, numbers: Vec<f32>) -> Array {
        if numbers.len() >= SMALL {
            let released = self.kept().enter(numbers.len());
            drop(released);
        }
        Array { numbers, pool: self.clone() }
    }

    fn put_back(&self, numbers: Vec<f32>) {
        if numbers.len() >= SMALL {
            let mut kept = self.kept();
            kept.live -= numbers.len();
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
    fn small_arrays_leave_nothing_behind() {
        let pool = Pool::default();
        drop((pool.take(SMALL - 1), pool.adopt(vec![1.0])));
        let kept = pool.kept();
        assert_eq!((kept.waiting_count, kept.most), (0, 0));
    }
}
