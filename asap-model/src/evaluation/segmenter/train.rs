//! Training a segmentation network on label maps and their images.

use std::sync::Arc;
use std::time::Instant;

use asap_autograd::{Tape, Var};
use asap_tensor::{Backend, Ids, Tensor};

use super::super::measures::Confusion;
use super::file::{LabelPredictor, Segmenter, padded};
use crate::config::{Config, DataConfig};
use crate::data::{Channels, Example, Loader, LoaderOptions, Purpose, Sizing, Source};
use crate::nn::{ForwardContext, Initializer, ParamRole, XavierNormal};
use crate::training::optim::Adam;
use crate::{Error, Result};

/// Adam's constants: PyTorch's defaults.
const BETAS: [f64; 2] = [0.9, 0.999];

/// Maximum number of label maps whose pixels are counted.
const COUNTED: usize = 256;

/// How a segmentation network is trained.
#[derive(Clone, Copy, Debug)]
pub struct TrainOptions {
    /// Steps, unless `minutes` ends it before.
    pub steps: u64,
    /// Minutes of training; the learning rate falls to 0 by then.
    pub minutes: Option<f64>,
    /// Batch size; at most the number of pairs.
    pub batch: usize,
    /// Learning rate of the first step, from which it falls linearly.
    pub learning_rate: f64,
    /// Channels at full size.
    pub width: usize,
    /// Seed of weights, order, crops and flips.
    pub seed: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions { steps: 2000, minutes: None, batch: 8, learning_rate: 2e-3, width: 16, seed: 0 }
    }
}

/// A step of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Its number, from 1.
    pub step: u64,
    /// Its cross entropy.
    pub loss: f64,
    /// The share of the training that is done.
    pub done: f64,
}

