//! The memory that a run will need.
//!
//! A training step, or the inference of one image, runs on the [`Plan`] backend, whose tensors have no values and only
//! count their bytes. The code is that of the run itself, so the count can't drift from it. Added here is what lives
//! outside tensors: batches in host memory, and copies of the weights for a checkpoint.
//!
//! Images being decoded are not counted: their size isn't known beforehand.

mod advice;

use asap_autograd::Var;
use asap_tensor::{Ids, Plan, Tensor};

pub use advice::{Advice, advice};

use crate::Result;
use crate::config::{self, Config, DataConfig};
use crate::data::HELD_BY_EACH_WORKER;
use crate::networks::{Generator, Vgg19};
use crate::nn::{Blank, ForwardContext, Input, Target};
use crate::training::step::{Gan, Rates};

/// The program itself: code, stacks, packing buffers of matrix products (measured with the smallest networks).
const PROGRAM: u64 = 16 << 20;

/// The maximum free memory that glibc's allocator retains: the upper bound of its `M_TRIM_THRESHOLD`, which grows with
/// what is freed. With `MALLOC_MMAP_THRESHOLD_=65536`, which keeps tensors out of its heap, measured peaks are those of
/// the plan without it.
const MAX_RETAINED: u64 = 64 << 20;

/// Peak memory of a run on the `cpu` device in bytes, by purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Weights of all trained networks, with their spectral vectors.
    pub parameters: u64,
    /// Adam's two moments of each parameter, and the average of the generator's weights, if there is one.
    pub moments: u64,
    /// VGG19's weights, if its loss has a weight.
    pub perceptual: u64,
    /// Peak of one image or one training step: the batch on the device, activations saved for the backward pass,
    /// gradients of activations and weights.
    pub activations: u64,
    /// Scratch memory that threads keep between kernels.
    pub scratch: u64,
    /// Batches in host memory: the current one and those prefetched by workers.
    pub batches: u64,
    /// Copies of the weights, and in training of the moments, while a checkpoint is written or read. There are no
    /// activations at that time, so the larger of the two counts.
    pub copies: u64,
    /// The program itself.
    pub program: u64,
}

