//! The gradient of a tiny training step, and the two forms of a network's input.
//!
//! With a learning rate of 0 a step changes no weight, and with β₁ = 0 Adam's first moment is the gradient. So a step
//! gives both its losses and their gradients, which are checked against finite differences of the losses. The sizes are
//! the smallest with several images, scales, strides and tiles.

use std::collections::BTreeMap;

use asap_autograd::check::{self, Double, Mistake, Report, Settings};
use asap_autograd::{Tape, Var};
use asap_model::checkpoint::{Checkpoint, HostTensor, Weights};
use asap_model::config::Padding;
use asap_model::networks::{AsapNet, Vgg19};
use asap_model::nn::{FillByName, Param, Params, SpectralNorm};
use asap_model::training::losses::{Losses, Network, losses};
use asap_model::training::step::Rates;
use asap_model::{Config, Discriminator, ForwardContext, Gan, Generator, Input, Target};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Ids, Tensor};
use asap_tests::bound::largest;

/// Seed of the directions.
const SEED: u64 = 20_210_619;
/// The maximum relative error of a correct gradient: a step has too many kinks to avoid them all.
const TOLERANCE: f64 = 1e-4;
/// Images in a batch.
pub(super) const N: usize = 2;
/// Their height.
pub(super) const H: usize = 16;
/// Their width.
pub(super) const W: usize = 24;

/// The inputs of a step.
pub(super) struct Scene {
    pub config: Config,
    pub input: Input<Double>,
    pub real: Tensor<Double>,
    /// Where pixels were measured, (N, 1, H, W), and how many.
    pub mask: Option<(Tensor<Double>, usize)>,
    vgg: Vgg19<Double>,
    pub generator: Generator<Double>,
    pub discriminator: Discriminator<Double>,
}

/// The results of a step: the sum of the updated network's losses, its gradients, the discriminators after the step,
/// all losses, and the generator's output.
pub(super) struct Outcome {
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
    Tensor::from_f32(&Double::new(), shape, &uniform_by_name(name, shape.iter().product())).expect("values")
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

/// VGG19 with two or three channels per layer, and random weights that preserve the magnitude of values.
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
    Vgg19::load(&Double::new(), Checkpoint { file: "synthetic".into(), weights, config: None }).expect("all layers")
}

/// Labels that vary within tiles, and edges.
fn input(config: &Config) -> Input<Double> {
    let count = N * H * W;
    let ids = uniform_by_name("ids", count).iter().map(|u| ((u + 1.0) * 2.0) as u8).collect();
    let ids = Ids::from_vec(&Double::new(), [N, H, W], ids).expect("matching sizes");
    let edges: Vec<f32> = uniform_by_name("edges", count).iter().map(|u| f32::from(u8::from(*u > 0.6))).collect();
    let edges = Tensor::from_f32(&Double::new(), [N, 1, H, W], &edges).expect("matching sizes");
    let labels = Input::labels(ids, config.data.classes);
    if config.data.instances { labels.with_edges(&Var::constant(edges)).expect("equal sizes") } else { labels }
}

/// A scene's input with its labels as one-hot image channels.
fn dense(scene: &Scene) -> Input<Double> {
    let channels = scene.input.one_hot().expect("channels");
    if !scene.config.data.instances {
        return Input::image(channels);
    }
    let classes = scene.config.data.classes;
    let [labels, edges] = [(0, classes), (classes, 1)].map(|(start, length)| channels.narrow(1, start, length));
    Input::image(labels.expect("labels")).with_edges(&edges.expect("edges")).expect("equal sizes")
}

impl Scene {
    pub fn new(change: &[&str]) -> Self {
        let config = config(change);
        let backend = Double::new();
        // So large that some scores are beyond the hinges: otherwise the last bias has no gradient.
        let mut fill_discriminator = fill("D.", 3.0);
        Scene {
            input: input(&config),
            real: tensor("real", [N, config.data.output_channels(), H, W]),
            mask: None,
            vgg: tiny_vgg(),
            generator: Generator::new(&backend, &config.generator, &config.data, &mut fill("G.", 1.0))
                .expect("a generator"),
            discriminator: Discriminator::new(&backend, &config.discriminator, &config.data, &mut fill_discriminator)
                .expect("discriminators"),
            config,
        }
    }

