//! Kernels of `Cpu`: a plane is one thread's; sums run in double precision, the variance about the mean.

use std::sync::Arc;

use super::{InstanceNorm, InstanceNormGrad, InstanceNormGradInputs};
use crate::cpu::Cpu;
use crate::cpu::parallel::{sum1, sum2};
use crate::cpu::simd::{self, Simd};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};

/// About how many additions an element costs.
const COST: usize = 4;

impl Kernel<InstanceNorm> for Cpu {
    fn compute(
        &self,
        op: &InstanceNorm,
        (x, affine): Inputs<'_, InstanceNorm, Self>,
    ) -> Result<Buffers<InstanceNorm, Self>> {
        let [batch, channels, plane] = op.x.around(1);
        let affine = affine.map(|(scale, shift)| (&scale[..], &shift[..]));
        let mut y = self.array(x.len());
        let mut statistics = vec![(0.0, 0.0); batch * channels];
        self.pieces_and(&mut y, plane, COST, &mut statistics, |which, y, statistics| {
            let x = &x[which * plane..][..plane];
            let affine = affine.map(|(scale, shift)| (scale[which % channels], shift[which % channels]));
            *statistics = self.vectorize(Forward { x, affine, op, y });
        });
        let (mean, rstd) = statistics.into_iter().unzip();
        Ok((Arc::new(y), (self.adopt(mean), self.adopt(rstd))))
    }
}

impl Kernel<InstanceNormGrad> for Cpu {
    fn compute(
        &self,
        op: &InstanceNormGrad,
        InstanceNormGradInputs { x, mean, rstd, affine, grad_output }: Inputs<'_, InstanceNormGrad, Self>,
    ) -> Result<Buffers<InstanceNormGrad, Self>> {
        let [batch, channels, plane] = op.x.around(1);
        let affine = affine.map(|(scale, shift)| (&scale[..], &shift[..]));
        let slope = op.slope as f32;
        let mut grad_x = self.array(x.len());
        let mut sums = vec![(0.0, 0.0); batch * channels];
        self.pieces_and(&mut grad_x, plane, 2 * COST, &mut sums, |which, grad_x, sums| {
            let (x, grad_output) = (&x[which * plane..][..plane], &grad_output[which * plane..][..plane]);
            let affine = affine.map(|(scale, shift)| (scale[which % channels], shift[which % channels]));
            let statistics = (mean[which], rstd[which]);
            *sums = self.vectorize(Gradient { x, grad_output, affine, statistics, slope, grad_x });
        });
        let over_batch = |part: fn(&(f64, f64)) -> f64| {
            let total = |c| (0..batch).map(|n| part(&sums[n * channels + c])).sum::<f64>() as f32;
            self.adopt((0..channels).map(total).collect())
        };
        let grad_affine = affine.map(|_| (over_batch(|sums| sums.0), over_batch(|sums| sums.1)));
        Ok((Arc::new(grad_x), grad_affine))
    }
}

/// y of one plane; returns its mean and 1/√(σ² + ε). A kernel of its own, since a closure of this length would not be
/// compiled for the registers.
struct Forward<'a> {
    x: &'a [f32],
    affine: Option<(f32, f32)>,
    op: &'a InstanceNorm,
    y: &'a mut [f32],
}

impl simd::Routine for Forward<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (f32, f32) {
        let Forward { x, affine, op, y } = self;
        let count = x.len() as f64;
        let mean = sum1(x, f64::from) / count;
        let variance = sum1(x, |x| (f64::from(x) - mean) * (f64::from(x) - mean)) / count;
        let statistics = (mean as f32, (1.0 / (variance + op.epsilon).sqrt()) as f32);
        let line = Line::new(affine, statistics);
        let slope = op.slope as f32;
        for (y, &x) in y.iter_mut().zip(x) {
            let z = line.at(x);
            *y = if z > 0.0 { z } else { z * slope };
        }
        statistics
    }
}

/// The gradient in x of one plane; returns the gradients in γ and β, Σ g·(x − μ)/√(σ² + ε) and Σ g.
struct Gradient<'a> {
    x: &'a [f32],
    grad_output: &'a [f32],
    affine: Option<(f32, f32)>,
    statistics: (f32, f32),
    slope: f32,
    grad_x: &'a mut [f32],
}

impl simd::Routine for Gradient<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (f64, f64) {
        let Gradient { x, grad_output, affine, statistics: (mean, rstd), slope, grad_x } = self;
        let line = Line::new(affine, (mean, rstd));
        // The gradient before the activation, in the place of the result.
        for ((grad, &x), &g) in grad_x.iter_mut().zip(x).zip(grad_output) {
            *grad = if line.at(x) > 0.0 { g } else { g * slope };
        }
        let sum = sum1(grad_x, f64::from);
        let product = sum2(grad_x, x, |g, x| f64::from(g) * f64::from((x - mean) * rstd));
        let sums = (product, sum);
        let count = x.len() as f64;
        let (product, sum) = ((product / count) as f32, (sum / count) as f32);
        for (grad, &x) in grad_x.iter_mut().zip(x) {
            *grad = line.factor * (*grad - sum - (x - mean) * rstd * product);
        }
        sums
    }
}

/// z = γ·(x − μ)/√(σ² + ε) + β of one plane. Forward and gradient share it, so that both see the same sign of z.
struct Line {
    mean: f32,
    factor: f32,
    shift: f32,
}

impl Line {
    #[inline(always)]
    fn new(affine: Option<(f32, f32)>, (mean, rstd): (f32, f32)) -> Self {
        let (scale, shift) = affine.unwrap_or((1.0, 0.0));
        Line { mean, factor: scale * rstd, shift }
    }

    #[inline(always)]
    fn at(&self, x: f32) -> f32 {
        self.factor * (x - self.mean) + self.shift
    }
}
