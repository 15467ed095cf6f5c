//! A training step that diverges says so in the same step, and says where.

use asap_model::config::{AsapNetConfig, Config, Layout, Resize};
use asap_model::data::{Augmentation, Batch, prepare};
use asap_model::nn::{Params, XavierNormal};
use asap_model::training::Sources;
use asap_model::training::step::{Gan, Rates};
use asap_model::{Error, Result};
use asap_tensor::{Reference, Tensor};

const RATES: Rates = Rates { generator: 1e-4, discriminator: 4e-4 };

fn tiny() -> Config {
    let mut config = Config::default();
    config.data.layout = Layout::Synthetic;
    config.data.resize = Resize::None;
    config.data.size = [16, 16];
    config.data.count = 2;
    config.generator = AsapNetConfig {
        tile: 4,
        learned_factor: 4,
        width: 3,
        max_width: 5,
        depth: 1,
        mlp_width: 6,
        mlp_depth: 2,
        ..AsapNetConfig::default()
    }
    .into();
    config.discriminator.width = 2;
    config.discriminator.max_width = 4;
    config.loss.lambda_vgg = 0.0;
    config.train.init_gain = 1.0;
    config
}

/// One training step of networks that `spoil` has changed.
fn step(config: &Config, spoil: impl FnOnce(&mut Gan<Reference<f32>>)) -> Result<()> {
    let backend = Reference::<f32>::new();
    let raw = Sources::open(config)?.training.raw(0)?;
    let sample = prepare(&raw, &config.data, Some(Augmentation { seed: 1, epoch: 1, index: 0 }))?;
    let batch = Batch::stack(1, 0, vec![sample])?;
    let (input, target) = (batch.input(&backend, &config.data)?, batch.target(&backend)?);
    let mut init = XavierNormal { seed: 1, gain: config.train.init_gain };
    let mut gan = Gan::new(&backend, config, None, &mut init)?;
    spoil(&mut gan);
    let before = [bits(&gan.generator.params), bits(&gan.discriminator.params)];
    let result = gan.training_step(&input, &target, RATES).map(drop);
    // What is not finite stays out of both networks; the discriminators' spectral vectors are not trained.
    assert_eq!([bits(&gan.generator.params), bits(&gan.discriminator.params)] == before, result.is_err());
    result
}

/// The trained values of a network, bit by bit.
fn bits(params: &Params<Reference<f32>>) -> Vec<u32> {
    params.trained().flat_map(|p| p.value().to_f32().unwrap()).map(f32::to_bits).collect()
}

/// Puts a value into a parameter.
fn plant(params: &mut Params<Reference<f32>>, key: &str, value: f32) {
    let parameter = params.find_mut(key).unwrap_or_else(|| panic!("no {key}"));
    let shape = parameter.value().shape();
    let mut numbers = parameter.value().to_f32().unwrap();
    numbers[0] = value;
    *parameter.value_mut() = Tensor::from_f32(&Reference::new(), shape, &numbers).unwrap();
}

#[test]
fn infinite_loss_names_the_layer() {
    step(&tiny(), |_| {}).unwrap();
    for layer in ["lowres_stream.model.1", "lowres_stream.model.4", "lowres_stream.model.9.conv_block.1"] {
        for value in [f32::NAN, f32::INFINITY] {
            let error = step(&tiny(), |gan| plant(&mut gan.generator.params, &format!("{layer}.0.weight"), value));
            let error = error.unwrap_err();
            let Error::Diverged { round: 1, what, layer: Some(named), .. } = &error else { panic!("{error}") };
            assert_eq!((what.as_str(), named.as_str()), ("the loss GAN", layer), "{error}");
        }
    }
    let error = step(&tiny(), |gan| plant(&mut gan.discriminator.params, "discriminator_1.model0.0.weight", f32::NAN));
    let error = error.unwrap_err().to_string();
    for part in ["round 1", "the loss GAN", "NaN", "discriminator_1.model0", "train.lr_generator"] {
        assert!(error.contains(part), "{error}");
    }
}

/// Adam would carry it into the weights, and only the next step's losses would show it.
#[test]
fn infinite_gradient_is_found() {
    let mut config = tiny();
    (config.loss.lambda_l1, config.train.init_gain) = (3e38, 0.02);
    // The first bias of every MLP: what the next layer's weights are multiplied by, and so their gradients.
    let error =
        step(&config, |gan| plant(&mut gan.generator.params, "lowres_stream.model.10.bias", 100.0)).unwrap_err();
    let Error::Diverged { round: 1, what, value, .. } = &error else { panic!("{error}") };
    assert!(what.starts_with("the sum of the gradient of lowres_stream.model."), "{error}");
    assert!(!value.is_finite());
}
