//! Rounds of training on depth maps of which not every pixel was measured, in double precision, with all losses: what
//! was not measured reaches no loss and gets no gradient.

use asap_autograd::check::Double;
use asap_model::condition::Pixels;
use asap_model::layers::Labels;
use asap_model::{Mask, Network};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Ids, Tensor};

use crate::whole_round_gradient::{H, N, Player, Scene, Told, W, assert_right, parameter, tensor};

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

fn mask(measured: &[bool]) -> Mask<Double> {
    let pixels: Vec<f64> = measured.iter().map(|&m| f64::from(u8::from(m))).collect();
    let count = measured.iter().filter(|&&m| m).count();
    Mask::new(Tensor::from_f64(&Double::new(), [N, 1, H, W], &pixels).expect("as many pixels"), count)
}

/// A scene of depths; pixels that were not measured have labels of their own.
fn scene(change: &[&str], measured: &[bool]) -> Scene {
    let change = [&["data.output=depth", "data.depth_invalid=0"], change].concat();
    let mut scene = Scene::new(&change);
    let Pixels::Labels(labels) = &scene.condition.pixels else { panic!("there are labels") };
    let ids = labels.ids.to_vec().expect("ids").into_iter().zip(measured);
    let ids = ids.map(|(id, &measured)| if measured { id.min(UNSEEN - 1) } else { UNSEEN }).collect();
    let ids = Ids::from_vec(&Double::new(), [N, H, W], ids).expect("as many ids");
    scene.condition.pixels = Pixels::Labels(Labels { ids, classes: labels.classes });
    scene.mask = Some(mask(measured));
    scene
}

fn play(scene: &Scene) -> [Told; 2] {
    [Player::Generator, Player::Discriminator].map(|player| scene.play(player, &scene.generator, &scene.discriminator))
}

/// Every loss and every gradient, bit by bit.
fn bits([generator, discriminator]: &[Told; 2]) -> Vec<u64> {
    let losses = generator.losses.named().into_iter().map(|(_, loss)| loss.to_bits());
    let gradients = [generator, discriminator].into_iter().flat_map(|told| told.gradients.values());
    losses.chain(gradients.flat_map(|gradient| gradient.data.iter().map(|x| u64::from(x.to_bits())))).collect()
}

#[test]
fn the_gradients_of_a_masked_round_are_those_of_its_losses() {
    let scene = scene(&["discriminator.spectral_norm=false"], &measured());
    assert_right("masked generator", &scene.check(Player::Generator, 2, None));
    assert_right("masked discriminators", &scene.check(Player::Discriminator, 1, None));
}

#[test]
fn neither_losses_nor_gradients_depend_on_what_stands_where_nothing_was_measured() {
    let measured = measured();
    let mut scene = scene(&[], &measured);
    let before = bits(&play(&scene));
    let real = scene.real.to_f64().expect("numbers");
    let other = tensor("other", [N, 1, H, W]).to_f64().expect("numbers");
    let with = |keep: &dyn Fn(usize) -> bool| {
        let data: Vec<f64> = (0..real.len()).map(|i| if keep(i) { real[i] } else { 100.0 * other[i] }).collect();
        Tensor::from_f64(&Double::new(), [N, 1, H, W], &data).expect("as many numbers")
    };
    scene.real = with(&|pixel| measured[pixel]);
    assert!(bits(&play(&scene)) == before);
    // One measured pixel reaches all.
    let first = measured.iter().position(|&measured| measured).expect("a measured pixel");
    scene.real = with(&|pixel| pixel != first);
    assert!(bits(&play(&scene)) != before);
}

#[test]
fn what_is_drawn_where_nothing_was_measured_reaches_no_loss_and_gets_no_gradient() {
    let measured = measured();
    let mut scene = scene(&[], &measured);
    let before = play(&scene);

    // The weights of the tiles' first layers for one label move the pixels of that label alone. Each tile's parameters
    // begin with the first layer's biases, then its weights, a row of them for each label.
    let first = HIDDEN + usize::from(UNSEEN) * HIDDEN;
    let rows = first..first + HIDDEN;
    let last = scene.generator.parameters().into_iter().map(|p| p.name().to_owned()).next_back().expect("a bias");
    let weight = last.replace(".bias", ".weight");
    let gradients = |told: &Told, row: usize| -> Vec<f32> {
        [&last, &weight]
            .iter()
            .flat_map(|name| {
                let gradient = &told.gradients[&format!("{name}.first")];
                let length = gradient.data.len() / gradient.shape[0];
                gradient.data[row * length..][..length].to_vec()
            })
            .collect()
    };
    for row in rows.clone() {
        assert!(gradients(&before[0], row).iter().all(|g| *g == 0.0), "row {row}: {:?}", gradients(&before[0], row));
        assert!(gradients(&before[0], row - HIDDEN).iter().any(|g| *g != 0.0), "another label's: {}", row - HIDDEN);
    }

    let mut numbers = parameter(&scene.generator, &last).value().to_f64().expect("numbers");
    rows.for_each(|row| numbers[row] += 3.0);
    let moved = Tensor::from_f64(&Double::new(), [numbers.len()], &numbers).expect("as many numbers");
    let mut of_network = scene.generator.parameters_mut().into_iter();
    *of_network.find(|p| p.name() == last).expect("the bias").value_mut() = moved;
    drop(of_network);
    let after = play(&scene);
    let images = [&before[0].image, &after[0].image].map(|image| image.to_f64().expect("numbers"));
    for pixel in 0..N * H * W {
        assert_eq!(images[0][pixel] == images[1][pixel], measured[pixel], "pixel {pixel}");
    }
    assert!(before[0].losses == after[0].losses);
    let discriminators = |told: &[Told; 2]| told[1].gradients.values().flat_map(|g| g.data.clone()).collect::<Vec<_>>();
    assert!(discriminators(&before) == discriminators(&after));
}

#[test]
fn the_difference_is_the_mean_over_what_was_measured() {
    let all: Vec<bool> = vec![true; N * H * W];
    let second: Vec<bool> = (0..N * H * W).map(|i| i >= H * W).collect();
    for measured in [measured(), all, second] {
        let scene = scene(&["loss.lambda_l1=7"], &measured);
        let [told, _] = play(&scene);
        let (image, real) = (told.image.to_f64().expect("numbers"), scene.real.to_f64().expect("numbers"));
        let differences: Vec<f64> =
            (0..image.len()).filter(|&i| measured[i]).map(|i| (image[i] - real[i]).abs()).collect();
        let expected = 7.0 * differences.iter().sum::<f64>() / differences.len() as f64;
        let l1 = told.losses.l1.expect("it has a weight");
        assert!((l1 - expected).abs() < 1e-12 * expected, "{l1} {expected}");
    }
}

#[test]
fn a_batch_without_a_measured_pixel_moves_no_generator() {
    let scene = scene(&[], &[false; N * H * W]);
    let [generator, _] = play(&scene);
    let losses = &generator.losses;
    assert_eq!([losses.l1, losses.feat, losses.vgg], [Some(0.0); 3]);
    assert!(generator.loss.is_finite() && losses.real > 0.0);
    let gradients: Vec<f32> = generator.gradients.values().flat_map(|gradient| gradient.data.clone()).collect();
    assert!(!gradients.is_empty() && gradients.iter().all(|g| *g == 0.0));
}

#[test]
fn where_all_was_measured_a_round_is_that_without_a_mask_bit_by_bit() {
    let mut scene = scene(&[], &[true; N * H * W]);
    let masked = bits(&play(&scene));
    scene.mask = None;
    assert!(bits(&play(&scene)) == masked);
}
