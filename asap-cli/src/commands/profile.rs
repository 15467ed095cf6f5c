//! `asap profile`: parameters, multiply-accumulates, bytes and time, layer by layer, and planned memory.
//!
//! Multiply-accumulates are those of convolutions and matrix products, of every tap, also where it meets padding;
//! convolutions of labels count one look-up for each pixel and tap. Norms, activations and resizing are not counted.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::config::ComparedConfig;
use asap_model::network::FillByName;
use asap_model::{Binding, Compared, Condition, Config, Generator, Network, memory};
use asap_tensor::{Backend, Profiler};
use serde_json::{Value, json};

use super::workload::made_up_batch;
use super::{configuration, roofline};
use crate::args::{Common, Profile};
use crate::device::{Task, on_profiled_device, threads};
use crate::memory::{plan_json, plan_text};
use crate::output::Output;
use crate::progress::thousands;

/// Profiles a forward pass of every preset, or of the compared generators on each preset's inputs.
pub fn run(args: Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    if args.roofline {
        return roofline::run(&args, common, output);
    }
    let presets = if args.presets.is_empty() { vec!["cityscapes-256".to_owned()] } else { args.presets.clone() };
    for preset in presets {
        let config = configuration(&preset, common)?;
        let threads = threads(common);
        if args.compared.is_empty() {
            profile(&preset, None, &config, common, output)?;
            let [height, width] = config.data.size;
            let drawing = memory::inference(&config, [1, height, width], threads)?;
            let training = memory::training(&config, threads)?;
            for (what, plan) in [("inference", &drawing), ("training", &training)] {
                output.result(|| plan_json(&preset, what, plan), || plan_text(what, plan));
            }
        }
        for name in &args.compared {
            let generator = ComparedConfig::published(name)?;
            profile(&preset, Some((name, &generator)), &config, common, output)?;
            let [height, width] = config.data.size;
            let plan = memory::compared_inference(&generator, &config.data, [1, height, width], threads)?;
            output.result(
                || with_generator(plan_json(&preset, "inference", &plan), name),
                || plan_text("inference", &plan),
            );
            if let Some([parameters, gmac]) = generator.paper_figures() {
                output.result(
                    || json!({ "generator": name, "paper": { "parameters": parameters * 1e6, "gmac": gmac } }),
                    || format!("the paper, at 256×512: {parameters}M parameters, {gmac} G MAC"),
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An object that also says which of the compared generators it is of.
fn with_generator(mut object: Value, name: &str) -> Value {
    object["generator"] = json!(name);
    object
}

/// Prints the layers of one generator, and their total.
fn profile(
    preset: &str,
    compared: Option<(&str, &ComparedConfig)>,
    config: &Config,
    common: &Common,
    output: &Output,
) -> Result<()> {
    let profiler = Profiler::new();
    let forward = Forward { config, compared: compared.map(|(_, generator)| generator), profiler: &profiler };
    let layers = on_profiled_device(common, output, &profiler, forward)?;
    let [height, width] = config.data.size;
    if !output.is_json() {
        let name = compared.map_or(String::new(), |(name, _)| format!("{name} on the inputs of "));
        output.result(
            || json!(null),
            || {
                format!(
                    "{name}{preset}, {height}×{width}\n{:<36} {:>12} {:>10} {:>10} {:>10}",
                    "layer", "parameters", "G MAC", "MB", "ms"
                )
            },
        );
    }
    let total = layers.iter().fold(Layer { name: "total".into(), ..Layer::default() }, |mut total, layer| {
        total.parameters += layer.parameters;
        total.macs += layer.macs;
        total.bytes += layer.bytes;
        total.seconds += layer.seconds;
        total
    });
    for layer in layers.iter().chain([&total]) {
        output.result(
            || {
                let line = json!({
                    "preset": preset, "layer": layer.name, "parameters": layer.parameters,
                    "gmac": layer.macs as f64 / 1e9, "bytes": layer.bytes, "seconds": layer.seconds,
                });
                match compared {
                    Some((name, _)) => with_generator(line, name),
                    None => line,
                }
            },
            || {
                format!(
                    "{:<36} {:>12} {:>10.3} {:>10.1} {:>10.2}",
                    layer.name,
                    thousands(layer.parameters),
                    layer.macs as f64 / 1e9,
                    layer.bytes as f64 / 1e6,
                    layer.seconds * 1e3
                )
            },
        );
    }
    Ok(())
}

/// What one layer has and costs.
#[derive(Default)]
struct Layer {
    name: String,
    parameters: usize,
    macs: u64,
    /// Numbers that its ops read and write, once each.
    bytes: u64,
    seconds: f64,
}

struct Forward<'a> {
    config: &'a Config,
    /// Instead of the configured one.
    compared: Option<&'a ComparedConfig>,
    profiler: &'a Profiler,
}

impl Task for Forward<'_> {
    type Output = Vec<Layer>;

    fn run<B: Backend>(self, backend: B) -> Result<Vec<Layer>> {
        let Forward { config, compared, profiler } = self;
        let mut fill = FillByName { prefix: "profile.".into(), gain: 1.0 };
        let batch = made_up_batch(config, 1)?;
        let condition = Condition::from_batch(&backend, &batch, &config.data)?;
        let binding = Binding::frozen();
        match compared {
            None => {
                let generator = Generator::new(&backend, &config.generator, &config.data, &mut fill)?;
                layers(profiler, &generator, "downsampling", || {
                    generator.forward(&binding, &condition)?;
                    Ok(())
                })
            }
            Some(compared) => {
                let generator = Compared::new(&backend, compared, config.data.lowres_channels(), &mut fill)?;
                layers(profiler, &generator, "between layers", || {
                    generator.forward(&binding, &condition)?;
                    Ok(())
                })
            }
        }
    }
}

/// The layers of a network in the order in which they run; what runs outside them is named `outside`.
fn layers<B: Backend>(
    profiler: &Profiler,
    network: &impl Network<B>,
    outside: &str,
    forward: impl Fn() -> Result<()>,
) -> Result<Vec<Layer>> {
    forward()?;
    profiler.take();
    forward()?;

    let mut layers: Vec<Layer> = Vec::new();
    for record in profiler.take() {
        let name = if record.scope.is_empty() { outside.to_owned() } else { record.scope };
        let at = layers.iter().position(|layer| layer.name == name).unwrap_or_else(|| {
            layers.push(Layer { name, ..Layer::default() });
            layers.len() - 1
        });
        let layer = &mut layers[at];
        layer.macs += record.cost.macs;
        layer.bytes += record.cost.elements * size_of::<B::Elem>() as u64;
        layer.seconds += record.time.as_secs_f64();
    }
    for layer in &mut layers {
        let own = |name: &str| name.strip_prefix(&layer.name).is_some_and(|rest| rest.starts_with('.'));
        let parameters = network.parameters();
        let owned = parameters.iter().filter(|p| p.kind().is_trained() && own(p.name()));
        layer.parameters = owned.map(|p| p.value().count()).sum();
    }
    Ok(layers)
}
