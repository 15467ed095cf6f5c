//! Kernels of `Cpu`: each output row is first a weighted sum of input rows, which is then resampled along itself.

use std::sync::Arc;

use super::{PickIds, Resize, ResizeIds};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::{Inputs, Kernel};
use crate::ops::layout::Permute;
use crate::shape::Shape;

impl Kernel<Resize> for Cpu {
    fn compute(&self, op: &Resize, (x, rows, columns): Inputs<'_, Resize, Self>) -> Result<Self::Buffer> {
        let (width, out_height, out_width) = (columns.inputs(), rows.outputs(), columns.outputs());
        let plane = rows.inputs() * width;
        let weights: Vec<f32> = columns.weight().iter().map(|&w| w as f32).collect();
        let cost = columns.per_output() + rows.per_output() * width.div_ceil(out_width.max(1));
        let mut y = self.array(op.y.count());
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
}

impl Kernel<ResizeIds> for Cpu {
    fn compute(&self, op: &ResizeIds, (ids, rows, columns): Inputs<'_, ResizeIds, Self>) -> Result<Self::Buffer> {
        let [batch, classes, ..] = *op.y.dims() else { unreachable!("the op is made for images") };
        let (width, out_height, out_width) = (columns.inputs(), rows.outputs(), columns.outputs());
        let plane = rows.inputs() * width;
        // Each output row (classes, W′) is one thread's: every input pixel that reaches it votes for its class.
        let cost = (rows.per_output() * columns.per_output()).div_ceil(classes.max(1));
        let shape = Shape::from([batch, out_height, classes, out_width]);
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
        self.compute(&Permute { x: shape, axes: [0, 2, 1, 3, 0, 0] }, &votes)
    }
}

impl Kernel<PickIds> for Cpu {
    fn compute(&self, op: &PickIds, (ids, rows, columns): Inputs<'_, PickIds, Self>) -> Result<Self::IdBuffer> {
        let ([_, height, width], [batch, out_height, out_width]) = (op.ids, op.y);
        let (rows_step, columns_step) = (rows.per_output(), columns.per_output());
        let mut y = vec![0; batch * out_height * out_width];
        self.pieces(&mut y, out_width, 1, |which, y: &mut [u8]| {
            let row = rows.index()[which % out_height * rows_step] as usize;
            let ids = &ids[(which / out_height * height + row) * width..][..width];
            for (y, &column) in y.iter_mut().zip(columns.index().iter().step_by(columns_step)) {
                *y = ids[column as usize];
            }
        });
        Ok(Arc::new(y))
    }
}
