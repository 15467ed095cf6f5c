//! Convolutions to few output channels at stride 1, and their gradients, without a patch matrix: a matrix product would
//! have too few rows to repay laying it out.
//!
//! Rows of x are copied to a strip, with zeros around them; a register of it times one weight is added to a register of
//! a row of y. The gradient in x is the same with the kernel flipped, from few channels to many. For the gradient in the
//! weight, a register of g is multiplied with those of x that each tap reads.

use rayon::prelude::*;

use super::convolution::Convolution;
use super::dense::blocks_of;
use crate::cpu::level::Level;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::simd::{Routine, Simd};
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;

/// Output channels from which a matrix product is faster.
const FEW: usize = 16;
/// Rows of a result that one thread computes at a time.
const ROWS: usize = 8;
/// Channels of a result that one thread computes at a time.
const OUTPUTS: usize = 64;
/// Input channels whose weight gradients one thread computes at a time.
const INPUTS: usize = 8;
/// About how many values a strip has: at most half of the L1 and L2 caches.
const STRIP: usize = 1 << 15;
/// Channels of a result that share the loads of x.
const TOGETHER: usize = 4;
const ONE: usize = 1;

/// Whether this algorithm is used for a convolution and its gradients.
pub(super) fn pays(size: &Conv2dSize) -> bool {
    let smaller = size.kernel_height.min(size.kernel_width);
    (1..FEW).contains(&size.out_channels) && size.in_channels > 0 && size.stride == 1 && size.padding < smaller
}

impl Convolution {
    /// Values of a row of a strip: whole registers for every kernel column.
    fn line(&self, lanes: usize) -> usize {
        self.output[2].next_multiple_of(lanes) + self.kernel[1] - 1
    }

    /// Values of one channel in a strip for `rows` rows of y.
    fn plane(&self, rows: usize, lanes: usize) -> usize {
        (rows + self.kernel[0] - 1) * self.line(lanes)
    }

    /// Channels of x in a strip.
    fn channels(&self, lanes: usize) -> usize {
        (STRIP / self.plane(ROWS, lanes)).clamp(1, self.input[0])
    }

    /// Values of a strip for `rows` rows of y.
    fn strip(&self, rows: usize, lanes: usize) -> usize {
        self.channels(lanes) * self.plane(rows, lanes)
    }

    /// Copies contiguous channels of x to the strip for the rows of y from `first` on, between its zeros.
    #[inline(always)]
    fn copy(&self, x: &[f32], first: usize, rows: usize, lanes: usize, strip: &mut [f32]) {
        let ([_, height, width], [above, left]) = (self.input, self.padding);
        let (line, plane) = (self.line(lanes), self.plane(rows, lanes));
        for (x, strip) in x.chunks_exact((height * width).max(1)).zip(strip.chunks_exact_mut(plane)) {
            for (at, to) in strip.chunks_exact_mut(line).enumerate() {
                if let Some(y) = (first + at).checked_sub(above).filter(|&y| y < height) {
                    to[left..][..width].copy_from_slice(&x[y * width..][..width]);
                }
            }
        }
    }

