//! Profiling: every op reports its multiply-accumulates, memory traffic and time here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;

/// What one op costs, by its shapes alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates of convolutions and matrix products; other arithmetic is not counted.
    pub macs: u64,
    /// Elements read and written, each counted once.
    pub elements: u64,
}

impl Cost {
    /// Elements read and written, and no products.
    pub fn elements(count: usize) -> Self {
        Cost { macs: 0, elements: count as u64 }
    }
}

/// One op that ran.
#[derive(Clone, Debug)]
pub struct Record {
    /// The layer it ran in: the scopes entered, joined by `/`.
    pub scope: String,
    /// The op's name.
    pub op: &'static str,
    /// Its cost.
    pub cost: Cost,
    /// How long it took.
    pub time: Duration,
    /// Bytes taken when it was done, its inputs included; `None` if the backend doesn't count.
    pub held: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    scopes: Vec<String>,
    records: Vec<Record>,
}

/// Collects [`Record`]s from every tensor of the backend it is attached to. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Profiler {
    state: Arc<Mutex<State>>,
    paused: Arc<AtomicBool>,
}

impl Profiler {
    /// An empty profiler.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names the layer of the ops that run until the guard is dropped.
    pub fn enter(&self, scope: &str) -> ScopeGuard {
        self.state().scopes.push(scope.to_owned());
        ScopeGuard(self.clone())
    }

    /// Stops or resumes recording. Timing each op makes a GPU wait for it, so a whole run must be timed without.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// Whether recording is stopped.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Returns and removes all records.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.state().records)
    }

    /// Runs `kernel`, and records its cost, its time and the bytes that `held` returns afterwards, under the current scope.
    pub fn record<T>(
        &self,
        op: &'static str,
        cost: Cost,
        kernel: impl FnOnce() -> Result<T>,
        held: impl FnOnce() -> Option<u64>,
    ) -> Result<T> {
        let start = Instant::now();
        let result = kernel()?;
        let time = start.elapsed();
        let held = held();
        let mut state = self.state();
        let scope = state.scopes.join("/");
        state.records.push(Record { scope, op, cost, time, held });
        Ok(result)
    }
}

/// Leaves the scope that [`Profiler::enter`] entered.
#[must_use = "the scope ends when this is dropped"]
#[derive(Debug)]
pub struct ScopeGuard(Profiler);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        self.0.state().scopes.pop();
    }
}
