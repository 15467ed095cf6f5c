//! `asap profile`: parameters, multiply-accumulates, bytes and time, layer by layer, and planned memory.
//!
//! Multiply-accumulates are those of convolutions and matrix products, of every tap, also where it meets padding;
//! convolutions of labels count one look-up for each pixel and tap. Norms, activations and resizing are not counted.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::config::GeneratorConfig;
use asap_model::nn::{FillByName, Params};
use asap_model::{Config, ForwardContext, Generator, memory};
use asap_tensor::{Backend, Plan, Profiler, Storage};
use indicatif::HumanCount;
use serde_json::{Value, json};

use super::workload::{Workload, made_up_batch};
use super::{configuration, generators, roofline, usage};
use crate::args::{Common, Profile};
use crate::device::{Task, on_profiled_device, threads};
use crate::memory::{check_timing, plan_json, plan_text};
use crate::output::Output;

/// Profiles a forward pass of every preset, or of the compared generators on each preset's inputs.
pub fn run(args: Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    if args.roofline {
        return roofline::run(&args, common, output);
    }
    let presets = if args.presets.is_empty() { vec!["cityscapes-256".to_owned()] } else { args.presets.clone() };
    for preset in presets {
        let config = configuration(&preset, common)?;
        if args.table {
            generators::run(&preset, &config, &args.baselines, common, output)?;
            continue;
        }
        if args.baselines.is_empty() {
            profile(&preset, None, &config, common, output)?;
        }
        for name in &args.baselines {
            profile(&preset, Some(name), &instead(&config, name)?, common, output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration with a baseline at its published sizes.
pub fn instead(config: &Config, name: &str) -> asap_model::Result<Config> {
    let generator = GeneratorConfig::of_kind(name).ok_or_else(|| usage(name, "there is no such baseline"))?;
    let config = Config { generator, ..config.clone() };
    config.validate()?;
    Ok(config)
}

/// An object that also says which of the compared generators it is of.
fn with_generator(mut object: Value, name: Option<&str>) -> Value {
    if let Some(name) = name {
        object["generator"] = json!(name);
    }
    object
}

/// Prints the layers of one generator, their total, what memory is planned for it, and what the paper says of it.
fn profile(preset: &str, compared: Option<&str>, config: &Config, common: &Common, output: &Output) -> Result<()> {
    let layers = measured(config, common, output)?;
    let [height, width] = config.data.size;
    output.text(|| {
        let name = compared.map_or(String::new(), |name| format!("{name} on the inputs of "));
        format!(
            "{name}{preset}, {height}×{width}\n{:<36} {:>12} {:>10} {:>10} {:>10} {:>10}",
            "layer", "parameters", "G MAC", "moved, MB", "held, MB", "ms"
        )
    });
    for layer in layers.iter().chain([&total(&layers)]) {
        output.result(
            || {
                let line = json!({
                    "preset": preset, "layer": layer.name, "parameters": layer.parameters,
                    "gmac": layer.macs as f64 / 1e9, "bytes": layer.bytes, "held_bytes": layer.held,
                    "seconds": layer.seconds,
                });
                with_generator(line, compared)
            },
            || {
                format!(
                    "{:<36} {:>12} {:>10.3} {:>10.1} {:>10.1} {:>10.2}",
                    layer.name,
                    HumanCount(layer.parameters as u64).to_string(),
                    layer.macs as f64 / 1e9,
                    layer.bytes as f64 / 1e6,
                    layer.held as f64 / 1e6,
                    layer.seconds * 1e3
                )
            },
        );
    }
    let threads = threads(common);
    let drawing = memory::inference(config, [1, height, width], threads)?;
    let training = memory::training(config, threads)?;
    for (what, plan) in [("inference", &drawing), ("training", &training)] {
        output.result(|| with_generator(plan_json(preset, what, plan), compared), || plan_text(what, plan));
    }
    if let Some([parameters, gmac]) = config.generator.paper_figures() {
        output.result(
            || {
                let paper = json!({ "parameters": parameters * 1e6, "gmac": gmac });
                with_generator(json!({ "preset": preset, "paper": paper }), compared)
            },
            || format!("the paper, at 256×512: {parameters}M parameters, {gmac} G MAC"),
        );
    }
    Ok(())
}

/// The layers of a generator in the order in which they run, with what they took on the device.
pub fn measured(config: &Config, common: &Common, output: &Output) -> Result<Vec<Layer>> {
    let workload = Workload { config, batch: 1, train: false };
    check_timing(config.generator.kind(), &workload.plan(threads(common))?, "data.size", common)?;
    let profiler = Profiler::new();
    let mut layers = on_profiled_device(common, output, &profiler, Forward { config, profiler: &profiler })?;
    // The same pass without numbers tells what is held meanwhile.
    let profiler = Profiler::new();
    let plan = Plan::new(threads(common)).with_profiler(profiler.clone());
    for planned in (Forward { config, profiler: &profiler }).run(plan)? {
        if let Some(layer) = layers.iter_mut().find(|layer| layer.name == planned.name) {
            layer.held = planned.held;
        }
    }
    Ok(layers)
}

/// All layers together.
pub fn total(layers: &[Layer]) -> Layer {
    layers.iter().fold(Layer { name: "total".into(), ..Layer::default() }, |mut total, layer| {
        total.parameters += layer.parameters;
        total.macs += layer.macs;
        total.bytes += layer.bytes;
        total.held = total.held.max(layer.held);
        total.seconds += layer.seconds;
        total
    })
}

/// What one layer has and costs.
#[derive(Default)]
pub struct Layer {
    name: String,
    /// Numbers that are trained.
    pub parameters: usize,
    /// Multiply-accumulates; labels are looked up.
    pub macs: u64,
    /// Those of the numbers that its ops read and write, once each.
    pub bytes: u64,
    /// The most that is planned to be held while it runs: all weights, what it works on, working memory of the threads.
    pub held: u64,
    /// The time of its ops.
    pub seconds: f64,
}

struct Forward<'a> {
    config: &'a Config,
    profiler: &'a Profiler,
}

impl Task for Forward<'_> {
    type Output = Vec<Layer>;

    fn run<B: Backend>(self, backend: B) -> Result<Vec<Layer>> {
        let Forward { config, profiler } = self;
        let mut fill = FillByName { prefix: "profile.".into(), gain: 1.0 };
        let batch = made_up_batch(config, 1)?;
        let input = batch.input(&backend, &config.data)?;
        let generator = Generator::new(&backend, &config.generator, &config.data, &mut fill)?;
        let outside = if config.generator.asap().is_some() { "downsampling" } else { "between layers" };
        layers(profiler, &generator.params, outside, || {
            generator.forward(&ForwardContext::evaluation(&generator.params), &input)?;
            Ok(())
        })
    }
}

/// The layers of a network in the order in which they run; what runs outside them is named `outside`.
fn layers<B: Backend>(
    profiler: &Profiler,
    params: &Params<B>,
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
        layer.held = layer.held.max(record.held.unwrap_or(0));
        layer.seconds += record.time.as_secs_f64();
    }
    for layer in &mut layers {
        let own = |name: &str| name.strip_prefix(&layer.name).is_some_and(|rest| rest.starts_with('.'));
        let owned = params.trained().filter(|p| own(p.key()));
        layer.parameters = owned.map(|p| p.value().count()).sum();
    }
    Ok(layers)
}
