//! The shadow: a cell for each word that a launch touched.

use std::collections::HashMap;
use std::ops::Range;

pub(crate) use super::cell::Kind;
use super::cell::{Cell, Lists, Mark};
use super::clock::{Stamp, WarpClocks};
use crate::memory;

const PAGE: usize = 4096;
const WORD: usize = 4;
/// Pages found last, by their number: most accesses hit here.
const RECENT: usize = 64;

/// What kind of memory an address is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    /// Device memory.
    Device,
    /// The block's dynamic shared memory.
    DynamicShared,
    /// A `__shared__` variable.
    StaticShared,
    /// The module's own: constants, global variables.
    Module,
}

/// An access by an instrumented kernel.
#[derive(Clone, Copy)]
pub(crate) struct Access {
    pub address: usize,
    pub bytes: usize,
    pub kind: Kind,
    /// The instruction after it.
    pub instruction: usize,
    pub thread: u32,
}

/// What is wrong with an access.
pub(crate) enum Mistake {
    Race(Race),
    /// It leaves all memory that a kernel may access.
    Outside,
}

/// Two accesses that nothing orders.
pub(crate) struct Race {
    /// The first byte in common.
    pub address: usize,
    pub region: Region,
    /// What the earlier access did, in which block (by the order of running) and thread, and where.
    pub before: Kind,
    pub block: u32,
    pub thread: u32,
    pub instruction: usize,
}

type Page = [Cell; PAGE / WORD];

/// The race detector of a launch.
pub(crate) struct Races {
    pages: HashMap<usize, Box<Page>>,
    recent: [(usize, *mut Page); RECENT],
    lists: Lists,
    bytes: Vec<[Cell; WORD]>,
    /// The block that runs, by its number in the order of running, plus one.
    block: u32,
    /// Barriers that the block passed.
    epoch: u32,
    warps: Vec<WarpClocks>,
    regions: Vec<(Range<usize>, Region)>,
    /// The allocation that was found last.
    allocation: Range<usize>,
}

impl Races {
    /// `regions` are the memory besides the device's that the kernel may touch.
    pub fn new(regions: Vec<(Range<usize>, Region)>) -> Races {
        Races {
            pages: HashMap::new(),
            recent: [(0, std::ptr::null_mut()); RECENT],
            lists: Lists::default(),
            bytes: Vec::new(),
            block: 0,
            epoch: 0,
            warps: Vec::new(),
            regions,
            allocation: 0..0,
        }
    }

    /// A new block runs.
    pub fn begin_block(&mut self, warps: usize) {
        self.block += 1;
        self.epoch = 0;
        self.warps.clear();
        self.warps.resize_with(warps, WarpClocks::new);
    }

    /// The running block's number in the order of running, from 1.
    pub fn block(&self) -> u32 {
        self.block
    }

    /// The block passed a barrier.
    pub fn block_barrier(&mut self) {
        self.epoch += 1;
    }

    /// These lanes of a warp passed `__syncwarp`.
    pub fn warp_barrier(&mut self, warp: u32, lanes: u32) {
        self.warps[warp as usize].synchronize(lanes);
    }

    /// The region that holds the whole access; none if that is nowhere a kernel may go.
    fn region(&mut self, access: &Access) -> Option<Region> {
        let holds = |range: &Range<usize>| range.start <= access.address && access.address + access.bytes <= range.end;
        if holds(&self.allocation) {
            return Some(Region::Device);
        }
        if let Some((_, region)) = self.regions.iter().find(|(range, _)| holds(range)) {
            return Some(region.clone());
        }
        self.allocation = memory::allocation_at(access.address)?;
        holds(&self.allocation).then_some(Region::Device)
    }

    /// Checks an access and records it.
    pub fn access(&mut self, access: Access) -> Result<(), Mistake> {
        let region = self.region(&access).ok_or(Mistake::Outside)?;
        if region == Region::Module && access.kind == Kind::Read {
            // Constants, mostly. A global variable that is written stands out by its writes.
            return Ok(());
        }
        let warp = access.thread / 32;
        let clock = self.warps[warp as usize].own(access.thread % 32);
        let stamp = Stamp { block: self.block, thread: access.thread, epoch: self.epoch, clock };
        let mark = Mark { stamp, instruction: access.instruction };
        let is_shared = matches!(region, Region::DynamicShared | Region::StaticShared);
        let end = access.address + access.bytes;
        let mut word = access.address / WORD * WORD;
        while word < end {
            let first = access.address.max(word) - word;
            let last = end.min(word + WORD) - word;
            if let Some((before, other, byte)) = self.touch(word, first..last, access.kind, mark, is_shared) {
                return Err(Mistake::Race(Race {
                    address: word + byte,
                    region,
                    before,
                    block: other.stamp.block,
                    thread: other.stamp.thread,
                    instruction: other.instruction,
                }));
            }
            word += WORD;
        }
        Ok(())
    }

    /// Accesses some bytes of a word: what they race with, and at which byte.
    fn touch(
        &mut self,
        word: usize,
        part: Range<usize>,
        kind: Kind,
        mark: Mark,
        is_shared: bool,
    ) -> Option<(Kind, Mark, usize)> {
        let page = self.page(word / PAGE);
        // SAFETY: pages are boxed and never removed during a launch, and this is the only reference to one.
        let cell = unsafe { &mut (&mut *page)[word % PAGE / WORD] };
        let clocks = &self.warps[mark.stamp.warp() as usize];
        if is_shared {
            cell.forget_other_blocks(mark.stamp.block, &mut self.lists);
        }
        if cell.split == 0 && part == (0..WORD) {
            return cell.access(kind, mark, clocks, &mut self.lists).map(|(kind, other)| (kind, other, 0));
        }
        if cell.split == 0 {
            self.bytes.push([*cell; WORD]);
            cell.split = self.bytes.len() as u32;
        }
        let bytes = &mut self.bytes[cell.split as usize - 1];
        for (byte, cell) in bytes.iter_mut().enumerate().skip(part.start).take(part.len()) {
            if is_shared {
                cell.forget_other_blocks(mark.stamp.block, &mut self.lists);
            }
            if let Some((kind, other)) = cell.access(kind, mark, clocks, &mut self.lists) {
                return Some((kind, other, byte));
            }
        }
        None
    }

    fn page(&mut self, number: usize) -> *mut Page {
        let slot = &mut self.recent[number % RECENT];
        if slot.0 != number || slot.1.is_null() {
            let new =
                || vec![Cell::default(); PAGE / WORD].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!());
            let page: &mut Box<Page> = self.pages.entry(number).or_insert_with(new);
            *slot = (number, &raw mut **page);
        }
        slot.1
    }
}
