//! `asap profile --roofline`: how close every op comes to what the device can do (Williams, Waterman & Patterson 2009).
//!
//! An op's share is the shortest time that the device's [`Ceilings`] allow, divided by the measured time. Both ceilings are
//! measured in the same run.
//!
//! The device is synchronized after each op, so that on a GPU the time of a small op is mostly that of its launch.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
use asap_tensor::profile::{Cost, Record};
use asap_tensor::roofline::{Bound, Ceilings};
use asap_tensor::{Backend, Profiler};
use serde_json::json;

use super::configuration;
use super::workload::{Workload, median, times};
use crate::args::{Common, Profile};
use crate::device::{Task, on_profiled_device, threads};
use crate::memory::check_timing;
use crate::output::Output;

/// Runs that medians are taken over.
const REPETITIONS: usize = 5;

/// Prints the ceilings and, for every preset, a line for each op and size, and the total.
pub fn run(args: &Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    let presets = args.presets.iter().map(|name| Ok((name.as_str(), configuration(name, common)?)));
    let presets = presets.collect::<Result<Vec<_>>>()?;
    for (name, config) in &presets {
        let workload = Workload { config, batch: 1, train: args.train };
        check_timing(name, &workload.plan(threads(common))?, "data.size", common)?;
    }
    let profiler = Profiler::new();
    let task = Roofline { presets, train: args.train, threads: threads(common), profiler: &profiler, output };
    on_profiled_device(common, output, &profiler, task)?;
    Ok(ExitCode::SUCCESS)
}

struct Roofline<'a> {
    presets: Vec<(&'a str, Config)>,
    train: bool,
    threads: usize,
    profiler: &'a Profiler,
    output: &'a Output,
}

impl Task for Roofline<'_> {
    type Output = ();

    fn run<B: Backend>(self, backend: B) -> Result<()> {
        let Roofline { presets, train, threads, profiler, output } = self;
        profiler.pause(true);
        let ceilings = Ceilings::measure(&backend)?;
        let (device, precision) = (backend.device(), backend.matmul_precision());
        let (bandwidth, peak) = (ceilings.bandwidth / 1e9, ceilings.peak / 1e9);
        output.result(
            || {
                json!({
                    "device": device, "threads": threads, "precision": precision,
                    "bandwidth_gb_per_s": bandwidth, "peak_gflop_per_s": peak,
                })
            },
            || format!("{device} at precision {precision}: {bandwidth:.1} GB/s, {peak:.1} GFLOP/s"),
        );
        for (preset, config) in &presets {
            let workload = Workload { config, batch: 1, train };
            let (_, (whole, mut groups)) = workload.prepare(&backend, |run| {
                profiler.pause(true);
                run()?;
                let whole = median(times(&backend, REPETITIONS, run)?);
                profiler.pause(false);
                profiler.take();
                let mut repetitions = Vec::with_capacity(REPETITIONS);
                for _ in 0..REPETITIONS {
                    run()?;
                    repetitions.push(profiler.take());
                }
                Ok((whole, group(repetitions)))
            })?;
            groups.sort_by(|a, b| b.seconds().total_cmp(&a.seconds()));
            report(preset, workload, &groups, size_of::<B::Elem>(), &ceilings, whole, output);
        }
        Ok(())
    }
}

/// All runs of one op at one size.
#[derive(Debug)]
struct Group {
    op: &'static str,
    cost: Cost,
    /// The layers it ran in; empty for ops outside layers, such as gradients.
    layers: Vec<String>,
    /// How often it ran in one repetition.
    count: usize,
    /// Seconds in each repetition.
    times: Vec<f64>,
}

impl Group {
    fn seconds(&self) -> f64 {
        median(self.times.clone()).max(f64::MIN_POSITIVE)
    }

    /// The shortest time that the ceilings allow, and which of them is the limit.
    fn limit(&self, element_size: usize, ceilings: &Ceilings) -> (f64, Bound) {
        let (seconds, bound) = ceilings.minimum(self.cost, element_size);
        (self.count as f64 * seconds, bound)
    }

    /// The first layer, and how many more there are.
    fn place(&self) -> String {
        match &self.layers[..] {
            [] => String::new(),
            [one] => one.clone(),
            [first, others @ ..] => format!("{first} +{}", others.len()),
        }
    }
}

