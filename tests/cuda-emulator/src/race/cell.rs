//! What is remembered of the accesses to a word: enough that a later one which races with any of them races with one of these.

use super::clock::{Stamp, WarpClocks};

/// A remembered access.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    pub stamp: Stamp,
    /// The instruction after the access.
    pub instruction: usize,
}

impl Mark {
    fn is_nobody(&self) -> bool {
        self.stamp.block == 0
    }
}

/// Accesses of one kind since the last write: concurrent readers, or concurrent atomics.
///
/// Two members of different warps or blocks race with whatever any further member would race with, so no more are kept. Members of
/// one warp are kept lane by lane.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    first: Mark,
    /// Where the others are, plus one; 0 when there are none.
    others: u32,
}

/// The lists that [`Marks`] point to. Unused lists are recycled.
#[derive(Default)]
pub(super) struct Lists {
    all: Vec<Vec<Mark>>,
    free: Vec<u32>,
}

impl Lists {
    fn begin(&mut self, mark: Mark) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.all.push(Vec::new());
            self.all.len() as u32
        });
        self.all[number as usize - 1].push(mark);
        number
    }

    fn end(&mut self, number: u32) {
        if number != 0 {
            self.all[number as usize - 1].clear();
            self.free.push(number);
        }
    }

    fn of(&self, number: u32) -> &[Mark] {
        if number == 0 { &[] } else { &self.all[number as usize - 1] }
    }
}

impl Marks {
    fn clear(&mut self, lists: &mut Lists) {
        lists.end(self.others);
        *self = Marks::default();
    }

    fn add(&mut self, new: Mark, lists: &mut Lists) {
        let first = self.first;
        let of_block = |mark: &Mark| mark.stamp.block == first.stamp.block;
        let older = of_block(&new) && first.stamp.epoch < new.stamp.epoch;
        let alone = self.others == 0;
        if first.is_nobody()
            || (older && lists.of(self.others).iter().all(of_block))
            || (alone && first.stamp.same_thread(&new.stamp))
        {
            self.clear(lists);
            self.first = new;
            return;
        }
        if alone {
            self.others = lists.begin(new);
            return;
        }
        let apart = |mark: &Mark| (mark.stamp.block, mark.stamp.warp()) != (first.stamp.block, first.stamp.warp());
        let others = &mut lists.all[self.others as usize - 1];
        // The last one that came in was the first from elsewhere, if any was.
        if others.last().is_some_and(apart) {
            return;
        }
        if first.stamp.same_thread(&new.stamp) {
            self.first = new;
        } else if let Some(same) = others.iter_mut().find(|mark| mark.stamp.same_thread(&new.stamp)) {
            *same = new;
        } else {
            others.push(new);
        }
    }

    /// A member that isn't ordered before `now`.
    fn unordered(&self, now: &Stamp, clocks: &WarpClocks, lists: &Lists) -> Option<Mark> {
        let bad = |mark: &&Mark| !mark.is_nobody() && !clocks.ordered(&mark.stamp, now);
        std::iter::once(&self.first).chain(lists.of(self.others)).find(bad).copied()
    }

    fn block(&self) -> u32 {
        self.first.stamp.block
    }
}

/// The memory of a word, or of a byte where accesses split a word.
#[derive(Clone, Copy, Default)]
pub(super) struct Cell {
    write: Mark,
    atomics: Marks,
    reads: Marks,
    /// Where the word's bytes have cells of their own, plus one; 0 while the word is whole.
    pub split: u32,
}

/// What an access does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Read,
    Write,
    Atomic,
}

impl Cell {
    /// Forgets other blocks' accesses: shared memory is new in each block.
    pub fn forget_other_blocks(&mut self, block: u32, lists: &mut Lists) {
        let latest = self.write.stamp.block.max(self.atomics.block()).max(self.reads.block());
        if latest != block {
            self.clear(lists);
        }
    }

