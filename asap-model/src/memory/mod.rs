//! How much memory a run will take, before it takes it.
//!
//! A round of training, or the drawing of one picture, runs on the [`Plan`] backend, which has no numbers and only
//! counts what tensors would hold: the code is that of the run itself, so the count can't drift from it. What is kept
//! outside tensors, batches on their way and copies of the weights for a checkpoint, is added here.
//!
//! Not counted are pictures being decoded: their size is not known before.

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

/// What the program itself takes: code, stacks, caches of matrix products (measured with the smallest networks).
const PROGRAM: u64 = 16 << 20;

/// The most free memory that glibc's allocator keeps at the end of its heap rather than give it back: the upper bound
/// of its `M_TRIM_THRESHOLD`, which grows with what is freed. With `MALLOC_MMAP_THRESHOLD_=65536`, which keeps tensors
/// out of that heap, measured peaks are those of the plan without it.
const MOST_RETAINED: u64 = 64 << 20;

/// Bytes that a run on the `cpu` device takes at its peak, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Weights of all trained networks, with their spectral vectors.
    pub parameters: u64,
    /// Adam's two moments of each parameter.
    pub moments: u64,
    /// VGG19's weights, where its loss has a weight.
    pub perceptual: u64,
    /// What one picture or one round needs beside these: the batch on the device, activations that are kept for the way
    /// back, gradients of activations and of weights; the most at any one time.
    pub activations: u64,
    /// Working memory that threads keep from one kernel to the next.
    pub scratch: u64,
    /// Batches in host memory: the one at hand and those that workers hold ready.
    pub batches: u64,
    /// Copies of the weights, and of the moments in training, while a checkpoint is written or read. Activations do not
    /// exist then, so the larger of the two counts.
    pub copies: u64,
    /// The program itself.
    pub program: u64,
}

/// What is held only for a time comes and goes in pieces of all sizes.
fn retained(passing: u64) -> u64 {
    MOST_RETAINED.min(passing / 2)
}

impl MemoryPlan {
    /// All of it, with what the allocator keeps of freed memory: half of what is held only for a time, at most 64 MiB.
    pub fn total(&self) -> u64 {
        let passing = self.activations.max(self.copies);
        let parts = [
            self.parameters,
            self.moments,
            self.perceptual,
            self.scratch,
            self.batches,
            self.program,
            passing,
            retained(passing),
        ];
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

/// What training as configured takes on the `cpu` device with that many threads.
///
/// ```
/// use asap_model::{Config, memory};
/// let plan = memory::training(&Config::preset("facades-256")?, 2)?;
/// // 82 million weights of the generator and 5.5 million of the discriminators, of four bytes each; two moments of each.
/// assert!(plan.parameters > 4 * 87_000_000 && plan.moments > 8 * 87_000_000);
/// assert!(plan.total() > plan.parameters + plan.moments);
/// # Ok::<(), asap_model::Error>(())
/// ```
pub fn training(config: &Config, threads: usize) -> Result<MemoryPlan> {
    let backend = Plan::new(threads);
    let meter = backend.meter();
    let vgg = if config.loss.lambda_vgg != 0.0 { Some(Vgg19::new(&backend, &mut Blank)?) } else { None };
    let perceptual = meter.usage().live;
    let mut gan = Gan::new(&backend, config, vgg, &mut Blank)?;
    let parameters = meter.usage().live - perceptual;

    let [height, width] = config.data.size;
    let sizes = [config.train.batch, height, width];
    let mut step = || -> Result<()> {
        let input = blank_input(&backend, &config.data, sizes)?;
        let [n, h, w] = sizes;
        let mut target = Target::new(Tensor::zeros(&backend, [n, config.data.output_channels(), h, w])?);
        if config.data.is_masked() {
            target = target.with_mask(Tensor::zeros(&backend, [n, 1, h, w])?, 0);
        }
        let rates = Rates { generator: config.train.lr_generator, discriminator: config.train.lr_discriminator };
        gan.training_step(&input, &target, rates)?;
        Ok(())
    };
    // The first step allocates the moments; the second is like all that follow.
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
        // The whole state, and the generator once more for its own file.
        copies: parameters + moments + 4 * generator as u64,
        program: PROGRAM,
    })
}

/// What drawing `n` pictures of `height`×`width` at once takes on the `cpu` device with that many threads.
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
    // The numbers drawn, the picture made of them, a depth map in 16 bits, and the input as it was read.
    let picture = pixels * if data.depth().is_some() { 4 + 2 } else { 3 * (4 + 1) };
    Ok(MemoryPlan {
        parameters,
        activations: usage.peak - parameters - usage.scratch,
        scratch: usage.scratch,
        batches: picture + 2 * host_batch(data, sizes),
        // The weights as they were read, and the largest once more as bytes of the file.
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
        config::Input::Labels => Input::labels(Ids::full(backend, sizes, 0)?, data.classes),
        config::Input::Rgb => Input::image(zeros(3)?),
    };
    if data.instances { input.with_edges(&zeros(1)?) } else { Ok(input) }
}

/// Bytes of a batch of (N, H, W) in host memory.
fn host_batch(data: &DataConfig, [n, h, w]: [usize; 3]) -> u64 {
    let input = match data.input {
        config::Input::Labels => 1,
        config::Input::Rgb => 4 * 3,
    };
    let [edges, mask] = [data.instances, data.is_masked()].map(|there| if there { 4 } else { 0 });
    let pixel = input + edges + mask + 4 * data.output_channels();
    (n * h * w) as u64 * pixel as u64
}
