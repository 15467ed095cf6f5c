//! `asap profile`: parameters, multiply-accumulates, bytes and time, layer by layer, and planned memory.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::network::FillByName;
use asap_model::{Binding, Condition, Config, Generator, Network, memory};
use asap_tensor::{Backend, Profiler};
use serde_json::json;

use super::workload::made_up_batch;
use super::{configuration, roofline};
use crate::args::{Common, Profile};
use crate::device::{Task, on_profiled_device, threads};
use crate::memory::{plan_json, plan_text};
use crate::output::Output;
use crate::progress::thousands;

/// Profiles a forward pass of every preset.
pub fn run(args: Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    if args.roofline {
        return roofline::run(&args, common, output);
    }
    let presets = if args.presets.is_empty() { vec!["cityscapes-256".to_owned()] } else { args.presets.clone() };
    for preset in presets {
        let config = configuration(&preset, common)?;
        let profiler = Profiler::new();
        let layers = on_profiled_device(common, output, &profiler, Forward { config: &config, profiler: &profiler })?;
        let [height, width] = config.data.size;
        if !output.is_json() {
            output.result(
                || json!(null),
                || {
                    format!(
                        "{preset}, {height}×{width}\n{:<36} {:>12} {:>10} {:>10} {:>10}",
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
        let threads = threads(common);
        let drawing = memory::inference(&config, [1, height, width], threads)?;
        let training = memory::training(&config, threads)?;
        for layer in layers.iter().chain([&total]) {
            output.result(
                || {
                    json!({
                        "preset": preset, "layer": layer.name, "parameters": layer.parameters,
                        "gmac": layer.macs as f64 / 1e9, "bytes": layer.bytes, "seconds": layer.seconds,
                    })
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
        for (what, plan) in [("inference", &drawing), ("training", &training)] {
            output.result(|| plan_json(&preset, what, plan), || plan_text(what, plan));
        }
    }
    Ok(ExitCode::SUCCESS)
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
    profiler: &'a Profiler,
}

impl Task for Forward<'_> {
    type Output = Vec<Layer>;

    fn run<B: Backend>(self, backend: B) -> Result<Vec<Layer>> {
        let Forward { config, profiler } = self;
        let mut fill = FillByName { prefix: "profile.".into(), gain: 1.0 };
        let generator = Generator::new(&backend, &config.generator, &config.data, &mut fill)?;
        let batch = made_up_batch(config, 1)?;
        let condition = Condition::from_batch(&backend, &batch, &config.data)?;
        generator.forward(&Binding::frozen(), &condition)?;
        profiler.take();
        generator.forward(&Binding::frozen(), &condition)?;

        let mut layers: Vec<Layer> = Vec::new();
        for record in profiler.take() {
            let name = if record.scope.is_empty() { "downsampling".to_owned() } else { record.scope };
            if layers.last().is_none_or(|layer| layer.name != name) {
                layers.push(Layer { name, ..Layer::default() });
            }
            if let Some(layer) = layers.last_mut() {
                layer.macs += record.cost.macs;
                layer.bytes += record.cost.elements * size_of::<B::Elem>() as u64;
                layer.seconds += record.time.as_secs_f64();
            }
        }
        for layer in &mut layers {
            let own = |name: &str| name.strip_prefix(&layer.name).is_some_and(|rest| rest.starts_with('.'));
            let parameters = generator.parameters();
            let owned = parameters.iter().filter(|p| p.kind().is_trained() && own(p.name()));
            layer.parameters = owned.map(|p| p.value().count()).sum();
        }
        Ok(layers)
    }
}
