//! Training from the first step to the last: schedule, run folder, checkpoints, validation, resuming.
//!
//! | file | contents |
//! |---|---|
//! | [`step`] | one training step of [`Gan`](step::Gan) |
//! | [`losses`], [`oasis`], [`optim`], [`ema`] | the losses, those of OASIS, Adam, the average of the generator's weights |
//! | [`stats`] | what a step measures besides its losses |
//! | `clip` | gradient clipping |
//! | `control` | the discriminators' learning rate and augmentation follow their decisions |
//! | [`diff_augment`] | what the discriminators see: DiffAugment |
//! | `divergence` | finds where a step stopped being finite |
//! | `trainer` | [`Trainer`]: the loop, resuming, the dry run |
//! | [`observer`] | [`Observer`] and [`Event`]: what a run reports, and how to stop it |
//! | `schedule` | the epoch and batch of a step; when to save and validate |
//! | `sources` | [`Sources`]: training and validation pairs as configured |
//! | `pairs` | [`Pairs`]: what changed in the dataset while a run was stopped |
//! | `run_folder` | [`RunFolder`]: the files of a run; [`next_free`] |
//! | `pretrained` | [`Pretrained`]: weights from which a new run starts; what of them fits, [`Initial`] |
//! | `state` | checkpoints of the whole state |
//! | `resume` | which keys may change when a run resumes |
//! | [`metrics_log`] | `metrics.jsonl`: losses and validations by step |
//! | `validation` | the distance of the generator's outputs from validation pairs: [`Scores`], [`History`] |
//!
//! Everything random depends only on the seed, the epoch and the pair, and a checkpoint holds everything else that a step
//! changes. So a run that was stopped and resumed ends with the same bytes as one that never stopped (on backends that
//! compute in single precision, which checkpoints use).

mod clip;
mod control;
pub mod diff_augment;
mod divergence;
pub mod ema;
pub mod losses;
pub mod metrics_log;
pub mod oasis;
pub mod observer;
pub mod optim;
mod pairs;
mod pretrained;
mod resume;
mod run_folder;
mod schedule;
mod sources;
mod state;
pub mod stats;
pub mod step;
mod trainer;
mod validation;

pub use observer::{Event, Observer, Started, StepReport, Summary};
pub use pairs::Pairs;
pub use pretrained::{Initial, NotTaken, Pretrained, Taken};
pub use resume::CHANGEABLE;
pub use run_folder::{RunFolder, next_free};
pub use sources::Sources;
pub use trainer::Trainer;
pub use validation::{History, SampleRow, Scores};
