//! The program as people and scripts meet it: arguments in, files, both streams and the exit code out.

mod bench;
mod convert;
mod data;
mod exit_codes;
#[cfg(target_os = "linux")]
mod failing_disk;
mod infer;
#[cfg(unix)]
mod interruption;
mod profile;
mod published;
mod support;
mod train;
mod verify;
