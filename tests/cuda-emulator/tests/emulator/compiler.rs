//! What stands in for NVRTC.

use cudarc::driver::CudaContext;
use cudarc::nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts, result, sys};

use crate::launch;
use crate::support::{Device, compile, report_of, shape};

fn log(error: CompileError) -> String {
    match error {
        CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
        other => panic!("{other}"),
    }
}

#[test]
fn compile_error_has_file_and_line() {
    let source = "#define ONE 1\n\n\nextern \"C\" __global__ void k(float* y) {\n  y[0] = ONE + undeclared;\n}\n";
    let log = log(compile(source).unwrap_err());
    assert!(log.contains("kernel.cu:5") && log.contains("undeclared"), "{log}");
}

#[test]
fn system_header_is_an_error() {
    let log = log(compile("#include <stdint.h>\nextern \"C\" __global__ void k() {}\n").unwrap_err());
    assert!(log.contains("stdint.h") && log.contains("kernel.cu:1"), "{log}");
}

#[test]
fn compile_options_apply() {
    cuda_emulator::install();
    let source = "#ifndef __CUDA_EMULATOR__\n#error no\n#endif\nextern \"C\" __global__ void k(float* y) { y[0] = N; y[1] = __CUDA_ARCH__; }";
    let options = |more: &[&str]| CompileOptions {
        arch: Some("sm_89"),
        use_fast_math: Some(true),
        options: more.iter().map(|s| s.to_string()).collect(),
        ..Default::default()
    };
    let image =
        compile_ptx_with_opts(source, options(&["-DN=42", "--use_fast_math", "-lineinfo", "--std=c++17"])).unwrap();
    let context = CudaContext::new(0).unwrap();
    let device = Device { stream: context.default_stream(), module: context.load_module(image).unwrap() };
    let mut y = device.zeros(2);
    launch!(device, "k", shape(1, 1, 0), &mut y).unwrap();
    assert_eq!(device.download(&y), [42.0, 890.0]);
    let log = log(compile_ptx_with_opts(source, options(&["-DN=1", "--fastest"])).unwrap_err());
    assert!(log.contains("--fastest"), "{log}");
}

#[test]
fn cubin_loads() {
    cuda_emulator::install();
    let source = c"extern \"C\" __global__ void k(float* y) { y[threadIdx.x] = threadIdx.x; }";
    let program = result::create_program(source, None).unwrap();
    // SAFETY: the program is live, and the buffer has the size that NVRTC asked for.
    let binary = unsafe {
        result::compile_program(program, &["--gpu-architecture=sm_80".to_string()]).unwrap();
        let mut size = 0;
        assert_eq!(sys::nvrtcGetCUBINSize(program, &mut size), sys::nvrtcResult::NVRTC_SUCCESS);
        let mut binary = vec![0u8; size];
        assert_eq!(sys::nvrtcGetCUBIN(program, binary.as_mut_ptr().cast()), sys::nvrtcResult::NVRTC_SUCCESS);
        result::destroy_program(program).unwrap();
        binary
    };
    let context = CudaContext::new(0).unwrap();
    let module = context.load_module(Ptx::from_binary(binary)).unwrap();
    let device = Device { stream: context.default_stream(), module };
    let mut y = device.zeros(3);
    launch!(device, "k", shape(1, 3, 0), &mut y).unwrap();
    assert_eq!(device.download(&y), [0.0, 1.0, 2.0]);
}

#[test]
fn kernels_are_found_by_linkage_name() {
    let image = compile("__global__ void decorated(float* y) {}\nextern \"C\" __global__ void plain() {}").unwrap();
    let context = CudaContext::new(0).unwrap();
    let module = context.load_module(image).unwrap();
    module.load_function("plain").unwrap();
    module.load_function("_Z9decoratedPf").unwrap();
    let report = report_of(module.load_function("decorated"), "CUDA_ERROR_NOT_FOUND");
    assert!(report.contains("no kernel decorated") && report.contains("plain"), "{report}");
}

#[test]
fn rejects_foreign_image() {
    cuda_emulator::install();
    let context = CudaContext::new(0).unwrap();
    report_of(context.load_module(Ptx::from_src(".version 8.0\n.target sm_80")), "CUDA_ERROR_INVALID_IMAGE");
}

#[test]
fn modules_are_independent() {
    let constant = |value: i32| {
        format!(
            "__device__ int calls = 0;\nextern \"C\" __global__ void k(int* y) {{ y[0] = {value}; y[1] = ++calls; }}"
        )
    };
    let devices = [1, 2, 3, 1].map(|value| crate::support::device(&constant(value)));
    for (device, value) in devices.iter().zip([1, 2, 3, 1]) {
        let mut y = device.stream.alloc_zeros::<i32>(2).unwrap();
        launch!(device, "k", shape(1, 1, 0), &mut y).unwrap();
        assert_eq!(device.stream.clone_dtoh(&y).unwrap(), [value, 1]);
    }
}
