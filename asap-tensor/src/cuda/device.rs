//! One GPU: opening it, what it can do, and its errors in words.

use std::sync::{Arc, Mutex};

use cudarc::cublas::CudaBlas;
use cudarc::driver::sys::{self, CUdevice_attribute_enum as Attribute, CUmemPool_attribute_enum as PoolAttribute};
use cudarc::driver::{CudaContext, CudaStream, DriverError, result};

use super::libraries;
use crate::error::{Error, Result};

/// The oldest driver whose every function this backend uses exists, as CUDA numbers it: 12.0.
const OLDEST_DRIVER: i32 = 12_000;
/// The oldest cards that NVRTC 13 compiles for: Turing, of 2018.
const OLDEST_CARD: (i32, i32) = (7, 5);

/// What a GPU is and can do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The card's name.
    pub name: String,
    /// Major and minor number of its architecture.
    pub compute_capability: (i32, i32),
    /// Its processors, each of which runs several blocks of threads.
    pub multiprocessors: usize,
    /// Bytes of shared memory that one block may ask for.
    pub shared_memory: usize,
    /// Bytes of memory.
    pub memory: usize,
    /// The newest CUDA that its driver knows, as CUDA numbers it: 13.0 is 13000.
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

/// Starts the driver. How many GPUs there are, and the version of CUDA that it knows; `device` is who asks.
pub(super) fn start(device: &str) -> Result<(usize, i32)> {
    let fail = |why: String| Error::Device { device: device.into(), why };
    libraries::require_all().map_err(|missing| fail(format!("{missing}. Or use --device cpu")))?;
    result::init().map_err(|error| {
        fail(format!(
            "the NVIDIA driver is installed, but does not start ({}); is there a GPU in this machine, and may this \
                 user see it? `nvidia-smi` should list it",
            describe(error)
        ))
    })?;
    let driver = libraries::driver_version();
    if driver < OLDEST_DRIVER {
        return Err(fail(format!(
            "the NVIDIA driver knows CUDA up to {} only, and 12.0 is needed; update the driver",
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
        let said = |what: &str, error: DriverError| fail(format!("{what}: {}", describe(error)));
        let (count, driver) = start(&name(ordinal))?;
        if ordinal >= count {
            return Err(fail(match count {
                0 => "the NVIDIA driver finds no GPU; use --device cpu".into(),
                1 => "there is one GPU only, cuda:0".into(),
                _ => format!("there are {count} GPUs, cuda:0 to cuda:{}", count - 1),
            }));
        }
        let context = CudaContext::new(ordinal).map_err(|error| said("opening the GPU", error))?;
        let limits = limits(&context, driver).map_err(|error| said("asking the GPU what it can do", error))?;
        if limits.compute_capability < OLDEST_CARD {
            let (major, minor) = limits.compute_capability;
            return Err(fail(format!(
                "{} has compute capability {major}.{minor}, and 7.5 (Turing, 2018) is needed; use --device cpu",
                limits.name
            )));
        }
        // SAFETY: everything runs on one stream, in order, so that no event has to tell one stream of another.
        unsafe { context.disable_event_tracking() };
        keep_freed_memory(&context).map_err(|error| said("setting up the GPU's memory", error))?;
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

    /// Makes this GPU the one that the calling thread's driver calls mean.
    pub(super) fn bind(&self) -> Result<()> {
        self.check("talking to the GPU", self.context.bind_to_thread())
    }

    pub(super) fn fail(&self, why: String) -> Error {
        Error::Device { device: self.name(), why }
    }

    /// A driver's answer, errors in words.
    pub(super) fn check<T>(&self, doing: &str, answer: Result<T, DriverError>) -> Result<T> {
        answer.map_err(|error| self.fail(format!("{doing}: {}", describe(error))))
    }

    /// The most bytes that arrays took at once since this was last asked; `None` where the driver does not count them.
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

    /// What to say when `bytes` could not be had.
    pub(super) fn out_of_memory(&self, error: DriverError, bytes: usize) -> Error {
        if error.0 != sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            return self.fail(format!("taking {} of memory: {}", megabytes(bytes), describe(error)));
        }
        let free = self.context.mem_get_info().map_or_else(|_| "less".into(), |(free, _)| megabytes(free));
        self.fail(format!(
            "out of memory: {} more are needed, {free} of {} are free; close other programs on the GPU, use a smaller \
             size or batch, or --device cpu",
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

/// A driver's error as it words it itself.
pub(super) fn describe(error: DriverError) -> String {
    let name = error.error_name().map_or_else(|_| format!("{:?}", error.0), |name| name.to_string_lossy().into_owned());
    let text = match error.error_string() {
        Ok(text) => format!("{} ({name})", text.to_string_lossy()),
        Err(_) => name,
    };
    // Kernels run later than they are started, so that the next call, whichever it is, tells of their faults.
    match error.0 {
        sys::CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
        | sys::CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
        | sys::CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | sys::CUresult::CUDA_ERROR_LAUNCH_FAILED
        | sys::CUresult::CUDA_ERROR_LAUNCH_TIMEOUT => {
            format!("{text}; a kernel that was started before has failed, which is a fault of this program")
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

/// Tells the driver to keep freed memory for the next array: without this it gives all of it back to the system at
/// each synchronization, and takes it anew in the next round.
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
