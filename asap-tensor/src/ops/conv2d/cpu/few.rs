//! Convolutions to few output channels at stride 1, and their gradients, without a patch matrix: a product of matrices
//! would have too few rows to repay laying it out.
//!
//! Rows of x are copied to a strip, where zeros stand around them, and a register of it times one weight is added to a
//! register of a row of y. The gradient in x is the same with the kernel flipped, from few channels to many. For that in
//! the weight a register of g meets those of x that each tap reads.

use rayon::prelude::*;

use super::dense::blocks_of;
use crate::cpu::level::Level;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::simd::{Kernel, Simd};
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;

/// Output channels from which a product of matrices is faster.
const FEW: usize = 16;
/// Rows of a result that one thread computes at a time.
const ROWS: usize = 8;
/// Channels of a result that one thread computes at a time.
const OUTPUTS: usize = 64;
/// Channels whose weights one thread finds the gradients of.
const INPUTS: usize = 8;
/// Values in a strip, about: half of a core's first two caches at most.
const STRIP: usize = 1 << 15;
/// Channels of a result that share what is read of x.
const TOGETHER: usize = 4;

/// Whether this is the way for a convolution and its gradients.
pub(in crate::ops::conv2d) fn pays(size: &Conv2dSize) -> bool {
    let smaller = size.kernel_height.min(size.kernel_width);
    (1..FEW).contains(&size.out_channels) && size.in_channels > 0 && size.stride == 1 && size.padding < smaller
}

/// A convolution at stride 1.
#[derive(Clone, Copy)]
struct Direct {
    /// Channels, rows and columns of x.
    input: [usize; 3],
    /// Channels, rows and columns of y.
    output: [usize; 3],
    /// Rows and columns of the kernel.
    kernel: [usize; 2],
    /// Rows of zeros above x and columns of them to its left.
    before: [usize; 2],
}

impl Direct {
    fn forward(size: &Conv2dSize) -> Self {
        Direct {
            input: [size.in_channels, size.in_height, size.in_width],
            output: [size.out_channels, size.out_height, size.out_width],
            kernel: [size.kernel_height, size.kernel_width],
            before: [size.padding; 2],
        }
    }

    /// The convolution of y's gradient, with the kernel flipped, that gives x's.
    fn backward(size: &Conv2dSize) -> Self {
        let Direct { input, output, kernel, before } = Direct::forward(size);
        let before = [kernel[0] - 1 - before[0], kernel[1] - 1 - before[1]];
        Direct { input: output, output: input, kernel, before }
    }

    /// Values in a row of a strip: whole registers for every kernel column.
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

    /// How many values a strip has for `rows` rows of y.
    fn strip(&self, rows: usize, lanes: usize) -> usize {
        self.channels(lanes) * self.plane(rows, lanes)
    }

    /// Copies channels of x, planes one after the other, to the strip for y's rows from `first` on; its zeros stay.
    #[inline(always)]
    fn copy(&self, x: &[f32], first: usize, rows: usize, lanes: usize, strip: &mut [f32]) {
        let ([_, height, width], [above, left]) = (self.input, self.before);
        let (line, plane) = (self.line(lanes), self.plane(rows, lanes));
        for (x, strip) in x.chunks_exact((height * width).max(1)).zip(strip.chunks_exact_mut(plane)) {
            for (at, to) in strip.chunks_exact_mut(line).enumerate() {
                if let Some(y) = (first + at).checked_sub(above).filter(|&y| y < height) {
                    to[left..][..width].copy_from_slice(&x[y * width..][..width]);
                }
            }
        }
    }

    /// y, (N, output); the weight is (outputs, inputs, R, S).
    fn run(self, cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>, batch: usize) -> Array {
        let ([inputs, height, width], [outputs, out_height, out_width]) = (self.input, self.output);
        let lanes = cpu.level().lanes();
        let mut y = cpu.array(batch * outputs * out_height * out_width);
        let blocks = blocks_of(&mut y, outputs, out_height * out_width, OUTPUTS, ROWS * out_width.max(1));
        blocks.into_par_iter().for_each(|(n, o, at, mut y)| {
            let image = inputs * height * width;
            let (first, rows) = (at / out_width, y.width() / out_width);
            let x = &x[n * image..][..image];
            let weight = &weight[o * inputs * self.kernel[0] * self.kernel[1]..];
            let bias = bias.map(|bias| &bias[o..]);
            with_scratch(self.strip(rows, lanes), |strip| {
                cpu.vectorize(Rows { direct: self, first, rows, x, weight, bias, strip, y: &mut y });
            });
        });
        y
    }
}

