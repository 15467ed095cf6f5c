//! The low-resolution stream: the convolutional network that predicts MLP parameters (supplementary 1.1).

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::config::{AsapNetConfig, Padding};
use crate::layers::{ConvBlock, Stack};
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// One block at stride 1; log2 S2 at stride 2, the last of which widens; `depth` wide ones at stride 1; a 1×1
/// convolution to the parameters of one tile.
#[derive(Clone, Debug)]
pub struct LowresStream<B: Backend> {
    blocks: Vec<ConvBlock<B>>,
    weight: Parameter<B>,
    bias: Parameter<B>,
}

impl<B: Backend> LowresStream<B> {
    /// A stream from `inputs` channels to `outputs` = C_total parameters.
    ///
    /// The published keys count the modules of one sequence: with reflection padding each block is three of them
    /// (padding, convolution with norm, ReLU) and its weights are the second; with zeros two, and the first. Blocks
    /// after the strided ones are one module each.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        config: &AsapNetConfig,
        inputs: usize,
        outputs: usize,
        init: &mut dyn Initialiser,
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
            let name = if layer <= strided {
                format!("lowres_stream.model.{}", module + own)
            } else {
                format!("lowres_stream.model.{module}.conv_block.{own}")
            };
            module += if layer <= strided { modules } else { 1 };
            blocks.push(ConvBlock::new(backend, init, &name, [channels, width], stride, config.padding)?);
            channels = width;
        }
        let last = format!("lowres_stream.model.{module}");
        Ok(LowresStream {
            blocks,
            weight: Parameter::new(backend, init, format!("{last}.weight"), &[outputs, channels, 1, 1], Kind::Weight)?,
            bias: Parameter::new(backend, init, format!("{last}.bias"), &[outputs], Kind::Shift)?,
        })
    }

    /// (N, C, h·S2, w·S2) → (N, C_total, h, w).
    ///
    /// # Errors
    /// If the channels differ or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let mut stack = x.clone();
        for block in &self.blocks {
            stack = Stack::dense(block.forward(binding, &stack)?);
        }
        let name = self.weight.name().trim_end_matches(".weight");
        let _scope = self.weight.value().backend().profiler().map(|profiler| profiler.enter(name));
        binding.output(name, stack.conv2d(&binding.var(&self.weight), Some(&binding.var(&self.bias)), 1, 0)?)
    }

    /// Weights in the order of the layers.
    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        self.blocks.iter().flat_map(ConvBlock::parameters).chain([&self.weight, &self.bias]).collect()
    }

    /// The same, to update.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let blocks = self.blocks.iter_mut().flat_map(ConvBlock::parameters_mut);
        blocks.chain([&mut self.weight, &mut self.bias]).collect()
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::network::Blank;

    fn keys(padding: Padding) -> Vec<String> {
        let config =
            AsapNetConfig { learned_factor: 4, width: 1, max_width: 2, depth: 2, padding, ..Default::default() };
        let stream = LowresStream::new(&Reference::<f32>::new(), &config, 3, 5, &mut Blank).unwrap();
        stream.parameters().iter().step_by(3).map(|p| p.name().to_owned()).collect()
    }

    #[test]
    fn keys_are_the_published_ones_for_either_padding() {
        let reflect = ["1.0", "4.0", "7.0", "9.conv_block.1.0", "10.conv_block.1.0", "11"];
        let zero = ["0.0", "2.0", "4.0", "6.conv_block.0.0", "7.conv_block.0.0", "8"];
        for (padding, expected) in [(Padding::Reflect, reflect), (Padding::Zero, zero)] {
            assert_eq!(keys(padding), expected.map(|key| format!("lowres_stream.model.{key}.weight")));
        }
    }
}