    /// One step with a learning rate of 0.
    pub fn step(
        &self,
        network: Network,
        generator: &Generator<Double>,
        discriminator: &Discriminator<Double>,
    ) -> Outcome {
        let mut gan =
            Gan::new(&Double::new(), &self.config, Some(self.vgg.clone()), &mut fill("", 1.0)).expect("networks");
        gan.generator = generator.clone();
        gan.discriminator = discriminator.clone();
        let mut target = Target::new(self.real.clone());
        if let Some((pixels, measured)) = &self.mask {
            target = target.with_mask(pixels.clone(), *measured);
        }
        let rates = Rates { generator: 0.0, discriminator: 0.0 };
        let (losses, image) = gan.training_step(&self.input, &target, rates).expect("a step");
        let adam = match network {
            Network::Generator => &gan.generator_adam,
            Network::Discriminator => &gan.discriminator_adam,
        };
        let trained = self::losses::<Double>().into_iter().filter(|loss| loss.trains == network);
        let loss = trained.filter_map(|loss| losses.get(loss.name)).sum();
        let gradients = adam.to_weights().expect("moments");
        Outcome { loss, gradients, discriminator: gan.discriminator, losses, image }
    }

    /// The trained parameters of a network.
    fn trained(&self, network: Network) -> Vec<&Param<Double>> {
        let params = match network {
            Network::Generator => &self.generator.params,
            Network::Discriminator => &self.discriminator.params,
        };
        params.trained().collect()
    }

    /// The step's loss as a function of some parameters of a network, with the step's own gradient.
    fn loss_of(&self, network: Network, names: &[String], values: &[Var<Double>]) -> asap_tensor::Result<Var<Double>> {
        let (mut generator, mut discriminator) = (self.generator.clone(), self.discriminator.clone());
        match network {
            Network::Generator => assign(&mut generator.params, names, values),
            Network::Discriminator => assign(&mut discriminator.params, names, values),
        }
        let outcome = self.step(network, &generator, &discriminator);
        record(outcome.loss, outcome.gradients, names, values)
    }

    /// Checks the gradient of each parameter of a network, or of the one with a planted mistake.
    pub fn check(&self, network: Network, directions: usize, planted: Option<(Mistake, &str)>) -> Vec<(String, f64)> {
        let mut parameters = self.trained(network);
        if let Some((_, name)) = planted {
            parameters.retain(|parameter| parameter.key() == name);
        }
        let names: Vec<String> = parameters.iter().map(|parameter| parameter.key().to_owned()).collect();
        let inputs: Vec<Tensor<Double>> = parameters.iter().map(|parameter| parameter.value().clone()).collect();
        let settings = Settings { directions, step: 1e-6 };
        let report: Report = check::gradient_with(settings, SEED, &inputs, |vars| {
            let mut vars = vars.to_vec();
            if let Some((mistake, _)) = planted {
                vars[0] = check::plant(mistake, &vars[0])?;
            }
            self.loss_of(network, &names, &vars)
        })
        .unwrap_or_else(|error| panic!("{network:?}: {error}"));
        names.into_iter().zip(report.inputs).collect()
    }
}

/// A loss recorded on the tape of its variables, with the gradients given under `NAME.first`.
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

/// Replaces the values of a network's parameters, by name.
fn assign(params: &mut Params<Double>, names: &[String], values: &[Var<Double>]) {
    let mut assigned = 0;
    for parameter in params.iter_mut() {
        if let Some(place) = names.iter().position(|name| name == parameter.key()) {
            *parameter.value_mut() = values[place].value().clone();
            assigned += 1;
        }
    }
    assert_eq!(assigned, names.len(), "every name is a parameter's");
}

