//! The networks of all tiles as ops: operands, results, cost and memory. Parameters are (N, P, h, w), positions
//! (periods, 2, S).

use super::cpu::memory::{backward_scratch, forward_scratch};
use super::size::{PixelMlpSize, RawPixels};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Op, Outputs};
use crate::plan::Plan;
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;

/// The image, (N, C_n, H, W), from parameters, pixels and positions.
#[derive(Clone, Debug)]
pub struct PixelMlpForward {
    /// The sizes.
    pub size: PixelMlpSize,
    /// Whether the pixels are labels.
    pub labels: bool,
}

impl Op for PixelMlpForward {
    const NAME: &'static str = "pixel_mlp";
    type Inputs<'a, B: Storage> = (&'a B::Buffer, RawPixels<'a, B::Buffer, B::IdBuffer>, &'a B::Buffer);
    type Output = Shape;

    fn output(&self) -> Shape {
        self.size.output()
    }

    fn cost(&self) -> Cost {
        self.size.cost(self.labels)
    }

    fn plan(&self, _: Inputs<'_, Self, Plan>, plan: &Plan) -> Result<Buffers<Self, Plan>> {
        plan.nested_scratch(forward_scratch(&self.size));
        Ok(self.output().plan(plan))
    }
}

/// The gradients in the parameters and, if wanted, in dense pixels, from the inputs of [`PixelMlpForward`] and the gradient
/// in the image.
#[derive(Clone, Debug)]
pub struct PixelMlpGrad {
    /// The forward pass.
    pub forward: PixelMlpForward,
    /// Whether the gradient in the pixels is computed.
    pub wants_pixels: bool,
}

impl Op for PixelMlpGrad {
    const NAME: &'static str = "pixel_mlp_grad";
    type Inputs<'a, B: Storage> = (Inputs<'a, PixelMlpForward, B>, &'a B::Buffer);
    type Output = (Shape, Option<Shape>);

    fn output(&self) -> Self::Output {
        let size = &self.forward.size;
        (size.params(), self.wants_pixels.then(|| size.pixels()))
    }

    fn cost(&self) -> Cost {
        let Cost { macs, elements } = self.forward.cost();
        Cost { macs: 3 * macs, elements: 2 * elements }
    }

    fn plan(&self, _: Inputs<'_, Self, Plan>, plan: &Plan) -> Result<Buffers<Self, Plan>> {
        plan.nested_scratch(backward_scratch(&self.forward.size));
        Ok(self.output().plan(plan))
    }
}
