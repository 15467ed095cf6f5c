//! Training steps on depth maps with unmeasured pixels, in double precision, with all losses: unmeasured pixels affect
//! no loss and have no gradient.

use asap_autograd::check::Double;
use asap_model::Input;
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Ids, Tensor};

use asap_model::training::losses::Network;

use crate::training_step_gradient::{H, N, Outcome, Scene, W, assert_correct, parameter, tensor};

/// A label that only unmeasured pixels have.
const UNSEEN: u8 = 3;
/// The scene's `generator.mlp_width`.
const HIDDEN: usize = 4;

/// Which pixels were measured, in images of 4×4 tiles: all but a patch over several tiles of the first image and
/// scattered single pixels.
fn measured() -> Vec<bool> {
    let chance = uniform_by_name("measured", N * H * W);
    let patch = |i: usize| i < H * W && (3..11).contains(&(i / W)) && (5..19).contains(&(i % W));
    (0..N * H * W).map(|i| !patch(i) && chance[i] > -0.8).collect()
}

fn mask(measured: &[bool]) -> (Tensor<Double>, usize) {
    let pixels: Vec<f64> = measured.iter().map(|&m| f64::from(u8::from(m))).collect();
    let count = measured.iter().filter(|&&m| m).count();
    (Tensor::from_f64(&Double::new(), [N, 1, H, W], &pixels).expect("matching sizes"), count)
}

/// A scene with depth output; unmeasured pixels have the label [`UNSEEN`].
fn scene(change: &[&str], measured: &[bool]) -> Scene {
    let change = [&["data.output=depth", "data.depth_invalid=0"], change].concat();
    let mut scene = Scene::new(&change);
    let Some((ids, classes)) = scene.input.label_maps() else { panic!("there are labels") };
    let ids = ids.to_vec().expect("ids").into_iter().zip(measured);
    let ids = ids.map(|(id, &measured)| if measured { id.min(UNSEEN - 1) } else { UNSEEN }).collect();
    let ids = Ids::from_vec(&Double::new(), [N, H, W], ids).expect("matching sizes");
    let labels = Input::labels(ids, classes);
    scene.input = match scene.input.image_channels() {
        Some(edges) => labels.with_edges(edges).expect("equal sizes"),
        None => labels,
    };
    scene.mask = Some(mask(measured));
    scene
}

fn step(scene: &Scene) -> [Outcome; 2] {
    [Network::Generator, Network::Discriminator]
        .map(|updated| scene.step(updated, &scene.generator, &scene.discriminator))
}

/// Every loss and every gradient, bit by bit.
fn bits([generator, discriminator]: &[Outcome; 2]) -> Vec<u64> {
    let losses = generator.losses.0.iter().map(|(_, loss)| loss.to_bits());
    let gradients = [generator, discriminator].into_iter().flat_map(|outcome| outcome.gradients.values());
    losses.chain(gradients.flat_map(|gradient| gradient.data.iter().map(|x| u64::from(x.to_bits())))).collect()
}

#[test]
fn gradients_match_finite_differences() {
    let scene = scene(&["discriminator.spectral_norm=false"], &measured());
    assert_correct("masked generator", &scene.check(Network::Generator, 2, None));
    assert_correct("masked discriminators", &scene.check(Network::Discriminator, 1, None));
}

#[test]
fn unmeasured_targets_have_no_effect() {
    let measured = measured();
    let mut scene = scene(&[], &measured);
    let before = bits(&step(&scene));
    let real = scene.real.to_f64().expect("values");
    let other = tensor("other", [N, 1, H, W]).to_f64().expect("values");
    let with = |keep: &dyn Fn(usize) -> bool| {
        let data: Vec<f64> = (0..real.len()).map(|i| if keep(i) { real[i] } else { 100.0 * other[i] }).collect();
        Tensor::from_f64(&Double::new(), [N, 1, H, W], &data).expect("matching sizes")
    };
    scene.real = with(&|pixel| measured[pixel]);
    assert!(bits(&step(&scene)) == before);
    // A change to one measured pixel has an effect.
    let first = measured.iter().position(|&measured| measured).expect("a measured pixel");
    scene.real = with(&|pixel| pixel != first);
    assert!(bits(&step(&scene)) != before);
}

