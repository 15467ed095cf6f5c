//! Parameters and costs of each layer of a generator.

use anyhow::Result;
use asap_autograd::Var;
use asap_model::config::GeneratorConfig;
use asap_model::data::HostInput;
use asap_model::nn::{Blank, FillByName, Random};
use asap_model::{Config, ForwardContext, Generator, Input};
use asap_tensor::{Backend, Plan, Profiler, Storage, Tensor};

use crate::args::Common;
use crate::commands::usage;
use crate::commands::workload::{Workload, made_up_inputs};
use crate::device::{Task, on_profiled_device, threads};
use crate::memory::check_timing;
use crate::output::Output;

/// The configuration with a baseline at its published sizes.
pub fn with_baseline(config: &Config, name: &str) -> asap_model::Result<Config> {
    let generator = GeneratorConfig::of_kind(name).ok_or_else(|| usage(name, "there is no such baseline"))?;
    let config = Config { generator, ..config.clone() };
    config.validate()?;
    Ok(config)
}

/// The layers of a generator, in the order in which they run, with their costs on the device.
pub fn profiled(config: &Config, common: &Common, output: &Output) -> Result<Vec<Layer>> {
    let workload = Workload { config, batch: 1, train: false };
    check_timing(config.generator.kind(), &workload.plan(threads(common))?, "data.size", common)?;
    let profiler = Profiler::new();
    let mut layers = on_profiled_device(common, output, &profiler, Forward { config, profiler: &profiler })?;
    // Memory comes from the same forward pass on the planning backend, which computes no values.
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

/// Parameters and costs of one layer.
#[derive(Default)]
pub struct Layer {
    /// Its key prefix, or a name for the ops outside layers.
    pub name: String,
    /// Trained values.
    pub parameters: usize,
    /// Multiply-accumulates; labels are looked up.
    pub macs: u64,
    /// Bytes that its ops read and write, each value once.
    pub bytes: u64,
    /// Peak of the planned memory while it runs: all weights, its activations, scratch memory of the threads.
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
        let inputs = made_up_inputs(config, 1);
        let input = HostInput::stack(&inputs, &backend, &config.data)?;
        let generator = Generator::new(&backend, &config.generator, &config.data, &mut fill)?;
        let forward = || {
            let ctx = ForwardContext::evaluation(&generator.params).with_random(Random::new(0, "profile"));
            generator.forward(&ctx, &input)
        };
        // The first pass is a warm-up.
        forward()?;
        profiler.take();
        forward()?;
        let outside = if config.generator.asap().is_some() { "downsampling" } else { "between layers" };
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
            let is_own = |key: &str| key.strip_prefix(&layer.name).is_some_and(|rest| rest.starts_with('.'));
            let own = generator.params.trained().filter(|p| is_own(p.key()));
            layer.parameters = own.map(|p| p.value().count()).sum();
        }
        Ok(layers)
    }
}

/// Multiply-accumulates of one forward pass from one-hot labels, counted without computing it.
pub fn dense_macs(config: &Config) -> asap_model::Result<u64> {
    let profiler = Profiler::new();
    let backend = Plan::new(1).with_profiler(profiler.clone());
    let generator = Generator::new(&backend, &config.generator, &config.data, &mut Blank)?;
    let [height, width] = config.data.size;
    let dense = |channels: usize| Tensor::zeros(&backend, [1, channels, height, width]).map(Var::constant);
    let mut input = Input::image(dense(config.data.input_channels())?);
    if config.data.instances {
        input = input.with_edges(&dense(1)?)?;
    }
    generator.forward(&ForwardContext::evaluation(&generator.params), &input)?;
    Ok(profiler.take().iter().map(|record| record.cost.macs).sum())
}
