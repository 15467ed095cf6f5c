//! Exit codes: 0 is success; clap exits with 2 for wrong usage.

use std::process::ExitCode;

use asap_model::Error;

/// A check failed, or a bug of ours.
pub const CHECK_FAILED: u8 = 1;
/// Arguments or configuration that can't be used.
pub const USAGE: u8 = 2;
/// A dataset, an image or another file that can't be used.
pub const DATA: u8 = 3;
pub const DEVICE: u8 = 4;
pub const CHECKPOINT: u8 = 5;
pub const DIVERGED: u8 = 6;
pub const INTERRUPTED: u8 = 130;

/// The exit code of an error.
pub fn code(error: &anyhow::Error) -> ExitCode {
    let tensor_code = |error: &asap_tensor::Error| match error {
        asap_tensor::Error::Device { .. } => DEVICE,
        _ => CHECK_FAILED,
    };
    ExitCode::from(match error.downcast_ref() {
        Some(Error::Config { .. }) => USAGE,
        Some(Error::Data { .. } | Error::Io { .. }) => DATA,
        Some(Error::Checkpoint { .. }) => CHECKPOINT,
        Some(Error::Diverged { .. }) => DIVERGED,
        Some(Error::Tensor(error)) => tensor_code(error),
        None => error.downcast_ref().map_or(CHECK_FAILED, tensor_code),
    })
}
