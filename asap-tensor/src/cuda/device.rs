//! One GPU: opening it, its limits, and messages for its errors.

use std::sync::{Arc, Mutex};

use cudarc::cublas::CudaBlas;
use cudarc::driver::sys::{self, CUdevice_attribute_enum as Attribute, CUmemPool_attribute_enum as PoolAttribute};
use cudarc::driver::{CudaContext, CudaStream, DriverError, result};

use super::libraries;
use crate::error::{Error, Result};

/// The oldest driver with all functions that this backend uses, in CUDA's numbering: 12.0.
const OLDEST_DRIVER: i32 = 12_000;
/// The oldest GPUs that NVRTC 13 compiles for: Turing, of 2018.
const OLDEST_CARD: (i32, i32) = (7, 5);

/// Properties of a GPU.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Name of the GPU.
    pub name: String,
    /// Major and minor number of its architecture.
    pub compute_capability: (i32, i32),
    /// Its multiprocessors, each of which runs several blocks of threads.
    pub multiprocessors: usize,
    /// Maximum shared memory of a block, in bytes.
    pub shared_memory: usize,
    /// Bytes of memory.
    pub memory: usize,
    /// The newest CUDA that its driver supports, in CUDA's numbering: 13.0 is 13000.
    pub driver: i32,
}

/// An open GPU with its one stream and its cuBLAS.
pub struct Gpu {
    pub(super) ordinal: usize,
    pub(super) limits: Limits,
    /// cuBLAS must not be called from two threads at once.
    pub(super) blas: Mutex<CudaBlas>,
    pub(super) stream: Arc<CudaStream>,
    pub(super) context: Arc<CudaContext>,
}

/// Starts the driver. Returns the number of GPUs and the newest CUDA that it supports; errors name `device`.
pub(super) fn start(device: &str) -> Result<(usize, i32)> {
    let fail = |why: String| Error::Device { device: device.into(), why };
    libraries::require_all().map_err(|missing| fail(format!("{missing}. Or use --device cpu")))?;
    result::init().map_err(|error| {
        fail(format!(
            "the NVIDIA driver is installed, but does not start ({}); is there a GPU in this machine, and may this \
                 user access it? `nvidia-smi` should list it",
            describe(error)
        ))
    })?;
    let driver = libraries::driver_version();
    if driver < OLDEST_DRIVER {
        return Err(fail(format!(
            "the NVIDIA driver supports CUDA up to {}, but 12.0 is required; update the driver",
            libraries::version(driver)
        )));
    }
    let count = CudaContext::device_count();
    let count = count.map_err(|error| fail(format!("counting the GPUs: {}", describe(error))))?;
    Ok((count.max(0) as usize, driver))
}

impl Gpu {
    pub(super) fn open(ordinal: usize) -> Result<Self> {
        let fail = |why: String| Error::Device { device: name(ordinal), why };
        let describe_error = |what: &str, error: DriverError| fail(format!("{what}: {}", describe(error)));
        let (count, driver) = start(&name(ordinal))?;
        if ordinal >= count {
            return Err(fail(match count {
                0 => "the NVIDIA driver finds no GPU; use --device cpu".into(),
                1 => "there is only one GPU, cuda:0".into(),
                _ => format!("there are {count} GPUs, cuda:0 to cuda:{}", count - 1),
            }));
        }
        let context = CudaContext::new(ordinal).map_err(|error| describe_error("opening the GPU", error))?;
        let limits = limits(&context, driver).map_err(|error| describe_error("querying the GPU", error))?;
        if limits.compute_capability < OLDEST_CARD {
            let (major, minor) = limits.compute_capability;
            return Err(fail(format!(
                "{} has compute capability {major}.{minor}, but 7.5 (Turing, 2018) is required; use --device cpu",
                limits.name
            )));
        }
        // SAFETY: everything runs on one stream, in order, so that no events between streams are needed.
        unsafe { context.disable_event_tracking() };
        keep_freed_memory(&context).map_err(|error| describe_error("setting up the GPU's memory", error))?;
        let stream = context.default_stream();
        let blas = CudaBlas::new(stream.clone()).map_err(|error| {
            fail(format!("cuBLAS does not start: {:?}; is enough of the GPU's memory free?", error.0))
        })?;
        Ok(Gpu { ordinal, limits, blas: Mutex::new(blas), stream, context })
    }

