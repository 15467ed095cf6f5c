use asap_tensor::{Ids, Plan, Profiler, Reference, Storage};

use super::*;
use crate::condition::Pixels;
use crate::layers::Labels;
use crate::network::Blank;

fn published(name: &str, inputs: usize) -> Compared<Plan> {
    Compared::new(&Plan::new(1), &ComparedConfig::published(name).unwrap(), inputs, &mut Blank).unwrap()
}

#[test]
fn published_sizes_have_the_published_numbers_of_parameters() {
    for (name, inputs, parameters) in [
        // From a colour image, as pix2pix is trained, and from 35 labels and edges, as pix2pixHD is.
        ("pix2pix-unet", 3, 54_413_955),
        ("pix2pix-resnet", 3, 11_383_427),
        ("pix2pixhd", 36, 182_546_755),
        ("spade", 36, 93_048_003),
    ] {
        assert_eq!(published(name, inputs).trainable_count(), parameters, "{name}");
    }
}

#[test]
fn every_name_is_that_of_a_generator() {
    for (name, _) in ComparedConfig::all_published() {
        assert!(published(name, 4).trainable_count() > 10_000_000, "{name}");
    }
    let error = ComparedConfig::published("pix2pix").unwrap_err().to_string();
    assert!(error.contains("pix2pix-unet, pix2pix-resnet"), "{error}");
}

#[test]
fn dropout_moves_the_key_of_a_blocks_second_convolution() {
    for (dropout, key) in [(false, "model.10.conv_block.5.weight"), (true, "model.10.conv_block.6.weight")] {
        let config = ComparedConfig::Pix2PixResNet { width: 2, blocks: 1, dropout };
        let generator = Compared::new(&Reference::<f32>::new(), &config, 3, &mut Blank).unwrap();
        assert!(generator.keys().iter().any(|(other, _)| other == key), "no {key}");
    }
}

#[test]
fn a_checkpoint_without_counts_of_batches_is_taken_but_not_one_without_a_weight() {
    let config = ComparedConfig::Pix2PixUnet { width: 2, levels: 3 };
    let mut generator = Compared::new(&Reference::<f32>::new(), &config, 3, &mut Blank).unwrap();
    let mut weights = generator.to_weights().unwrap();
    weights.retain(|key, _| !key.ends_with("num_batches_tracked"));
    let mut checkpoint = Checkpoint { file: "old.pth".into(), weights, config: None };
    generator.load(&checkpoint).unwrap();
    checkpoint.weights.remove("model.model.0.weight");
    let error = generator.load(&checkpoint).unwrap_err().to_string();
    assert!(error.contains("model.model.0.weight"), "{error}");
}

#[test]
fn sides_that_cannot_be_halved_as_often_are_refused() {
    let backend = Reference::<f32>::new();
    let config = ComparedConfig::Pix2PixHd { width: 2, halvings: 3, blocks: 1 };
    let generator = Compared::new(&backend, &config, 4, &mut Blank).unwrap();
    let draw = |h, w| {
        let labels = Labels { ids: Ids::full(&backend, [1, h, w], 0).unwrap(), classes: 4 };
        generator.forward(&Binding::frozen(), &Condition { pixels: Pixels::Labels(labels), edges: None })
    };
    assert_eq!(draw(16, 24).unwrap().value().dims(), [1, 3, 16, 24]);
    let error = draw(16, 20).err().unwrap().to_string();
    assert!(error.contains("multiples of 8, not 16 and 20"), "{error}");
}

/// Multiply-accumulates of a picture drawn from dense channels, in 10⁹.
fn macs(name: &str, [inputs, height, width]: [usize; 3]) -> f64 {
    let profiler = Profiler::new();
    let backend = Plan::new(1).with_profiler(profiler.clone());
    let config = ComparedConfig::published(name).unwrap();
    let generator = Compared::new(&backend, &config, inputs, &mut Blank).unwrap();
    let pixels = Pixels::Dense(Var::constant(Tensor::zeros(&backend, [1, inputs, height, width]).unwrap()));
    generator.forward(&Binding::frozen(), &Condition { pixels, edges: None }).unwrap();
    profiler.take().iter().map(|record| record.cost.macs as f64 / 1e9).sum()
}

#[test]
fn published_sizes_cost_the_multiply_accumulates_that_are_reported_of_them() {
    // The paper gives 281.0 for SPADE at 256×512.
    let spade = macs("spade", [36, 256, 512]);
    assert!((spade - 281.3).abs() < 0.05, "{spade}");
    // 56.8 is reported of the residual network, and given in the paper for pix2pix, as though every output pixel of the
    // two transposed convolutions at stride 2 met the whole kernel; it meets a quarter.
    let resnet = macs("pix2pix-resnet", [3, 256, 256]);
    let doubling = |inputs: usize, side: usize| (side * side * inputs * (inputs / 2) * 9) as f64 / 1e9;
    let reported = resnet + 3.0 * (doubling(256, 64) + doubling(128, 128));
    assert!((reported - 56.8).abs() < 0.05, "{reported}");
}
