//! An op on random inputs, and the search for inputs on which a backend is wrong.
//!
//! A family's test describes a [`Property`]: sizes and a seed, and how the op and its gradients run on any backend.
//! [`assert_matches_reference`] generates such cases and compares every backend with double precision on the reference
//! backend. `all_outputs` is the list of backends: a new one takes one line there.

use std::fmt::Debug;
use std::sync::LazyLock;

use asap_tensor::{Backend, Cpu, Error, Reference, Result, Tensor};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use crate::bound::{Output, within_bound};
use crate::gpu::gpu;
use crate::source::Source;

/// The backend that all others are compared with.
pub type Double = Reference<f64>;

/// Cases per op, unless the environment variable `PROPTEST_CASES` sets another number: fewer under a slow sanitizer, more
/// for a longer search.
pub const CASES: u32 = 256;

/// Threads of the fast CPU backend: the bytes must not depend on them.
const THREADS: [usize; 3] = [1, 2, 4];

/// One case: the sizes of an op's inputs, and what to compute.
pub trait Property: Debug {
    /// The seed of the inputs.
    fn seed(&self) -> u64;

    /// The op and its gradients on random inputs.
    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>>;

    /// Σ|terms| for every element of every output, which rounding errors are proportional to. The default is the op on
    /// absolute values: right for sums of products, such as convolutions. Override it for subtractions, divisions and
    /// nonlinear functions.
    fn magnitudes(&self, source: &Source<'_, Double>, _exact: &[Output]) -> Result<Vec<Vec<f64>>> {
        let absolute = Source { absolute: true, ..*source };
        Ok(self.run(&absolute)?.into_iter().map(|output| output.values).collect())
    }
}

/// A result whose values each sum `terms` terms.
pub fn summed<B: Backend>(name: &'static str, tensor: &Tensor<B>, terms: usize) -> Result<Output> {
    Ok(Output { name, values: tensor.to_f64()?, terms })
}

/// A result whose values are copies of the input's.
pub fn copied<B: Backend>(name: &'static str, tensor: &Tensor<B>) -> Result<Output> {
    summed(name, tensor, 0)
}

struct BackendOutputs {
    backend: String,
    outputs: Vec<Output>,
}

fn run_on<P: Property, B: Backend>(case: &P, name: String, backend: &B) -> Result<BackendOutputs> {
    let source = Source { backend, seed: case.seed(), absolute: false };
    Ok(BackendOutputs { backend: name, outputs: case.run(&source)? })
}

static CPUS: LazyLock<std::result::Result<Vec<Cpu>, Error>> =
    LazyLock::new(|| THREADS.iter().map(|&threads| Ok(Cpu::new(Some(threads))?.poison_uninitialized())).collect());

/// What the fast CPU backend computes with each number of threads.
fn cpu_outputs<P: Property>(case: &P) -> std::result::Result<Vec<BackendOutputs>, String> {
    let cpus = CPUS.as_ref().map_err(Error::to_string)?;
    let name = |cpu: &Cpu| format!("cpu with {} threads", cpu.threads());
    cpus.iter().map(|cpu| run_on(case, name(cpu), cpu).map_err(|error| error.to_string())).collect()
}

/// What the GPU computes, for each order that its threads may run in; nothing where there is none.
fn gpu_outputs<P: Property>(case: &P) -> std::result::Result<Vec<BackendOutputs>, String> {
    let Some(gpu) = gpu() else { return Ok(Vec::new()) };
    let results = gpu.in_every_order(|name, cuda| run_on(case, name.into(), cuda));
    results.into_iter().collect::<Result<_>>().map_err(|error| error.to_string())
}

/// What every backend computes; those of the fast CPU backend come first, one for each number of threads, those of the
/// GPU last, one for each order of threads.
fn all_outputs<P: Property>(case: &P) -> std::result::Result<Vec<BackendOutputs>, String> {
    let mut results = cpu_outputs(case)?;
    results.push(run_on(case, "reference".into(), &Reference::<f32>::new()).map_err(|error| error.to_string())?);
    results.extend(gpu_outputs(case)?);
    Ok(results)
}

