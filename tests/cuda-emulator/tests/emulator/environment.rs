//! Programs of their own: the emulator found through `LD_LIBRARY_PATH`, and all settings through the environment.

use std::process::Command;

use cudarc::driver::{CudaContext, DriverError};

use crate::launch;
use crate::support::shape;

/// Runs [`child`] in a process of its own, in which nothing is installed.
fn run(settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "environment::child", "--ignored", "--nocapture"]);
    command.env("LD_LIBRARY_PATH", cuda_emulator::library_folder()).envs(settings.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

const SOURCE: &str = "extern \"C\" __global__ void k(float* y, int* next) {\n  __shared__ float s[64];\n  s[threadIdx.x] = atomicAdd(next, 1);\n  y[threadIdx.x] = s[63 - threadIdx.x];\n}";

fn describe() -> Result<String, DriverError> {
    let context = CudaContext::new(0)?;
    let stream = context.default_stream();
    let image = cudarc::nvrtc::compile_ptx(SOURCE).unwrap();
    let device = crate::support::Device { module: context.load_module(image)?, stream };
    let mut next = device.stream.alloc_zeros::<i32>(1)?;
    let mut y = device.stream.alloc_zeros::<f32>(64)?;
    launch!(device, "k", shape(1, 64, 0), &mut y, &mut next)?;
    let (major, minor) = context.compute_capability()?;
    let memory = context.total_mem()?;
    let all: Vec<f32> = device.download(&y);
    Ok(format!("{} {major}.{minor} {memory} bytes, {all:?}", context.name()?))
}

#[test]
#[ignore = "the others start it, in a process of its own"]
fn child() {
    match describe() {
        Ok(text) => println!("{text}"),
        Err(error) => println!("{error:?}"),
    }
}

/// Fails unless the text has all these pieces.
fn assert_contains(text: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(text.contains(piece), "{piece:?} is missing in: {text}");
    }
}

#[test]
fn emulator_loads_through_library_path() {
    assert_contains(&run(&[]), &["CUDA emulator 8.0 2147483648 bytes, [NaN, NaN,", "NaN, 31.0, 30.0,", "1.0, 0.0]"]);
}

#[test]
fn environment_sets_order_and_race_detection() {
    assert_contains(&run(&[("CUDA_EMULATOR_ORDER", "lifo")]), &["[0.0, 1.0, 2.0,", "31.0, NaN,"]);
    let (one, two) = (run(&[("CUDA_EMULATOR_ORDER", "random:1")]), run(&[("CUDA_EMULATOR_ORDER", "random:2")]));
    assert_ne!(one, two);
    let report = run(&[("CUDA_EMULATOR_RACES", "1")]);
    assert_contains(
        &report,
        &[
            "CUDA_ERROR_LAUNCH_FAILED",
            "data race on byte",
            "shared variable s",
            "default_program:3",
            "default_program:4",
        ],
    );
}

#[test]
fn environment_sets_device_properties() {
    let text = run(&[("CUDA_EMULATOR_COMPUTE_CAPABILITY", "5.2"), ("CUDA_EMULATOR_MEMORY", "1000000")]);
    assert_contains(&text, &["CUDA emulator 5.2 1000000 bytes"]);
    assert_contains(&run(&[("CUDA_EMULATOR_MEMORY", "100")]), &["CUDA_ERROR_OUT_OF_MEMORY", "256 bytes asked for"]);
}

#[test]
fn environment_simulates_missing_gpu() {
    assert_contains(&run(&[("CUDA_EMULATOR_INIT", "999")]), &["CUDA_ERROR_UNKNOWN"]);
    assert_contains(
        &run(&[("CUDA_EMULATOR_DEVICES", "0")]),
        &["CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"],
    );
}
