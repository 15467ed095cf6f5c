//! Training steps with OASIS's discriminator.

use asap_autograd::check::{Double, Mistake};
use asap_model::Input;
use asap_model::training::losses::Network;
use asap_tensor::{Ids, Tensor};

use super::training_step_gradient::{H, N, Scene, W, assert_correct};

/// Two levels, of 3 and 3 channels.
fn scene(change: &[&str]) -> Scene {
    Scene::new(&[&["discriminator.kind=oasis", "discriminator.levels=2"], change].concat())
}

#[test]
fn oasis_gradients_match_finite_differences() {
    assert_correct("generator, OASIS", &scene(&[]).check(Network::Generator, 1, None));
    let scene = scene(&["discriminator.spectral_norm=false"]);
    assert_correct("OASIS", &scene.check(Network::Discriminator, 1, None));
    let name = "body_down.0.conv1.0.weight";
    let errors = scene.check(Network::Discriminator, 2, Some((Mistake::ALL[0], name)));
    assert!(errors.len() == 1 && errors[0].1 >= 1e-4, "{:?} in {name}: {errors:?}", Mistake::ALL[0]);
}

#[test]
fn losses_follow_the_kind() {
    let names = |scene: Scene| -> Vec<&'static str> {
        let outcome = scene.step(Network::Discriminator, &scene.generator, &scene.discriminator);
        outcome.losses.0.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(Scene::new(&[])), ["GAN", "GAN_Feat", "VGG", "L1", "D_fake", "D_real"]);
    let all = ["OASIS", "GAN_Feat", "VGG", "L1", "OASIS_fake", "OASIS_real", "LabelMix"];
    assert_eq!(names(scene(&[])), all);
    let without = names(scene(&["loss.lambda_label_mix=0", "loss.lambda_feat=0"]));
    assert_eq!(without, ["OASIS", "VGG", "L1", "OASIS_fake", "OASIS_real"]);
}

/// Neither the class of ignored pixels nor the real image there changes a loss.
#[test]
fn ignored_pixels_do_not_count() {
    let ignore = ["data.classes=3", "data.ignore=255", "data.ignore_as=mask", "data.instances=false"];
    let mut scene = scene(&[&ignore[..], &["loss.lambda_vgg=0", "loss.lambda_label_mix=0"]].concat());
    let (ids, _) = scene.input.label_maps().expect("labels");
    let ids: Vec<u8> = ids.to_vec().expect("ids");
    let labels = |ids: &[u8]| {
        // Class 3 is that of ignored pixels.
        Input::labels(Ids::from_vec(&Double::new(), [N, H, W], ids.to_vec()).expect("ids"), 4)
    };
    scene.input = labels(&ids);
    let counted: Vec<f64> = ids.iter().map(|&id| f64::from(u8::from(id < 3))).collect();
    let mask = Tensor::from_f64(&Double::new(), [N, 1, H, W], &counted).expect("a mask");
    let mask = asap_tensor::ops::cat(&[&mask; 3], 1).expect("a mask of every channel");
    scene.mask = Some((mask.clone(), 3 * counted.iter().filter(|&&counted| counted == 1.0).count()));
    let losses = |scene: &Scene| scene.step(Network::Discriminator, &scene.generator, &scene.discriminator).losses.0;
    let before = losses(&scene);
    assert!(before.iter().all(|(_, loss)| loss.is_finite()), "{before:?}");
    let noise = asap_tensor::ops::unary(asap_tensor::ops::Unary::Affine { scale: -3.0, shift: 3.0 }, &mask);
    scene.real = asap_tensor::ops::add(&scene.real, &noise.expect("noise")).expect("noise");
    assert_eq!(losses(&scene), before);
    // A counted pixel's class does.
    let mut ids = ids;
    let first = ids.iter().position(|&id| id == 0).expect("a pixel of class 0");
    ids[first] = 1;
    scene.input = labels(&ids);
    let after = losses(&scene);
    let real = |losses: &[(&str, f64)]| losses.iter().find(|(name, _)| *name == "OASIS_real").map(|(_, loss)| *loss);
    assert_ne!(real(&after), real(&before));
}
