//! `asap profile --roofline`: how near every op comes to what the device can do (Williams, Waterman & Patterson 2009).
//!
//! An op's share is the least time that the device's [`Ceilings`] allow it over the measured one. Both ceilings are
//! measured in the same run.
//!
//! Each op is waited for, so that on a GPU the time of a small op is mostly that of its launch.

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

/// Repetitions that medians are taken of.
const REPETITIONS: usize = 5;
/// Prints the ceilings and, for every preset, a line for each op and size, and the total.
pub fn run(args: &Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    let names = if args.presets.is_empty() { &["cityscapes-256".to_owned()][..] } else { &args.presets };
    let presets = names.iter().map(|name| Ok((name.as_str(), configuration(name, common)?)));
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
        output.result(
            || {
                json!({
                    "device": device, "threads": threads, "precision": precision,
                    "bandwidth_gb_per_s": ceilings.bandwidth / 1e9, "peak_gflop_per_s": ceilings.peak / 1e9,
                })
            },
            || {
                format!(
                    "{device} at precision {precision}: {:.1} GB/s, {:.1} GFLOP/s",
                    ceilings.bandwidth / 1e9,
                    ceilings.peak / 1e9
                )
            },
        );
        for (preset, config) in &presets {
            let workload = Workload { config, batch: 1, train };
            let (_, (whole, mut groups)) = workload.prepare(&backend, |run| {
                profiler.pause(true);
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
            let size = size_of::<B::Elem>();
            let rows = groups.iter().map(|group| Row::new(group, size, &ceilings)).collect();
            report(preset, workload, rows, whole, output);
        }
        Ok(())
    }
}

/// All runs of one op at one size.
#[derive(Debug)]
struct Group {
    op: &'static str,
    cost: Cost,
    /// The layers it ran in; none where ops run outside of layers, as gradients do.
    layers: Vec<String>,
    /// How often it ran in one repetition.
    count: usize,
    /// Seconds in each repetition.
    times: Vec<f64>,
}

impl Group {
    fn seconds(&self) -> f64 {
        median(self.times.clone())
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

/// One line of the table.
struct Row<'a> {
    op: &'a str,
    layers: &'a [String],
    count: usize,
    bytes: f64,
    operations: f64,
    seconds: f64,
    /// The least seconds that it could take.
    least: f64,
    /// Which ceiling says so.
    bound: Bound,
}

impl<'a> Row<'a> {
    fn new(group: &'a Group, element_size: usize, ceilings: &Ceilings) -> Self {
        let count = group.count as f64;
        let (least, bound) = ceilings.least(group.cost, element_size);
        Row {
            op: group.op,
            layers: &group.layers,
            count: group.count,
            bytes: count * group.cost.elements as f64 * element_size as f64,
            operations: count * 2.0 * group.cost.macs as f64,
            seconds: group.seconds(),
            least: count * least,
            bound,
        }
    }

    fn share(&self) -> f64 {
        self.least / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// The first layer, and how many more there are.
    fn place(&self) -> String {
        match self.layers {
            [] => String::new(),
            [one] => one.clone(),
            [first, others @ ..] => format!("{first} +{}", others.len()),
        }
    }
}

/// Prints the rows and their total. `whole` is the time without waiting for each op.
fn report(preset: &str, workload: Workload<'_>, rows: Vec<Row<'_>>, whole: f64, output: &Output) {
    let mode = workload.mode();
    let [height, width] = workload.config.data.size;
    output.text(|| {
        format!(
            "{preset} {mode}, {height}×{width}\n{:<24} {:<38} {:>5} {:>9} {:>9} {:>9} {:>8} {:>9} {:<9} {:>6}",
            "op", "layer", "runs", "MB", "GFLOP", "ms", "GB/s", "GFLOP/s", "bound", "share"
        )
    });
    for row in &rows {
        let &Row { op, count, bytes, operations, seconds, bound, .. } = row;
        let bound = bound.name();
        let per_second = |work: f64| work / seconds.max(f64::MIN_POSITIVE) / 1e9;
        output.result(
            || {
                json!({
                    "preset": preset, "mode": mode, "op": op, "layers": row.layers, "count": count, "bytes": bytes as u64,
                    "operations": operations as u64, "seconds": seconds, "gb_per_s": per_second(bytes),
                    "gflop_per_s": per_second(operations), "bound": bound, "share": row.share(),
                })
            },
            || {
                format!(
                    "{op:<24} {:<38} {count:>5} {:>9.1} {:>9.2} {:>9.3} {:>8.1} {:>9.1} {bound:<9} {:>5.1}%",
                    row.place(),
                    bytes / 1e6,
                    operations / 1e9,
                    seconds * 1e3,
                    per_second(bytes),
                    per_second(operations),
                    100.0 * row.share()
                )
            },
        );
    }
    let sum = |of: fn(&Row<'_>) -> f64| rows.iter().map(of).sum::<f64>();
    let (seconds, least) = (sum(|row| row.seconds), sum(|row| row.least));
    output.result(
        || {
            json!({
                "preset": preset, "mode": mode, "op": "total", "count": rows.iter().map(|row| row.count).sum::<usize>(),
                "bytes": sum(|row| row.bytes) as u64, "operations": sum(|row| row.operations) as u64,
                "seconds": seconds, "share": least / seconds.max(f64::MIN_POSITIVE), "whole_seconds": whole,
            })
        },
        || {
            format!(
                "total: {:.3} ms waiting for each op, {:.3} ms in one go; the ceilings allow {:.3} ms",
                seconds * 1e3,
                whole * 1e3,
                least * 1e3
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
    fn runs_of_one_op_and_size_are_one_group_timed_by_the_median_of_repetitions() {
        let repetition =
            |ms: u64| vec![record("a", "conv2d", 5, ms), record("b", "conv2d", 5, 1), record("b", "conv2d", 6, 1)];
        let groups = group(vec![repetition(1), repetition(100), repetition(2)]);
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].count, &groups[0].layers[..]), (2, &["a".to_owned(), "b".to_owned()][..]));
        assert!((groups[0].seconds() - 0.003).abs() < 1e-9, "{groups:?}");
        assert_eq!(groups[1].count, 1);
    }

    #[test]
    fn the_share_of_several_runs_is_their_least_time_over_the_measured_one() {
        let ceilings = Ceilings { bandwidth: 1e6, peak: 1e4 };
        // 400 bytes are moved in 0.4 ms; 200 operations take 20 ms.
        let records = || vec![record("", "unary", 1, 1), record("", "matmul", 100, 40), record("", "matmul", 100, 60)];
        let groups = group(vec![records(), records()]);
        let rows: Vec<Row<'_>> = groups.iter().map(|group| Row::new(group, 4, &ceilings)).collect();
        assert_eq!((rows[0].bound, rows[1].bound), (Bound::Bandwidth, Bound::Peak));
        assert!((rows[0].share() - 0.4).abs() < 1e-9 && (rows[1].share() - 0.4).abs() < 1e-9);
    }
}
