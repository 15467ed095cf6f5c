//! The gradient of a whole tiny round of training, and the two forms of a network's input.
//!
//! With a learning rate of 0 a round changes no weight, and with β₁ = 0 Adam's first moment is the gradient it was given:
//! so a round tells both its losses and their gradients, and finite differences of the former check the latter.
//! Instances of a batch, several scales, strides and tiles are all there; the sizes are as small as that allows.

use std::collections::BTreeMap;

use asap_autograd::check::{self, Double, Mistake, Report, Settings};
use asap_autograd::{Tape, Var, vjp};
use asap_model::checkpoint::{Checkpoint, HostTensor, Weights};
use asap_model::condition::Pixels;
use asap_model::config::Padding;
use asap_model::layers::{Labels, SpectralWeight};
use asap_model::network::{FillByName, Parameter};
use asap_model::round::{Losses, Rates};
use asap_model::vgg::Vgg19;
use asap_model::{Binding, Condition, Config, Discriminator, Game, Generator, Mask, Network};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Ids, Tensor};
use asap_tests::bound::largest;

/// What directions are drawn from.
const SEED: u64 = 20_210_619;
/// The largest relative error of a right gradient of a whole round: its kinks are too many to stay away from all.
const TOLERANCE: f64 = 1e-4;
/// Pictures in a batch.
pub(super) const N: usize = 2;
/// Their height.
pub(super) const H: usize = 16;
/// Their width.
pub(super) const W: usize = 24;

/// Which network's losses and gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Player {
    Generator,
    Discriminator,
}

/// Everything that a round needs.
pub(super) struct Scene {
    pub config: Config,
    pub condition: Condition<Double>,
    pub real: Tensor<Double>,
    pub mask: Option<Mask<Double>>,
    vgg: Vgg19<Double>,
    pub generator: Generator<Double>,
    pub discriminator: Discriminator<Double>,
}

/// What a round told: the player's losses added up, its gradients, the discriminators after it, all losses, and the
/// image that was drawn.
pub(super) struct Told {
    pub loss: f64,
    pub gradients: Weights,
    discriminator: Discriminator<Double>,
    pub losses: Losses,
    pub image: Tensor<Double>,
}

fn fill(prefix: &str, gain: f64) -> FillByName {
    FillByName { prefix: prefix.into(), gain }
}

pub(super) fn tensor(name: &str, shape: [usize; 4]) -> Tensor<Double> {
    Tensor::from_f32(&Double::new(), shape, &uniform_by_name(name, shape.iter().product())).expect("numbers")
}

