//! A training step that diverges reports it in the same step, with the place.

mod common;

use asap_model::config::Config;
use asap_model::data::{Augmentation, Batch};
use asap_model::nn::{Params, XavierNormal};
use asap_model::training::Sources;
use asap_model::training::step::{Gan, Rates};
use asap_model::{Error, Result};
use asap_tensor::{Reference, Tensor};
use common::tiny;

const RATES: Rates = Rates { generator: 1e-4, discriminator: 4e-4 };

/// One training step of networks that `spoil` has changed.
fn step(config: &Config, spoil: impl FnOnce(&mut Gan<Reference<f32>>)) -> Result<()> {
    let backend = Reference::<f32>::new();
    let example = Sources::open(config)?.training.get(0)?;
    let example = example.prepare(&config.data, Some(Augmentation { seed: 1, epoch: 1, index: 0 }))?;
    let batch = Batch { epoch: 1, index: 0, examples: vec![example] };
    let (input, target) = (batch.input(&backend, &config.data)?, batch.target(&backend, &config.data)?);
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
    let mut values = parameter.value().to_f32().unwrap();
    values[0] = value;
    *parameter.value_mut() = Tensor::from_f32(&Reference::new(), shape, &values).unwrap();
}

#[test]
fn infinite_loss_names_the_layer() {
    step(&tiny(), |_| {}).unwrap();
    for layer in ["lowres_stream.model.1", "lowres_stream.model.4", "lowres_stream.model.9.conv_block.1"] {
        for value in [f32::NAN, f32::INFINITY] {
            let error = step(&tiny(), |gan| plant(&mut gan.generator.params, &format!("{layer}.0.weight"), value));
            let error = error.unwrap_err();
            let Error::Diverged { step: 1, what, layer: Some(named), .. } = &error else { panic!("{error}") };
            assert_eq!((what.as_str(), named.as_str()), ("the loss GAN", layer), "{error}");
        }
    }
    let error = step(&tiny(), |gan| plant(&mut gan.discriminator.params, "discriminator_1.model0.0.weight", f32::NAN));
    let error = error.unwrap_err().to_string();
    for part in ["step 1", "the loss GAN", "NaN", "discriminator_1.model0", "train.lr_generator"] {
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
    let Error::Diverged { step: 1, what, value, .. } = &error else { panic!("{error}") };
    assert!(what.starts_with("the sum of the gradient of lowres_stream.model."), "{error}");
    assert!(!value.is_finite());
}