    /// The name on the command line.
    pub(super) fn name(&self) -> String {
        name(self.ordinal)
    }

    /// Makes this GPU the current one of the calling thread.
    pub(super) fn bind(&self) -> Result<()> {
        self.check("selecting the GPU", self.context.bind_to_thread())
    }

    pub(super) fn fail(&self, why: String) -> Error {
        Error::Device { device: self.name(), why }
    }

    /// The result of a driver call, with a message that says what failed.
    pub(super) fn check<T>(&self, doing: &str, result: Result<T, DriverError>) -> Result<T> {
        result.map_err(|error| self.fail(format!("{doing}: {}", describe(error))))
    }

    /// Peak bytes of arrays since the last call; `None` if the driver does not count them.
    pub(super) fn take_peak(&self) -> Option<u64> {
        if !self.context.has_async_alloc() {
            return None;
        }
        self.bind().ok()?;
        let (mut peak, mut none) = (0_u64, 0_u64);
        let mark = PoolAttribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        // SAFETY: the device is open, and the attribute's value is a 64-bit number, which may be set to 0.
        unsafe {
            let pool = result::device::get_mem_pool(self.context.cu_device()).ok()?;
            result::mem_pool::get_attribute(pool, mark, (&raw mut peak).cast()).ok()?;
            result::mem_pool::set_attribute(pool, mark, (&raw mut none).cast()).ok()?;
        }
        Some(peak)
    }

    pub(super) fn out_of_memory(&self, error: DriverError, bytes: usize) -> Error {
        if error.0 != sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            return self.fail(format!("allocating {}: {}", megabytes(bytes), describe(error)));
        }
        let free = self.context.mem_get_info().map_or_else(|_| "less".into(), |(free, _)| megabytes(free));
        self.fail(format!(
            "out of memory: {} more needed, {free} of {} free; close other programs on the GPU, use a smaller size or \
             batch, or --device cpu",
            megabytes(bytes),
            megabytes(self.limits.memory)
        ))
    }
}

fn name(ordinal: usize) -> String {
    format!("cuda:{ordinal}")
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The driver's own message for an error.
pub(super) fn describe(error: DriverError) -> String {
    let name = error.error_name().map_or_else(|_| format!("{:?}", error.0), |name| name.to_string_lossy().into_owned());
    let text = match error.error_string() {
        Ok(text) => format!("{} ({name})", text.to_string_lossy()),
        Err(_) => name,
    };
    // Kernels run asynchronously: the next call, whichever it is, reports their errors.
    match error.0 {
        sys::CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | sys::CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | sys::CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | sys::CUresult::CUDA_ERROR_LAUNCH_FAILED
        | sys::CUresult::CUDA_ERROR_LAUNCH_TIMEOUT => {
            format!("{text}; a kernel launched earlier failed, which is a bug in this program")
        }
        _ => text,
    }
}

fn limits(context: &CudaContext, driver: i32) -> Result<Limits, DriverError> {
    let attribute = |which| context.attribute(which).map(|value| value.max(0) as usize);
    Ok(Limits {
        name: context.name()?,
        compute_capability: context.compute_capability()?,
        multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?.max(1),
        shared_memory: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?,
        memory: context.total_mem()?,
        driver,
    })
}

/// Makes the driver keep freed memory for the next array: by default it returns all of it to the system at each
/// synchronization, and would allocate it again in the next step.
fn keep_freed_memory(context: &CudaContext) -> Result<(), DriverError> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    let mut everything = u64::MAX;
    // SAFETY: the device is open, and the attribute's value is a 64-bit number.
    unsafe {
        let pool = result::device::get_mem_pool(context.cu_device())?;
        result::mem_pool::set_attribute(
            pool,
            PoolAttribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
            (&raw mut everything).cast(),
        )
    }
}
