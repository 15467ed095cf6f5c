//! Kernels of `Cpu`: each output row is first a weighted sum of input rows, which is then resampled along itself.

use std::sync::Arc;

use super::{ResizeOps, ResizeSize, Taps};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::ops::layout::LayoutOps;
use crate::shape::Shape;

impl ResizeOps for Cpu {
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        if copies(size.rows) && copies(size.columns) {
            return Ok(Arc::clone(x));
        }
        let (rows, columns) = (size.rows, size.columns);
        let (width, out_height, out_width) = (columns.inputs(), rows.outputs(), columns.outputs());
        let plane = rows.inputs() * width;
        let weights: Vec<f32> = columns.weight().iter().map(|&w| w as f32).collect();
        let cost = columns.per_output() + rows.per_output() * width.div_ceil(out_width.max(1));
        let mut y = self.array(size.planes * out_height * out_width);
        let scratch = || vec![0.0f32; width];
        self.pieces_with(&mut y, out_width, cost, scratch, |line, which, y| {
            let x = &x[which / out_height * plane..][..plane];
            line.fill(0.0);
            for (i, w) in rows.of(which % out_height).filter(|&(_, w)| w != 0.0) {
                let w = w as f32;
                for (sum, &x) in line.iter_mut().zip(&x[i * width..]) {
                    *sum += w * x;
                }
            }
            let taps = columns.per_output();
            for ((y, index), weight) in
                y.iter_mut().zip(columns.index().chunks_exact(taps)).zip(weights.chunks_exact(taps))
            {
                *y = index.iter().zip(weight).map(|(&i, &w)| w * line[i as usize]).sum();
            }
        });
        Ok(Arc::new(y))
    }

    fn resize_ids(&self, ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        let (rows, columns) = (size.rows, size.columns);
        let (width, out_height, out_width) = (columns.inputs(), rows.outputs(), columns.outputs());
        let plane = rows.inputs() * width;
        if copies(rows) && copies(columns) {
            return self.one_hot(ids, size.planes, classes, plane);
        }
        // Each output row (classes, W′) is one thread's: every input pixel that reaches it votes for its class.
        let cost = (rows.per_output() * columns.per_output()).div_ceil(classes.max(1));
        let shape = Shape::from([size.planes, out_height, classes, out_width]);
        let votes = self.build(shape.count(), classes * out_width, cost, |which, votes: &mut [f32]| {
            let ids = &ids[which / out_height * plane..][..plane];
            votes.fill(0.0);
            for (i, row_weight) in rows.of(which % out_height).filter(|&(_, w)| w != 0.0) {
                let ids = &ids[i * width..][..width];
                for q in 0..out_width {
                    for (j, weight) in columns.of(q) {
                        let class = usize::from(ids[j]);
                        if class < classes {
                            votes[class * out_width + q] += (row_weight * weight) as f32;
                        }
                    }
                }
            }
        });
        self.permute(&votes, shape, &[0, 2, 1, 3])
    }
}

/// Whether each output is its own input.
pub(super) fn copies(taps: &Taps) -> bool {
    taps.inputs() == taps.outputs()
        && taps.per_output() == 1
        && taps.index().iter().enumerate().all(|(o, &i)| i as usize == o)
        && taps.weight().iter().all(|&w| w == 1.0)
}
