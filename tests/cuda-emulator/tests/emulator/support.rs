//! What every test does: compile a text, launch a kernel, look at the result.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream, DriverError, LaunchConfig};
use cudarc::nvrtc::{CompileError, CompileOptions, compile_ptx_with_opts};

/// A context on the emulator with one module of kernels.
pub struct Device {
    pub stream: Arc<CudaStream>,
    pub module: Arc<CudaModule>,
}

/// Compiles for sm_80 under the name `kernel.cu`.
pub fn compile(source: &str) -> Result<cudarc::nvrtc::Ptx, CompileError> {
    cuda_emulator::install();
    let options = CompileOptions { arch: Some("sm_80"), name: Some("kernel.cu".into()), ..Default::default() };
    compile_ptx_with_opts(source, options)
}

pub fn device(source: &str) -> Device {
    let image = compile(source).unwrap_or_else(|e| panic!("{e}"));
    let context = CudaContext::new(0).unwrap();
    Device { stream: context.default_stream(), module: context.load_module(image).unwrap() }
}

impl Device {
    pub fn kernel(&self, name: &str) -> CudaFunction {
        self.module.load_function(name).unwrap()
    }

    pub fn upload(&self, values: &[f32]) -> CudaSlice<f32> {
        self.stream.clone_htod(values).unwrap()
    }

    pub fn zeros(&self, count: usize) -> CudaSlice<f32> {
        self.stream.alloc_zeros(count).unwrap()
    }

    pub fn download(&self, slice: &CudaSlice<f32>) -> Vec<f32> {
        self.stream.clone_dtoh(slice).unwrap()
    }
}

/// A launch of `blocks` × `threads` with so much dynamic shared memory.
pub fn shape(blocks: u32, threads: u32, shared: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (threads, 1, 1), shared_mem_bytes: shared }
}

/// `launch!(device, "name", shape, arguments…)`: the launch's result.
#[macro_export]
macro_rules! launch {
    ($device:expr, $name:expr, $shape:expr $(, $argument:expr)* $(,)?) => {{
        use cudarc::driver::PushKernelArg;
        let function = $device.kernel($name);
        #[allow(clippy::macro_metavars_in_unsafe)] // an argument kept in a variable would outlive what it borrows
        // SAFETY: the emulator checks what the kernel does.
        let result = unsafe { $device.stream.launch_builder(&function)$(.arg($argument))*.launch($shape) };
        result.map(|_| ())
    }};
}

/// The report of a call that must have failed with this code; the host thread is usable again afterwards.
pub fn report_of<T>(result: Result<T, DriverError>, code: &str) -> String {
    let error = result.err().unwrap_or_else(|| panic!("{code} was expected, and the call succeeded"));
    let text = format!("{error:?}");
    assert!(text.contains(code), "{code} was expected, not {text}");
    let report = cuda_emulator::last_report();
    cuda_emulator::recover();
    report
}
