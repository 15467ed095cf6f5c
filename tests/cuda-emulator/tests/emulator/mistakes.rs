//! Kernels with planted mistakes: each is caught, and the report says what, where and who.

use cudarc::driver::{DevicePtr, LaunchConfig};

use crate::launch;
use crate::support::{device, report_of, shape};

/// Fails unless the report has all these pieces.
fn assert_contains(report: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(report.contains(piece), "{piece:?} is missing in: {report}");
    }
}

#[test]
fn reports_write_past_allocation() {
    let device = device(
        "extern \"C\" __global__ void over(float* y, int n) {\n  int i = blockIdx.x * 32 + threadIdx.x;\n  y[i + n] = 1.0f;\n}",
    );
    let mut y = device.zeros(64);
    let report = report_of(launch!(device, "over", shape(3, 32, 0), &mut y, &4i32), "CUDA_ERROR_ILLEGAL_ADDRESS");
    assert_contains(
        &report,
        &[
            "kernel over",
            "block (1,0,0) thread (28,0,0) at kernel.cu:3",
            "0 bytes past the end of allocation",
            "(256 bytes at",
        ],
    );
}

#[test]
fn reports_read_before_allocation() {
    let device =
        device("extern \"C\" __global__ void under(float* y, int n) { y[threadIdx.x] = y[(int)threadIdx.x - n]; }");
    let mut y = device.zeros(1024);
    let report = report_of(launch!(device, "under", shape(1, 1, 0), &mut y, &1i32), "CUDA_ERROR_ILLEGAL_ADDRESS");
    assert_contains(
        &report,
        &["kernel under", "block (0,0,0) thread (0,0,0)", "4 bytes before the start of allocation"],
    );
}

#[test]
fn reports_use_after_free() {
    let device = device("extern \"C\" __global__ void late(unsigned long long y) { ((float*)y)[threadIdx.x] = 1.0f; }");
    let y = device.zeros(16);
    let address = y.device_ptr(&device.stream).0;
    drop(y);
    let report = report_of(launch!(device, "late", shape(1, 16, 0), &address), "CUDA_ERROR_ILLEGAL_ADDRESS");
    assert_contains(&report, &["kernel late", "thread (0,0,0)", "0 bytes into allocation", "which was freed"]);
}

#[test]
fn rejects_invalid_pointer_argument() {
    let device = device("extern \"C\" __global__ void fill(int n, float* y) { y[threadIdx.x] = n; }");
    let report = report_of(launch!(device, "fill", shape(1, 1, 0), &1i32, &7u64), "CUDA_ERROR_ILLEGAL_ADDRESS");
    assert_contains(&report, &["kernel fill", "argument 1 is 0x7"]);
}

#[test]
fn reports_deadlock_at_barrier_in_branch() {
    let device = device(
        "extern \"C\" __global__ void branch(float* y) {\n  if (threadIdx.x < 40) {\n    __syncthreads();\n  } else {\n    __shfl_sync(~0u, y[0], 0);\n  }\n}",
    );
    let mut y = device.zeros(64);
    let report = report_of(launch!(device, "branch", shape(1, 64, 0), &mut y), "CUDA_ERROR_LAUNCH_TIMEOUT");
    assert_contains(
        &report,
        &["kernel branch", "deadlock in block (0,0,0)", "threads 0–39 wait at __syncthreads (kernel.cu:3)"],
    );
    assert_contains(&report, &["threads 40–63 wait at __shfl_sync with mask 0xffffffff (kernel.cu:5)"]);
}

#[test]
fn reports_divergent_barriers() {
    let device = device(
        "extern \"C\" __global__ void branch(float* y) {\n  if (threadIdx.x < 32)\n    __syncthreads();\n  else\n    __syncthreads();\n}",
    );
    let mut y = device.zeros(64);
    let report = report_of(launch!(device, "branch", shape(1, 64, 0), &mut y), "CUDA_ERROR_LAUNCH_FAILED");
    assert_contains(
        &report,
        &["kernel branch", "divergent barrier", "threads 0–31 wait at __syncthreads (kernel.cu:3)"],
    );
    assert_contains(&report, &["block (0,0,0) thread (32,0,0)", "(kernel.cu:5)"]);
}

