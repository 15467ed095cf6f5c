//! Generators from checkpoints with prefixes and older forms of keys: they must generate the same images.

use asap_model::checkpoint::{self, Checkpoint, HostTensor, Metadata, Weights, pth, safetensors};
use asap_model::inference::generator_weights;
use asap_model::nn::{Blank, FillByName};
use asap_model::{Config, Discriminator, ForwardContext, Generator, Input, Result};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Ids, Reference};

type Double = Reference<f64>;

fn config(keys: &[&str]) -> Config {
    let mut config = Config::default();
    for key in ["data.classes=5", "data.size=[64,64]"].iter().chain(keys) {
        config.set(key).unwrap();
    }
    config
}

fn asap() -> Config {
    config(&[
        "generator.tile=4",
        "generator.learned_factor=4",
        "generator.width=3",
        "generator.max_width=4",
        "generator.depth=1",
        "generator.mlp_width=4",
        "generator.mlp_depth=2",
    ])
}

fn pix2pixhd() -> Config {
    config(&["generator.kind=pix2pixhd", "generator.channels=2", "generator.halvings=2", "generator.blocks=1"])
}

fn spade() -> Config {
    config(&["generator.kind=spade", "generator.channels=1", "generator.hidden=2", "generator.doublings=5"])
}

/// Weights of the configured generator, whose spectral vectors are those of some power iterations.
fn weights(config: &Config) -> Weights {
    let mut fill = FillByName { prefix: "foreign.".into(), gain: 1.0 };
    let generator = Generator::new(&Double::new(), &config.generator, &config.data, &mut fill).unwrap();
    let mut weights = generator.params.to_weights().unwrap();
    for layer in layers(&weights, "weight_orig") {
        let weight = &weights[&format!("{layer}weight_orig")];
        let columns = weight.data.len() / weight.shape[0];
        let mut u = vec![1.0; weight.shape[0]];
        let mut v = Vec::new();
        for _ in 0..3 {
            v = unit((0..columns).map(|c| dot(weight.data.iter().skip(c).step_by(columns), &u)).collect());
            u = unit(weight.data.chunks(columns).map(|row| dot(row.iter(), &v)).collect());
        }
        for (key, values) in [("weight_u", u), ("weight_v", v)] {
            let data: Vec<f32> = values.into_iter().map(|x| x as f32).collect();
            weights.insert(format!("{layer}{key}"), HostTensor { shape: vec![data.len()], data });
        }
    }
    weights
}

fn dot<'a>(row: impl Iterator<Item = &'a f32>, x: &[f64]) -> f64 {
    row.zip(x).map(|(&w, x)| f64::from(w) * x).sum()
}

fn unit(mut x: Vec<f64>) -> Vec<f64> {
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    x.iter_mut().for_each(|x| *x /= norm);
    x
}

/// The prefixes of keys that end like this.
fn layers(weights: &Weights, end: &str) -> Vec<String> {
    weights.keys().filter_map(|key| key.strip_suffix(end).map(str::to_owned)).collect()
}

/// The tensor W/σ of a layer.
fn normalized(weights: &Weights, layer: &str) -> HostTensor {
    let [weight, u, v] = ["weight_orig", "weight_u", "weight_v"].map(|key| &weights[&format!("{layer}{key}")]);
    let v: Vec<f64> = v.data.iter().map(|&x| x.into()).collect();
    let product = weight.data.chunks(v.len()).map(|row| dot(row.iter(), &v));
    let sigma: f64 = product.zip(&u.data).map(|(x, &u)| x * f64::from(u)).sum();
    let data = weight.data.iter().map(|&w| (f64::from(w) / sigma) as f32).collect();
    HostTensor { shape: weight.shape.clone(), data }
}

