//! Conditions of every pixel at each size, as in a feature pyramid network (Lin et al. 2017): the label map is halved
//! down to a few pixels, which see much of the image, and doubled again, with lateral connections.

use asap_autograd::Var;
use asap_tensor::Backend;

use super::super::adaptive_norm::SLOPE;
use super::super::growth::upsample;
use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// Convolution, batch norm, leaky ReLU.
#[derive(Clone, Debug)]
struct Level {
    name: String,
    conv: Conv2d,
    norm: BatchNorm,
}

impl Level {
    fn new<B: Backend>(mut b: Builder<'_, B>, channels: [usize; 2], kernel: usize, stride: usize) -> Result<Self> {
        let [inputs, outputs] = channels;
        let options = ConvOptions::new(inputs, outputs, kernel).stride(stride).bias(false).spectral_norm(true);
        Ok(Level {
            name: b.path().to_owned(),
            // One sequence of modules inside another.
            conv: Conv2d::new(b.at("0.0"), options)?,
            norm: BatchNorm::new(b.at("0.1"), outputs, true)?,
        })
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: impl Into<Input<B>>) -> Result<Var<B>> {
        ctx.layer(&self.name, || {
            let y = self.norm.forward(ctx, &self.conv.forward(ctx, x)?)?;
            Ok(y.leaky_relu(SLOPE)?)
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Pyramid {
    /// From the label map on, all but the first with stride 2.
    down: Vec<Level>,
    /// Lateral, from those to the sums, the smallest size first.
    lateral: Vec<Level>,
    /// From sums to features, the smallest size first.
    up: Vec<Level>,
}

impl Pyramid {
    /// Of `inputs` channels, halved `halvings` times; `width` channels everywhere.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, inputs: usize, width: usize, halvings: usize) -> Result<Self> {
        let mut level = |name: &str, number: usize, inputs, kernel, stride| {
            Level::new(b.at(format!("{name}{number}")), [inputs, width], kernel, stride)
        };
        let mut down = vec![level("labelenc", 1, inputs, 3, 1)?];
        for number in 2..=halvings + 1 {
            down.push(level("labelenc", number, width, 3, 2)?);
        }
        let lateral = (1..=halvings).map(|number| level("labellat", number, width, 1, 1)).collect::<Result<_>>()?;
        let up = (1..=halvings).map(|number| level("labeldec", number, width, 3, 1)).collect::<Result<_>>()?;
        Ok(Pyramid { down, lateral, up })
    }

    /// (N, inputs, H, W) → (N, width, H/2^i, W/2^i) for every i from `halvings` down to 0; H and W are multiples of
    /// 2^halvings.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Vec<Var<B>>> {
        let mut x = labels.clone();
        let mut halved = Vec::with_capacity(self.down.len());
        for level in &self.down {
            let y = level.forward(ctx, x)?;
            x = Input::from(&y);
            halved.push(y);
        }
        drop(x);
        let mut features: Vec<Var<B>> = Vec::with_capacity(self.down.len());
        let mut last = halved.pop().unwrap_or_else(|| unreachable!("the label map itself has a level"));
        for ((lateral, up), larger) in self.lateral.iter().zip(&self.up).zip(halved.into_iter().rev()) {
            let larger = lateral.forward(ctx, larger)?;
            let sum = upsample(&last)?.add(&larger)?;
            features.push(last);
            last = up.forward(ctx, sum)?;
        }
        features.push(last);
        Ok(features)
    }
}