pub(super) fn assert_correct(what: &str, errors: &[(String, f64)]) {
    for (name, error) in errors {
        println!("{what:<32} {name:<44} {error:.1e}");
    }
    let wrong: Vec<_> = errors.iter().filter(|(_, error)| error.is_nan() || *error >= TOLERANCE).collect();
    assert!(wrong.is_empty() && !errors.is_empty(), "{what}, seed {SEED}: {wrong:?}");
}

#[test]
fn generator_gradient_matches_finite_differences() {
    let scene = Scene::new(&[]);
    assert_correct("generator", &scene.check(Network::Generator, 2, None));
}

#[test]
fn ablation_gradients_match_finite_differences() {
    for change in [
        &["generator.spatially_varying=false"][..],
        &["generator.positions=false"],
        &["generator.noise=2"],
        &["generator.padding=zero", "generator.tile=2", "data.instances=false"],
        &["generator.seams=phase"],
        &["generator.dropout=0.3"],
        &["generator.residual=true", "generator.depth=2"],
        &["generator.context=2", "generator.context_depth=2"],
        &["generator.context=2", "generator.padding=zero", "data.instances=false"],
        &["generator.seams=blend"],
        &["generator.seams=blend", "generator.seam_band=2", "data.instances=false"],
    ] {
        let scene = Scene::new(change);
        assert_correct(change[0], &scene.check(Network::Generator, 1, None));
    }
}

#[test]
fn discriminator_gradient_matches_finite_differences() {
    let scene = Scene::new(&["discriminator.spectral_norm=false"]);
    assert_correct("discriminators", &scene.check(Network::Discriminator, 2, None));
}

/// In the gradient of an early layer, at the step's tolerance.
#[test]
fn planted_mistakes_are_found() {
    let scene = Scene::new(&["discriminator.spectral_norm=false"]);
    for (updated, name) in [
        (Network::Generator, "lowres_stream.model.4.0.weight"),
        (Network::Discriminator, "discriminator_1.model1.0.0.weight"),
    ] {
        for mistake in Mistake::ALL {
            let errors = scene.check(updated, 2, Some((mistake, name)));
            println!("{mistake:?} in {name}: {:.1e}", errors[0].1);
            assert!(errors.len() == 1 && errors[0].1 >= TOLERANCE, "{mistake:?} in {name}: {errors:?}");
        }
    }
}

/// With constant u and v, W/σ is W divided by uᵀWv. Given such weights, discriminators without spectral norm have the
/// hinge losses whose gradient is checked.
#[test]
fn spectral_norm_discriminator_gradient_matches_finite_differences() {
    let scene = Scene::new(&[]);
    let plain = Scene::new(&["discriminator.spectral_norm=false"]);
    let outcome = scene.step(Network::Discriminator, &scene.generator, &scene.discriminator);
    // The vectors of the discriminators' update: the step's second power iteration.
    let params = &outcome.discriminator.params;
    let vectors: BTreeMap<String, (Vec<f64>, Vec<f64>)> = params
        .iter()
        .filter_map(|param| param.key().strip_suffix(".weight_u").map(|name| (name, param)))
        .map(|(name, u)| {
            let v = parameter(params, &format!("{name}.weight_v"));
            (name.to_owned(), (u.value().to_f64().expect("u"), v.value().to_f64().expect("v")))
        })
        .collect();
    assert_eq!(vectors.len(), 4, "two normalized layers at two scales");

    let parameters = scene.trained(Network::Discriminator);
    let names: Vec<String> = parameters.iter().map(|parameter| parameter.key().to_owned()).collect();
    let inputs: Vec<Tensor<Double>> = parameters.iter().map(|parameter| parameter.value().clone()).collect();
    let loss_of = |values: &[Var<Double>]| {
        let mut names = names.clone();
        let mut values = values.to_vec();
        for (name, value) in names.iter_mut().zip(&mut values) {
            let Some(layer) = name.strip_suffix(".weight_orig").map(str::to_owned) else { continue };
            *value = Var::constant(over_sigma(value.value(), &vectors[&layer]));
            *name = format!("{layer}.weight");
        }
        let mut discriminator = plain.discriminator.clone();
        assign(&mut discriminator.params, &names, &values);
        plain.step(Network::Discriminator, &plain.generator, &discriminator).loss
    };
    let base: Vec<Var<Double>> = inputs.iter().cloned().map(Var::constant).collect();
    let loss = loss_of(&base);
    assert!((loss - outcome.loss).abs() < 1e-12, "losses differ: {loss} and {}", outcome.loss);

    let settings = Settings { directions: 2, step: 1e-6 };
    let report = check::gradient_with(settings, SEED, &inputs, |values| {
        record(loss_of(values), outcome.gradients.clone(), &names, values)
    })
    .expect("a step");
    let errors: Vec<(String, f64)> = names.iter().cloned().zip(report.inputs).collect();
    assert_correct("spectral norm", &errors);
}