#[test]
fn unmeasured_outputs_have_no_effect() {
    let measured = measured();
    let mut scene = scene(&[], &measured);
    let before = step(&scene);

    // The first layer's weights for one label change only the pixels with that label. Each tile's parameters begin with
    // the first layer's biases, followed by its weights, one row per label.
    let first = HIDDEN + usize::from(UNSEEN) * HIDDEN;
    let rows = first..first + HIDDEN;
    let last = scene.generator.params.iter().map(|p| p.key().to_owned()).next_back().expect("a bias");
    let weight = last.replace(".bias", ".weight");
    let gradients = |outcome: &Outcome, row: usize| -> Vec<f32> {
        [&last, &weight]
            .iter()
            .flat_map(|name| {
                let gradient = &outcome.gradients[&format!("{name}.first")];
                let length = gradient.data.len() / gradient.shape[0];
                gradient.data[row * length..][..length].to_vec()
            })
            .collect()
    };
    for row in rows.clone() {
        assert!(gradients(&before[0], row).iter().all(|g| *g == 0.0), "row {row}: {:?}", gradients(&before[0], row));
        assert!(gradients(&before[0], row - HIDDEN).iter().any(|g| *g != 0.0), "another label's: {}", row - HIDDEN);
    }

    let mut values = parameter(&scene.generator.params, &last).value().to_f64().expect("values");
    rows.for_each(|row| values[row] += 3.0);
    let moved = Tensor::from_f64(&Double::new(), [values.len()], &values).expect("matching sizes");
    *scene.generator.params.find_mut(&last).expect("the bias").value_mut() = moved;
    let after = step(&scene);
    let images = [&before[0].image, &after[0].image].map(|image| image.to_f64().expect("values"));
    for pixel in 0..N * H * W {
        assert_eq!(images[0][pixel] == images[1][pixel], measured[pixel], "pixel {pixel}");
    }
    assert!(before[0].losses == after[0].losses);
    let discriminators =
        |outcomes: &[Outcome; 2]| outcomes[1].gradients.values().flat_map(|g| g.data.clone()).collect::<Vec<_>>();
    assert!(discriminators(&before) == discriminators(&after));
}

#[test]
fn per_pixel_losses_are_means_over_measured_pixels() {
    let all: Vec<bool> = vec![true; N * H * W];
    let second: Vec<bool> = (0..N * H * W).map(|i| i >= H * W).collect();
    for measured in [measured(), all, second] {
        let scene = scene(&["loss.lambda_l1=7", "loss.lambda_charbonnier=3"], &measured);
        let [outcome, _] = step(&scene);
        let (image, real) = (outcome.image.to_f64().expect("values"), scene.real.to_f64().expect("values"));
        let distances: Vec<f64> = (0..image.len()).filter(|&i| measured[i]).map(|i| image[i] - real[i]).collect();
        let mean =
            |distance: fn(f64) -> f64| distances.iter().copied().map(distance).sum::<f64>() / distances.len() as f64;
        for (name, expected) in [("L1", 7.0 * mean(f64::abs)), ("Charbonnier", 3.0 * mean(|d| d.hypot(1e-3) - 1e-3))] {
            let loss = outcome.losses.get(name).expect("it has a weight");
            assert!((loss - expected).abs() < 1e-12 * expected, "{name}: {loss} {expected}");
        }
    }
}

#[test]
fn batch_without_measured_pixels_has_no_gradient() {
    let scene = scene(&[], &[false; N * H * W]);
    let [generator, _] = step(&scene);
    let losses = &generator.losses;
    assert_eq!(["L1", "GAN_Feat", "VGG"].map(|name| losses.get(name)), [Some(0.0); 3]);
    assert!(generator.loss.is_finite() && losses.get("D_real") > Some(0.0));
    let gradients: Vec<f32> = generator.gradients.values().flat_map(|gradient| gradient.data.clone()).collect();
    assert!(!gradients.is_empty() && gradients.iter().all(|g| *g == 0.0));
}

#[test]
fn full_mask_changes_nothing() {
    let mut scene = scene(&[], &[true; N * H * W]);
    let masked = bits(&step(&scene));
    scene.mask = None;
    assert!(bits(&step(&scene)) == masked);
}
