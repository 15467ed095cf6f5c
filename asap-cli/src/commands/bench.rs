//! `asap bench`: the time of a forward pass, or of a training step.

use std::process::ExitCode;

use anyhow::Result;
use asap_tensor::{Backend, Profiler};
use indicatif::DecimalBytes;
use serde_json::json;

use super::configuration;
use super::workload::{Workload, median, times};
use crate::args::{Bench, Common};
use crate::device::{Task, on_profiled_device, threads};
use crate::memory::check_timing;
use crate::output::Output;

/// Times every preset, one after the other.
pub fn run(args: Bench, common: &Common, output: &Output) -> Result<ExitCode> {
    for preset in &args.presets {
        let config = configuration(preset, common)?;
        let workload = Workload { config: &config, batch: usize::from(args.batch), train: args.train };
        let planned = check_timing(preset, &workload.plan(threads(common))?, "--batch or data.size", common)?;
        // Resets the peak memory, so that it is not that of an earlier preset (Linux; elsewhere it is not reported).
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let (profiler, threads) = (Profiler::new(), threads(common));
        let timing = Timing { preset, workload, runs: args.runs, planned, threads, profiler: &profiler, output };
        on_profiled_device(common, output, &profiler, timing)?;
    }
    Ok(ExitCode::SUCCESS)
}

struct Timing<'a> {
    preset: &'a str,
    workload: Workload<'a>,
    runs: u16,
    planned: u64,
    threads: usize,
    profiler: &'a Profiler,
    output: &'a Output,
}

impl Task for Timing<'_> {
    type Output = ();

    fn run<B: Backend>(self, backend: B) -> Result<()> {
        let Timing { preset, workload, runs, planned, threads, profiler, output } = self;
        backend.take_peak_memory();
        let (parameters, (seconds, macs)) = workload.prepare(&backend, |run| {
            run()?;
            let macs: u64 = profiler.take().iter().map(|record| record.cost.macs).sum();
            profiler.pause(true);
            Ok((times(&backend, runs.into(), run)?, macs))
        })?;
        let (device, precision, peak) = (backend.device(), backend.matmul_precision(), backend.take_peak_memory());
        let min = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let max = seconds.iter().copied().fold(0.0, f64::max);
        let median = median(seconds);
        let (mode, batch, [height, width]) = (workload.mode(), workload.batch, workload.config.data.size);
        let gmac = macs as f64 / 1e9;
        output.result(
            || {
                json!({
                    "preset": preset, "mode": mode, "device": device, "threads": threads, "precision": precision,
                    "batch": batch, "height": height, "width": width, "runs": runs,
                    "median_s": median, "min_s": min, "max_s": max, "gmac": gmac, "parameters": parameters,
                    "peak_rss_bytes": peak_rss_bytes(), "planned_bytes": planned, "peak_device_bytes": peak,
                })
            },
            || {
                let (rate, planned) = (gmac / median, DecimalBytes(planned));
                let memory = match (peak, peak_rss_bytes()) {
                    (Some(peak), _) => format!("peak memory {} on the device", DecimalBytes(peak)),
                    (None, Some(peak)) => format!("peak memory {}, planned {planned}", DecimalBytes(peak)),
                    (None, None) => format!("planned {planned}"),
                };
                format!(
                    "{preset} {mode}, batch {batch}, {height}×{width} on {device}: median {median:.3} s \
                     ({min:.3}–{max:.3} of {runs}), {gmac:.1} G multiply-accumulates, {rate:.1} G/s, {memory}"
                )
            },
        );
        Ok(())
    }
}

/// The peak resident memory of this process (Linux).
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