#[test]
fn reports_divergent_warp() {
    let device = device(
        "extern \"C\" __global__ void votes(float* y) {\n  if (threadIdx.x < 8)\n    __any_sync(~0u, 1);\n  else\n    __syncwarp();\n}\nextern \"C\" __global__ void mask(float* y) {\n  __syncwarp(0xffu);\n}",
    );
    let mut y = device.zeros(1);
    let report = report_of(launch!(device, "votes", shape(1, 32, 0), &mut y), "CUDA_ERROR_LAUNCH_FAILED");
    assert_contains(
        &report,
        &["lanes 0x000000ff wait at __any_sync", "(kernel.cu:3)", "thread (8,0,0)", "__syncwarp", "(kernel.cu:5)"],
    );
    let report = report_of(launch!(device, "mask", shape(1, 32, 0), &mut y), "CUDA_ERROR_LAUNCH_FAILED");
    assert_contains(&report, &["lane 8 calls with mask 0x000000ff, which lacks its own bit", "kernel.cu:8"]);
}

#[test]
fn strict_barriers_report_exited_threads() {
    let device = device(
        "extern \"C\" __global__ void early(float* y) {\n  if (threadIdx.x >= 40) return;\n  __syncthreads();\n  y[threadIdx.x] = 1.0f;\n}",
    );
    let mut y = device.zeros(64);
    launch!(device, "early", shape(1, 64, 0), &mut y).unwrap();
    cuda_emulator::set_strict_barriers(true);
    let result = launch!(device, "early", shape(1, 64, 0), &mut y);
    cuda_emulator::set_strict_barriers(false);
    assert_contains(
        &report_of(result, "CUDA_ERROR_LAUNCH_FAILED"),
        &["kernel early", "threads 40–63 left the kernel while the others"],
    );
}

#[test]
fn invalid_geometry_has_cuda_status() {
    let device = device(
        "extern \"C\" __global__ void __launch_bounds__(128) bounded(float* y) {}\nextern \"C\" __global__ void shared(float* y) { extern __shared__ float s[]; s[threadIdx.x] = 0; }",
    );
    let mut y = device.zeros(1);
    let grid = |x, y, z, block| LaunchConfig { grid_dim: (x, y, z), block_dim: block, shared_mem_bytes: 0 };
    for (config, what) in [
        (grid(0, 1, 1, (1, 1, 1)), "grid.x is 0"),
        (grid(1, 65536, 1, (1, 1, 1)), "grid.y is 65536"),
        (grid(1, 1, 1 << 20, (1, 1, 1)), "grid.z is 1048576"),
        (grid(1, 1, 1, (1, 0, 1)), "block.y is 0"),
        (grid(1, 1, 1, (1, 1, 65)), "block.z is 65"),
        (grid(1, 1, 1, (64, 32, 1)), "2048 threads per block"),
    ] {
        assert_contains(
            &report_of(launch!(device, "bounded", config, &mut y), "CUDA_ERROR_INVALID_VALUE"),
            &["kernel bounded", what],
        );
    }
    let report = report_of(launch!(device, "bounded", shape(1, 129, 0), &mut y), "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES");
    assert_contains(&report, &["129 threads per block; its __launch_bounds__ allow 128"]);
}

#[test]
fn shared_memory_limit_can_be_raised() {
    use cudarc::driver::sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES as LIMIT;
    let device =
        device("extern \"C\" __global__ void shared(float* y) { extern __shared__ float s[]; s[threadIdx.x] = 0; }");
    let mut y = device.zeros(1);
    launch!(device, "shared", shape(1, 32, 48 << 10), &mut y).unwrap();
    let report = report_of(launch!(device, "shared", shape(1, 32, (48 << 10) + 4), &mut y), "CUDA_ERROR_INVALID_VALUE");
    assert_contains(&report, &["kernel shared", "shared memory", "49152"]);
    let function = device.kernel("shared");
    function.set_attribute(LIMIT, 64 << 10).unwrap();
    {
        use cudarc::driver::PushKernelArg;
        // SAFETY: the emulator checks what the kernel does.
        unsafe { device.stream.launch_builder(&function).arg(&mut y).launch(shape(1, 32, 60 << 10)) }.unwrap();
    }
    report_of(function.set_attribute(LIMIT, 100 << 10), "CUDA_ERROR_INVALID_VALUE");
}

