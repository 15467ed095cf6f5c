//! Batches prepared on other threads while the network trains.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::augment::{Augmentation, epoch_order};
use super::dataset::Source;
use super::example::Batch;
use crate::config::DataConfig;
use crate::{Error, Result};

/// Batches that each thread keeps ready, besides the one in progress.
const READY: usize = 2;
/// Maximum number of batches in memory per thread.
pub(crate) const HELD_BY_EACH_WORKER: usize = READY + 1;

/// What the batches are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Shuffled, cropped and flipped differently in each epoch. An incomplete last batch is dropped, as in the published code.
    Training,
    /// In order, resized only; the last batch of an epoch may be smaller.
    Validation,
}

/// Which batches to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// What the batches are for.
    pub purpose: Purpose,
    /// Batch size, at least 1.
    pub batch: usize,
    /// The seed of order, crops and flips.
    pub seed: u64,
    /// The range of epochs; training counts from 1.
    pub epochs: Range<u64>,
    /// The first batch of the first epoch: 0, or where a run stopped.
    pub first_batch: usize,
    /// Number of threads; 0 prepares each batch on demand. The batches do not depend on it.
    pub workers: usize,
}

/// The number of batches in an epoch over `len` examples.
pub fn batches_per_epoch(len: usize, batch: usize, purpose: Purpose) -> usize {
    match purpose {
        Purpose::Training => len / batch.max(1),
        Purpose::Validation => len.div_ceil(batch.max(1)),
    }
}

/// An iterator over batches, in an order that depends on the options alone. It continues across epochs; [`Batch::epoch`] and
/// [`Batch::index`] are its position. An example that can't be read gives an `Err` in place of its batch, and iteration continues
/// after it. Dropping the loader stops its threads.
pub struct Loader {
    plan: Arc<Plan>,
    next: u64,
    /// The order of the current epoch, if there are no workers.
    order: EpochOrder,
    workers: Vec<Worker>,
}

/// An epoch with its order.
type EpochOrder = Option<(u64, Vec<usize>)>;

struct Worker {
    batches: Receiver<Result<Batch>>,
    thread: JoinHandle<()>,
}

/// Shared by all threads. Batches are numbered across epochs, from 0.
struct Plan {
    source: Arc<dyn Source>,
    data: DataConfig,
    options: LoaderOptions,
    per_epoch: usize,
    end: u64,
}

impl Loader {
    /// Starts preparing batches.
    ///
    /// # Errors
    /// [`Error::Config`] if the source has too few pairs for one batch.
    pub fn start(source: Arc<dyn Source>, data: &DataConfig, options: LoaderOptions) -> Result<Loader> {
        data.validate()?;
        let wrong = |problem: String| Err(Error::Config { origin: "[train]".to_string(), problem });
        if options.batch == 0 {
            return wrong("batch = 0 must be at least 1".to_string());
        }
        let per_epoch = batches_per_epoch(source.len(), options.batch, options.purpose);
        if per_epoch == 0 {
            return wrong(format!(
                "batch = {} is larger than the dataset, {} pairs; lower it or add pairs",
                options.batch,
                source.len()
            ));
        }
        let end = options.epochs.end.saturating_sub(options.epochs.start).saturating_mul(per_epoch as u64);
        let next = options.first_batch as u64;
        let count = options.workers;
        let plan = Arc::new(Plan { source, data: data.clone(), options, per_epoch, end });
        let mut loader = Loader { plan, next, order: None, workers: Vec::with_capacity(count) };
        for worker in 0..count {
            let (sender, batches) = sync_channel(READY);
            let plan = Arc::clone(&loader.plan);
            let thread = std::thread::Builder::new()
                .name(format!("loader-{worker}"))
                .spawn(move || work(&plan, next + worker as u64, count, &sender))
                .map_err(|error| no_thread(&error))?;
            loader.workers.push(Worker { batches, thread });
        }
        Ok(loader)
    }
}

/// The error of a thread that the system does not start: its memory or number is limited.
fn no_thread(error: &std::io::Error) -> Error {
    Error::Tensor(asap_tensor::Error::Device {
        device: "cpu".into(),
        why: format!(
            "cannot start a thread that prepares batches: {error}; allow more memory or threads, or set data.workers = 0"
        ),
    })
}

/// One thread's share: every `step`-th batch from `first`. Ends when the receiver is dropped.
fn work(plan: &Plan, first: u64, step: usize, batches: &SyncSender<Result<Batch>>) {
    let mut order = None;
    for number in (first..plan.end).step_by(step) {
        if batches.send(plan.batch(number, &mut order)).is_err() {
            return;
        }
    }
}

impl Plan {
    /// Batch `number`.
    fn batch(&self, number: u64, order: &mut EpochOrder) -> Result<Batch> {
        let LoaderOptions { purpose, batch, seed, .. } = self.options;
        let epoch = self.options.epochs.start + number / self.per_epoch as u64;
        let index = (number % self.per_epoch as u64) as usize;
        let training = purpose == Purpose::Training;
        let (_, order) = match order {
            Some(kept) if kept.0 == epoch => kept,
            _ => {
                let len = self.source.len();
                order.insert((epoch, if training { epoch_order(seed, epoch, len) } else { (0..len).collect() }))
            }
        };
        let members = order.iter().skip(index * batch).take(batch);
        let examples = members.map(|&index| {
            let augmentation = training.then_some(Augmentation { seed, epoch, index });
            self.source.get(index)?.prepare(&self.data, augmentation)
        });
        Ok(Batch { epoch, index, examples: examples.collect::<Result<_>>()? })
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.plan.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        if self.workers.is_empty() {
            return Some(self.plan.batch(number, &mut self.order));
        }
        let turn = (number - self.plan.options.first_batch as u64) as usize % self.workers.len();
        match self.workers[turn].batches.recv() {
            Ok(batch) => Some(batch),
            // Only a panic ends the thread early: propagate it.
            Err(_) => match self.workers.swap_remove(turn).thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => None,
            },
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        for Worker { batches, thread } in self.workers.drain(..) {
            // The thread's next send fails, and it ends.
            drop(batches);
            // Its batches are not needed, so a panic does not matter.
            let _ = thread.join();
        }
    }
}