    /// The output; the weight is (outputs, inputs, R, S), flipped beforehand for a gradient.
    fn run(self, cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Array {
        let ([inputs, height, width], [outputs, out_height, out_width]) = (self.input, self.output);
        let lanes = cpu.level().lanes();
        let mut y = cpu.array(self.batch * outputs * out_height * out_width);
        let blocks = blocks_of(&mut y, outputs, out_height * out_width, OUTPUTS, ROWS * out_width.max(1));
        blocks.into_par_iter().for_each(|(n, o, at, mut y)| {
            let image = inputs * height * width;
            let (first, rows) = (at / out_width, y.width() / out_width);
            let x = &x[n * image..][..image];
            let weight = &weight[o * inputs * self.kernel[0] * self.kernel[1]..];
            let bias = bias.map(|bias| &bias[o..]);
            with_scratch(self.strip(rows, lanes), |strip| {
                cpu.vectorize(Rows { conv: self, first, rows, x, weight, bias, strip, y: &mut y });
            });
        });
        y
    }
}

/// Some rows of some channels of y.
struct Rows<'a, 'y> {
    conv: Convolution,
    first: usize,
    rows: usize,
    x: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    strip: &'a mut [f32],
    y: &'a mut MatrixMut<'y>,
}

impl Routine for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Rows { conv, first, rows, x, weight, bias, strip, y } = self;
        let ([inputs, height, width], [_, _, out_width], [r, s]) = (conv.input, conv.output, conv.kernel);
        let (plane, at_once) = (height * width, conv.channels(S::LANES));
        strip.fill(0.0);
        for start in (0..inputs).step_by(at_once) {
            let channels = at_once.min(inputs - start);
            conv.copy(&x[start * plane..][..channels * plane], first, rows, S::LANES, strip);
            let mut part = Part { conv, rows, channels, strip, weight: &[], y };
            let mut o = 0;
            while o < part.y.height() {
                let together = if part.y.height() - o >= TOGETHER { TOGETHER } else { ONE };
                part.weight = &weight[(o * inputs + start) * r * s..];
                if start == 0 {
                    for o in o..o + together {
                        part.y.row(o).fill(bias.map_or(0.0, |bias| bias[o]));
                    }
                }
                for p in 0..rows {
                    let mut q = 0;
                    // As many registers as keep the processor busy: 8 for one channel, fewer for channels together.
                    while q < out_width {
                        let left = (out_width - q).div_ceil(S::LANES);
                        macro_rules! add {
                            ($channels:ident, $most:expr; $($v:literal)*) => {
                                match left.min($most) {
                                    $($v => part.add::<S, $channels, $v>(simd, o, p, q),)*
                                    _ => unreachable!("there are columns left"),
                                }
                            };
                        }
                        q += match together {
                            ONE => add!(ONE, 8; 1 2 3 4 5 6 7 8),
                            _ => add!(TOGETHER, S::REGISTERS / 8; 1 2 3 4),
                        };
                    }
                }
                o += together;
            }
        }
    }
}

/// Adds the terms of some channels of x to y.
struct Part<'a, 'b, 'y> {
    conv: Convolution,
    rows: usize,
    /// How many channels.
    channels: usize,
    strip: &'a [f32],
    /// The weights of the current channel of y, from these channels of x on.
    weight: &'a [f32],
    y: &'b mut MatrixMut<'y>,
}

impl Part<'_, '_, '_> {
    /// Adds to V registers of row `p` of O channels of y, from channel `o` and column `q` on; the last one may reach
    /// beyond the row. Returns the number of columns.
    #[inline(always)]
    fn add<S: Simd, const O: usize, const V: usize>(&mut self, simd: S, o: usize, p: usize, q: usize) -> usize {
        let ([inputs, ..], [_, _, out_width], [kernel_height, kernel_width]) =
            (self.conv.input, self.conv.output, self.conv.kernel);
        let (line, plane) = (self.conv.line(S::LANES), self.conv.plane(self.rows, S::LANES));
        let (patch, width) = (inputs * kernel_height * kernel_width, (V * S::LANES).min(out_width - q));
        assert!(self.strip.len() >= self.channels * plane && p < self.rows);
        assert!(self.weight.len() >= (O - 1) * patch + self.channels * kernel_height * kernel_width);
        let mut row = [0.0; 128];
        let mut sums = [[simd.zero(); V]; O];
        for (sums, o) in sums.iter_mut().zip(o..) {
            row[..width].copy_from_slice(&self.y.row(o)[p * out_width + q..][..width]);
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: a row has at most 8 registers of 16.
                *sum = unsafe { simd.load(row[v * S::LANES..].as_ptr()) };
            }
        }
        let mut weight = self.weight.as_ptr();
        for channel in 0..self.channels {
            for r in 0..kernel_height {
                // SAFETY: the strip has `rows` + R − 1 rows for every channel, of whole registers for each of S kernel
                // columns, and the weights R·S values for each channel, as asserted above.
                unsafe {
                    let x = self.strip.as_ptr().add(channel * plane + (p + r) * line + q);
                    for s in 0..kernel_width {
                        let x: [S::V; V] = std::array::from_fn(|v| simd.load(x.add(s + v * S::LANES)));
                        for (o, sums) in sums.iter_mut().enumerate() {
                            let w = simd.splat(*weight.add(o * patch));
                            for v in 0..V {
                                sums[v] = simd.mul_add(w, x[v], sums[v]);
                            }
                        }
                        weight = weight.add(1);
                    }
                }
            }
        }
        for (sums, o) in sums.into_iter().zip(o..) {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { simd.store(row[v * S::LANES..].as_mut_ptr(), sum) };
            }
            self.y.row(o)[p * out_width + q..][..width].copy_from_slice(&row[..width]);
        }
        V * S::LANES
    }
}