/// Some rows of some channels of y.
struct Rows<'a, 'y> {
    direct: Direct,
    first: usize,
    rows: usize,
    x: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    strip: &'a mut [f32],
    y: &'a mut MatrixMut<'y>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Rows { direct, first, rows, x, weight, bias, strip, y } = self;
        let ([inputs, height, width], [_, _, out_width], [r, s]) = (direct.input, direct.output, direct.kernel);
        let (plane, at_once) = (height * width, direct.channels(S::LANES));
        strip.fill(0.0);
        for start in (0..inputs).step_by(at_once) {
            let channels = at_once.min(inputs - start);
            direct.copy(&x[start * plane..][..channels * plane], first, rows, S::LANES, strip);
            let mut part = Part { direct, rows, channels, strip, weight: &[], y };
            let mut o = 0;
            while o < part.y.height() {
                let together = if part.y.height() - o >= TOGETHER { TOGETHER } else { 1 };
                part.weight = &weight[(o * inputs + start) * r * s..];
                if start == 0 {
                    for o in o..o + together {
                        part.y.row(o).fill(bias.map_or(0.0, |bias| bias[o]));
                    }
                }
                for p in 0..rows {
                    let mut q = 0;
                    while q < out_width {
                        let left = (out_width - q).div_ceil(S::LANES);
                        q += if together == 1 {
                            part.one_channel(simd, o, p, q, left)
                        } else {
                            part.channels_together(simd, o, p, q, left)
                        };
                    }
                }
                o += together;
            }
        }
    }
}

/// What some channels of x add to y.
struct Part<'a, 'b, 'y> {
    direct: Direct,
    rows: usize,
    /// How many they are.
    channels: usize,
    strip: &'a [f32],
    /// The weights of the channel of y at hand, from these channels' on.
    weight: &'a [f32],
    y: &'b mut MatrixMut<'y>,
}

