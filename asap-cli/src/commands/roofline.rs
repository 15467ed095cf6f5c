//! `asap profile --roofline`: how near every op comes to what the device can do (Williams, Waterman & Patterson 2009).
//!
//! An op that moves b bytes and does f operations takes at least the longer of b/bandwidth and f/peak; its share is
//! that time over the measured one. Both ceilings are measured in the same run. Operations are two for each
//! multiply-accumulate of convolutions and matrix products; other arithmetic is not counted, and bytes are those of
//! every number that is read or written, once.
//!
//! Each op is waited for, so that on a GPU the time of a small op is mostly that of its launch. Arrays that stay in a
//! cache are faster than memory: their share may exceed 1.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::Config;
use asap_tensor::ops::{Transpose, Unary, matmul, sum, unary};
use asap_tensor::profile::{Cost, Record};
use asap_tensor::{Backend, Profiler, Tensor};
use serde_json::json;

use super::configuration;
use super::workload::{Workload, median};
use crate::args::{Common, Profile};
use crate::device::{Task, on_profiled_device, threads};
use crate::output::Output;

/// Repetitions that medians are taken of.
const REPETITIONS: usize = 5;
/// A ceiling is measured at ever larger sizes until one run takes this long, in seconds.
const LONG_ENOUGH: f64 = 0.03;
/// Numbers in the arrays that bandwidth is measured with, first and last: more than caches hold.
const ARRAYS: [usize; 2] = [1 << 25, 1 << 28];
/// Rows and columns of the matrices that the peak is measured with, first and last.
const MATRICES: [usize; 2] = [256, 8192];

/// Prints the ceilings and, for every preset, a line for each op and size, and the total.
pub fn run(args: &Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    let names = if args.presets.is_empty() { &["cityscapes-256".to_owned()][..] } else { &args.presets };
    let presets = names.iter().map(|name| Ok((name.as_str(), configuration(name, common)?)));
    let presets = presets.collect::<Result<Vec<_>>>()?;
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
        let ceilings = Ceilings { bandwidth: bandwidth(&backend)?, peak: peak(&backend)? };
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
                let whole = median(times(&backend, run)?);
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

/// What the device can do at best.
struct Ceilings {
    /// Bytes a second.
    bandwidth: f64,
    /// Operations a second.
    peak: f64,
}

/// Seconds of each of [`REPETITIONS`] runs, after one that is not timed.
fn times<B: Backend>(backend: &B, run: &mut dyn FnMut() -> Result<()>) -> Result<Vec<f64>> {
    run()?;
    backend.synchronize()?;
    let time = |_| {
        let start = Instant::now();
        run()?;
        backend.synchronize()?;
        Ok(start.elapsed().as_secs_f64())
    };
    (0..REPETITIONS).map(time).collect()
}

/// A ceiling is what the device does undisturbed.
fn fastest(times: Vec<f64>) -> f64 {
    times.into_iter().fold(f64::INFINITY, f64::min)
}

/// The rate at the first size whose run takes long enough, or at the last; sizes double.
fn rate([first, last]: [usize; 2], mut measure: impl FnMut(usize) -> Result<(f64, f64)>) -> Result<f64> {
    let mut size = first;
    loop {
        let (work, seconds) = measure(size)?;
        if seconds >= LONG_ENOUGH || size >= last {
            return Ok(work / seconds);
        }
        size *= 2;
    }
}

/// Bytes a second of large arrays, at best: each number scaled and written elsewhere, or all of them summed. On the CPU
/// the first is held up by the system, which clears new memory before it gives it out.
fn bandwidth<B: Backend>(backend: &B) -> Result<f64> {
    let size = size_of::<B::Elem>();
    let copying = rate(ARRAYS, |count| {
        let x = Tensor::full(backend, [count], 0.5)?;
        let copy = &mut || {
            unary(Unary::Affine { scale: 0.5, shift: 0.25 }, &x)?;
            Ok(())
        };
        Ok(((2 * count * size) as f64, fastest(times(backend, copy)?)))
    })?;
    let reading = rate(ARRAYS, |count| {
        let x = Tensor::full(backend, [count], 0.5)?;
        let read = &mut || {
            sum(&x)?;
            Ok(())
        };
        Ok(((count * size) as f64, fastest(times(backend, read)?)))
    })?;
    Ok(copying.max(reading))
}

/// Operations a second of a product of large square matrices. Their numbers vary: equal ones take less power, and a GPU
/// that has power left runs faster than it does at work.
fn peak<B: Backend>(backend: &B) -> Result<f64> {
    rate(MATRICES, |side| {
        let numbers: Vec<f32> =
            (0..side * side).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as u16 as i16 as f32 / 32768.0).collect();
        let a = Tensor::from_f32(backend, [side, side], &numbers)?;
        let seconds = fastest(times(backend, &mut || {
            matmul(&a, &a, Transpose::default())?;
            Ok(())
        })?);
        Ok((2.0 * (side as f64).powi(3), seconds))
    })
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
        for Record { scope, op, cost, time } in records {
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
    bound: &'static str,
}

impl<'a> Row<'a> {
    fn new(group: &'a Group, element_size: usize, ceilings: &Ceilings) -> Self {
        let count = group.count as f64;
        let bytes = count * group.cost.elements as f64 * element_size as f64;
        let operations = count * 2.0 * group.cost.macs as f64;
        let (moving, computing) = (bytes / ceilings.bandwidth, operations / ceilings.peak);
        let bound = if moving >= computing { "bandwidth" } else { "peak" };
        Row {
            op: group.op,
            layers: &group.layers,
            count: group.count,
            bytes,
            operations,
            seconds: group.seconds(),
            least: moving.max(computing),
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
    if !output.is_json() {
        let head = format!(
            "{:<24} {:<38} {:>5} {:>9} {:>9} {:>9} {:>8} {:>9} {:<9} {:>6}",
            "op", "layer", "runs", "MB", "GFLOP", "ms", "GB/s", "GFLOP/s", "bound", "share"
        );
        output.result(|| json!(null), || format!("{preset} {mode}, {height}×{width}\n{head}"));
    }
    for row in &rows {
        let &Row { op, count, bytes, operations, seconds, bound, .. } = row;
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
        Record { scope: scope.into(), op, cost, time: Duration::from_millis(milliseconds) }
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
    fn the_later_of_both_ceilings_bounds_an_op() {
        let ceilings = Ceilings { bandwidth: 1e6, peak: 1e4 };
        // 400 bytes are moved in 0.4 ms; 2 operations take 0.2 ms, 200 take 20 ms.
        let groups = group(vec![vec![record("", "unary", 1, 1), record("", "matmul", 100, 40)]]);
        let rows: Vec<Row<'_>> = groups.iter().map(|group| Row::new(group, 4, &ceilings)).collect();
        assert_eq!((rows[0].bound, rows[1].bound), ("bandwidth", "peak"));
        assert!((rows[0].share() - 0.4).abs() < 1e-9 && (rows[1].share() - 0.5).abs() < 1e-9);
    }
}
