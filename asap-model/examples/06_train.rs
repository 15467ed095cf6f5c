//! Lesson 6: a training of seconds: a small generator against small discriminators, on synthetic facades.
//!
//! `cargo run --release -p asap-model --example 06_train`

use asap_model::config::{
    AsapNetConfig, Config, DataConfig, DiscriminatorConfig, Layout, LossConfig, Resize, TrainConfig,
};
use asap_model::data::{Batch, Draw, Source, SyntheticFacades, prepare};
use asap_model::network::XavierNormal;
use asap_model::round::Rates;
use asap_model::{Condition, Game, Network, Result};
use asap_tensor::{Cpu, Tensor};

const ROUNDS: usize = 30;
const BATCH: usize = 4;

/// Everything that the paper leaves to choose, and sizes small enough for seconds.
fn configuration() -> Result<Config> {
    let config = Config {
        data: DataConfig { layout: Layout::Synthetic, size: [32, 32], resize: Resize::None, ..DataConfig::default() },
        // 4×4 tiles of 8×8 pixels, all of S learnt.
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
        discriminator: DiscriminatorConfig { scales: 1, width: 8, max_width: 32, ..DiscriminatorConfig::default() },
        // Without VGG's weights an L1 loss gives the colours.
        loss: LossConfig { lambda_vgg: 0.0, lambda_l1: 10.0, ..LossConfig::default() },
        // Far fewer rounds than the paper's: larger first weights and larger steps.
        train: TrainConfig { batch: BATCH, init_gain: 1.0, lr_generator: 3e-3, ..TrainConfig::default() },
    };
    config.validate()?;
    Ok(config)
}

fn main() -> Result<()> {
    let backend = Cpu::new(None)?;
    let config = configuration()?;
    let train = &config.train;

    // Weights are a function of the seed and each tensor's name.
    let mut init = XavierNormal { seed: train.seed, gain: train.init_gain };
    let mut game = Game::new(&backend, &config, None, &mut init)?;
    println!("generator      {:7} trained parameters", game.generator.trainable_count());
    println!("discriminator  {:7}", game.discriminator.trainable_count());

    let facades = SyntheticFacades { seed: train.seed, first: 0, count: ROUNDS * BATCH, size: config.data.size };
    let rates = Rates { generator: train.lr_generator, discriminator: train.lr_discriminator };
    let mut history = Vec::with_capacity(ROUNDS);
    println!("\nround    L1      GAN     D_Fake  D_real");
    for round in 0..ROUNDS {
        // A batch of pairs, each mirrored or not by a draw of its own. `Loader` does this on other threads.
        let samples = (round * BATCH..(round + 1) * BATCH).map(|index| {
            let draw = Draw { seed: train.seed, epoch: 0, index };
            prepare(&facades.raw(index)?, &config.data, Some(draw))
        });
        let batch = Batch::stack(0, round, samples.collect::<Result<_>>()?)?;
        let shape = [batch.len(), batch.image_channels, batch.height, batch.width];
        let real = Tensor::from_f32(&backend, shape, &batch.image)?;
        let condition = Condition::from_batch(&backend, &batch, &config.data)?;

        // One step of the generator, then one of the discriminators.
        let (losses, fake) = game.round(&condition, &real, rates)?;
        assert_eq!(fake.shape(), real.shape());
        // Losses are reported times their weights.
        let l1 = losses.l1.expect("lambda_l1 is not 0") / config.loss.lambda_l1;
        if round % 5 == 0 || round + 1 == ROUNDS {
            println!("{:5}  {l1:6.3}  {:7.3}  {:6.3}  {:6.3}", round + 1, losses.gan, losses.fake, losses.real);
        }
        history.push(l1);
    }

    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&history[..5]), mean(&history[ROUNDS - 5..]));
    println!("\nmean L1 of the first five rounds {first:.3}, of the last five {last:.3}");
    assert!(last < 0.85 * first, "the generator learnt nothing: {first} to {last}");
    Ok(())
}
