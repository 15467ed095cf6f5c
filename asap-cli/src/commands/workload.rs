//! What `bench` and `profile` time: a forward pass or a training step, on made-up inputs.

use std::time::Instant;

use anyhow::Result;
use asap_model::config::InputKind;
use asap_model::data::{Channels, HostInput, Image, Plane, Samples};
use asap_model::memory::{self, MemoryPlan};
use asap_model::networks::Vgg19;
use asap_model::nn::{FillByName, Random};
use asap_model::training::step::Rates;
use asap_model::{Config, ForwardContext, Gan, Generator, Target};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Tensor};

/// What is timed.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// Networks, image size and losses.
    pub config: &'a Config,
    /// Batch size.
    pub batch: usize,
    /// Training steps with the configuration's losses, VGG19 having made-up weights; else forward passes, from ids in
    /// host memory to an image in host memory.
    pub train: bool,
}

impl Workload<'_> {
    /// `infer` or `train`.
    pub fn mode(&self) -> &'static str {
        if self.train { "train" } else { "infer" }
    }

    /// The planned memory, without that for checkpoints and for workers.
    pub fn plan(&self, threads: usize) -> asap_model::Result<MemoryPlan> {
        let mut config = self.config.clone();
        config.train.batch = self.batch;
        config.data.workers = 0;
        let [height, width] = config.data.size;
        let plan = match self.train {
            true => memory::training(&config, threads)?,
            false => memory::inference(&config, [self.batch, height, width], threads)?,
        };
        Ok(MemoryPlan { copies: 0, ..plan })
    }

    /// Builds the networks and passes a run of the workload to `measure`. Returns the number of trained parameters and
    /// what `measure` returned.
    pub fn prepare<B: Backend, T>(
        &self,
        backend: &B,
        measure: impl FnOnce(&mut dyn FnMut() -> Result<()>) -> Result<T>,
    ) -> Result<(usize, T)> {
        let &Workload { config, batch, train } = self;
        let inputs = made_up_inputs(config, batch);
        let mut fill = FillByName { prefix: "bench.".into(), gain: 1.0 };
        if !train {
            let generator = Generator::new(backend, &config.generator, &config.data, &mut fill)?;
            let measured = measure(&mut || {
                let ctx = ForwardContext::evaluation(&generator.params).with_random(Random::new(0, "bench"));
                generator.forward(&ctx, &HostInput::stack(&inputs, backend, &config.data)?)?.value().to_f32()?;
                Ok(())
            })?;
            return Ok((generator.params.trained_count(), measured));
        }
        let vgg = if config.loss.lambda_vgg == 0.0 {
            None
        } else {
            Some(Vgg19::new(backend, &mut fill)?.of_channels(config.data.output_shown()))
        };
        let mut gan = Gan::new(backend, config, vgg, &mut fill)?;
        let parameters = gan.generator.params.trained_count() + gan.discriminator.params.trained_count();
        let [height, width] = config.data.size;
        let shape = [batch, config.data.output_channels(), height, width];
        let real = uniform_by_name("bench.real", shape.iter().product());
        let target = Target::new(Tensor::from_f32(backend, shape, &real)?);
        let rates = Rates { generator: config.train.lr_generator, discriminator: config.train.lr_discriminator };
        let measured = measure(&mut || {
            gan.training_step(&HostInput::stack(&inputs, backend, &config.data)?, &target, rates)?;
            Ok(())
        })?;
        Ok((parameters, measured))
    }
}

/// Seconds of each of `count` runs.
pub fn times<B: Backend>(backend: &B, count: usize, run: &mut dyn FnMut() -> Result<()>) -> Result<Vec<f64>> {
    backend.synchronize()?;
    let time = |_| {
        let start = Instant::now();
        run()?;
        backend.synchronize()?;
        Ok(start.elapsed().as_secs_f64())
    };
    (0..count).map(time).collect()
}

/// The median of one or more values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

/// Made-up inputs of the configured kind and size: labels in blocks of 7 pixels, so that tiles are mixed; a tenth of the
/// pixels belong to another instance.
pub fn made_up_inputs(config: &Config, count: usize) -> Vec<HostInput> {
    let data = &config.data;
    let [height, width] = data.size;
    let input = |index: usize| {
        let values = |what: &str, count: usize| uniform_by_name(&format!("made-up.{index}.{what}"), count);
        let below = |u: f32, n: usize| (((u + 1.0) / 2.0 * n as f32) as usize).min(n - 1) as u8;
        let channels = match data.input {
            InputKind::Image => {
                let values = values("image", data.input_channels() * height * width);
                let levels = values.into_iter().map(|value| below(value, 256)).collect();
                Channels::Image(Image::new(data.size, data.input_channels(), Samples::U8(levels)))
            }
            InputKind::Labels => {
                let across = width.div_ceil(7);
                let blocks = values("labels", height.div_ceil(7) * across);
                let label = |x: usize, y: usize| below(blocks[y / 7 * across + x / 7], data.label_channels());
                Channels::Labels(Plane::from_fn(height, width, label))
            }
        };
        let instances = data.instances.then(|| {
            let values = values("instances", height * width);
            Plane::from_fn(height, width, |x, y| u32::from(values[y * width + x] > 0.8))
        });
        HostInput { name: format!("made-up {index}"), channels, instances }
    };
    (0..count).map(input).collect()
}