/// Scratch of a thread for a convolution, in values.
pub(super) fn scratch(level: Level, conv: &Convolution) -> usize {
    conv.strip(ROWS.min(conv.output[1]), level.lanes())
}

/// y, (N, O, P, Q).
pub(super) fn forward(cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Array {
    Convolution::forward(size).run(cpu, x, weight, bias)
}

/// The gradient in x, (N, I, H, W).
pub(super) fn grad_input(cpu: &Cpu, grad_output: &[f32], weight: &[f32], size: &Conv2dSize) -> Array {
    let kernel = size.kernel_height * size.kernel_width;
    // (I, O, R, S), with the rows and columns of the kernel reversed.
    let mut flipped = cpu.array(weight.len());
    for (o, weight) in weight.chunks_exact(size.patch()).enumerate() {
        for (i, weight) in weight.chunks_exact(kernel).enumerate() {
            let flipped = &mut flipped[(i * size.out_channels + o) * kernel..][..kernel];
            flipped.iter_mut().zip(weight.iter().rev()).for_each(|(to, w)| *to = *w);
        }
    }
    Convolution::grad_input(size).run(cpu, grad_output, &flipped, None)
}

/// Rows of y of a block in [`grad_weight`].
fn grad_weight_rows(lanes: usize, size: &Conv2dSize) -> usize {
    (STRIP / (Convolution::forward(size).line(lanes) * (size.out_channels + 1))).clamp(1, size.out_height)
}

/// Scratch of a thread in [`grad_weight`]: a strip of one channel, and rows of g.
fn grad_weight_parts(lanes: usize, size: &Conv2dSize) -> [usize; 2] {
    let rows = grad_weight_rows(lanes, size);
    let g = size.out_channels * rows * size.out_width.next_multiple_of(lanes);
    [Convolution::forward(size).plane(rows, lanes), g]
}

/// Scratch of a thread in [`grad_weight`], in values.
pub(super) fn grad_weight_scratch(level: Level, size: &Conv2dSize) -> usize {
    grad_weight_parts(level.lanes(), size).iter().sum()
}

/// The gradient in the weight, (O, I, R, S).
pub(super) fn grad_weight(cpu: &Cpu, x: &[f32], grad_output: &[f32], size: &Conv2dSize) -> Array {
    let kernel = size.kernel_height * size.kernel_width;
    let mut grad = cpu.array(size.weight().count());
    let blocks = blocks_of(&mut grad, size.out_channels, size.patch(), size.out_channels, INPUTS * kernel);
    blocks.into_par_iter().for_each(|(_, _, at, mut grad)| {
        let [strip, g] = grad_weight_parts(cpu.level().lanes(), size);
        with_scratch(strip + g, |scratch| {
            let (strip, g) = scratch.split_at_mut(strip);
            cpu.vectorize(Weights { size, first: at / kernel, x, grad_output, strip, g, grad: &mut grad });
        });
    });
    grad
}

/// The gradients of the weights of some channels of x, from channel `first` on.
struct Weights<'a, 'g> {
    size: &'a Conv2dSize,
    first: usize,
    x: &'a [f32],
    grad_output: &'a [f32],
    strip: &'a mut [f32],
    g: &'a mut [f32],
    grad: &'a mut MatrixMut<'g>,
}

impl Routine for Weights<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Weights { size, first, x, grad_output, strip, g, grad } = self;
        let conv = Convolution::forward(size);
        let (image, outputs, out_width) = (size.in_height * size.in_width, size.out_channels, size.out_width);
        let (at_once, g_line) = (grad_weight_rows(S::LANES, size), out_width.next_multiple_of(S::LANES));
        let kernel = size.kernel_height * size.kernel_width;
        let channels = grad.width() / kernel;
        (0..outputs).for_each(|o| grad.row(o).fill(0.0));
        g.fill(0.0);
        for (n, p) in (0..size.batch).flat_map(|n| (0..size.out_height).step_by(at_once).map(move |p| (n, p))) {
            let rows = at_once.min(size.out_height - p);
            // Rows of the previous block may be where zeros must be.
            strip.fill(0.0);
            for (o, g) in g.chunks_exact_mut(at_once * g_line).enumerate() {
                let from = &grad_output[((n * outputs + o) * size.out_height + p) * out_width..][..rows * out_width];
                for (g, from) in g.chunks_exact_mut(g_line).zip(from.chunks_exact(out_width)) {
                    g[..out_width].copy_from_slice(from);
                }
            }
            for i in 0..channels {
                let x = &x[(n * size.in_channels + first + i) * image..][..image];
                conv.copy(x, p, rows, S::LANES, strip);
                for (o, g) in g.chunks_exact(at_once * g_line).enumerate() {
                    let grad = &mut grad.row(o)[i * kernel..][..kernel];
                    let mut taps = Taps { conv, rows, strip, g, g_line, grad };
                    let mut tap = 0;
                    while tap < kernel {
                        tap += match kernel - tap {
                            16.. if S::REGISTERS >= 32 => taps.add::<S, 16>(simd, tap),
                            9 => taps.add::<S, 9>(simd, tap),
                            8.. => taps.add::<S, 8>(simd, tap),
                            4.. => taps.add::<S, 4>(simd, tap),
                            2.. => taps.add::<S, 2>(simd, tap),
                            _ => taps.add::<S, 1>(simd, tap),
                        };
                    }
                }
            }
        }
    }
}

