//! Lesson 6: training in seconds, with a small generator and small discriminators on synthetic facades.
//!
//! `cargo run --release -p asap-model --example 06_train`

use asap_model::config::{AsapNetConfig, Config, DataConfig, Layout, LossConfig, PatchConfig, Resize, TrainConfig};
use asap_model::data::{Augmentation, Batch, Source, Synthetic, synthetic::Kind};
use asap_model::nn::XavierNormal;
use asap_model::training::step::Rates;
use asap_model::{Gan, Result};
use asap_tensor::Cpu;

const STEPS: usize = 30;
const BATCH: usize = 4;

/// A configuration small enough to train in seconds.
fn configuration() -> Result<Config> {
    let config = Config {
        data: DataConfig { layout: Layout::Synthetic, size: [32, 32], resize: Resize::None, ..DataConfig::default() },
        // 4×4 tiles of 8×8 pixels, with S2 = S: no fixed downsampling.
        generator: AsapNetConfig {
            tile: 8,
            learned_factor: 8,
            width: 16,
            max_width: 32,
            depth: 2,
            mlp_width: 16,
            ..AsapNetConfig::default()
        }
        .into(),
        discriminator: PatchConfig { scales: 1, width: 8, max_width: 32, ..PatchConfig::default() }.into(),
        // Without VGG19's weights, an L1 loss guides the colors.
        loss: LossConfig { lambda_vgg: 0.0, lambda_l1: 10.0, ..LossConfig::default() },
        // There are far fewer steps than in the paper, so initial weights and learning rate are larger.
        train: TrainConfig { batch: BATCH, init_gain: 1.0, lr_generator: 3e-3, ..TrainConfig::default() },
    };
    config.validate()?;
    Ok(config)
}

fn main() -> Result<()> {
    let backend = Cpu::new(None)?;
    let config = configuration()?;
    let train = &config.train;

    // Initial weights depend only on the seed and each tensor's key.
    let mut init = XavierNormal { seed: train.seed, gain: train.init_gain };
    let mut gan = Gan::new(&backend, &config, None, &mut init)?;
    println!("generator      {:7} trained parameters", gan.generator.params.trained_count());
    println!("discriminator  {:7}", gan.discriminator.params.trained_count());

    let (count, size) = (STEPS * BATCH, config.data.size);
    let facades = Synthetic { kind: Kind::Facades, seed: train.seed, first: 0, count, size };
    let rates = Rates { generator: train.lr_generator, discriminator: train.lr_discriminator };
    let mut history = Vec::with_capacity(STEPS);
    println!("\nstep    L1      GAN     D_fake  D_real");
    for step in 0..STEPS {
        // A batch of pairs, each randomly flipped. `Loader` prepares batches on worker threads.
        let examples = (step * BATCH..(step + 1) * BATCH).map(|index| {
            let augmentation = Augmentation { seed: train.seed, epoch: 0, index };
            facades.get(index)?.prepare(&config.data, Some(augmentation))
        });
        let batch = Batch { epoch: 0, index: step, examples: examples.collect::<Result<_>>()? };
        let (input, target) = (batch.input(&backend, &config.data)?, batch.target(&backend, &config.data)?);

        // Updates the generator, then the discriminators.
        let (losses, fake) = gan.training_step(&input, &target, rates)?;
        assert_eq!(fake.shape(), target.image.shape());
        // Reported losses include their weights.
        let loss = |name| losses.get(name).expect("its weight is not 0");
        let l1 = loss("L1") / config.loss.lambda_l1;
        if step % 5 == 0 || step + 1 == STEPS {
            println!("{:5}  {l1:6.3}  {:7.3}  {:6.3}  {:6.3}", step + 1, loss("GAN"), loss("D_fake"), loss("D_real"));
        }
        history.push(l1);
    }

    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&history[..5]), mean(&history[STEPS - 5..]));
    println!("\nmean L1 of the first five steps {first:.3}, of the last five {last:.3}");
    assert!(last < 0.85 * first, "the generator learned nothing: {first} to {last}");
    Ok(())
}
