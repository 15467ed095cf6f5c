//! Status codes, as `CUresult` numbers them, and what they mean.

use std::ffi::c_int;

/// A `CUresult`.
pub(crate) type Status = c_int;

pub(crate) const SUCCESS: Status = 0;
pub(crate) const INVALID_VALUE: Status = 1;
pub(crate) const OUT_OF_MEMORY: Status = 2;
pub(crate) const NOT_INITIALIZED: Status = 3;
pub(crate) const INVALID_DEVICE: Status = 101;
pub(crate) const INVALID_IMAGE: Status = 200;
pub(crate) const INVALID_CONTEXT: Status = 201;
pub(crate) const NO_BINARY_FOR_GPU: Status = 209;
pub(crate) const FILE_NOT_FOUND: Status = 301;
pub(crate) const INVALID_HANDLE: Status = 400;
pub(crate) const NOT_FOUND: Status = 500;
pub(crate) const ILLEGAL_ADDRESS: Status = 700;
pub(crate) const LAUNCH_OUT_OF_RESOURCES: Status = 701;
pub(crate) const LAUNCH_TIMEOUT: Status = 702;
pub(crate) const MISALIGNED_ADDRESS: Status = 716;
pub(crate) const LAUNCH_FAILED: Status = 719;
pub(crate) const NOT_SUPPORTED: Status = 801;

const KNOWN: [(Status, &str, &str); 21] = [
    (SUCCESS, "CUDA_SUCCESS", "no error"),
    (INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"),
    (OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"),
    (NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"),
    (34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"),
    (100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"),
    (INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"),
    (INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"),
    (INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"),
    (NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"),
    (FILE_NOT_FOUND, "CUDA_ERROR_FILE_NOT_FOUND", "file not found"),
    (INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"),
    (NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"),
    (ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"),
    (LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"),
    (LAUNCH_TIMEOUT, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"),
    (MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"),
    (LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"),
    (NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"),
    (803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"),
    (999, "CUDA_ERROR_UNKNOWN", "unknown error"),
];

/// The driver's name for a status.
pub(crate) fn name(status: Status) -> &'static str {
    KNOWN.iter().find(|(known, ..)| *known == status).map_or("CUDA_ERROR", |(_, name, _)| name)
}

/// The driver's description of a status.
pub(crate) fn meaning(status: Status) -> &'static str {
    KNOWN.iter().find(|(known, ..)| *known == status).map_or("unknown error", |(_, _, meaning)| meaning)
}
