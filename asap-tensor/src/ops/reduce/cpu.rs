//! Kernels of `Cpu`: sums of fixed stretches in double precision, added in order.

use super::ReduceOps;
use crate::cpu::Cpu;
use crate::cpu::parallel::sum1;
use crate::error::Result;

/// Values in a stretch that is summed by one thread.
const STRETCH: usize = 1 << 13;

impl ReduceOps for Cpu {
    fn sum(&self, x: &Self::Buffer) -> Result<Self::Buffer> {
        let mut sums = vec![0.0; x.len().div_ceil(STRETCH)];
        self.pieces(&mut sums, 1, STRETCH, |which, sum| {
            let start = which * STRETCH;
            sum[0] = sum1(&x[start..(start + STRETCH).min(x.len())], f64::from);
        });
        Ok(self.adopt(vec![sums.iter().sum::<f64>() as f32]))
    }

    fn sum_channels(&self, x: &Self::Buffer, batch: usize, channels: usize, plane: usize) -> Result<Self::Buffer> {
        let mut sums = vec![0.0; batch * channels];
        self.pieces(&mut sums, 1, plane, |which, sum| sum[0] = sum1(&x[which * plane..][..plane], f64::from));
        let over_batch = |c| (0..batch).map(|n| sums[n * channels + c]).sum::<f64>() as f32;
        Ok(self.adopt((0..channels).map(over_batch).collect()))
    }
}