/// Instance norm cancels the scale of the weight before it, so whole discriminators are insensitive to σ; this tests
/// the weight alone.
#[test]
fn spectral_norm_gradient_treats_vectors_as_constant() {
    let mut init = fill("spectral.", 1.0);
    let (start, norm) =
        Params::build(&Double::new(), &mut init, |mut b| SpectralNorm::new(b.at("layer"), [5, 3, 4, 4])).expect("W");
    let normalized = |params: &Params<Double>| {
        let ctx = ForwardContext::training_frozen(params);
        let y = norm.forward(&ctx).expect("W/σ").value().clone();
        (y, ctx.finish().buffers)
    };
    let with_weight = |weight: &Tensor<Double>| {
        let mut params = start.clone();
        *params.find_mut("layer.weight_orig").expect("W").value_mut() = weight.clone();
        params
    };
    let mut iterated = start.clone();
    let (y, updates) = normalized(&start);
    iterated.apply_buffers(updates);
    let vector = |key: &str| parameter(&iterated, key).value().to_f64().expect("a vector");
    let vectors = (vector("layer.weight_u"), vector("layer.weight_v"));
    let weight = parameter(&start, "layer.weight_orig").value().clone();
    assert!(distance(&y, &over_sigma(&weight, &vectors)) < 1e-12);

    // The error of the layer's own gradient as that of `value`.
    let error = |value: &dyn Fn(&Tensor<Double>) -> Tensor<Double>| {
        let report = check::gradient(SEED, std::slice::from_ref(&weight), |vars| {
            let params = with_weight(vars[0].value());
            Var::record_many(value(vars[0].value()), &[&vars[0]], move |g, _| {
                let tape = Tape::new();
                let ctx = ForwardContext::training(&params, &tape);
                let y = norm.forward(&ctx).expect("W/σ");
                let gradients = tape.backward_from(&[(&y, g.clone())])?;
                Ok(vec![ctx.finish().gradients(&gradients).0.remove("layer.weight_orig")])
            })
        });
        report.expect("a gradient").relative_error
    };
    let constant = error(&|weight| over_sigma(weight, &vectors));
    assert!(constant < 1e-6, "seed {SEED}: {constant:e}");
    let moving = error(&|weight| normalized(&with_weight(weight)).0);
    assert!(moving > 1e-3, "the gradient with moving vectors must differ: {moving:e}");
}

pub(super) fn parameter<'a>(params: &'a Params<Double>, key: &str) -> &'a Param<Double> {
    params.find(key).unwrap_or_else(|| panic!("there is no {key}"))
}

/// W / uᵀWv, W as (O, I·R·S).
fn over_sigma(weight: &Tensor<Double>, (u, v): &(Vec<f64>, Vec<f64>)) -> Tensor<Double> {
    let values = weight.to_f64().expect("values");
    let row = |row: &[f64]| row.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
    let sigma: f64 = values.chunks(v.len()).zip(u).map(|(weights, u)| u * row(weights)).sum();
    let scaled: Vec<f64> = values.iter().map(|w| w / sigma).collect();
    Tensor::from_f64(&Double::new(), weight.shape(), &scaled).expect("matching sizes")
}

