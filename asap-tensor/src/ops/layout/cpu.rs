//! Kernels of `Cpu`: whole rows are copied wherever they stay together.

use std::sync::Arc;

use super::{Cat, Narrow, OneHot, Pad2d, Pad2dGrad, PadIds, PadSize, Permute, Place};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::Kernel;
use crate::shape::MAX_RANK;

impl Kernel<Permute> for Cpu {
    fn compute(&self, op: &Permute, x: &Self::Buffer) -> Result<Self::Buffer> {
        let axes = &op.axes[..op.x.rank()];
        let Some((&last, outer)) = axes.split_last() else {
            return Ok(x.clone());
        };
        let sizes = op.x.dims();
        let stride = |axis: usize| sizes[axis + 1..].iter().product::<usize>();
        let mut strides = [0; MAX_RANK];
        for (to, &axis) in strides.iter_mut().zip(outer) {
            *to = stride(axis);
        }
        let step = stride(last);
        Ok(self.build(x.len(), sizes[last], 1, |row, y: &mut [f32]| {
            let (mut start, mut rest) = (0, row);
            for (&axis, &stride) in outer.iter().zip(&strides).rev() {
                start += rest % sizes[axis] * stride;
                rest /= sizes[axis];
            }
            if step == 1 {
                y.copy_from_slice(&x[start..][..y.len()]);
            } else {
                for (y, &x) in y.iter_mut().zip(x[start..].iter().step_by(step)) {
                    *y = x;
                }
            }
        }))
    }
}

impl Kernel<Narrow> for Cpu {
    fn compute(&self, op: &Narrow, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Narrow { start, length, .. }, [outer, size, inner]) = (op, op.x.around(op.axis));
        Ok(self.build(outer * length * inner, length * inner, 1, |o, y: &mut [f32]| {
            y.copy_from_slice(&x[(o * size + start) * inner..][..length * inner]);
        }))
    }
}

impl Kernel<Place> for Cpu {
    fn compute(&self, op: &Place, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Place { start, size, .. }, [outer, length, inner]) = (op, op.x.around(op.axis));
        Ok(self.build(outer * size * inner, size * inner, 1, |o, y: &mut [f32]| {
            let (before, rest) = y.split_at_mut(start * inner);
            let (here, after) = rest.split_at_mut(length * inner);
            before.fill(0.0);
            here.copy_from_slice(&x[o * length * inner..][..length * inner]);
            after.fill(0.0);
        }))
    }
}

impl Kernel<Cat> for Cpu {
    fn compute(&self, op: &Cat, pieces: &[(&Self::Buffer, usize)]) -> Result<Self::Buffer> {
        let [outer, size, inner] = op.y.around(op.axis);
        Ok(self.build(outer * size * inner, size * inner, 1, |o, mut y: &mut [f32]| {
            for (piece, size) in pieces {
                let (here, after) = y.split_at_mut(size * inner);
                here.copy_from_slice(&piece[o * size * inner..][..size * inner]);
                y = after;
            }
        }))
    }
}

impl Kernel<Pad2d> for Cpu {
    fn compute(&self, op: &Pad2d, x: &Self::Buffer) -> Result<Self::Buffer> {
        let size = &op.size;
        let (plane, out_plane) = (size.plane(), size.out_plane());
        Ok(self.build(size.planes() * out_plane, out_plane, 1, |which, y: &mut [f32]| {
            pad_plane(&x[which * plane..][..plane], y, size);
        }))
    }
}

impl Kernel<Pad2dGrad> for Cpu {
    fn compute(&self, op: &Pad2dGrad, grad_output: &Self::Buffer) -> Result<Self::Buffer> {
        let size = &op.size;
        let (plane, out_plane) = (size.plane(), size.out_plane());
        let (left, width, out_width) = (size.pad.left, size.width, size.out_width());
        Ok(self.build(size.planes() * plane, plane, 1, |which, grad: &mut [f32]| {
            let grad_output = &grad_output[which * out_plane..][..out_plane];
            grad.fill(0.0);
            for (y, g) in grad_output.chunks_exact(out_width).enumerate() {
                let Some(row) = size.source_row(y) else { continue };
                let grad = &mut grad[row * width..][..width];
                for (grad, &g) in grad.iter_mut().zip(&g[left..]) {
                    *grad += g;
                }
                for x in (0..left).chain(left + width..out_width) {
                    if let Some(column) = size.source_column(x) {
                        grad[column] += g[x];
                    }
                }
            }
        }))
    }
}

impl Kernel<PadIds> for Cpu {
    fn compute(&self, op: &PadIds, ids: &Self::IdBuffer) -> Result<Self::IdBuffer> {
        let size = &op.size;
        let (plane, out_plane) = (size.plane(), size.out_plane());
        let mut padded = vec![0; size.planes() * out_plane];
        self.pieces(&mut padded, out_plane, 1, |which, y| pad_plane(&ids[which * plane..][..plane], y, size));
        Ok(Arc::new(padded))
    }
}

impl Kernel<OneHot> for Cpu {
    fn compute(&self, op: &OneHot, ids: &Self::IdBuffer) -> Result<Self::Buffer> {
        let OneHot { ids: [batch, h, w], classes } = *op;
        let plane = h * w;
        Ok(self.build(batch * classes * plane, plane, 1, |which, y: &mut [f32]| {
            // No id reaches class 256.
            let Ok(class) = u8::try_from(which % classes) else { return y.fill(0.0) };
            for (y, &id) in y.iter_mut().zip(&ids[which / classes * plane..]) {
                *y = f32::from(u8::from(id == class));
            }
        }))
    }
}

/// One image with rows and columns added.
fn pad_plane<T: Copy + Default>(image: &[T], out: &mut [T], size: &PadSize) {
    let (left, width) = (size.pad.left, size.width);
    for (y, out) in out.chunks_exact_mut(size.out_width()).enumerate() {
        let Some(row) = size.source_row(y) else {
            out.fill(T::default());
            continue;
        };
        let image = &image[row * width..][..width];
        out[left..][..width].copy_from_slice(image);
        for x in (0..left).chain(left + width..size.out_width()) {
            out[x] = size.source_column(x).map_or(T::default(), |column| image[column]);
        }
    }
}
