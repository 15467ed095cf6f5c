//! The memory of `Cpu`'s kernels.

use super::cpu::{dense, few, ids, winograd};
use super::{Conv2dOps, Conv2dSize, stack_apart};
use crate::cpu::level::Level;
use crate::error::Result;
use crate::plan::Plan;

impl Conv2dOps for Plan {
    fn conv2d(
        &self,
        _x: &Self::Buffer,
        _weight: &Self::Buffer,
        _bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(size) {
            let (scratch, shared) = winograd::forward_memory(size);
            self.scratch(scratch);
            let shared = self.block(shared);
            let y = self.block(size.output().count());
            drop(shared);
            return Ok(y);
        }
        if few::pays(size) {
            self.scratch(few::forward_scratch(Level::best(), size));
            return Ok(self.block(size.output().count()));
        }
        self.nested_scratch(dense::forward_scratch(size));
        Ok(self.block(size.output().count()))
    }

    fn conv2d_grad_input(
        &self,
        _grad_output: &Self::Buffer,
        _weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(size) {
            let (scratch, shared) = winograd::grad_input_memory(size);
            self.scratch(scratch);
            let shared = self.block(shared);
            let grad = self.block(size.input().count());
            drop(shared);
            return Ok(grad);
        }
        if few::pays(size) {
            self.scratch(few::grad_input_scratch(Level::best(), size));
            let flipped = self.block(size.weight().count());
            let grad = self.block(size.input().count());
            drop(flipped);
            return Ok(grad);
        }
        self.nested_scratch(dense::grad_input_scratch(size));
        Ok(self.block(size.input().count()))
    }

    fn conv2d_grad_weight(
        &self,
        _x: &Self::Buffer,
        _grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(size) {
            let (scratch, sides) = winograd::grad_weight_memory(size);
            self.scratch(scratch);
            let tiles = sides.map(|(images, tiles)| {
                let images = self.block(images);
                let tiles = self.block(tiles);
                drop(images);
                tiles
            });
            let grad = self.block(size.weight().count());
            drop(tiles);
            return Ok(grad);
        }
        if few::pays(size) {
            self.scratch(few::grad_weight_scratch(Level::best(), size));
            return Ok(self.block(size.weight().count()));
        }
        self.nested_scratch(dense::grad_weight_scratch(size));
        let sums = dense::partial_gradients(size);
        let partial = (sums > 1).then(|| self.block(sums * size.weight().count()));
        let grad = self.block(size.weight().count());
        drop(partial);
        Ok(grad)
    }

    fn conv2d_ids(
        &self,
        _ids: &Self::IdBuffer,
        _weight: &Self::Buffer,
        _bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.scratch(ids::scratch(Level::best(), size));
        let y = self.block(size.output().count());
        self.briefly(ids::table(Level::best(), size));
        Ok(y)
    }

    fn conv2d_ids_grad_weight(
        &self,
        _ids: &Self::IdBuffer,
        _grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.scratch(ids::scratch(Level::best(), size));
        let grad = self.block(size.weight().count());
        self.briefly(ids::partial_gradients(size) * ids::table(Level::best(), size));
        Ok(grad)
    }

    fn conv2d_stack(
        &self,
        ids: &Self::IdBuffer,
        x: &Self::Buffer,
        classes: usize,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(&size.of_channels(size.in_channels - classes)) {
            return stack_apart(self, (ids, x), classes, weight, bias, size);
        }
        self.conv2d_ids(ids, weight, bias, size)
    }
}
