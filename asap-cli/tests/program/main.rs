//! End-to-end tests of the program: arguments in; files, both streams and the exit code out.

mod bench;
mod channels;
mod compared;
mod convert;
mod corpus;
#[cfg(all(feature = "cuda", target_os = "linux", target_arch = "x86_64"))]
mod cuda;
mod data;
mod depth;
mod distill;
mod doctor;
mod eval;
mod exit_codes;
#[cfg(target_os = "linux")]
mod failing_disk;
mod fine_tuning;
mod flags;
#[cfg(unix)]
mod gpu_check;
mod help;
mod infer;
mod instances;
#[cfg(unix)]
mod interruption;
mod json;
mod labels;
#[cfg(target_os = "linux")]
mod limits;
mod memory;
mod names;
mod own_data;
mod paths;
mod profile;
mod published;
mod report;
mod segmenter;
mod support;
mod train;
mod variants;
mod verify;
