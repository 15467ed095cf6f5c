//! Training steps on depth maps of which not every pixel was measured, in double precision, with all losses: pixels that
//! were not measured reach no loss and get no gradient.

use asap_autograd::VarPixels;
use asap_autograd::check::Double;
use asap_model::Input;
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Ids, Tensor};

use asap_model::training::losses::Network;

use crate::training_step_gradient::{H, N, Scene, Shown, W, assert_right, parameter, tensor};

/// The label of pixels of which none was measured, and that no measured pixel has.
const UNSEEN: u8 = 3;
/// Channels of the generator's first hidden layer, as the scene has them.
const HIDDEN: usize = 4;

/// Which pixels were measured, in pictures of tiles of 4×4: not a patch over several tiles of the first picture, nor
/// single pixels here and there.
fn measured() -> Vec<bool> {
    let chance = uniform_by_name("measured", N * H * W);
    let patch = |i: usize| i < H * W && (3..11).contains(&(i / W)) && (5..19).contains(&(i % W));
    (0..N * H * W).map(|i| !patch(i) && chance[i] > -0.8).collect()
}

fn mask(measured: &[bool]) -> (Tensor<Double>, usize) {
    let pixels: Vec<f64> = measured.iter().map(|&m| f64::from(u8::from(m))).collect();
    let count = measured.iter().filter(|&&m| m).count();
    (Tensor::from_f64(&Double::new(), [N, 1, H, W], &pixels).expect("as many pixels"), count)
}

/// A scene of depths; pixels that were not measured have labels of their own.
fn scene(change: &[&str], measured: &[bool]) -> Scene {
    let change = [&["data.output=depth", "data.depth_invalid=0"], change].concat();
    let mut scene = Scene::new(&change);
    let Ok(VarPixels::Ids { ids, classes }) = scene.input.pixels() else { panic!("there are labels") };
    let ids = ids.to_vec().expect("ids").into_iter().zip(measured);
    let ids = ids.map(|(id, &measured)| if measured { id.min(UNSEEN - 1) } else { UNSEEN }).collect();
    let ids = Ids::from_vec(&Double::new(), [N, H, W], ids).expect("as many ids");
    let labels = Input::labels(ids, classes);
    scene.input = match scene.input.image_channels() {
        Some(edges) => labels.with_edges(edges).expect("equal sizes"),
        None => labels,
    };
    scene.mask = Some(mask(measured));
    scene
}

fn step(scene: &Scene) -> [Shown; 2] {
    [Network::Generator, Network::Discriminator]
        .map(|updated| scene.step(updated, &scene.generator, &scene.discriminator))
}

/// Every loss and every gradient, bit by bit.
fn bits([generator, discriminator]: &[Shown; 2]) -> Vec<u64> {
    let losses = generator.losses.0.iter().map(|(_, loss)| loss.to_bits());
    let gradients = [generator, discriminator].into_iter().flat_map(|shown| shown.gradients.values());
    losses.chain(gradients.flat_map(|gradient| gradient.data.iter().map(|x| u64::from(x.to_bits())))).collect()
}

#[test]
fn gradients_match_finite_differences() {
    let scene = scene(&["discriminator.spectral_norm=false"], &measured());
    assert_right("masked generator", &scene.check(Network::Generator, 2, None));
    assert_right("masked discriminators", &scene.check(Network::Discriminator, 1, None));
}

#[test]
fn real_values_that_were_not_measured_have_no_effect() {
    let measured = measured();
    let mut scene = scene(&[], &measured);
    let before = bits(&step(&scene));
    let real = scene.real.to_f64().expect("numbers");
    let other = tensor("other", [N, 1, H, W]).to_f64().expect("numbers");
    let with = |keep: &dyn Fn(usize) -> bool| {
        let data: Vec<f64> = (0..real.len()).map(|i| if keep(i) { real[i] } else { 100.0 * other[i] }).collect();
        Tensor::from_f64(&Double::new(), [N, 1, H, W], &data).expect("as many numbers")
    };
    scene.real = with(&|pixel| measured[pixel]);
    assert!(bits(&step(&scene)) == before);
    // One measured pixel reaches all.
    let first = measured.iter().position(|&measured| measured).expect("a measured pixel");
    scene.real = with(&|pixel| pixel != first);
    assert!(bits(&step(&scene)) != before);
}

#[test]
fn outputs_that_were_not_measured_have_no_effect() {
    let measured = measured();
    let mut scene = scene(&[], &measured);
    let before = step(&scene);

    // The weights of the tiles' first layers for one label move the pixels of that label alone. Each tile's parameters
    // begin with the first layer's biases, then its weights, a row of them for each label.
    let first = HIDDEN + usize::from(UNSEEN) * HIDDEN;
    let rows = first..first + HIDDEN;
    let last = scene.generator.params.iter().map(|p| p.key().to_owned()).next_back().expect("a bias");
    let weight = last.replace(".bias", ".weight");
    let gradients = |shown: &Shown, row: usize| -> Vec<f32> {
        [&last, &weight]
            .iter()
            .flat_map(|name| {
                let gradient = &shown.gradients[&format!("{name}.first")];
                let length = gradient.data.len() / gradient.shape[0];
                gradient.data[row * length..][..length].to_vec()
            })
            .collect()
    };
    for row in rows.clone() {
        assert!(gradients(&before[0], row).iter().all(|g| *g == 0.0), "row {row}: {:?}", gradients(&before[0], row));
        assert!(gradients(&before[0], row - HIDDEN).iter().any(|g| *g != 0.0), "another label's: {}", row - HIDDEN);
    }

    let mut numbers = parameter(&scene.generator.params, &last).value().to_f64().expect("numbers");
    rows.for_each(|row| numbers[row] += 3.0);
    let moved = Tensor::from_f64(&Double::new(), [numbers.len()], &numbers).expect("as many numbers");
    *scene.generator.params.find_mut(&last).expect("the bias").value_mut() = moved;
    let after = step(&scene);
    let images = [&before[0].image, &after[0].image].map(|image| image.to_f64().expect("numbers"));
    for pixel in 0..N * H * W {
        assert_eq!(images[0][pixel] == images[1][pixel], measured[pixel], "pixel {pixel}");
    }
    assert!(before[0].losses == after[0].losses);
    let discriminators =
        |shown: &[Shown; 2]| shown[1].gradients.values().flat_map(|g| g.data.clone()).collect::<Vec<_>>();
    assert!(discriminators(&before) == discriminators(&after));
}

#[test]
fn l1_is_a_mean_over_measured_pixels() {
    let all: Vec<bool> = vec![true; N * H * W];
    let second: Vec<bool> = (0..N * H * W).map(|i| i >= H * W).collect();
    for measured in [measured(), all, second] {
        let scene = scene(&["loss.lambda_l1=7"], &measured);
        let [shown, _] = step(&scene);
        let (image, real) = (shown.image.to_f64().expect("numbers"), scene.real.to_f64().expect("numbers"));
        let differences: Vec<f64> =
            (0..image.len()).filter(|&i| measured[i]).map(|i| (image[i] - real[i]).abs()).collect();
        let expected = 7.0 * differences.iter().sum::<f64>() / differences.len() as f64;
        let l1 = shown.losses.get("L1").expect("it has a weight");
        assert!((l1 - expected).abs() < 1e-12 * expected, "{l1} {expected}");
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
