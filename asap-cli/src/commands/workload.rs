//! What `bench` and `profile --roofline` time: a forward pass, or a round of training, on made-up inputs.

use std::time::Instant;

use anyhow::Result;
use asap_model::config::Input;
use asap_model::data::{Batch, InputData, Sample};
use asap_model::memory::{self, MemoryPlan};
use asap_model::networks::Vgg19;
use asap_model::nn::FillByName;
use asap_model::training::step::Rates;
use asap_model::{Config, ForwardContext, Gan, Generator, Target};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Tensor};

/// A network, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// Describes the network.
    pub config: &'a Config,
    /// Images at once.
    pub batch: usize,
    /// Whole rounds of training, with all losses and made-up VGG weights where the picture has colours; else forward
    /// passes, from ids in host memory to a picture in host memory.
    pub train: bool,
}

impl Workload<'_> {
    /// `infer` or `train`.
    pub fn mode(&self) -> &'static str {
        if self.train { "train" } else { "infer" }
    }

    /// The memory that it is planned to take: no checkpoint is read or written, and no workers hold batches.
    ///
    /// # Errors
    /// As [`memory::training`] and [`memory::inference`].
    pub fn plan(&self, threads: usize) -> asap_model::Result<MemoryPlan> {
        let mut config = self.config.clone();
        config.train.batch = self.batch;
        config.loss.lambda_vgg = if config.data.output_channels() == 3 { 1.0 } else { 0.0 };
        config.data.workers = 0;
        let [height, width] = config.data.size;
        let plan = match self.train {
            true => memory::training(&config, threads)?,
            false => memory::inference(&config, [self.batch, height, width], threads)?,
        };
        Ok(MemoryPlan { copies: 0, ..plan })
    }

    /// Sets the network up and gives `measure` what to run. Returns the number of trained parameters and what came of
    /// it.
    ///
    /// # Errors
    /// If the device fails, or `measure` does.
    pub fn prepare<B: Backend, T>(
        &self,
        backend: &B,
        measure: impl FnOnce(&mut dyn FnMut() -> Result<()>) -> Result<T>,
    ) -> Result<(usize, T)> {
        let &Workload { config, batch, train } = self;
        let batch = made_up_batch(config, batch)?;
        let mut fill = FillByName { prefix: "bench.".into(), gain: 1.0 };
        if !train {
            let generator = Generator::new(backend, &config.generator, &config.data, &mut fill)?;
            let measured = measure(&mut || {
                let ctx = ForwardContext::evaluation(&generator.params);
                generator.forward(&ctx, &batch.input(backend, &config.data)?)?.value().to_f32()?;
                Ok(())
            })?;
            return Ok((generator.params.trained_count(), measured));
        }
        let colored = config.data.output_channels() == 3;
        let vgg = if colored { Some(Vgg19::new(backend, &mut fill)?) } else { None };
        let mut config = config.clone();
        config.loss.lambda_vgg = if colored { 1.0 } else { 0.0 };
        let mut gan = Gan::new(backend, &config, vgg, &mut fill)?;
        let parameters = gan.generator.params.trained_count() + gan.discriminator.params.trained_count();
        let [height, width] = config.data.size;
        let shape = [batch.len(), config.data.output_channels(), height, width];
        let real = uniform_by_name("bench.real", shape.iter().product());
        let target = Target::new(Tensor::from_f32(backend, shape, &real)?);
        let rates = Rates { generator: config.train.lr_generator, discriminator: config.train.lr_discriminator };
        let measured = measure(&mut || {
            gan.training_step(&batch.input(backend, &config.data)?, &target, rates)?;
            Ok(())
        })?;
        Ok((parameters, measured))
    }
}

/// Seconds of each of `count` runs, after one that is not timed.
pub fn times<B: Backend>(backend: &B, count: usize, run: &mut dyn FnMut() -> Result<()>) -> Result<Vec<f64>> {
    run()?;
    backend.synchronize()?;
    let time = |_| {
        let start = Instant::now();
        run()?;
        backend.synchronize()?;
        Ok(start.elapsed().as_secs_f64())
    };
    (0..count).map(time).collect()
}

/// The middle of some numbers, of which there is one at least; of an even number of them, the mean of both in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

/// Inputs of the configured kind and size: labels in blocks of 7 pixels, so that no tile is of one label; edges on a
/// tenth of the pixels.
pub fn made_up_batch(config: &Config, count: usize) -> asap_model::Result<Batch> {
    let data = &config.data;
    let [height, width] = data.size;
    let plane = height * width;
    let sample = |index: usize| {
        let numbers = |what: &str, count: usize| uniform_by_name(&format!("made-up.{index}.{what}"), count);
        let input = match data.input {
            Input::Rgb => InputData::Rgb(numbers("image", 3 * plane)),
            Input::Labels => {
                let across = width.div_ceil(7);
                let blocks = numbers("labels", height.div_ceil(7) * across);
                let label = |u: f32| ((u + 1.0) / 2.0 * data.classes as f32) as usize;
                let ids = (0..plane).map(|i| label(blocks[i / width / 7 * across + i % width / 7]));
                InputData::Labels(ids.map(|id| id.min(data.classes - 1) as u8).collect())
            }
        };
        let edge = |u: f32| if u > 0.8 { 1.0 } else { 0.0 };
        let edges = data.instances.then(|| numbers("edges", plane).into_iter().map(edge).collect());
        Sample { name: format!("made-up {index}"), height, width, input, edges, image: Vec::new(), mask: None }
    };
    Batch::stack(0, 0, (0..count).map(sample).collect())
}