impl MemoryPlan {
    /// The sum, with what the allocator retains of freed memory: half of the transient memory, at most 64 MiB.
    pub fn total(&self) -> u64 {
        let transient = self.activations.max(self.copies);
        let &MemoryPlan { parameters, moments, perceptual, scratch, batches, program, .. } = self;
        let retained = MAX_RETAINED.min(transient / 2);
        let parts = [parameters, moments, perceptual, scratch, batches, program, transient, retained];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Every part with its name, in the order of the fields.
    pub fn parts(&self) -> [(&'static str, u64); 8] {
        [
            ("parameters", self.parameters),
            ("moments", self.moments),
            ("perceptual", self.perceptual),
            ("activations", self.activations),
            ("scratch", self.scratch),
            ("batches", self.batches),
            ("copies", self.copies),
            ("program", self.program),
        ]
    }
}

/// The memory of training on the `cpu` device with that many threads. Fails if the images are too small for a network.
///
/// ```
/// use asap_model::{Config, memory};
/// let plan = memory::training(&Config::preset("facades-256")?, 2)?;
/// // 82 million weights of the generator and 5.5 million of the discriminators, four bytes each, and two moments.
/// assert!(plan.parameters > 4 * 87_000_000 && plan.moments > 8 * 87_000_000);
/// assert!(plan.total() > plan.parameters + plan.moments);
/// # Ok::<(), asap_model::Error>(())
/// ```
pub fn training(config: &Config, threads: usize) -> Result<MemoryPlan> {
    let backend = Plan::new(threads);
    let meter = backend.meter();
    let vgg = if config.loss.lambda_vgg != 0.0 {
        Some(Vgg19::new(&backend, &mut Blank)?.of_channels(config.data.output_shown()))
    } else {
        None
    };
    let perceptual = meter.usage().live;
    let mut gan = Gan::new(&backend, config, vgg, &mut Blank)?;
    let parameters = meter.usage().live - perceptual;

    let [height, width] = config.data.size;
    let sizes = [config.train.batch, height, width];
    let mut step = || -> Result<()> {
        let input = blank_input(&backend, &config.data, sizes)?;
        let [n, h, w] = sizes;
        let zeros = || Tensor::zeros(&backend, [n, config.data.output_channels(), h, w]);
        let mut target = Target::new(zeros()?);
        if config.data.is_masked() {
            target = target.with_mask(zeros()?, 0);
        }
        let rates = Rates { generator: config.train.lr_generator, discriminator: config.train.lr_discriminator };
        gan.training_step(&input, &target, rates)?;
        Ok(())
    };
    // The first step allocates the moments; the second is like all later ones.
    step()?;
    meter.reset_peak();
    let kept = meter.usage().live;
    step()?;

    let usage = meter.usage();
    let moments = kept - usage.scratch - parameters - perceptual;
    let generator: usize = gan.generator.params.iter().map(|p| p.value().count()).sum();
    let held = config.data.workers * HELD_BY_EACH_WORKER + 1;
    Ok(MemoryPlan {
        parameters,
        moments,
        perceptual,
        activations: usage.peak - kept,
        scratch: usage.scratch,
        batches: (held as u64).saturating_mul(host_batch(&config.data, sizes)),
        // The whole state, and the generator once more in its own file.
        copies: parameters + moments + 4 * generator as u64,
        program: PROGRAM,
    })
}

/// The memory of inference of `n` images of `height`×`width` at once on the `cpu` device with that many threads. Fails
/// if the images are too small for the network.
pub fn inference(config: &Config, [n, height, width]: [usize; 3], threads: usize) -> Result<MemoryPlan> {
    let (data, generator) = (&config.data, &config.generator);
    let sizes = [n, generator.padded_side(height), generator.padded_side(width)];
    let backend = Plan::new(threads);
    let meter = backend.meter();
    let generator = Generator::new(&backend, generator, data, &mut Blank)?;
    let parameters = meter.usage().live;
    let input = blank_input(&backend, data, sizes)?;
    drop(generator.forward(&ForwardContext::evaluation(&generator.params), &input)?);

    let usage = meter.usage();
    let pixels = sizes.into_iter().product::<usize>() as u64;
    // The output's values, and the image made from them.
    let output = pixels * (data.output_channels() as u64) * (4 + u64::from(data.output_bits() / 8));
    Ok(MemoryPlan {
        parameters,
        activations: usage.peak - parameters - usage.scratch,
        scratch: usage.scratch,
        // And the input, as decoded and as a batch.
        batches: output + 2 * host_batch(data, sizes),
        // The weights as read, and the largest tensor once more as bytes of the file.
        copies: parameters + 4 * generator.params.iter().map(|p| p.value().count()).max().unwrap_or(0) as u64,
        program: PROGRAM,
        ..MemoryPlan::default()
    })
}

/// An input of the configured kind without values, (N, H, W).
fn blank_input(backend: &Plan, data: &DataConfig, sizes: [usize; 3]) -> Result<Input<Plan>> {
    let [n, h, w] = sizes;
    let zeros = |channels| -> Result<Var<Plan>> { Ok(Var::constant(Tensor::zeros(backend, [n, channels, h, w])?)) };
    let input = match data.input {
        config::InputKind::Labels => Input::labels(Ids::full(backend, sizes, 0)?, data.label_channels()),
        config::InputKind::Image => Input::image(zeros(data.input_channels())?),
    };
    if data.instances { input.with_edges(&zeros(1)?) } else { Ok(input) }
}

/// Bytes of a batch of (N, H, W) in host memory.
fn host_batch(data: &DataConfig, [n, h, w]: [usize; 3]) -> u64 {
    let input = match data.input {
        config::InputKind::Labels => 1,
        config::InputKind::Image => 4 * data.input_channels(),
    };
    let edges = if data.instances { 4 } else { 0 };
    let mask = if data.is_masked() { 4 * data.output_channels() } else { 0 };
    let pixel = input + edges + mask + 4 * data.output_channels();
    (n * h * w) as u64 * pixel as u64
}
