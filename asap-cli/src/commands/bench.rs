//! `asap bench`: the time of a forward pass, or of a round of training.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::memory::{self, MemoryPlan};
use asap_model::network::FillByName;
use asap_model::round::Rates;
use asap_model::vgg::Vgg19;
use asap_model::{Binding, Condition, Config, Game, Generator, Network};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Profiler, Tensor};
use serde_json::json;

use super::configuration;
use crate::args::{Bench, Common};
use crate::commands::profile::made_up_batch;
use crate::device::{Task, on_profiled_device, threads};
use crate::machine::bytes;
use crate::output::Output;

/// Times every preset, one after the other.
pub fn run(args: Bench, common: &Common, output: &Output) -> Result<ExitCode> {
    let presets = if args.presets.is_empty() { vec!["cityscapes-256".to_owned()] } else { args.presets.clone() };
    for preset in presets {
        let config = configuration(&preset, common)?;
        let profiler = Profiler::new();
        let timing = Timing { config: &config, args: &args, profiler: &profiler };
        let Measured { mut seconds, macs, parameters, device, precision } =
            on_profiled_device(common, output, &profiler, timing)?;
        seconds.sort_by(f64::total_cmp);
        let median = (seconds[(seconds.len() - 1) / 2] + seconds[seconds.len() / 2]) / 2.0;
        let (min, max) = (seconds[0], seconds[seconds.len() - 1]);
        let [height, width] = config.data.size;
        let planned = planned_bytes(&config, &args, threads(common))?;
        let gmac = macs as f64 / 1e9;
        let mode = if args.train { "train" } else { "infer" };
        output.result(
            || {
                json!({
                    "preset": preset, "mode": mode, "device": device, "threads": threads(common),
                    "precision": precision, "batch": args.batch, "height": height, "width": width, "runs": args.runs,
                    "median_s": median, "min_s": min, "max_s": max, "gmac": gmac, "parameters": parameters,
                    "peak_rss_bytes": peak_rss_bytes(), "planned_bytes": planned,
                })
            },
            || {
                let rate = gmac / median;
                let memory = peak_rss_bytes().map_or_else(String::new, |peak| format!("peak memory {}, ", bytes(peak)));
                let memory = format!(", {memory}planned {}", bytes(planned));
                format!(
                    "{preset} {mode}, batch {}, {height}×{width} on {device}: median {median:.3} s ({min:.3}–{max:.3} of \
                     {}), {gmac:.1} G multiply-accumulates, {rate:.1} G/s{memory}",
                    args.batch, args.runs
                )
            },
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The memory that is planned for what is timed: no checkpoint is written or read, and no workers hold batches.
fn planned_bytes(config: &Config, args: &Bench, threads: usize) -> asap_model::Result<u64> {
    let mut config = config.clone();
    config.train.batch = usize::from(args.batch);
    config.loss.lambda_vgg = if config.data.output_channels() == 3 { 1.0 } else { 0.0 };
    config.data.workers = 0;
    let [height, width] = config.data.size;
    let plan = match args.train {
        true => memory::training(&config, threads)?,
        false => memory::inference(&config, [config.train.batch, height, width], threads)?,
    };
    Ok(MemoryPlan { copies: 0, ..plan }.total())
}

struct Timing<'a> {
    config: &'a Config,
    args: &'a Bench,
    profiler: &'a Profiler,
}

struct Measured {
    seconds: Vec<f64>,
    macs: u64,
    parameters: usize,
    device: String,
    precision: &'static str,
}

impl Task for Timing<'_> {
    type Output = Measured;

    fn run<B: Backend>(self, backend: B) -> Result<Measured> {
        let Timing { config, args, profiler } = self;
        let batch = made_up_batch(config, usize::from(args.batch))?;
        let mut fill = FillByName { prefix: "bench.".into(), gain: 1.0 };
        let measure = |run: &mut dyn FnMut() -> Result<()>| -> Result<(Vec<f64>, u64)> {
            run()?;
            let macs = profiler.take().iter().map(|record| record.cost.macs).sum();
            profiler.pause(true);
            let mut seconds = Vec::new();
            for _ in 0..args.runs {
                let start = Instant::now();
                run()?;
                backend.synchronize()?;
                seconds.push(start.elapsed().as_secs_f64());
            }
            Ok((seconds, macs))
        };
        let (device, precision) = (backend.device(), backend.matmul_precision());
        if args.train {
            let vgg =
                if config.data.output_channels() == 3 { Some(Vgg19::made_up(&backend, &mut fill)?) } else { None };
            let mut game = Game::new(&backend, config, vgg, &mut fill)?;
            let parameters = game.generator.trainable_count() + game.discriminator.trainable_count();
            let [height, width] = config.data.size;
            let shape = [batch.len(), config.data.output_channels(), height, width];
            let real = uniform_by_name("bench.real", shape.iter().product());
            let real = Tensor::from_f32(&backend, shape, &real)?;
            let rates = Rates { generator: config.train.lr_generator, discriminator: config.train.lr_discriminator };
            let (seconds, macs) = measure(&mut || {
                let condition = Condition::from_batch(&backend, &batch, &config.data)?;
                game.round(&condition, &real, rates)?;
                Ok(())
            })?;
            return Ok(Measured { seconds, macs, parameters, device, precision });
        }
        let generator = Generator::new(&backend, &config.generator, &config.data, &mut fill)?;
        let parameters = generator.trainable_count();
        let (seconds, macs) = measure(&mut || {
            let condition = Condition::from_batch(&backend, &batch, &config.data)?;
            generator.forward(&Binding::frozen(), &condition)?.value().to_f32()?;
            Ok(())
        })?;
        Ok(Measured { seconds, macs, parameters, device, precision })
    }
}

/// The most memory that this process has held, where the system tells (Linux).
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