impl Part<'_, '_, '_> {
    /// As many registers as keep the processor busy, at most `left`; says how many columns they are.
    #[inline(always)]
    fn one_channel<S: Simd>(&mut self, simd: S, o: usize, p: usize, q: usize, left: usize) -> usize {
        match left {
            1 => self.add::<S, 1, 1>(simd, o, p, q),
            2 => self.add::<S, 1, 2>(simd, o, p, q),
            3 => self.add::<S, 1, 3>(simd, o, p, q),
            4 => self.add::<S, 1, 4>(simd, o, p, q),
            5 => self.add::<S, 1, 5>(simd, o, p, q),
            6 => self.add::<S, 1, 6>(simd, o, p, q),
            7 => self.add::<S, 1, 7>(simd, o, p, q),
            _ => self.add::<S, 1, 8>(simd, o, p, q),
        }
    }

    /// The same for channels that share what is read.
    #[inline(always)]
    fn channels_together<S: Simd>(&mut self, simd: S, o: usize, p: usize, q: usize, left: usize) -> usize {
        match left.min(S::REGISTERS / 8) {
            1 => self.add::<S, TOGETHER, 1>(simd, o, p, q),
            2 => self.add::<S, TOGETHER, 2>(simd, o, p, q),
            3 => self.add::<S, TOGETHER, 3>(simd, o, p, q),
            _ => self.add::<S, TOGETHER, 4>(simd, o, p, q),
        }
    }

    /// Adds to V registers of row `p` of O channels of y, from channel `o` and column `q` on, of which the last may
    /// reach beyond the row; says how many columns they are.
    #[inline(always)]
    fn add<S: Simd, const O: usize, const V: usize>(&mut self, simd: S, o: usize, p: usize, q: usize) -> usize {
        let ([inputs, ..], [_, _, out_width], [kernel_height, kernel_width]) =
            (self.direct.input, self.direct.output, self.direct.kernel);
        let (line, plane) = (self.direct.line(S::LANES), self.direct.plane(self.rows, S::LANES));
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

/// How many values of working memory a thread takes in [`forward`].
pub(in crate::ops::conv2d) fn forward_scratch(level: Level, size: &Conv2dSize) -> usize {
    Direct::forward(size).strip(ROWS.min(size.out_height), level.lanes())
}

/// y, (N, O, P, Q).
pub(super) fn forward(cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Array {
    Direct::forward(size).run(cpu, x, weight, bias, size.batch)
}

/// How many values of working memory a thread takes in [`grad_input`], beside flipped weights for all threads.
pub(in crate::ops::conv2d) fn grad_input_scratch(level: Level, size: &Conv2dSize) -> usize {
    Direct::backward(size).strip(ROWS.min(size.in_height), level.lanes())
}

/// The gradient in x, (N, I, H, W).
pub(super) fn grad_input(cpu: &Cpu, grad_output: &[f32], weight: &[f32], size: &Conv2dSize) -> Array {
    let kernel = size.kernel_height * size.kernel_width;
    // (I, O, R, S), the kernel's rows and columns backwards.
    let mut flipped = cpu.array(weight.len());
    for (o, weight) in weight.chunks_exact(size.patch()).enumerate() {
        for (i, weight) in weight.chunks_exact(kernel).enumerate() {
            let flipped = &mut flipped[(i * size.out_channels + o) * kernel..][..kernel];
            flipped.iter_mut().zip(weight.iter().rev()).for_each(|(to, w)| *to = *w);
        }
    }
    Direct::backward(size).run(cpu, grad_output, &flipped, None, size.batch)
}

/// Rows of y that [`grad_weight`] takes at a time.
fn grad_weight_rows(lanes: usize, size: &Conv2dSize) -> usize {
    (STRIP / (Direct::forward(size).line(lanes) * (size.out_channels + 1))).clamp(1, size.out_height)
}

/// How many values of working memory a thread takes in [`grad_weight`]: a strip of one channel, and g's rows.
fn grad_weight_parts(lanes: usize, size: &Conv2dSize) -> [usize; 2] {
    let rows = grad_weight_rows(lanes, size);
    let g = size.out_channels * rows * size.out_width.next_multiple_of(lanes);
    [Direct::forward(size).plane(rows, lanes), g]
}

/// How many values of working memory a thread takes in [`grad_weight`].
pub(in crate::ops::conv2d) fn grad_weight_scratch(level: Level, size: &Conv2dSize) -> usize {
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

impl Kernel for Weights<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Weights { size, first, x, grad_output, strip, g, grad } = self;
        let direct = Direct::forward(size);
        let (image, outputs, out_width) = (size.in_height * size.in_width, size.out_channels, size.out_width);
        let (at_once, g_line) = (grad_weight_rows(S::LANES, size), out_width.next_multiple_of(S::LANES));
        let kernel = size.kernel_height * size.kernel_width;
        let channels = grad.width() / kernel;
        (0..outputs).for_each(|o| grad.row(o).fill(0.0));
        g.fill(0.0);
        for (n, p) in (0..size.batch).flat_map(|n| (0..size.out_height).step_by(at_once).map(move |p| (n, p))) {
            let rows = at_once.min(size.out_height - p);
            // Rows of the image that an earlier part met may stand where zeros must be.
            strip.fill(0.0);
            for (o, g) in g.chunks_exact_mut(at_once * g_line).enumerate() {
                let from = &grad_output[((n * outputs + o) * size.out_height + p) * out_width..][..rows * out_width];
                for (g, from) in g.chunks_exact_mut(g_line).zip(from.chunks_exact(out_width)) {
                    g[..out_width].copy_from_slice(from);
                }
            }
            for i in 0..channels {
                let x = &x[(n * size.in_channels + first + i) * image..][..image];
                direct.copy(x, p, rows, S::LANES, strip);
                for (o, g) in g.chunks_exact(at_once * g_line).enumerate() {
                    let grad = &mut grad.row(o)[i * kernel..][..kernel];
                    let mut meeting = Meeting { direct, rows, strip, g, g_line, grad };
                    let mut tap = 0;
                    while tap < kernel {
                        tap += match kernel - tap {
                            16.. if S::REGISTERS >= 32 => meeting.add::<S, 16>(simd, tap),
                            9 => meeting.add::<S, 9>(simd, tap),
                            8.. => meeting.add::<S, 8>(simd, tap),
                            4.. => meeting.add::<S, 4>(simd, tap),
                            2.. => meeting.add::<S, 2>(simd, tap),
                            _ => meeting.add::<S, 1>(simd, tap),
                        };
                    }
                }
            }
        }
    }
}

/// Some rows of one channel of g and what one channel of x shows each tap of them.
struct Meeting<'a> {
    direct: Direct,
    rows: usize,
    strip: &'a [f32],
    g: &'a [f32],
    g_line: usize,
    grad: &'a mut [f32],
}

impl Meeting<'_> {
    /// Adds their products to the gradients of T taps, from `tap` on; says how many they are.
    #[inline(always)]
    fn add<S: Simd, const T: usize>(&mut self, simd: S, tap: usize) -> usize {
        let ([_, kernel_width], line) = (self.direct.kernel, self.direct.line(S::LANES));
        assert!(self.strip.len() >= self.direct.plane(self.rows, S::LANES) && self.g.len() >= self.rows * self.g_line);
        assert!(tap + T <= self.direct.kernel[0] * kernel_width && line == self.g_line + kernel_width - 1);
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