    fn clear(&mut self, lists: &mut Lists) {
        self.write = Mark::default();
        self.atomics.clear(lists);
        self.reads.clear(lists);
    }

    /// Remembers an access, and returns one that it races with: what that did, and where.
    pub fn access(&mut self, kind: Kind, new: Mark, clocks: &WarpClocks, lists: &mut Lists) -> Option<(Kind, Mark)> {
        let now = &new.stamp;
        let write =
            (!self.write.is_nobody() && !clocks.ordered(&self.write.stamp, now)).then_some((Kind::Write, self.write));
        let atomic = || self.atomics.unordered(now, clocks, lists).map(|mark| (Kind::Atomic, mark));
        let read = || self.reads.unordered(now, clocks, lists).map(|mark| (Kind::Read, mark));
        let race = match kind {
            Kind::Read => write.or_else(atomic),
            Kind::Atomic => write.or_else(read),
            Kind::Write => write.or_else(atomic).or_else(read),
        };
        match kind {
            Kind::Read => self.reads.add(new, lists),
            Kind::Atomic => self.atomics.add(new, lists),
            // All before is ordered before this write, so who races with any of it later races with the write.
            Kind::Write => {
                self.clear(lists);
                self.write = new;
            }
        }
        race
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(block: u32, thread: u32, epoch: u32) -> Mark {
        Mark { stamp: Stamp { block, thread, epoch, clock: 1 }, instruction: 0 }
    }

    /// Performs accesses and returns what the last one races with.
    fn play(accesses: &[(Kind, Mark)]) -> Option<Kind> {
        let (mut cell, mut lists, clocks) = (Cell::default(), Lists::default(), WarpClocks::new());
        let mut last = None;
        for &(kind, mark) in accesses {
            last = cell.access(kind, mark, &clocks, &mut lists).map(|(kind, _)| kind);
        }
        last
    }

    use Kind::{Atomic, Read, Write};

    #[test]
    fn write_races_with_unordered_accesses() {
        for before in [Read, Write, Atomic] {
            assert_eq!(play(&[(before, mark(1, 0, 0)), (Write, mark(1, 1, 0))]), Some(before));
            assert_eq!(play(&[(before, mark(1, 0, 0)), (Write, mark(1, 1, 1))]), None, "a barrier lies between");
            assert_eq!(play(&[(before, mark(1, 0, 0)), (Write, mark(2, 0, 5))]), Some(before), "two blocks");
            assert_eq!(play(&[(before, mark(1, 0, 0)), (Write, mark(1, 0, 0))]), None, "the same thread");
        }
    }

    #[test]
    fn reads_and_atomics_do_not_race_with_their_kind() {
        assert_eq!(play(&[(Read, mark(1, 0, 0)), (Read, mark(2, 1, 0))]), None);
        assert_eq!(play(&[(Atomic, mark(1, 0, 0)), (Atomic, mark(2, 1, 0))]), None);
        assert_eq!(play(&[(Atomic, mark(1, 0, 0)), (Read, mark(1, 1, 0))]), Some(Atomic));
        assert_eq!(play(&[(Read, mark(1, 0, 0)), (Atomic, mark(1, 1, 0))]), Some(Read));
    }

    #[test]
    fn write_races_with_one_of_many_readers() {
        for writer in [0, 1, 2, 40] {
            let readers = [0, 1, 2, 3].map(|thread| (Read, mark(1, thread, 0)));
            assert_eq!(play(&[&readers[..], &[(Write, mark(1, writer, 0))]].concat()), Some(Read), "writer {writer}");
        }
        // Many warps read, a barrier, one reads again: only that one is concurrent with the write.
        let readers = [(Read, mark(1, 0, 0)), (Read, mark(1, 40, 0)), (Read, mark(1, 5, 1))];
        assert_eq!(play(&[&readers[..], &[(Write, mark(1, 5, 1))]].concat()), None);
        assert_eq!(play(&[&readers[..], &[(Write, mark(1, 6, 1))]].concat()), Some(Read));
    }
}