/// S1 = 2, S2 = 2, two discriminators, all losses; `change` makes it another configuration.
fn config(change: &[&str]) -> Config {
    let mut config = Config::default();
    let tiny = [
        "data.classes=4",
        "data.instances=true",
        "data.size=[16, 24]",
        "generator.tile=4",
        "generator.learned_factor=2",
        "generator.width=3",
        "generator.max_width=5",
        "generator.depth=1",
        "generator.mlp_width=4",
        "generator.mlp_depth=3",
        "discriminator.layers=3",
        "discriminator.width=3",
        "discriminator.max_width=6",
        "loss.lambda_l1=10",
    ];
    for assignment in tiny.iter().chain(change) {
        config.set(assignment).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(config.train.beta1, 0.0, "Adam's first moment is the gradient");
    config
}

/// VGG19 with one to three channels a layer, and random weights that keep a picture's size of numbers.
fn tiny_vgg() -> Vgg19<Double> {
    let mut weights = Weights::new();
    let mut inputs = 3;
    for (module, outputs) in
        [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28].into_iter().zip([2, 3].into_iter().cycle())
    {
        let bound = (6.0 / (9 * inputs) as f32).sqrt();
        let mut add = |key: &str, shape: Vec<usize>, bound: f32| {
            let name = format!("features.{module}.{key}");
            let data = uniform_by_name(&name, shape.iter().product()).into_iter().map(|u| bound * u).collect();
            weights.insert(name, HostTensor { shape, data });
        };
        add("weight", vec![outputs, inputs, 3, 3], bound);
        add("bias", vec![outputs], 0.2);
        inputs = outputs;
    }
    Vgg19::load(&Double::new(), Checkpoint { file: "made up".into(), weights, config: None }).expect("all layers")
}

/// Labels that vary within tiles, and edges.
fn condition(config: &Config) -> Condition<Double> {
    let count = N * H * W;
    let ids = uniform_by_name("ids", count).iter().map(|u| ((u + 1.0) * 2.0) as u8).collect();
    let ids = Ids::from_vec(&Double::new(), [N, H, W], ids).expect("as many ids");
    let edges: Vec<f32> = uniform_by_name("edges", count).iter().map(|u| f32::from(u8::from(*u > 0.6))).collect();
    let edges = Tensor::from_f32(&Double::new(), [N, 1, H, W], &edges).expect("as many edges");
    Condition {
        pixels: Pixels::Labels(Labels { ids, classes: config.data.classes }),
        edges: config.data.instances.then(|| Var::constant(edges)),
    }
}

/// The same input with its labels as one-hot channels.
fn dense(condition: &Condition<Double>) -> Condition<Double> {
    let Pixels::Labels(labels) = &condition.pixels else { panic!("there are labels") };
    let ids = labels.ids.to_vec().expect("ids");
    let [n, h, w] = labels.ids.sizes();
    let mut one_hot = vec![0.0; n * labels.classes * h * w];
    for (i, &id) in ids.iter().enumerate() {
        let (picture, pixel) = (i / (h * w), i % (h * w));
        one_hot[(picture * labels.classes + usize::from(id)) * h * w + pixel] = 1.0;
    }
    let x = Tensor::from_f64(&Double::new(), [n, labels.classes, h, w], &one_hot).expect("as many numbers");
    Condition { pixels: Pixels::Dense(Var::constant(x)), edges: condition.edges.clone() }
}

impl Scene {
    pub fn new(change: &[&str]) -> Self {
        let config = config(change);
        let channels = config.data.discriminator_channels();
        let backend = Double::new();
        // So large that some verdicts lie beyond the hinges: where none does, the last bias has no gradient.
        let mut judging = fill("D.", 3.0);
        Scene {
            condition: condition(&config),
            real: tensor("real", [N, config.data.output_channels(), H, W]),
            mask: None,
            vgg: tiny_vgg(),
            generator: Generator::new(&backend, &config.generator, &config.data, &mut fill("G.", 1.0))
                .expect("a generator"),
            discriminator: Discriminator::new(&backend, &config.discriminator, channels, &mut judging)
                .expect("discriminators"),
            config,
        }
    }

    /// One round with a learning rate of 0.
    pub fn play(&self, player: Player, generator: &Generator<Double>, discriminator: &Discriminator<Double>) -> Told {
        let mut game =
            Game::new(&Double::new(), &self.config, Some(self.vgg.clone()), &mut fill("", 1.0)).expect("a game");
        game.generator = generator.clone();
        game.discriminator = discriminator.clone();
        let rates = Rates { generator: 0.0, discriminator: 0.0 };
        let (losses, image) =
            game.masked_round(&self.condition, &self.real, self.mask.as_ref(), rates).expect("a round");
        let (loss, adam) = match player {
            Player::Generator => {
                let terms = [losses.feat, losses.vgg, losses.l1].map(|term| term.expect("every loss has a weight"));
                (losses.gan + terms.iter().sum::<f64>(), &game.generator_adam)
            }
            Player::Discriminator => (losses.fake + losses.real, &game.discriminator_adam),
        };
        let gradients = adam.to_weights().expect("moments");
        Told { loss, gradients, discriminator: game.discriminator, losses, image }
    }

    /// A player's trained parameters.
    fn trained(&self, player: Player) -> Vec<&Parameter<Double>> {
        let all = match player {
            Player::Generator => self.generator.parameters(),
            Player::Discriminator => self.discriminator.parameters(),
        };
        all.into_iter().filter(|parameter| parameter.kind().is_trained()).collect()
    }

    /// The round's loss as a function of some of a player's parameters, with the round's own gradient.
    fn loss_of(&self, player: Player, names: &[String], values: &[Var<Double>]) -> asap_tensor::Result<Var<Double>> {
        let (mut generator, mut discriminator) = (self.generator.clone(), self.discriminator.clone());
        match player {
            Player::Generator => assign(&mut generator, names, values),
            Player::Discriminator => assign(&mut discriminator, names, values),
        }
        let told = self.play(player, &generator, &discriminator);
        record(told.loss, told.gradients, names, values)
    }

    /// Checks the gradient in each of a player's parameters, or in those given.
    pub fn check(&self, player: Player, directions: usize, planted: Option<(Mistake, &str)>) -> Vec<(String, f64)> {
        let mut parameters = self.trained(player);
        if let Some((_, name)) = planted {
            parameters.retain(|parameter| parameter.name() == name);
        }
        let names: Vec<String> = parameters.iter().map(|parameter| parameter.name().to_owned()).collect();
        let inputs: Vec<Tensor<Double>> = parameters.iter().map(|parameter| parameter.value().clone()).collect();
        let settings = Settings { directions, step: 1e-6 };
        let report: Report = check::gradient_with(settings, SEED, &inputs, |vars| {
            let mut vars = vars.to_vec();
            if let Some((mistake, _)) = planted {
                vars[0] = check::plant(mistake, &vars[0])?;
            }
            self.loss_of(player, &names, &vars)
        })
        .unwrap_or_else(|error| panic!("{player:?}: {error}"));
        names.into_iter().zip(report.inputs).collect()
    }
}

/// A loss on the tape of its variables: the gradient in each is the one given under `NAME.first`.
fn record(loss: f64, gradients: Weights, names: &[String], values: &[Var<Double>]) -> asap_tensor::Result<Var<Double>> {
    let inputs: Vec<&Var<Double>> = values.iter().collect();
    let names = names.to_vec();
    Var::record_many(Tensor::full(&Double::new(), [1], loss)?, &inputs, move |g, _| {
        let g = g.item()?;
        let gradient = |name: &String| {
            let host = gradients.get(&format!("{name}.first"));
            let host = host.unwrap_or_else(|| panic!("{name} has no gradient"));
            let scaled: Vec<f64> = host.data.iter().map(|&x| g * f64::from(x)).collect();
            Tensor::from_f64(&Double::new(), &host.shape[..], &scaled).map(Some)
        };
        names.iter().map(gradient).collect()
    })
}

/// Gives the named parameters of a network other numbers.
fn assign(network: &mut impl Network<Double>, names: &[String], values: &[Var<Double>]) {
    let mut assigned = 0;
    for parameter in network.parameters_mut() {
        if let Some(place) = names.iter().position(|name| name == parameter.name()) {
            *parameter.value_mut() = values[place].value().clone();
            assigned += 1;
        }
    }
    assert_eq!(assigned, names.len(), "every name is a parameter's");
}

pub(super) fn assert_right(what: &str, errors: &[(String, f64)]) {
    for (name, error) in errors {
        println!("{what:<32} {name:<44} {error:.1e}");
    }
    let wrong: Vec<_> = errors.iter().filter(|(_, error)| error.is_nan() || *error >= TOLERANCE).collect();
    assert!(wrong.is_empty() && !errors.is_empty(), "{what}, seed {SEED}: {wrong:?}");
}

#[test]
fn the_generators_gradient_of_a_whole_round_is_that_of_its_losses() {
    let scene = Scene::new(&[]);
    assert_right("generator", &scene.check(Player::Generator, 2, None));
}

#[test]
fn ablations_and_zero_padding_have_right_gradients() {
    for change in [
        &["generator.spatially_varying=false"][..],
        &["generator.positions=false"],
        &["generator.padding=zero", "generator.tile=2", "data.instances=false"],
    ] {
        let scene = Scene::new(change);
        assert_right(change[0], &scene.check(Player::Generator, 1, None));
    }
}

#[test]
fn the_discriminators_gradient_of_a_whole_round_is_that_of_its_hinge_losses() {
    let scene = Scene::new(&["discriminator.spectral_norm=false"]);
    assert_right("discriminators", &scene.check(Player::Discriminator, 2, None));
}

/// Every mistake in the gradient of an early layer is found at the whole round's tolerance.
#[test]
fn a_wrong_gradient_in_one_tensor_is_found() {
    let scene = Scene::new(&["discriminator.spectral_norm=false"]);
    for (player, name) in [
        (Player::Generator, "lowres_stream.model.4.0.weight"),
        (Player::Discriminator, "discriminator_1.model1.0.0.weight"),
    ] {
        for mistake in Mistake::ALL {
            let errors = scene.check(player, 2, Some((mistake, name)));
            println!("{mistake:?} in {name}: {:.1e}", errors[0].1);
            assert!(errors.len() == 1 && errors[0].1 >= TOLERANCE, "{mistake:?} in {name}: {errors:?}");
        }
    }
}

/// With u and v held, W/σ is W over the number uᵀWv, and discriminators without spectral normalisation can judge with
/// such weights: their hinge losses are what the gradient is of.
#[test]
fn the_gradient_through_spectral_normalisation_takes_its_vectors_as_constants() {
    let scene = Scene::new(&[]);
    let plain = Scene::new(&["discriminator.spectral_norm=false"]);
    let told = scene.play(Player::Discriminator, &scene.generator, &scene.discriminator);
    // The vectors of the discriminators' own step: the round's second power iteration.
    let vectors: BTreeMap<String, (Vec<f64>, Vec<f64>)> = told
        .discriminator
        .parameters()
        .into_iter()
        .filter_map(|parameter| parameter.name().strip_suffix(".weight_u").map(|name| (name, parameter)))
        .map(|(name, u)| {
            let v = parameter(&told.discriminator, &format!("{name}.weight_v"));
            (name.to_owned(), (u.value().to_f64().expect("u"), v.value().to_f64().expect("v")))
        })
        .collect();
    assert_eq!(vectors.len(), 4, "two normed layers at two scales");

    let parameters = scene.trained(Player::Discriminator);
    let names: Vec<String> = parameters.iter().map(|parameter| parameter.name().to_owned()).collect();
    let inputs: Vec<Tensor<Double>> = parameters.iter().map(|parameter| parameter.value().clone()).collect();
    let held = |values: &[Var<Double>]| {
        let mut names = names.clone();
        let mut values = values.to_vec();
        for (name, value) in names.iter_mut().zip(&mut values) {
            let Some(layer) = name.strip_suffix(".weight_orig").map(str::to_owned) else { continue };
            *value = Var::constant(over_sigma(value.value(), &vectors[&layer]));
            *name = format!("{layer}.weight");
        }
        let mut discriminator = plain.discriminator.clone();
        assign(&mut discriminator, &names, &values);
        plain.play(Player::Discriminator, &plain.generator, &discriminator).loss
    };
    let base: Vec<Var<Double>> = inputs.iter().cloned().map(Var::constant).collect();
    let loss = held(&base);
    assert!((loss - told.loss).abs() < 1e-12, "the same losses: {loss} and {}", told.loss);

    let settings = Settings { directions: 2, step: 1e-6 };
    let report = check::gradient_with(settings, SEED, &inputs, |values| {
        record(held(values), told.gradients.clone(), &names, values)
    })
    .expect("a round");
    let errors: Vec<(String, f64)> = names.iter().cloned().zip(report.inputs).collect();
    assert_right("spectral normalisation", &errors);
}

/// Instance norm undoes the scale of the weight before it, so whole discriminators hardly feel σ: the weight alone does.
#[test]
fn the_gradient_of_a_normalised_weight_is_that_of_held_vectors_and_of_no_others() {
    let mut init = fill("spectral.", 1.0);
    let start = SpectralWeight::new(&Double::new(), &mut init, "layer", [5, 3, 4, 4], true).expect("a weight");
    let mut iterated = start.clone();
    let normalised = iterated.forward(&Binding::frozen()).expect("W/σ");
    let vector = |place: usize| iterated.parameters()[place].value().to_f64().expect("a vector");
    let vectors = (vector(1), vector(2));
    let weight = start.parameters()[0].value().clone();
    assert!(distance(normalised.value(), &over_sigma(&weight, &vectors)) < 1e-12);

    // The layer's own gradient for the value of either function.
    let error = |value: &dyn Fn(&Tensor<Double>) -> Tensor<Double>| {
        let report = check::gradient(SEED, std::slice::from_ref(&weight), |vars| {
            let weight = vars[0].value().clone();
            let start = start.clone();
            Var::record_many(value(&weight), &[&vars[0]], move |g, _| {
                let mut layer = start;
                *layer.parameters_mut()[0].value_mut() = weight;
                let tape = Tape::new();
                let binding = Binding::training(&tape);
                let y = layer.forward(&binding).expect("W/σ");
                let gradients = tape.backward_from(&[(&y, g.clone())])?;
                Ok(vec![binding.into_gradients(&gradients).remove("layer.weight_orig")])
            })
        });
        report.expect("a gradient").relative_error
    };
    let held = error(&|weight| over_sigma(weight, &vectors));
    assert!(held < 1e-6, "seed {SEED}: {held:e}");
    let moving = error(&|weight| {
        let mut layer = start.clone();
        *layer.parameters_mut()[0].value_mut() = weight.clone();
        layer.forward(&Binding::frozen()).expect("W/σ").value().clone()
    });
    assert!(moving > 1e-3, "vectors that move along have another gradient: {moving:e}");
}

pub(super) fn parameter<'a>(network: &'a impl Network<Double>, name: &str) -> &'a Parameter<Double> {
    let found = network.parameters().into_iter().find(|parameter| parameter.name() == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

/// W / uᵀWv, W as (O, I·R·S).
fn over_sigma(weight: &Tensor<Double>, (u, v): &(Vec<f64>, Vec<f64>)) -> Tensor<Double> {
    let numbers = weight.to_f64().expect("numbers");
    let row = |row: &[f64]| row.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
    let sigma: f64 = numbers.chunks(v.len()).zip(u).map(|(weights, u)| u * row(weights)).sum();
    let scaled: Vec<f64> = numbers.iter().map(|w| w / sigma).collect();
    Tensor::from_f64(&Double::new(), weight.shape(), &scaled).expect("as many numbers")
}

/// The largest |a − b| over the largest |b|.
fn distance(a: &Tensor<Double>, b: &Tensor<Double>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (a.to_f64().expect("numbers"), b.to_f64().expect("numbers"));
    largest(a.iter().zip(&b).map(|(a, b)| (a - b).abs())) / largest(b.iter().map(|b| b.abs()))
}

/// The image of a condition, every feature of it, and the gradient of their weighted sum in every parameter.
fn forward(scene: &Scene, condition: &Condition<Double>) -> Vec<(String, Tensor<Double>)> {
    let tape = Tape::new();
    let binding = Binding::training(&tape);
    let image = scene.generator.forward(&binding, condition).expect("an image");
    let mut discriminator = scene.discriminator.clone();
    let judge = discriminator.judge(&binding).expect("a judge");
    let features =
        judge.features(&condition.stack().expect("a stack").with(&image).expect("channels")).expect("features");
    let mut found = vec![("image".to_owned(), image.value().clone())];
    let mut loss = Var::constant(Tensor::zeros(&Double::new(), [1]).expect("zero"));
    for (scale, features) in features.iter().enumerate() {
        for (layer, feature) in features.iter().enumerate() {
            let name = format!("feature {scale}.{layer}");
            let shape: [usize; 4] = feature.shape().dims().try_into().expect("four axes");
            let weighted = vjp::mul(feature, &Var::constant(tensor(&name, shape))).expect("equal shapes");
            let sum = vjp::reshape(&vjp::sum(&weighted).expect("a sum"), [1]).expect("one number");
            loss = vjp::add(&loss, &sum).expect("one number each");
            found.push((name, feature.value().clone()));
        }
    }
    let gradients = tape.backward(&loss).expect("gradients");
    drop(judge);
    found.extend(binding.into_gradients(&gradients));
    found
}

#[test]
fn labels_and_their_one_hot_form_give_equal_networks_and_gradients() {
    for padding in [Padding::Reflect, Padding::Zero] {
        for instances in [false, true] {
            for fixed_factor in [1, 2] {
                let padding = if padding == Padding::Zero { "zero" } else { "reflect" };
                let change = [
                    format!("generator.padding={padding}"),
                    format!("data.instances={instances}"),
                    format!("generator.tile={}", 2 * fixed_factor),
                ];
                let scene = Scene::new(&change.each_ref().map(String::as_str));
                assert_eq!(scene.config.generator.asap().expect("ASAP-Net").fixed_factor(), fixed_factor);
                let by_id = forward(&scene, &scene.condition);
                let by_channel = forward(&scene, &dense(&scene.condition));
                assert_eq!(by_id.len(), by_channel.len());
                assert!(by_id.len() > 30, "image, features and gradients");
                for ((name, a), (other, b)) in by_id.iter().zip(&by_channel) {
                    assert_eq!(name, other);
                    let distance = distance(a, b);
                    assert!(distance < 1e-12, "{change:?}: {name} differs by {distance:e}");
                }
            }
        }
    }
}

#[test]
fn without_spatial_variation_every_tile_has_the_mean_parameters_and_without_positions_a_flat_map_is_flat() {
    let scene = Scene::new(&["generator.spatially_varying=false"]);
    let varying = Scene::new(&[]);
    let params = |scene: &Scene| {
        let Generator::Asap(asap) = &scene.generator else { panic!("the scene has ASAP-Net") };
        let params = asap.parameters_of(&Binding::frozen(), &scene.condition).expect("parameters");
        params.value().clone()
    };
    let (same, own) = (params(&scene), params(&varying));
    let tiles = same.dims()[2] * same.dims()[3];
    for (same, own) in same.to_f64().unwrap().chunks(tiles).zip(own.to_f64().unwrap().chunks(tiles)) {
        let mean = own.iter().sum::<f64>() / tiles as f64;
        assert!(same.iter().all(|p| (p - mean).abs() < 1e-12), "{mean}: {same:?}");
        assert!(own.iter().any(|p| (p - mean).abs() > 1e-6));
    }

    // One parameter set, one label: only positions can tell pixels apart.
    for (positions, flat) in [("true", false), ("false", true)] {
        let change = ["generator.spatially_varying=false", &format!("generator.positions={positions}")];
        let scene = Scene::new(&change);
        let ids = Ids::from_vec(&Double::new(), [N, H, W], vec![2; N * H * W]).unwrap();
        let condition =
            Condition { pixels: Pixels::Labels(Labels { ids, classes: 4 }), edges: scene.condition.edges.clone() };
        let image = scene.generator.forward(&Binding::frozen(), &condition).unwrap().value().to_f64().unwrap();
        let is_flat = image.chunks(H * W).all(|plane| plane.iter().all(|y| (y - plane[0]).abs() < 1e-12));
        assert_eq!(is_flat, flat, "positions {positions}");
    }
}