/// Some rows of one channel of g, and those of one channel of x that its taps read.
struct Taps<'a> {
    conv: Convolution,
    rows: usize,
    strip: &'a [f32],
    g: &'a [f32],
    g_line: usize,
    grad: &'a mut [f32],
}

impl Taps<'_> {
    /// Adds their products to the gradients of T taps, from `tap` on. Returns T.
    #[inline(always)]
    fn add<S: Simd, const T: usize>(&mut self, simd: S, tap: usize) -> usize {
        let ([_, kernel_width], line) = (self.conv.kernel, self.conv.line(S::LANES));
        assert!(self.strip.len() >= self.conv.plane(self.rows, S::LANES) && self.g.len() >= self.rows * self.g_line);
        assert!(tap + T <= self.conv.kernel[0] * kernel_width && line == self.g_line + kernel_width - 1);
        let places: [usize; T] = std::array::from_fn(|t| (tap + t) / kernel_width * line + (tap + t) % kernel_width);
        let mut sums = [simd.zero(); T];
        for p in 0..self.rows {
            for q in (0..self.g_line).step_by(S::LANES) {
                // SAFETY: the strip has `rows` + R − 1 rows of a row of g and S − 1 values.
                unsafe {
                    let g = simd.load(self.g.as_ptr().add(p * self.g_line + q));
                    let x = self.strip.as_ptr().add(p * line + q);
                    for t in 0..T {
                        sums[t] = simd.mul_add(g, simd.load(x.add(places[t])), sums[t]);
                    }
                }
            }
        }
        for (grad, sum) in self.grad[tap..][..T].iter_mut().zip(sums) {
            let mut lanes = [0.0; 16];
            // SAFETY: no register has more values.
            unsafe { simd.store(lanes.as_mut_ptr(), sum) };
            *grad += lanes.iter().sum::<f32>();
        }
        T
    }
}
