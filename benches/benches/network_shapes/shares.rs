//! Criterion's times, compared with the minimum that the machine's peak permits.

use std::time::{Duration, Instant};

use asap_tensor::profile::Cost;
use asap_tensor::roofline::{Bound, Ceilings};
use asap_tensor::{Cpu, Profiler, Result, Storage};
use criterion::Criterion;

/// Times ops on the CPU and finally prints the share of its peak that each reaches.
pub struct Bench {
    criterion: Criterion,
    backend: Cpu,
    profiler: Profiler,
    ceilings: Ceilings,
    rows: Vec<Row>,
}

/// Samples that Criterion takes of an op.
pub const SAMPLES: usize = 10;

/// A timed op.
struct Row {
    name: String,
    cost: Cost,
    /// Seconds of one run, for each call by Criterion; the first ones are warm-up.
    samples: Vec<f64>,
}

impl Row {
    fn median(&self) -> f64 {
        let mut samples = self.samples[self.samples.len().saturating_sub(SAMPLES)..].to_vec();
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    }
}

impl Bench {
    /// Measures the machine's peak.
    pub fn new(criterion: Criterion) -> Result<Self> {
        let profiler = Profiler::new();
        profiler.pause(true);
        let backend = Cpu::new(None)?.with_profiler(profiler.clone());
        let ceilings = Ceilings::measure(&backend)?;
        Ok(Bench { criterion, backend, profiler, ceilings, rows: Vec::new() })
    }

    /// The backend of the timed ops.
    pub fn backend(&self) -> Cpu {
        self.backend.clone()
    }

    /// Times `run`, if the command line selects its name.
    pub fn op<T>(&mut self, name: &str, mut run: impl FnMut() -> Result<T>) {
        let mut run = || run().expect("shapes fit");
        let (profiler, mut cost, mut samples) = (&self.profiler, None, Vec::new());
        self.criterion.bench_function(name, |bencher| {
            if cost.is_none() {
                profiler.pause(false);
                run();
                profiler.pause(true);
                let costs = profiler.take().into_iter().map(|record| record.cost);
                let sum = |a: Cost, b: Cost| Cost { macs: a.macs + b.macs, elements: a.elements + b.elements };
                cost = costs.reduce(sum);
            }
            bencher.iter_custom(|count| {
                let mut time = Duration::ZERO;
                for _ in 0..count {
                    let start = Instant::now();
                    let result = run();
                    time += start.elapsed();
                    drop(result);
                }
                samples.push(time.as_secs_f64() / count as f64);
                time
            });
        });
        if let Some(cost) = cost {
            self.rows.push(Row { name: name.to_owned(), cost, samples });
        }
    }

    /// Measures the peak again, and prints the table by the better of both.
    pub fn finish(self) -> Result<()> {
        self.criterion.final_summary();
        let again = Ceilings::measure(&self.backend)?;
        let ceilings = Ceilings {
            bandwidth: self.ceilings.bandwidth.max(again.bandwidth),
            peak: self.ceilings.peak.max(again.peak),
        };
        println!(
            "\n{} threads: {:.1} GB/s, {:.1} GFLOP/s; 1 GMAC is 2 GFLOP. Shares of the lower ceiling, memory or peak:\n",
            self.backend.threads(),
            ceilings.bandwidth / 1e9,
            ceilings.peak / 1e9
        );
        println!("{:<48} {:>9} {:>8} {:>8} {:>9} {:<9} {:>6}", "op", "ms", "GMAC", "MB", "min. ms", "ceiling", "share");
        for row in &self.rows {
            let (seconds, size) = (row.median(), size_of::<f32>());
            let (minimum, bound) = ceilings.minimum(row.cost, size);
            println!(
                "{:<48} {:>9.3} {:>8.3} {:>8.1} {:>9.3} {:<9} {:>5.0}%",
                row.name,
                1e3 * seconds,
                row.cost.macs as f64 / 1e9,
                (row.cost.elements as usize * size) as f64 / 1e6,
                1e3 * minimum,
                match bound {
                    Bound::Bandwidth => "memory",
                    Bound::Peak => "peak",
                },
                100.0 * minimum / seconds
            );
        }
        Ok(())
    }
}