/// The first output whose bytes differ from the first result's.
fn same_bytes(results: &[BackendOutputs]) -> std::result::Result<(), String> {
    for other in results.iter().skip(1) {
        for (a, b) in results[0].outputs.iter().zip(&other.outputs) {
            if let Some(i) = (0..a.values.len()).find(|&i| a.values[i].to_bits() != b.values[i].to_bits()) {
                let [first, second] = [a.values[i], b.values[i]];
                return Err(format!(
                    "{}[{i}]: {first:e} on {}, {second:e} on {}",
                    a.name, results[0].backend, other.backend
                ));
            }
        }
    }
    Ok(())
}

/// Whether every backend is right on one case.
///
/// # Errors
/// A description of what is wrong.
pub fn check<P: Property>(case: &P) -> std::result::Result<(), String> {
    check_outputs(case, &all_outputs(case)?)
}

/// Whether results are within the bound: those of the fast CPU backend come first.
fn check_outputs<P: Property>(case: &P, results: &[BackendOutputs]) -> std::result::Result<(), String> {
    let double = Double::new();
    let source = Source { backend: &double, seed: case.seed(), absolute: false };
    let exact = case.run(&source).map_err(|error| error.to_string())?;
    let magnitudes = case.magnitudes(&source, &exact).map_err(|error| error.to_string())?;
    if magnitudes.len() != exact.len() {
        return Err(format!("{} outputs have {} bounds", exact.len(), magnitudes.len()));
    }
    for result in results {
        for ((got, exact), magnitudes) in result.outputs.iter().zip(&exact).zip(&magnitudes) {
            within_bound(got, exact, magnitudes).map_err(|error| format!("{}: {error}", result.backend))?;
        }
    }
    let (cpu, others) = results.split_at(THREADS.len());
    same_bytes(cpu)?;
    same_bytes(others.get(1..).unwrap_or_default())
}

/// The number of cases to generate.
fn cases() -> u32 {
    if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { CASES }
}

/// Generates cases until one fails `check`, shrinks that one and panics with it.
fn search<S: Strategy>(cases: u32, strategy: S, check: impl Fn(&S::Value) -> std::result::Result<(), String>) {
    let defaults = Config::default();
    let seed = match defaults.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 1,
    };
    println!("PROPTEST_RNG_SEED={seed} repeats these cases");
    let config = Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..defaults };
    let result = TestRunner::new(config).run(&strategy, |case| check(&case).map_err(TestCaseError::fail));
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// `check` accepts [`CASES`] random cases.
///
/// # Panics
/// With the smallest failing case found.
pub fn for_all<S: Strategy>(strategy: S, check: impl Fn(&S::Value) -> std::result::Result<(), String>) {
    search(cases(), strategy, check);
}

/// Every backend is within the bound of double precision on [`CASES`] random cases, and the number of threads changes
/// nothing.
///
/// # Panics
/// With the smallest failing case found.
pub fn assert_matches_reference<S: Strategy<Value: Property>>(strategy: S) {
    search(cases(), strategy, check);
}

/// The number of threads changes no byte on `cases` random cases, large enough that the threads share them.
///
/// # Panics
/// With the smallest failing case found.
pub fn assert_thread_independent<S: Strategy<Value: Property>>(cases: u32, strategy: S) {
    search(cases, strategy, |case| same_bytes(&cpu_outputs(case)?));
}

/// The fast CPU backend is within the bound on `cases` random cases, of sizes that it has other kernels for and that take
/// long on other backends.
///
/// # Panics
/// With the smallest failing case found.
pub fn assert_cpu_matches_reference<S: Strategy<Value: Property>>(cases: u32, strategy: S) {
    search(cases, strategy, |case| check_outputs(case, &cpu_outputs(case)?));
}

/// Every backend is right on `cases` random cases, large enough that a GPU cuts them into several pieces.
///
/// # Panics
/// With the smallest failing case found.
pub fn assert_large_matches_reference<S: Strategy<Value: Property>>(cases: u32, strategy: S) {
    search(cases, strategy, check);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_bytes_finds_one_bit() {
        let result = |value: f64| BackendOutputs {
            backend: "cpu".into(),
            outputs: vec![Output { name: "y", values: vec![0.5, value], terms: 100 }],
        };
        assert_eq!(same_bytes(&[result(1.0), result(1.0)]), Ok(()));
        assert!(same_bytes(&[result(1.0), result(1.0), result(1.0 + f64::from(f32::EPSILON))]).is_err());
        assert!(same_bytes(&[result(0.0), result(-0.0)]).is_err());
    }
}