/// The image of some labels, and the warnings.
fn image(weights: &Weights, config: &Config) -> Result<(Vec<f64>, Vec<String>)> {
    let checkpoint = Checkpoint { file: "net.pth".into(), weights: weights.clone(), config: None };
    let adapted = generator_weights(&checkpoint, config)?;
    let mut generator = Generator::new(&Double::new(), &config.generator, &config.data, &mut Blank)?;
    generator.params.load(&adapted.checkpoint)?;
    let ids: Vec<u8> = uniform_by_name("ids", 64 * 64).iter().map(|u| ((u + 1.0) * 2.5) as u8).collect();
    let input = Input::labels(Ids::from_vec(&Double::new(), [1, 64, 64], ids)?, 5);
    let output = generator.forward(&ForwardContext::evaluation(&generator.params), &input)?;
    Ok((output.value().to_f64()?, adapted.warnings()))
}

fn assert_near(found: &[f64], expected: &[f64], name: &str) {
    let distance = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(distance < 1e-5, "{name}: the images differ by {distance}");
}

fn prefixed(weights: &Weights, prefix: &str) -> Weights {
    weights.iter().map(|(key, tensor)| (format!("{prefix}{key}"), tensor.clone())).collect()
}

#[test]
fn wrapped_checkpoints_load() {
    let folder = tempfile::tempdir().unwrap();
    let (asap, hd, spade) = (asap(), pix2pixhd(), spade());
    for config in [&asap, &hd, &spade] {
        let weights = weights(config);
        let (expected, warnings) = image(&weights, config).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        for prefix in [
            "module.",
            "state_dict.",
            "_orig_mod.",
            "netG.",
            "module._orig_mod.",
            "model.",
            "generator.",
            "net.module.netG.",
        ] {
            let wrapped = prefixed(&weights, prefix);
            for name in ["x.pth", "x.safetensors"] {
                let file = folder.path().join(name);
                match name {
                    "x.pth" => pth::write(&file, &wrapped).unwrap(),
                    _ => safetensors::write(&file, &wrapped, &Metadata::new()).unwrap(),
                }
                let (found, warnings) = image(&checkpoint::load(&file).unwrap().weights, config).unwrap();
                assert_eq!(found, expected, "{prefix}");
                assert_eq!(warnings, [format!("net.pth: removed the prefix {prefix} from its keys")]);
            }
        }
    }
}

/// A file with both networks, an optimizer and an average of the generator.
#[test]
fn the_generator_is_taken_among_several_networks() {
    let config = asap();
    let generator = weights(&config);
    let mut fill = FillByName { prefix: "d.".into(), gain: 1.0 };
    let discriminator = Discriminator::new(&Double::new(), &config.discriminator, &config.data, &mut fill).unwrap();
    let mut file = prefixed(&generator, "state.netG.module.");
    file.extend(prefixed(&discriminator.params.to_weights().unwrap(), "state.netD.module."));
    let tensor = || HostTensor { shape: vec![1], data: vec![f32::NAN] };
    file.extend([("optimizer.state.0.exp_avg".into(), tensor()), ("step".into(), tensor())]);
    let (expected, _) = image(&generator, &config).unwrap();
    let (found, warnings) = image(&file, &config).unwrap();
    assert_eq!(found, expected);
    assert!(
        warnings[0].contains("prefix state.netG.module. from") && warnings[1].contains("optimizer (1), state ("),
        "{warnings:?}"
    );

    let average: Weights = generator
        .iter()
        .map(|(key, tensor)| {
            (format!("ema.{key}"), HostTensor { data: tensor.data.iter().map(|x| 0.5 * x).collect(), ..tensor.clone() })
        })
        .collect();
    let (expected, _) = image(&average, &config).unwrap();
    file.extend(average);
    let (found, warnings) = image(&file, &config).unwrap();
    assert_eq!(found, expected);
    assert!(warnings.iter().any(|warning| warning.contains("several times, also state.netG.module.")), "{warnings:?}");
}

#[test]
fn running_statistics_of_instance_norm_are_dropped() {
    for (config, norm) in [(pix2pixhd(), "model.2."), (asap(), "lowres_stream.model.1.1.")] {
        let weights = weights(&config);
        let (expected, _) = image(&weights, &config).unwrap();
        let mut older = weights.clone();
        for (name, shape) in [("running_mean", vec![2]), ("running_var", vec![2]), ("num_batches_tracked", vec![])] {
            let data = vec![3.0; shape.iter().product()];
            older.insert(format!("{norm}{name}"), HostTensor { shape, data });
        }
        let (found, warnings) = image(&prefixed(&older, "module."), &config).unwrap();
        assert_eq!(found, expected);
        assert!(
            warnings[1].contains(&format!("3 running statistics are not used (first: {norm}num_batches")),
            "{warnings:?}"
        );
    }
}

