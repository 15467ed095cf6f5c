//! The low-resolution stream: the convolutions that predict the parameters of every tile's MLP (supplementary 1.1).

use std::f64::consts::FRAC_1_SQRT_2;

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::config::{AsapNetConfig, Padding};
use crate::nn::{Builder, Conv2d, ConvOptions, Dropout, ForwardContext, Input, InstanceNorm};

/// 3×3 convolution without bias, instance norm with scale and bias, ReLU, dropout.
#[derive(Clone, Debug)]
struct Block {
    name: String,
    conv: Conv2d,
    norm: InstanceNorm,
    dropout: Option<Dropout>,
}

/// A block of stride 1; log2 S2 blocks of stride 2, the last of which widens; `depth` wide blocks of stride 1; a 1×1
/// convolution to the parameters of each tile.
#[derive(Clone, Debug)]
pub(super) struct LowresStream {
    blocks: Vec<Block>,
    /// The first block that its input is added to; as many as there are blocks, if none is.
    residual_from: usize,
    name: String,
    head: Conv2d,
}

impl Block {
    fn new<B: Backend>(mut b: Builder<'_, B>, options: ConvOptions, outputs: usize, dropout: f64) -> Result<Self> {
        Ok(Block {
            dropout: (dropout > 0.0).then(|| Dropout::new(b.path(), dropout)),
            conv: Conv2d::new(b.at(0), options.bias(false))?,
            norm: InstanceNorm::affine(b.at(1), outputs, 0.0)?,
            name: b.path().to_owned(),
        })
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: impl Into<Input<B>>) -> Result<Var<B>> {
        ctx.layer(&self.name, || {
            let y = self.norm.forward(ctx, &self.conv.forward(ctx, x)?)?;
            match &self.dropout {
                Some(dropout) => dropout.forward(ctx, y),
                None => Ok(y),
            }
        })
    }
}

impl LowresStream {
    /// A stream from `inputs` channels to `outputs` = C_total parameters.
    ///
    /// The published keys number the modules of one sequence. With reflection padding a block is three modules
    /// (padding, convolution with norm, ReLU) and its weights belong to the second; with zero padding it is two, and
    /// they belong to the first. Blocks after the strided ones are one module each.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        config: &AsapNetConfig,
        inputs: usize,
        outputs: usize,
    ) -> Result<Self> {
        let (modules, own) = match config.padding {
            Padding::Reflect => (3, 1),
            Padding::Zero => (2, 0),
        };
        let strided = config.strided_layers();
        let mut blocks = Vec::with_capacity(1 + strided + config.depth);
        let mut channels = inputs;
        let mut module = 0;
        for layer in 0..=strided + config.depth {
            let wide = layer >= strided && layer > 0;
            let width = if wide { config.max_width } else { config.width };
            let stride = if (1..=strided).contains(&layer) { 2 } else { 1 };
            let name = if layer <= strided { (module + own).to_string() } else { format!("{module}.conv_block.{own}") };
            module += if layer <= strided { modules } else { 1 };
            let options = ConvOptions::new(channels, width, 3).stride(stride).pad_mode(config.padding.mode());
            blocks.push(Block::new(b.at(name), options, width, config.dropout)?);
            channels = width;
        }
        let b = b.at(module).with_rate(config.head_rate);
        let name = b.path().to_owned();
        let residual_from = if config.residual { 1 + strided } else { blocks.len() };
        Ok(LowresStream { blocks, residual_from, name, head: Conv2d::new(b, ConvOptions::new(channels, outputs, 1))? })
    }

    /// (N, C, h·S2, w·S2) → (N, C_total, h, w).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let (down, wide) = self.blocks.split_at(self.residual_from);
        let mut x = x.clone();
        for block in down {
            x = block.forward(ctx, x)?.into();
        }
        for block in wide {
            let before = x.one_hot()?;
            // √½ keeps the variance.
            x = block.forward(ctx, x)?.add(&before)?.scale(FRAC_1_SQRT_2)?.into();
        }
        ctx.layer(&self.name, || self.head.forward(ctx, x))
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::random::uniform_by_name;
    use asap_tensor::{Reference, Tensor};

    use super::*;
    use crate::nn::{Blank, Initializer, ParamRole, Params, XavierNormal};

    fn keys(padding: Padding) -> Vec<String> {
        let config =
            AsapNetConfig { learned_factor: 4, width: 1, max_width: 2, depth: 2, padding, ..Default::default() };
        let (params, _) =
            Params::build(&Reference::<f32>::new(), &mut Blank, |b| LowresStream::new(b, &config, 3, 5)).unwrap();
        params.iter().step_by(3).map(|param| param.key().to_owned()).collect()
    }

    #[test]
    fn keys_match_published() {
        let reflect = ["1.0", "4.0", "7.0", "9.conv_block.1.0", "10.conv_block.1.0", "11"];
        let zero = ["0.0", "2.0", "4.0", "6.conv_block.0.0", "7.conv_block.0.0", "8"];
        for (padding, expected) in [(Padding::Reflect, reflect), (Padding::Zero, zero)] {
            assert_eq!(keys(padding), expected.map(|key| format!("{key}.weight")));
        }
    }

    /// The wide blocks are 0, and the last convolution is the same at every depth.
    struct SilentBlocks(XavierNormal);

    impl Initializer for SilentBlocks {
        fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>> {
            let silent = role == ParamRole::Scale && key.contains("conv_block");
            let head = role == ParamRole::Weight && shape[2] == 1;
            let mut values = self.0.fill(if head { "head" } else { key }, shape, role)?;
            values.iter_mut().filter(|_| silent).for_each(|value| *value = 0.0);
            Ok(values)
        }
    }

    #[test]
    fn residual_blocks_that_are_zero_scale_their_input() {
        let backend = Reference::<f64>::new();
        let output = |depth, residual| {
            let config =
                AsapNetConfig { learned_factor: 4, width: 2, max_width: 3, depth, residual, ..Default::default() };
            let mut init = SilentBlocks(XavierNormal { seed: 1, gain: 1.0 });
            let build = |b: Builder<'_, _>| LowresStream::new(b, &config, 2, 5);
            let (params, stream) = Params::build(&backend, &mut init, build).unwrap();
            let x = Tensor::from_f32(&backend, [1, 2, 8, 8], &uniform_by_name("x", 128)).unwrap();
            let ctx = ForwardContext::evaluation(&params);
            stream.forward(&ctx, &Input::image(Var::constant(x))).unwrap().value().to_vec().unwrap()
        };
        let without = output(0, true);
        assert!(without.iter().all(|&value| value != 0.0));
        assert_eq!(without, output(0, false));
        for (depth, factor) in [(1, FRAC_1_SQRT_2), (2, 0.5)] {
            for (a, b) in output(depth, true).iter().zip(&without) {
                assert!((a - factor * b).abs() < 1e-9, "{depth} blocks: {a}, {b}");
            }
            assert!(output(depth, false).iter().all(|&value| value == 0.0));
        }
    }
}