#[test]
fn static_shared_memory_counts_per_kernel() {
    let device = device(
        "template <int N> __device__ float* tile() { __shared__ float t[N]; return t; }\n__device__ __noinline__ float half(float* y) { __shared__ float h[6144]; h[threadIdx.x] = y[0]; return h[0]; }\nextern \"C\" __global__ void most(float* y) { float* t = tile<12288>(); t[threadIdx.x] = y[0]; y[0] = t[0]; }\nextern \"C\" __global__ void more(float* y) { float* t = tile<6148>(); t[threadIdx.x] = half(y); y[0] = t[0]; }\nextern \"C\" __global__ void both(float* y) { extern __shared__ float s[]; s[threadIdx.x] = half(y); y[0] = s[0]; }",
    );
    let mut y = device.zeros(1);
    launch!(device, "most", shape(1, 32, 0), &mut y).unwrap();
    let report = report_of(launch!(device, "more", shape(1, 32, 0), &mut y), "CUDA_ERROR_INVALID_IMAGE");
    assert_contains(&report, &["kernel more: 49168 bytes of __shared__ variables; the maximum is 49152"]);
    launch!(device, "both", shape(1, 32, 24576), &mut y).unwrap();
    let report = report_of(launch!(device, "both", shape(1, 32, 24580), &mut y), "CUDA_ERROR_INVALID_VALUE");
    assert_contains(&report, &["limited to 24576 bytes beside 24576 bytes of __shared__ variables"]);
}

#[test]
fn fault_is_sticky_until_recover() {
    let device = device("extern \"C\" __global__ void trap(float* y) { if (threadIdx.x == 5) __trap(); y[0] = 1.0f; }");
    let mut y = device.zeros(1);
    let error = launch!(device, "trap", shape(1, 32, 0), &mut y).unwrap_err();
    assert!(format!("{error:?}").contains("thread (5,0,0)"), "{error:?}");
    let later = device.stream.clone_htod(&[1.0f32]).map(|_| ());
    report_of(later, "CUDA_ERROR_LAUNCH_FAILED");
    device.upload(&[1.0]);
}

#[test]
fn reports_misaligned_vector_access() {
    let device = device(
        "extern \"C\" __global__ void copy4(float* y, const float* x, int offset) {\n\
         ((float4*)y)[threadIdx.x] = *(const float4*)(x + offset + 4 * threadIdx.x);\n}",
    );
    let (mut y, x) = (device.zeros(64), device.zeros(128));
    launch!(device, "copy4", shape(1, 16, 0), &mut y, &x, &8i32).unwrap();
    let misaligned = launch!(device, "copy4", shape(1, 16, 0), &mut y, &x, &2i32);
    let report = report_of(misaligned, "CUDA_ERROR_MISALIGNED_ADDRESS");
    assert_contains(&report, &["kernel copy4", "block (0,0,0)", "thread (0,0,0)", ":2", "alignment"]);
}

#[test]
fn reports_division_by_zero_and_stack_overflow() {
    let device = device(
        "extern \"C\" __global__ void divide(int* y) { y[0] = 7 / y[threadIdx.x]; }\n__device__ __noinline__ int deep(int n) { volatile int big[64]; big[n % 64] = n; return n == 0 ? big[0] : deep(n - 1) + big[n % 64]; }\nextern \"C\" __global__ void recurse(int* y) { y[0] = deep(1000000); }\n\
         __device__ __noinline__ float far(int n, float x) { volatile float v = powf(x, 0.7f); return n == 0 ? v : far(n - 1, v) + v; }\n\
         extern \"C\" __global__ void recurse_through_powf(int* y) { y[0] = (int)far(1000000, 2.0f); }\n\
         __device__ __noinline__ int wide(int n) { volatile int big[3000]; big[n % 3000] = n; return n == 0 ? big[0] : wide(n - 1) + big[n % 3000]; }\n\
         extern \"C\" __global__ void recurse_in_wide_frames(int* y) { y[0] = wide(1000000); }",
    );
    let mut y = device.stream.alloc_zeros::<i32>(32).unwrap();
    let report = report_of(launch!(device, "divide", shape(1, 32, 0), &mut y), "CUDA_ERROR_LAUNCH_FAILED");
    assert_contains(&report, &["kernel divide", "thread (0,0,0)", "division by zero"]);
    // Frames of some words, of a library function at their end, and of more than the page that guards a stack.
    for kernel in ["recurse", "recurse_through_powf", "recurse_in_wide_frames"] {
        let report = report_of(launch!(device, kernel, shape(1, 1, 0), &mut y), "CUDA_ERROR_LAUNCH_FAILED");
        assert_contains(&report, &[&format!("kernel {kernel}"), "stack overflowed"]);
    }
}