/// What a form changes in the weights of one layer.
type Change<'a> = &'a dyn Fn(&mut Weights, &str);

#[test]
fn spectral_norm_forms_are_converted() {
    let config = spade();
    let weights = weights(&config);
    let (expected, _) = image(&weights, &config).unwrap();
    let all = layers(&weights, "weight_orig");
    let forms: [(&str, Change<'_>); 6] = [
        ("without v, plain weight beside", &|w, layer| {
            w.insert(format!("{layer}weight"), normalized(w, layer));
            w.remove(&format!("{layer}weight_v"));
        }),
        ("plain weight beside", &|w, layer| drop(w.insert(format!("{layer}weight"), normalized(w, layer)))),
        ("parametrizations", &|w, layer| {
            for (old, new) in [("weight_orig", "original"), ("weight_u", "0._u"), ("weight_v", "0._v")] {
                let tensor = w.remove(&format!("{layer}{old}")).unwrap();
                w.insert(format!("{layer}parametrizations.weight.{new}"), tensor);
            }
        }),
        ("removed", &|w, layer| {
            w.insert(format!("{layer}weight"), normalized(w, layer));
            ["weight_orig", "weight_u", "weight_v"].iter().for_each(|key| drop(w.remove(&format!("{layer}{key}"))));
        }),
        ("as a wrapper", &|w, layer| {
            for (old, new) in [("weight_orig", "weight_bar"), ("weight_u", "weight_u"), ("weight_v", "weight_v")] {
                let tensor = w.remove(&format!("{layer}{old}")).unwrap();
                w.insert(format!("{layer}module.{new}"), tensor);
            }
        }),
        // The vectors have nearly converged, so that the next v is nearly the one that was saved.
        ("without v", &|w, layer| drop(w.remove(&format!("{layer}weight_v")))),
    ];
    for (name, change) in forms {
        let mut older = weights.clone();
        all.iter().for_each(|layer| change(&mut older, layer));
        assert_ne!(older, weights, "{name}");
        for prefix in ["", "module."] {
            let (found, warnings) = image(&prefixed(&older, prefix), &config).unwrap();
            if name == "without v" {
                assert!(warnings.iter().any(|warning| warning.contains("computed weight_v")), "{warnings:?}");
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 0.1));
            } else {
                assert_near(&found, &expected, name);
            }
        }
    }
}

#[test]
fn networks_that_do_not_fit_are_named() {
    let problem = |weights: &Weights, config: &Config| image(weights, config).unwrap_err().to_string();
    let (asap, hd, spade) = (asap(), pix2pixhd(), spade());
    for (file, kind) in [(&hd, "pix2pixhd"), (&spade, "spade")] {
        let text = problem(&prefixed(&weights(file), "module."), &asap);
        assert!(text.contains(&format!("they are those of the generator {kind}")), "{text}");
        assert!(text.contains("missing:\n  lowres_stream") && !text.contains("sizes follow"), "{text}");
    }
    let discriminator = Discriminator::new(&Double::new(), &asap.discriminator, &asap.data, &mut Blank).unwrap();
    let text = problem(&discriminator.params.to_weights().unwrap(), &asap);
    assert!(text.contains("those of discriminators") && text.contains("latest_net_G.pth"), "{text}");
    let mut wider = asap.clone();
    wider.set("generator.width=5").unwrap();
    let text = problem(&prefixed(&weights(&asap), "module."), &wider);
    assert!(text.contains("sizes follow from") && text.contains("model.1.0.weight is (3, 5, 3, 3), not (5"), "{text}");
    let mut deeper = hd.clone();
    deeper.set("generator.blocks=2").unwrap();
    let text = problem(&weights(&hd), &deeper);
    assert!(text.contains("their kind and number follow from [generator]"), "{text}");
}