/// The largest |a − b| over the largest |b|.
fn distance(a: &Tensor<Double>, b: &Tensor<Double>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (a.to_f64().expect("values"), b.to_f64().expect("values"));
    largest(a.iter().zip(&b).map(|(a, b)| (a - b).abs())) / largest(b.iter().map(|b| b.abs()))
}

/// The output for an input, all its features, and the gradient of their weighted sum with respect to every parameter.
fn forward(scene: &Scene, input: &Input<Double>) -> Vec<(String, Tensor<Double>)> {
    let tape = Tape::new();
    let generator = ForwardContext::training(&scene.generator.params, &tape);
    let discriminator = ForwardContext::training(&scene.discriminator.params, &tape);
    let image = scene.generator.forward(&generator, input).expect("an image");
    let features = scene.discriminator.features(&discriminator, input, &image);
    let features = features.expect("features");
    let mut found = vec![("image".to_owned(), image.value().clone())];
    let mut loss = Var::constant(Tensor::zeros(&Double::new(), [1]).expect("zero"));
    for (scale, features) in features.iter().enumerate() {
        for (layer, feature) in features.iter().enumerate() {
            let name = format!("feature {scale}.{layer}");
            let shape: [usize; 4] = feature.shape().dims().try_into().expect("four axes");
            let weighted = feature.mul(&Var::constant(tensor(&name, shape))).expect("equal shapes");
            let sum = weighted.sum().expect("a sum").reshape([1]).expect("one element");
            loss = loss.add(&sum).expect("one element each");
            found.push((name, feature.value().clone()));
        }
    }
    let gradients = tape.backward(&loss).expect("gradients");
    for ctx in [generator, discriminator] {
        found.extend(ctx.finish().gradients(&gradients).0);
    }
    found
}

#[test]
fn labels_match_one_hot_channels() {
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
                let by_id = forward(&scene, &scene.input);
                let by_channel = forward(&scene, &dense(&scene));
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
fn ablations_share_parameters_and_drop_positions() {
    let scene = Scene::new(&["generator.spatially_varying=false"]);
    let varying = Scene::new(&[]);
    let params = |Scene { config, input, .. }: &Scene| {
        let (params, asap) = Params::build(&Double::new(), &mut fill("G.", 1.0), |b| {
            AsapNet::new(b, config.generator.asap().expect("ASAP-Net"), &config.data)
        })
        .expect("ASAP-Net");
        asap.predict(&ForwardContext::evaluation(&params), input).expect("parameters").value().clone()
    };
    let (shared, own) = (params(&scene), params(&varying));
    let tiles = shared.dims()[2] * shared.dims()[3];
    for (shared, own) in shared.to_f64().unwrap().chunks(tiles).zip(own.to_f64().unwrap().chunks(tiles)) {
        let mean = own.iter().sum::<f64>() / tiles as f64;
        assert!(shared.iter().all(|p| (p - mean).abs() < 1e-12), "{mean}: {shared:?}");
        assert!(own.iter().any(|p| (p - mean).abs() > 1e-6));
    }

    // One parameter set, one label: only positions distinguish pixels.
    for (positions, flat) in [("true", false), ("false", true)] {
        let change = ["generator.spatially_varying=false", &format!("generator.positions={positions}")];
        let scene = Scene::new(&change);
        let ids = Ids::from_vec(&Double::new(), [N, H, W], vec![2; N * H * W]).unwrap();
        let edges = scene.input.image_channels().expect("edges");
        let input = Input::labels(ids, 4).with_edges(edges).unwrap();
        let ctx = ForwardContext::evaluation(&scene.generator.params);
        let image = scene.generator.forward(&ctx, &input).unwrap().value().to_f64().unwrap();
        let is_flat = image.chunks(H * W).all(|plane| plane.iter().all(|y| (y - plane[0]).abs() < 1e-12));
        assert_eq!(is_flat, flat, "positions {positions}");
    }
}
