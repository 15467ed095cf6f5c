//! Which thread and which block runs next.

use std::collections::VecDeque;

use crate::fiber::Fiber;
use crate::settings::Order;

/// What runs next.
pub(super) enum Next {
    /// Start this thread.
    Start(u32),
    /// Switch to this fiber.
    Resume(*mut Fiber),
    /// No thread can run: the block is done or stuck.
    Nothing,
}

/// A small random number generator (xorshift64*): good enough for shuffling, and only a few instructions.
pub(super) struct Randomness(u64);

impl Randomness {
    pub fn new(seed: u64) -> Randomness {
        Randomness(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A random integer below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) * bound as u64) >> 32) as usize
    }
}

/// The threads of a block that can run.
pub(super) struct Queue {
    order: Order,
    pub randomness: Randomness,
    /// Threads still to start, the next one last.
    unstarted: Vec<u32>,
    /// Fibers that waited and can continue.
    ready: VecDeque<*mut Fiber>,
}

impl Queue {
    pub fn new(order: Order, seed: u64) -> Queue {
        Queue { order, randomness: Randomness::new(seed), unstarted: Vec::new(), ready: VecDeque::new() }
    }

    /// Begins a block of `count` threads.
    pub fn begin_block(&mut self, count: u32) {
        self.ready.clear();
        self.unstarted.clear();
        match self.order {
            Order::Fifo => self.unstarted.extend((0..count).rev()),
            Order::Lifo => self.unstarted.extend(0..count),
            Order::Random(_) => {
                self.unstarted.extend(0..count);
                for i in (1..count as usize).rev() {
                    let other = self.randomness.below(i + 1);
                    self.unstarted.swap(i, other);
                }
            }
        }
    }

    /// Adds a fiber that can continue.
    pub fn push(&mut self, fiber: *mut Fiber) {
        self.ready.push_back(fiber);
    }

    /// Chooses what runs next.
    pub fn next(&mut self) -> Next {
        let random = matches!(self.order, Order::Random(_));
        let resume = self.unstarted.is_empty() || (random && !self.ready.is_empty() && self.randomness.below(2) == 0);
        if !resume && let Some(thread) = self.unstarted.pop() {
            return Next::Start(thread);
        }
        let fiber = match self.order {
            Order::Fifo => self.ready.pop_front(),
            Order::Lifo => self.ready.pop_back(),
            Order::Random(_) if self.ready.is_empty() => None,
            Order::Random(_) => {
                let index = self.randomness.below(self.ready.len());
                self.ready.swap_remove_back(index)
            }
        };
        fiber.map_or(Next::Nothing, Next::Resume)
    }
}

/// The order of a grid's blocks: `(first + i·step) mod count` for i = 0, 1, …. `step` and `count` are coprime, so every block runs
/// once. A grid can have too many blocks to shuffle a list of them.
#[derive(Default)]
pub(super) struct Blocks {
    first: u64,
    step: u64,
    count: u64,
}

impl Blocks {
    pub fn new(order: Order, count: u64, randomness: &mut Randomness) -> Blocks {
        match order {
            Order::Fifo => Blocks { first: 0, step: 1, count },
            Order::Lifo => Blocks { first: count - 1, step: count - 1, count },
            Order::Random(_) => {
                let bound = usize::try_from(count.min(1 << 31)).expect("fits 64 bits");
                let mut step = 1 + randomness.below(bound) as u64;
                while greatest_common_divisor(step, count) != 1 {
                    step += 1;
                }
                Blocks { first: randomness.below(bound) as u64, step: step % count, count }
            }
        }
    }

    /// The block that runs `i`th.
    pub fn at(&self, i: u64) -> u64 {
        ((u128::from(self.first) + u128::from(i) * u128::from(self.step)) % u128::from(self.count)) as u64
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_run_once_in_every_order() {
        for count in [1u64, 2, 3, 7, 12, 64, 1000] {
            for order in [Order::Fifo, Order::Lifo, Order::Random(1), Order::Random(2)] {
                let blocks = Blocks::new(order, count, &mut Randomness::new(5));
                let mut seen: Vec<u64> = (0..count).map(|i| blocks.at(i)).collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{order:?}, {count} blocks");
            }
        }
    }
}