/// Trains a network to predict the labels of a dataset's images, resized, cropped and flipped as the configuration says.
///
/// The loss is the cross entropy over pixels of a class, each weighted by 1/√f, where f is its class's share of all: between
/// equal pixels, for which rare classes hardly count, and equal classes. `progress` gets every step, and returns whether
/// to continue.
///
/// # Errors
/// As [`Segmenter::new`]; [`Error::Diverged`] if the loss is not finite; [`Error::Data`] for a pair that can't be read.
pub fn train<B: Backend>(
    backend: &B,
    config: &Config,
    training: Arc<dyn Source>,
    options: TrainOptions,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Segmenter<B>> {
    let mut segmenter = Segmenter::new(backend, config.clone(), options.width, &mut Scaled(options.seed))?;
    let data = &config.data;
    let weights = class_weights(&*training, data)?;
    let weights = Tensor::from_f32(backend, [data.classes], &weights)?;
    let mut adam = Adam::new(BETAS[0], BETAS[1]);
    let loader = LoaderOptions {
        purpose: Purpose::Training,
        batch: options.batch.min(training.len()).max(1),
        seed: options.seed,
        epochs: 1..u64::MAX,
        first_batch: 0,
        workers: data.workers,
    };
    let start = Instant::now();
    for (batch, step) in Loader::start(training, data, loader)?.zip(1..=options.steps) {
        let (images, ids) = stack(backend, &batch?.examples, data)?;
        let minutes = options.minutes.map_or(0.0, |minutes| start.elapsed().as_secs_f64() / 60.0 / minutes);
        let done = minutes.max((step - 1) as f64 / options.steps as f64);
        if done >= 1.0 {
            break;
        }
        let tape = Tape::new();
        let ctx = ForwardContext::training(&segmenter.params, &tape);
        let loss = segmenter.logits(&ctx, &images)?.mean_cross_entropy(&ids, &weights)?;
        let pass = ctx.finish();
        let (gradients, _) = pass.gradients(&tape.backward(&loss)?);
        adam.step(&mut segmenter.params, &gradients, loss.value(), options.learning_rate * (1.0 - done))?;
        let loss = loss.value().item()?;
        if !loss.is_finite() {
            return Err(Error::Diverged { step, what: "the cross entropy".into(), value: loss, layer: None });
        }
        let done = minutes.max(step as f64 / options.steps as f64);
        if !progress(Progress { step, loss, done }) {
            break;
        }
    }
    Ok(segmenter)
}

/// The labels of pairs and what is predicted of their images, at the size of validation.
pub fn validate(segmenter: &dyn LabelPredictor, source: &dyn Source, data: &DataConfig) -> Result<Confusion> {
    let mut confusion = Confusion::new(segmenter.classes());
    for index in 0..source.len() {
        let Example { input, target } = Sizing::Configured.example(source.get(index)?, data)?;
        if let Channels::Labels(map) = &input.channels {
            confusion.add(&map.data, &segmenter.predict(&target)?)?;
        }
    }
    Ok(confusion)
}

/// Images (N, C, H, W) in [−1, 1] and their labels (N, H, W).
fn stack<B: Backend>(backend: &B, examples: &[Example], data: &DataConfig) -> Result<(Var<B>, Ids<B>)> {
    let scale = data.output_scale();
    let [h, w] = examples.first().map_or([0; 2], |example| padded(example.target.size()));
    let (mut values, mut ids) = (Vec::new(), Vec::new());
    for Example { input, target } in examples {
        values.extend(target.pad_to([h, w]).values(&scale));
        if let Channels::Labels(map) = &input.channels {
            ids.extend(map.pad_to([h, w]).data);
        }
    }
    let images = Tensor::from_f32(backend, [examples.len(), data.output_channels(), h, w], &values)?;
    Ok((Var::constant(images), Ids::from_vec(backend, [examples.len(), h, w], ids)?))
}

/// 1/√f for each class, f being its share of the pixels of at most [`COUNTED`] label maps; 0 for classes without pixels.
fn class_weights(training: &dyn Source, data: &DataConfig) -> Result<Vec<f32>> {
    let mut counts = vec![0_u64; data.classes];
    let maps = training.len().min(COUNTED);
    for place in 0..maps {
        if let Channels::Labels(map) = training.get(place * training.len() / maps)?.input.channels {
            for &label in &map.data {
                if let Some(count) = counts.get_mut(usize::from(label)) {
                    *count += 1;
                }
            }
        }
    }
    let total = counts.iter().sum::<u64>() as f64;
    if total == 0.0 {
        let problem = "every pixel of the label maps is ignored; check data.ignore".into();
        return Err(Error::Data { file: "training pairs".into(), problem });
    }
    Ok(counts.iter().map(|&count| if count == 0 { 0.0 } else { (total / count as f64).sqrt() as f32 }).collect())
}

/// He initialization of weights for ReLU (He et al. 2015), with the seed.
struct Scaled(u64);

impl Initializer for Scaled {
    fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>> {
        let gain = match (role, shape) {
            // Xavier's deviation times this is √(2 / fan_in).
            (ParamRole::Weight, [outputs, inputs, ..]) => ((outputs + inputs) as f64 / *inputs as f64).sqrt(),
            _ => 1.0,
        };
        XavierNormal { seed: self.0, gain }.fill(key, shape, role)
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Cpu;

    use super::*;
    use crate::config::Layout;
    use crate::data::{HostInput, Image, Plane};

    /// Images whose gray level is that of their class, with noise; class 2 is ignored.
    struct Squares;

    impl Source for Squares {
        fn len(&self) -> usize {
            12
        }

        fn get(&self, index: usize) -> Result<Example> {
            let label = |x: usize, y: usize| match (x + index) % 16 {
                0 => 2,
                column => u8::from(column > 8 && (y + 3 * index) % 16 > 5),
            };
            let level = |x: usize, y: usize| [90 + 70 * (label(x, y) % 2) + (x * 7 + y * 13 + index) as u8 % 20; 3];
            let channels = Channels::Labels(Plane::from_fn(16, 16, label));
            let input = HostInput { name: index.to_string(), channels, instances: None };
            Ok(Example { input, target: Plane::from_fn(16, 16, level).into() })
        }
    }

    fn config(more: &[&str]) -> Config {
        let mut config = Config::default();
        config.data.layout = Layout::Pairs;
        let keys = ["data.classes=2", "data.ignore=255", "data.size=[16,16]", "data.workers=0", "generator.tile=4"];
        for key in keys.iter().chain(&["generator.learned_factor=4"]).chain(more) {
            config.set(key).unwrap();
        }
        config
    }

    fn trained(steps: u64, seed: u64) -> Segmenter<Cpu> {
        let options = TrainOptions { steps, batch: 4, learning_rate: 0.02, width: 2, seed, minutes: None };
        let backend = Cpu::new(Some(1)).unwrap();
        train(&backend, &config(&[]), Arc::new(Squares), options, &mut |_| true).unwrap()
    }

    #[test]
    fn network_learns_and_its_file_reads_back() {
        let segmenter = trained(60, 1);
        let found = validate(&segmenter, &Squares, &config(&[]).data).unwrap();
        assert_eq!(found.pixels(), 12 * 15 * 16, "ignored pixels don't count");
        assert!(found.mean_iou().unwrap() > 0.9 && found.dice().unwrap() > 0.95, "{found:?}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("segmenter.safetensors");
        segmenter.save(&file).unwrap();
        let read = Segmenter::load(segmenter.params.backend(), &file).unwrap();
        let image = Squares.get(3).unwrap().target;
        assert_eq!(read.predict(&image).unwrap(), segmenter.predict(&image).unwrap());
        assert_eq!(segmenter.mismatch(&config(&[]).data), None);
        let odd = image.crop(0, 0, 5, 11);
        assert_eq!(read.predict(&odd).unwrap().len(), 55, "any size");
        std::fs::write(&file, b"text").unwrap();
        assert!(Segmenter::load(segmenter.params.backend(), &file).is_err());
    }

    #[test]
    fn seed_decides_the_weights() {
        let weights = |seed| trained(2, seed).params.to_weights().unwrap();
        assert!(weights(1) == weights(1));
        assert!(weights(1) != weights(2));
    }

    #[test]
    fn other_data_is_refused() {
        let segmenter = trained(1, 1);
        for (changes, part) in [
            (&["data.classes=3"][..], "data.classes 2, not 3"),
            (&["data.output_channels=1"], "data.output_channels 3, not 1"),
            (&["data.output_range=[0,100]"], "data.output_range"),
            (&["data.output=depth"], "depth maps"),
            (&["data.input=image"], "inputs are images"),
        ] {
            let problem = segmenter.mismatch(&config(changes).data).unwrap_or_default();
            assert!(problem.contains(part), "{changes:?}: {problem}");
        }
        for changes in [&["data.output=depth"][..], &["data.input=image"]] {
            let options = TrainOptions::default();
            let backend = Cpu::new(Some(1)).unwrap();
            let error = train(&backend, &config(changes), Arc::new(Squares), options, &mut |_| true);
            assert!(error.unwrap_err().to_string().contains("segmentation"), "{changes:?}");
        }
    }

    #[test]
    fn gray_images_have_one_channel() {
        let image = Image::gray8(Plane::from_fn(16, 16, |x, _| x as u8));
        let config = config(&["data.output_channels=1"]);
        let backend = Cpu::new(Some(1)).unwrap();
        let segmenter = Segmenter::new(&backend, config, 2, &mut Scaled(1)).unwrap();
        assert_eq!(segmenter.predict(&image).unwrap().len(), 256);
    }
}
