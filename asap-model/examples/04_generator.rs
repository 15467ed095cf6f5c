//! Lesson 4: a whole generator on a synthetic facade: the shape of every step and the number of parameters.
//!
//! `cargo run --release -p asap-model --example 04_generator`

use asap_model::config::{AsapNetConfig, DataConfig};
use asap_model::data::synthetic::facade;
use asap_model::networks::asap_net::{AsapNet, downsample};
use asap_model::nn::{Module, Params, XavierNormal};
use asap_model::{Config, ForwardContext, Input, Result};
use asap_tensor::{Cpu, Ids};

/// C_total: the parameters of one tile's MLP, a weight for each pair of channels and a bias for each output.
fn parameters_of_a_tile(generator: &AsapNetConfig, data: &DataConfig) -> usize {
    generator.mlp_channels(data).windows(2).map(|c| c[1] * c[0] + c[1]).sum()
}

/// The trained parameters: those of the low-resolution stream, since the MLPs' parameters are its output.
fn trained_parameters(generator: &AsapNetConfig, data: &DataConfig) -> usize {
    // A block has 3×3 weights without bias, and the norm's scale and bias.
    let block = |inputs: usize, outputs: usize| 9 * inputs * outputs + 2 * outputs;
    let (width, wide) = (generator.width, generator.max_width);
    let strided = generator.strided_layers();
    let first = block(data.lowres_channels(), width);
    let downsampling = (strided - 1) * block(width, width) + block(width, wide);
    let deep = generator.depth * block(wide, wide);
    let outputs = parameters_of_a_tile(generator, data);
    first + downsampling + deep + wide * outputs + outputs
}

/// The labels of facade 0, with the label of one pixel changed if `change` is given.
fn input(backend: &Cpu, [height, width]: [usize; 2], change: Option<usize>) -> Result<Input<Cpu>> {
    let mut labels = facade(0, 0, height, width).labels.data;
    if let Some(pixel) = change {
        labels[pixel] = if labels[pixel] == 1 { 2 } else { 1 };
    }
    let ids = Ids::from_vec(backend, [1, height, width], labels)?;
    Ok(Input::labels(ids, 13))
}

fn main() -> Result<()> {
    let backend = Cpu::new(None)?;
    // S = 16 = S1·S2: a fixed filter downsamples by S1 = 2, three strided convolutions by S2 = 8.
    let config = AsapNetConfig {
        tile: 16,
        learned_factor: 8,
        width: 8,
        max_width: 32,
        depth: 2,
        mlp_width: 16,
        mlp_depth: 4,
        ..AsapNetConfig::default()
    };
    let data = DataConfig::default(); // 13 classes of facades in, RGB out
    let mut init = XavierNormal { seed: 1, gain: 1.0 };
    let (weights, generator) = Params::build(&backend, &mut init, |b| AsapNet::new(b, &config, &data))?;
    // No tape: nothing is recorded.
    let ctx = ForwardContext::evaluation(&weights);

    let [height, width] = [64, 96];
    let labels = input(&backend, [height, width], None)?;
    let lowres = downsample(&labels, config.fixed_factor())?;
    let params = generator.predict(&ctx, &labels)?;
    let image = generator.synthesize(&ctx, &params, &labels)?;
    let [_, lowres_height, lowres_width] = lowres.sizes();
    println!("labels                  (1, 1, {height}, {width})");
    println!("downsampled by S1 = {}   (1, {}, {lowres_height}, {lowres_width})", config.fixed_factor(), data.classes);
    println!("parameters of the MLPs  {}", params.shape());
    println!("image                   {}", image.shape());
    let count = parameters_of_a_tile(&config, &data);
    assert_eq!(params.value().dims(), [1, count, height / 16, width / 16]);
    assert_eq!(image.value().dims(), [1, 3, height, width]);
    assert!(image.value().to_f32()?.iter().all(|y| (-1.0..=1.0).contains(y)));

    // Given the parameters, a pixel depends on its own label only.
    let changed = generator.synthesize(&ctx, &params, &input(&backend, [height, width], Some(5 * width + 7))?)?;
    let (before, after) = (image.value().to_f32()?, changed.value().to_f32()?);
    let moved: Vec<usize> =
        (0..before.len()).filter(|&i| before[i] != after[i]).map(|i| i % (height * width)).collect();
    println!("\nafter changing one label, with the same parameters, these pixels differ (R, G, B): {moved:?}");
    assert!(!moved.is_empty() && moved.iter().all(|&pixel| pixel == 5 * width + 7));

    // The network is fully convolutional: the same weights work for any multiple of S.
    let larger = generator.forward(&ctx, &input(&backend, [128, 160], None)?)?;
    println!("the same network at another size: {}", larger.shape());
    assert_eq!(larger.value().dims(), [1, 3, 128, 160]);

    println!("\ntrained parameters, by formula:");
    let counted = trained_parameters(&config, &data);
    println!("  this network      {counted}");
    assert_eq!(counted, weights.trained_count());
    let city = Config::preset("cityscapes-256")?;
    let counted = trained_parameters(city.generator.asap().expect("ASAP-Net"), &city.data);
    println!("  cityscapes-256    {counted}, the paper's 83.2M");
    assert_eq!(counted, 83_201_411);
    Ok(())
}
