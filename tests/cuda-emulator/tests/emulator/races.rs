//! Data races and accesses outside of all memory, found in instrumented kernels.

use cuda_emulator::{Order, set_order, set_race_detection};

use crate::launch;
use crate::support::{Device, device, report_of, shape};

/// Runs `kernel(float* y, float* x)` instrumented under an order; the report if it failed, which must be with a launch failure.
fn run(device: &Device, kernel: &str, order: Order, blocks: u32, threads: u32) -> Option<String> {
    let (mut y, mut x) = (device.zeros(1024), device.upload(&vec![1.0; 1024]));
    set_order(order);
    set_race_detection(true);
    let result = launch!(device, kernel, shape(blocks, threads, 4096), &mut y, &mut x);
    set_race_detection(false);
    result.is_err().then(|| report_of(result, "CUDA_ERROR_LAUNCH_FAILED"))
}

const ORDERS: [Order; 4] = [Order::Fifo, Order::Lifo, Order::Random(1), Order::Random(2)];

const RIGHT: &str = r#"
extern "C" __global__ void block_sum(float* y, float* x) {
  __shared__ float s[256];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (int o = 128; o > 0; o >>= 1) {
    if (threadIdx.x < o) s[threadIdx.x] += s[threadIdx.x + o];
    __syncthreads();
  }
  if (threadIdx.x == 0) atomicAdd(y, s[0]);
}
extern "C" __global__ void warps(float* y, float* x) {
  extern __shared__ float s[];
  int t = threadIdx.x, first = t / 32 * 32;
  s[t] = x[t];
  __syncwarp();
  float v = s[first + (t + 1) % 32];
  __syncwarp();
  s[t] = v;
  __syncwarp(t % 32 < 16 ? 0xffffu : 0xffff0000u);
  y[blockIdx.x * blockDim.x + t] = s[t ^ 1] + __shfl_sync(~0u, v, 3);
}
extern "C" __global__ void halves(float* y, float* x) {
  unsigned short* h = (unsigned short*)y;
  unsigned char* b = (unsigned char*)(y + 512);
  h[blockIdx.x * blockDim.x + threadIdx.x] = 1;
  b[blockIdx.x * blockDim.x + threadIdx.x] = 2;
}
extern "C" __global__ void histogram(float* y, float* x) {
  __shared__ int bins[4];
  if (threadIdx.x < 4) bins[threadIdx.x] = 0;
  __syncthreads();
  atomicAdd(&bins[threadIdx.x % 4], 1);
  __syncthreads();
  if (threadIdx.x < 4) atomicAdd(&y[threadIdx.x], (float)bins[threadIdx.x]);
}
struct Tile { float v[8]; };
extern "C" __global__ void structs(float* y, float* x) {
  Tile tile = ((Tile*)x)[threadIdx.x % 16];
  int g = blockIdx.x * blockDim.x + threadIdx.x;
  if (g < 128) ((Tile*)y)[g] = tile;
}
"#;

#[test]
fn correct_kernels_have_no_race() {
    let device = device(RIGHT);
    for kernel in ["block_sum", "warps", "halves", "histogram", "structs"] {
        for order in ORDERS {
            assert_eq!(run(&device, kernel, order, 3, 256), None, "{kernel}, {order:?}");
        }
    }
}

/// Runs a planted race under every order: each must find it, and say what lies in all of `pieces`.
fn assert_races(body: &str, blocks: u32, threads: u32, pieces: &[&str]) {
    let device = device(&format!("extern \"C\" __global__ void racy(float* y, float* x) {{\n{body}\n}}"));
    for order in ORDERS {
        let report = run(&device, "racy", order, blocks, threads).unwrap_or_else(|| panic!("{order:?} found no race"));
        for piece in ["kernel racy: data race on"].iter().chain(pieces) {
            assert!(report.contains(piece), "{order:?}: {piece:?} is missing in: {report}");
        }
    }
}

#[test]
fn reports_race_without_barrier_in_every_order() {
    let body = "__shared__ float tile[64];\ntile[threadIdx.x] = x[threadIdx.x];\ny[threadIdx.x] = tile[(threadIdx.x + 32) % 64];";
    assert_races(
        body,
        1,
        64,
        &["of shared variable tile", "block (0,0,0) thread", "kernel.cu:3", "kernel.cu:4", "no barrier between"],
    );
}

#[test]
fn reports_race_without_syncwarp() {
    let body = "extern __shared__ float s[];\ns[threadIdx.x] = x[threadIdx.x];\nfloat v = __shfl_xor_sync(~0u, x[0], 1);\ny[threadIdx.x] = s[threadIdx.x ^ 1] + v;";
    assert_races(body, 1, 32, &["of the block's dynamic shared memory", "wrote at kernel.cu:3", "read at kernel.cu:5"]);
}

#[test]
fn reports_race_with_single_buffering() {
    let body = "__shared__ float s[64];\nfor (int i = 0; i < 3; i++) {\ns[threadIdx.x] = x[i];\n__syncthreads();\ny[threadIdx.x] += s[63 - threadIdx.x];\n}";
    assert_races(body, 1, 64, &["shared variable s", "wrote at kernel.cu:4", "read at kernel.cu:6"]);
}

#[test]
fn reports_race_between_blocks() {
    assert_races(
        "y[threadIdx.x] = blockIdx.x;",
        2,
        32,
        &["device memory", "block (0,0,0)", "block (1,0,0)", "nothing orders two blocks", "kernel.cu:2"],
    );
}

#[test]
fn reports_race_between_neighboring_indices() {
    let body = "int i = blockIdx.x * blockDim.x + threadIdx.x;\ny[i] = 1.0f;\ny[i + 1] = 2.0f;";
    assert_races(body, 2, 32, &["device memory", "wrote at kernel.cu:3", "wrote at kernel.cu:4"]);
}

#[test]
fn reports_race_of_atomic_and_plain_access() {
    assert_races(
        "atomicAdd(&y[0], 1.0f);\nx[threadIdx.x] = y[0];",
        1,
        32,
        &["changed atomically at kernel.cu:2", "read at kernel.cu:3"],
    );
}

#[test]
fn reports_out_of_bounds_to_the_byte() {
    let device = device(
        "extern \"C\" __global__ void under(float* y, int n) {\n  y[0] = 1.0f;\n  y[(int)threadIdx.x - n] = 2.0f;\n}\nextern \"C\" __global__ void past(float* y) {\n  extern __shared__ float s[];\n  s[threadIdx.x + 1] = y[0];\n}",
    );
    set_race_detection(true);
    let mut y = device.zeros(7);
    let under = launch!(device, "under", shape(1, 1, 0), &mut y, &1i32);
    let report = report_of(under, "CUDA_ERROR_ILLEGAL_ADDRESS");
    for piece in [
        "kernel under",
        "block (0,0,0) thread (0,0,0): it wrote 4 bytes at kernel.cu:3",
        "4 bytes before the start of allocation",
    ] {
        assert!(report.contains(piece), "{piece:?} is missing in: {report}");
    }
    let past = launch!(device, "past", shape(1, 33, 132), &mut y);
    set_race_detection(false);
    let report = report_of(past, "CUDA_ERROR_ILLEGAL_ADDRESS");
    for piece in
        ["thread (32,0,0)", "kernel.cu:7", "0 bytes past the end of the block's 132 bytes of dynamic shared memory"]
    {
        assert!(report.contains(piece), "{piece:?} is missing in: {report}");
    }
}
