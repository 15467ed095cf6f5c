//! Batches prepared by other threads while the network works.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::augment::{Draw, epoch_order};
use super::dataset::Source;
use super::sample::{Batch, prepare};
use crate::config::DataConfig;
use crate::{Error, Result};

/// Batches that each thread holds ready, besides the one it is at.
const READY: usize = 2;
/// Batches that each thread holds at most.
pub(crate) const HELD_BY_EACH_WORKER: usize = READY + 1;

/// What the batches are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Shuffled, cropped and flipped anew in each epoch. What is left over at the end of an epoch is dropped, as the published code does, so that every batch is full.
    Training,
    /// In order, resized only; the last batch of an epoch may be smaller.
    Validation,
}

/// Which batches to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// What the batches are for.
    pub purpose: Purpose,
    /// Pictures in a batch, at least 1.
    pub batch: usize,
    /// The seed of order, crops and flips.
    pub seed: u64,
    /// The epochs to go through; how they are counted is the caller's affair (training counts from 1).
    pub epochs: Range<u64>,
    /// The batch of the first epoch to begin with: 0, or where a run stopped.
    pub first_batch: usize,
    /// Threads that prepare batches; 0 prepares each when it is asked for. The batches are the same with any number.
    pub workers: usize,
}

/// The number of batches in an epoch over `len` pictures.
pub fn batches_per_epoch(len: usize, batch: usize, purpose: Purpose) -> usize {
    match purpose {
        Purpose::Training => len / batch.max(1),
        Purpose::Validation => len.div_ceil(batch.max(1)),
    }
}

/// An iterator over batches, in an order that depends on nothing but the options. It goes on from one epoch to the next; [`Batch::epoch`]
/// and [`Batch::index`] say where it is. A picture that can't be read gives an `Err` in its batch's place, and the batches after it
/// still come. Dropping it stops its threads.
pub struct Loader {
    plan: Arc<Plan>,
    next: u64,
    /// The order of the present epoch, where there are no workers.
    order: EpochOrder,
    workers: Vec<Worker>,
}

/// The order of the epoch that was last asked for.
type EpochOrder = Option<(u64, Vec<usize>)>;

struct Worker {
    batches: Receiver<Result<Batch>>,
    thread: JoinHandle<()>,
}

/// What every thread knows. Batches are numbered from 0, the first batch of the first epoch, across epochs.
struct Plan {
    source: Arc<dyn Source>,
    data: DataConfig,
    options: LoaderOptions,
    per_epoch: usize,
    end: u64,
}

impl Loader {
    /// Begins to prepare batches.
    ///
    /// # Errors
    /// [`Error::Config`] if the source has too few pictures for one batch, or options contradict each other; [`Error::Io`] if a thread can't be started.
    pub fn start(source: Arc<dyn Source>, data: &DataConfig, options: LoaderOptions) -> Result<Loader> {
        data.validate()?;
        let wrong = |problem: String| Err(Error::Config { origin: "[train]".to_string(), problem });
        if options.batch == 0 {
            return wrong("batch = 0 must be at least 1".to_string());
        }
        let per_epoch = batches_per_epoch(source.len(), options.batch, options.purpose);
        if per_epoch == 0 {
            return wrong(format!(
                "batch = {} is more than the data set's {} pictures; lower it or add pictures",
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
                .spawn(move || work(&plan, next + worker as u64, count as u64, &sender))
                .map_err(|source| Error::Io { file: "loader".into(), action: "start a thread", source })?;
            loader.workers.push(Worker { batches, thread });
        }
        Ok(loader)
    }

    /// The number of batches in an epoch.
    pub fn batches_per_epoch(&self) -> usize {
        self.plan.per_epoch
    }
}

/// One thread's share: every `step`-th batch from `first`, so that the reader knows whose turn it is. Ends when nobody listens.
fn work(plan: &Plan, first: u64, step: u64, batches: &SyncSender<Result<Batch>>) {
    let mut order = None;
    let mut number = first;
    while number < plan.end {
        if batches.send(plan.batch(number, &mut order)).is_err() {
            return;
        }
        number += step;
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
        let samples = members.map(|&index| {
            let draw = training.then_some(Draw { seed, epoch, index });
            prepare(&self.source.raw(index)?, &self.data, draw)
        });
        Batch::stack(epoch, index, samples.collect::<Result<_>>()?)
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
            // The thread ended early, which only a panic in it can cause: let it go on here.
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
            // Without a receiver the thread's next send fails, and it ends.
            drop(batches);
            // A panic in the thread has no meaning any more: nobody waits for its batches.
            let _ = thread.join();
        }
    }
}
