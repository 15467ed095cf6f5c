//! Scratch memory of kernels, which each thread keeps from one call to the next.

use std::cell::RefCell;

thread_local! {
    static SPARE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with `count` uninitialized values. Calls may be nested.
pub(crate) fn with_scratch<T>(count: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut buffer = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < count {
        // Freed before a larger one is allocated.
        drop(buffer);
        buffer = vec![0.0; count];
    }
    let result = work(&mut buffer[..count]);
    SPARE.with_borrow_mut(|spare| spare.push(buffer));
    result
}

/// `values` from its first cache line on.
pub(crate) fn aligned(values: &mut [f32]) -> &mut [f32] {
    let start = values.as_ptr().align_offset(64).min(15);
    &mut values[start..]
}
