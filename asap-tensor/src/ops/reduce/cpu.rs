//! Kernels of `Cpu`: each chunk is summed in double precision, then the sums in order.

use super::{Sum, SumChannels};
use crate::cpu::Cpu;
use crate::cpu::parallel::sum1;
use crate::error::Result;
use crate::op::Kernel;

/// Elements of a chunk, which one thread sums.
const CHUNK: usize = 1 << 13;

impl Kernel<Sum> for Cpu {
    fn compute(&self, _: &Sum, x: &Self::Buffer) -> Result<Self::Buffer> {
        let mut sums = vec![0.0; x.len().div_ceil(CHUNK)];
        self.pieces(&mut sums, 1, CHUNK, |which, sum| {
            let start = which * CHUNK;
            sum[0] = sum1(&x[start..(start + CHUNK).min(x.len())], f64::from);
        });
        Ok(self.adopt(vec![sums.iter().sum::<f64>() as f32]))
    }
}

impl Kernel<SumChannels> for Cpu {
    fn compute(&self, op: &SumChannels, x: &Self::Buffer) -> Result<Self::Buffer> {
        let [batch, channels, plane] = op.x.around(1);
        let mut sums = vec![0.0; batch * channels];
        self.pieces(&mut sums, 1, plane, |which, sum| sum[0] = sum1(&x[which * plane..][..plane], f64::from));
        let over_batch = |c| (0..batch).map(|n| sums[n * channels + c]).sum::<f64>() as f32;
        Ok(self.adopt((0..channels).map(over_batch).collect()))
    }
}
