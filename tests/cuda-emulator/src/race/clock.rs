//! Who is ordered after whom: block barriers by a counter, lanes of a warp by vector clocks.

const WARP: usize = 32;

/// A moment in a thread's run: what an access is stamped with.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The block's number in the launch plus one; 0 is none.
    pub block: u32,
    pub thread: u32,
    /// Block barriers passed.
    pub epoch: u32,
    /// The lane's own clock.
    pub clock: u32,
}

impl Stamp {
    pub fn warp(&self) -> u32 {
        self.thread / WARP as u32
    }

    fn lane(&self) -> usize {
        self.thread as usize % WARP
    }

    /// Whether both are moments of one thread.
    pub fn same_thread(&self, other: &Stamp) -> bool {
        self.block == other.block && self.thread == other.thread
    }
}

/// The vector clocks of a warp: what each lane knows of each other one.
pub(crate) struct WarpClocks([[u32; WARP]; WARP]);

impl WarpClocks {
    pub fn new() -> WarpClocks {
        let mut clocks = [[0; WARP]; WARP];
        for (lane, known) in clocks.iter_mut().enumerate() {
            known[lane] = 1;
        }
        WarpClocks(clocks)
    }

    /// `lane`'s own clock.
    pub fn own(&self, lane: u32) -> u32 {
        self.0[lane as usize][lane as usize]
    }

    /// `__syncwarp` of these lanes: each knows all that any of them knew.
    pub fn synchronize(&mut self, lanes: u32) {
        let named = |lane: &usize| lanes >> lane & 1 == 1;
        let mut all = [0; WARP];
        for lane in (0..WARP).filter(named) {
            for (most, &known) in all.iter_mut().zip(&self.0[lane]) {
                *most = known.max(*most);
            }
        }
        for lane in (0..WARP).filter(named) {
            self.0[lane] = all;
            self.0[lane][lane] += 1;
        }
    }

    /// Whether `before` happened before what the thread of `now`, whose warp this is, does now.
    pub fn ordered(&self, before: &Stamp, now: &Stamp) -> bool {
        if before.block != now.block {
            return false;
        }
        let same_warp_knows = || before.warp() == now.warp() && self.0[now.lane()][before.lane()] >= before.clock;
        before.thread == now.thread || before.epoch < now.epoch || same_warp_knows()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncwarp_orders_only_its_lanes() {
        let mut clocks = WarpClocks::new();
        let stamp = |thread, clocks: &WarpClocks| Stamp { block: 1, thread, epoch: 0, clock: clocks.own(thread) };
        let before = stamp(3, &clocks);
        assert!(!clocks.ordered(&before, &stamp(5, &clocks)));
        clocks.synchronize(0b101000);
        assert!(clocks.ordered(&before, &stamp(5, &clocks)));
        assert!(!clocks.ordered(&before, &stamp(4, &clocks)));
        assert!(!clocks.ordered(&stamp(3, &clocks), &stamp(5, &clocks)));
        clocks.synchronize(0b110000);
        assert!(clocks.ordered(&before, &stamp(4, &clocks)), "order is transitive");
    }

    #[test]
    fn block_barrier_orders_only_its_block() {
        let clocks = WarpClocks::new();
        let before = Stamp { block: 1, thread: 70, epoch: 2, clock: 1 };
        assert!(clocks.ordered(&before, &Stamp { block: 1, thread: 3, epoch: 3, clock: 1 }));
        assert!(!clocks.ordered(&before, &Stamp { block: 1, thread: 3, epoch: 2, clock: 1 }));
        assert!(!clocks.ordered(&before, &Stamp { block: 2, thread: 70, epoch: 9, clock: 1 }));
    }
}