/// Records by op and size, in the order of their first run.
fn group(repetitions: Vec<Vec<Record>>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let total = repetitions.len();
    for (repetition, records) in repetitions.into_iter().enumerate() {
        for Record { scope, op, cost, time, .. } in records {
            let known = groups.iter().position(|group| group.op == op && group.cost == cost);
            let index = known.unwrap_or_else(|| {
                groups.push(Group { op, cost, layers: Vec::new(), count: 0, times: vec![0.0; total] });
                groups.len() - 1
            });
            let group = &mut groups[index];
            group.times[repetition] += time.as_secs_f64();
            group.count += usize::from(repetition == 0);
            if !scope.is_empty() && !group.layers.contains(&scope) {
                group.layers.push(scope);
            }
        }
    }
    groups
}

/// Prints a line for each group, and the total. `whole` is the time without synchronizing after each op.
fn report(
    preset: &str,
    workload: Workload<'_>,
    groups: &[Group],
    element_size: usize,
    ceilings: &Ceilings,
    whole: f64,
    output: &Output,
) {
    let mode = workload.mode();
    let [height, width] = workload.config.data.size;
    output.text(|| {
        format!(
            "{preset} {mode}, {height}×{width}\n{:<24} {:<38} {:>5} {:>9} {:>9} {:>9} {:>8} {:>9} {:<9} {:>6}",
            "op", "layer", "runs", "MB", "GFLOP", "ms", "GB/s", "GFLOP/s", "bound", "share"
        )
    });
    let (mut count, mut bytes, mut operations, mut seconds, mut limit) = (0, 0, 0, 0.0, 0.0);
    for group in groups {
        let moved = group.count as u64 * group.cost.elements * element_size as u64;
        let computed = group.count as u64 * 2 * group.cost.macs;
        let (time, (shortest, bound)) = (group.seconds(), group.limit(element_size, ceilings));
        let (share, bound) = (shortest / time, bound.name());
        let (bandwidth, rate) = (moved as f64 / time / 1e9, computed as f64 / time / 1e9);
        output.result(
            || {
                json!({
                    "preset": preset, "mode": mode, "op": group.op, "layers": group.layers, "count": group.count,
                    "bytes": moved, "operations": computed, "seconds": time, "gb_per_s": bandwidth,
                    "gflop_per_s": rate, "bound": bound, "share": share,
                })
            },
            || {
                format!(
                    "{:<24} {:<38} {:>5} {:>9.1} {:>9.2} {:>9.3} {bandwidth:>8.1} {rate:>9.1} {bound:<9} {:>5.1}%",
                    group.op,
                    group.place(),
                    group.count,
                    moved as f64 / 1e6,
                    computed as f64 / 1e9,
                    time * 1e3,
                    100.0 * share
                )
            },
        );
        count += group.count;
        bytes += moved;
        operations += computed;
        seconds += time;
        limit += shortest;
    }
    output.result(
        || {
            json!({
                "preset": preset, "mode": mode, "op": "total", "count": count, "bytes": bytes, "operations": operations,
                "seconds": seconds, "share": limit / seconds, "whole_seconds": whole,
            })
        },
        || {
            format!(
                "total: {:.3} ms synchronized after each op, {:.3} ms without; the ceilings allow {:.3} ms",
                seconds * 1e3,
                whole * 1e3,
                limit * 1e3
            )
        },
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(scope: &str, op: &'static str, macs: u64, milliseconds: u64) -> Record {
        let cost = Cost { macs, elements: 100 };
        Record { scope: scope.into(), op, cost, time: Duration::from_millis(milliseconds), held: None }
    }

    #[test]
    fn records_of_one_op_and_size_are_grouped() {
        let repetition =
            |ms: u64| vec![record("a", "conv2d", 5, ms), record("b", "conv2d", 5, 1), record("b", "conv2d", 6, 1)];
        let groups = group(vec![repetition(1), repetition(100), repetition(2)]);
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].count, &groups[0].layers[..]), (2, &["a".to_owned(), "b".to_owned()][..]));
        assert!((groups[0].seconds() - 0.003).abs() < 1e-9, "{groups:?}");
        assert_eq!(groups[1].count, 1);
    }

    #[test]
    fn share_is_shortest_time_over_measured_time() {
        let ceilings = Ceilings { bandwidth: 1e6, peak: 1e4 };
        // 400 bytes are moved in 0.4 ms; 200 operations take 20 ms.
        let records = || vec![record("", "unary", 1, 1), record("", "matmul", 100, 40), record("", "matmul", 100, 60)];
        let groups = group(vec![records(), records()]);
        for (group, expected) in groups.iter().zip([Bound::Bandwidth, Bound::Peak]) {
            let (shortest, bound) = group.limit(4, &ceilings);
            assert_eq!(bound, expected);
            assert!((shortest / group.seconds() - 0.4).abs() < 1e-9);
        }
    }
}
