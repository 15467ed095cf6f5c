//! Training from the first round to the last: schedule, run folder, checkpoints, validation, resuming.
//!
//! | file | holds |
//! |---|---|
//! | `trainer` | [`Trainer`]: the loop, resuming, the dry run |
//! | [`observer`] | what a run reports while it goes on, and how it is asked to stop |
//! | `schedule` | which epoch and batch a round is, and when to save and validate |
//! | `sources` | [`Sources`]: training and validation pairs as configured |
//! | `folder` | [`RunFolder`]: the files of a run; [`next_free`] |
//! | `state` | checkpoints of the whole state |
//! | `compare` | which keys may change when a run goes on |
//! | [`metrics`] | `metrics.jsonl`: losses and validations by round |
//! | `validation` | how far the generator is from validation pairs: [`Scores`] |
//! | `sheet` | the picture of samples: label · ours · real |
//! | `recorder` | what keeps a record of a run to look at, and never stops it |
//! | `report` | `report.html`: curves, pictures, configuration |
//! | `events` | TensorBoard's event files |
//! | `preview` | pictures of samples as small as a record can bear |
//! | `machine` | what a run computes on, in words |
//! | `palette` | a colour for each label |
//!
//! Everything random depends on the seed, the epoch and the pair alone, and a checkpoint holds everything else that a
//! round changes: a run that was stopped and resumed ends with the same bytes as one that never stopped (on backends
//! that compute in single precision, in which checkpoints are written).

mod compare;
mod events;
mod folder;
mod machine;
pub mod metrics;
pub mod observer;
mod palette;
mod preview;
mod recorder;
mod report;
mod schedule;
mod sheet;
mod sources;
mod state;
mod trainer;
mod validation;

pub use compare::CHANGEABLE;
pub use folder::{RunFolder, next_free};
pub use observer::{Event, Observer, RoundReport, Started};
pub use palette::palette;
pub use sheet::Row;
pub use sources::Sources;
pub use trainer::{Summary, Trainer};
pub use validation::{DepthScores, Scores, Validation, validate};
