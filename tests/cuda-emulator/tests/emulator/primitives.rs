//! Each primitive of CUDA C++ against a computation by hand.

use cuda_emulator::Order;

use crate::launch;
use crate::support::{device, shape};

const ORDERS: [Order; 5] = [Order::Fifo, Order::Lifo, Order::Random(1), Order::Random(2), Order::Random(3)];

/// Runs a kernel of one block that fills `out` (floats), under every order, and compares with `expected(thread)`.
fn check(body: &str, threads: u32, per_thread: usize, expected: impl Fn(u32) -> Vec<f32>) {
    let source = format!(
        "extern \"C\" __global__ void kernel(float* out) {{ unsigned t = threadIdx.x, lane = t % 32; float* o = out + t * {per_thread};\n{body}\n}}"
    );
    let device = device(&source);
    for order in ORDERS {
        cuda_emulator::set_order(order);
        let mut out = device.zeros(threads as usize * per_thread);
        launch!(device, "kernel", shape(1, threads, 0), &mut out).unwrap();
        let got = device.download(&out);
        let want: Vec<f32> = (0..threads).flat_map(&expected).collect();
        assert_eq!(got, want, "{order:?}");
    }
}

#[test]
fn shuffles_match_reference() {
    check(
        "o[0] = __shfl_sync(~0u, (float)t, 5);
         o[1] = __shfl_xor_sync(~0u, (float)t, 3);
         o[2] = __shfl_up_sync(~0u, (float)t, 2);
         o[3] = __shfl_down_sync(~0u, (float)t, 2);
         o[4] = __shfl_sync(~0u, t, 3, 8);
         o[5] = __shfl_up_sync(~0u, (int)t, 1, 4);
         o[6] = __shfl_down_sync(~0u, (double)t, 1, 4);
         o[7] = __shfl_xor_sync(~0u, (unsigned long long)t, 16);",
        64,
        8,
        |t| {
            let (first, lane) = (t / 32 * 32, t % 32);
            let lanes = [
                5,
                lane ^ 3,
                if lane < 2 { lane } else { lane - 2 },
                if lane > 29 { lane } else { lane + 2 },
                lane / 8 * 8 + 3,
                if lane % 4 == 0 { lane } else { lane - 1 },
                if lane % 4 == 3 { lane } else { lane + 1 },
                lane ^ 16,
            ];
            lanes.iter().map(|lane| (first + lane) as f32).collect()
        },
    );
}

#[test]
fn votes_match_reference() {
    check(
        "o[0] = __popc(__ballot_sync(~0u, t % 3 == 0));
         o[1] = __any_sync(~0u, t == 40);
         o[2] = __all_sync(~0u, t < 40);
         if (lane < 16) o[3] = __ballot_sync(0xffffu, lane > 13) == 0xc000u;
         else o[3] = __ballot_sync(0xffff0000u, lane == 16) == 0x10000u;
         o[4] = __popc(__match_any_sync(~0u, lane / 4));
         int all; o[5] = __match_all_sync(~0u, t / 32, &all) == ~0u && all;
         o[6] = __reduce_add_sync(~0u, lane);
         o[7] = __reduce_max_sync(~0u, (int)lane - 100);",
        64,
        8,
        |t| {
            let (first, last) = (t / 32 * 32, t / 32 * 32 + 31);
            let thirds = (first..=last).filter(|i| i % 3 == 0).count() as f32;
            let any = f32::from((first..=last).contains(&40));
            vec![thirds, any, f32::from(last < 40), 1.0, 4.0, 1.0, 496.0, -69.0]
        },
    );
}

#[test]
fn gather_returns_all_lanes() {
    check(
        "struct Pair { float a, b; } mine = {(float)t, 2.0f * t}, all[32];
         __emulator_gather(mine, all);
         float a = 0, b = 0;
         for (int i = 0; i < 32; i++) a += all[i].a, b += all[i].b * (i == 31);
         float row[3] = {1.0f, (float)lane, 2.0f}, rows[32][3];
         __emulator_gather(row, rows);
         o[0] = a; o[1] = b; o[2] = rows[7][1];",
        64,
        3,
        |t| vec![(496 + t / 32 * 1024) as f32, (2 * (t / 32 * 32 + 31)) as f32, 7.0],
    );
}

#[test]
fn barrier_variants_reduce_predicates() {
    check(
        "__shared__ float s[96];
         s[t] = t;
         __syncthreads();
         o[0] = s[95 - t];
         o[1] = __syncthreads_count(t % 4 == 0);
         o[2] = __syncthreads_and(t < 96);
         o[3] = __syncthreads_and(t < 95);
         o[4] = __syncthreads_or(t == 7);
         o[5] = __syncthreads_or(t == 96);",
        96,
        6,
        |t| vec![(95 - t) as f32, 24.0, 1.0, 0.0, 1.0, 0.0],
    );
}

#[test]
fn warps_synchronize_independently() {
    check(
        "__shared__ float s[64];
         s[t] = t;
         __syncwarp();
         float other = s[t ^ 1];
         __syncwarp();
         s[t] = other;
         __syncwarp(lane < 16 ? 0xffffu : 0xffff0000u);
         o[0] = s[t ^ 2];",
        64,
        1,
        |t| vec![(t ^ 3) as f32],
    );
}

#[test]
fn collectives_ignore_exited_threads() {
    check(
        "__shared__ float s[64];
         s[t] = t; o[0] = -1;
         if (t >= 40) return;
         __syncthreads();
         o[0] = s[63 - t] + __shfl_sync(~0u, (float)t, 1);",
        64,
        1,
        |t| vec![if t >= 40 { -1.0 } else { (63 - t + t / 32 * 32 + 1) as f32 }],
    );
}

#[test]
fn atomics_lose_no_update() {
    check(
        "__shared__ int i[6]; __shared__ unsigned u[2]; __shared__ float f[2]; __shared__ double d; __shared__ unsigned long long w;
         if (t == 0) { i[0] = i[1] = i[3] = 0; i[2] = 1000; i[4] = 7; i[5] = 0; u[0] = u[1] = 0; f[0] = f[1] = 0; d = 0; w = 0; }
         __syncthreads();
         atomicAdd(&i[0], 2); atomicMax(&i[1], (int)t); atomicMin(&i[2], (int)t + 3); atomicOr(&i[3], 1 << lane);
         if (t == 9) atomicCAS(&i[4], 7, 8);
         atomicSub(&i[5], 1);
         atomicInc(&u[0], 9); atomicExch(&u[1], 5u);
         atomicAdd(&f[0], 0.5f); atomicExch(&f[1], 2.5f); atomicAdd(&d, 0.25); atomicAdd(&w, 1ull << 32);
         __syncthreads();
         o[0] = i[0]; o[1] = i[1]; o[2] = i[2]; o[3] = i[3] == -1; o[4] = i[4]; o[5] = i[5];
         o[6] = u[0]; o[7] = u[1]; o[8] = f[0]; o[9] = f[1]; o[10] = d; o[11] = w >> 32;",
        64,
        12,
        |_| vec![128.0, 63.0, 3.0, 1.0, 8.0, -64.0, 4.0, 5.0, 32.0, 2.5, 16.0, 64.0],
    );
}

#[test]
fn math_functions_match_reference() {
    check(
        "float x = 0.5f + t;
         o[0] = rsqrtf(4.0f); o[1] = __expf(0.0f); o[2] = tanhf(0.0f); o[3] = fmaf(x, 2.0f, 1.0f); o[4] = __fmaf_rn(x, 2.0f, 1.0f);
         o[5] = min(3, (int)t); o[6] = max(1.5f, x); o[7] = __uint_as_float(__float_as_uint(x)); o[8] = __int_as_float(0x3f800000);
         o[9] = __ldg(&x); o[10] = __popc(0xffu) + __clz(1) + __ffs(8); o[11] = __float2int_rn(2.5f) + __float2int_ru(2.1f);
         o[12] = fabsf(-x) - abs(-1) + floorf(1.9f) + sqrtf(9.0f) + fminf(1.0f, 2.0f); o[13] = __saturatef(x);
         o[14] = isnan(__int_as_float(-1)); o[15] = __umulhi(1u << 31, 4u) + __brev(1u) / (1u << 31);",
        4,
        16,
        |t| {
            let x = t as f32 + 0.5;
            let first = [0.5, 1.0, 0.0, 2.0 * x + 1.0, 2.0 * x + 1.0, 3.0f32.min(t as f32), x.max(1.5), x, 1.0, x];
            [&first[..], &[8.0 + 31.0 + 4.0, 5.0, x - 1.0 + 1.0 + 3.0 + 1.0, x.min(1.0), 1.0, 3.0]].concat()
        },
    );
}

const FORMS: &str = r#"
#define KERNEL(name) extern "C" __global__ void name
#define FACTOR 3
struct Shape { int n, stride; float scale; };
template <int N> __device__ __forceinline__ float power(float x) {
  float r = 1.0f;
#pragma unroll
  for (int i = 0; i < N; i++) r *= x;
  return r;
}
template <int N> __device__ float* tile() { __shared__ __align__(16) float t[N]; return t; }
__constant__ float table[4] = {1.0f, 10.0f, 100.0f, 1000.0f};
extern "C" {
__global__ void
__launch_bounds__(32 * 2, /* blocks */ 2)
by_value(float* __restrict__ y,
         const float* __restrict__ x, const Shape shape)
{
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < shape.n) y[i * shape.stride] = shape.scale * power<2>(x[i]) + table[i % 4];
}
}
KERNEL(vectors)(float4* y, const float4* x, uint2 u) {
  float4 v = x[threadIdx.x];
  y[threadIdx.x] = make_float4(v.w * FACTOR, v.z, (float)u.x, (float)u.y);
}
KERNEL(shared_forms)(float* y) {
  extern __shared__ float dynamic[][2];
  float *a = tile<8>(), *b = tile<16>();
  int t = threadIdx.x;
  a[t] = t; b[t] = 2 * t; dynamic[t][1] = 3 * t;
  __syncthreads();
  y[t] = a[7 - t] + b[7 - t] + dynamic[7 - t][1];
}
KERNEL(three_dimensions)(float* y) {
  dim3 b = blockDim;
  int t = threadIdx.x + b.x * (threadIdx.y + b.y * threadIdx.z);
  int g = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  y[g * b.x * b.y * b.z + t] = threadIdx.x + 10 * threadIdx.y + 100 * threadIdx.z + 1000 * blockIdx.y + 10000 * blockIdx.z;
}
"#;

#[repr(C)]
#[derive(Clone, Copy)]
struct Shape {
    n: i32,
    stride: i32,
    scale: f32,
}
// SAFETY: plain values, laid out as the kernel's struct.
unsafe impl cudarc::driver::DeviceRepr for Shape {}

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Pair(u32, u32);
// SAFETY: plain values, laid out as `uint2`.
unsafe impl cudarc::driver::DeviceRepr for Pair {}

#[test]
fn kernel_signatures_of_every_form_run() {
    let device = device(FORMS);
    let (x, mut y) = (device.upload(&[1.0, 2.0, 3.0]), device.zeros(6));
    launch!(device, "by_value", shape(1, 64, 0), &mut y, &x, &Shape { n: 3, stride: 2, scale: 0.5 }).unwrap();
    assert_eq!(device.download(&y), [1.5, 0.0, 12.0, 0.0, 104.5, 0.0]);

    let (x, mut y) = (device.upload(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), device.zeros(8));
    launch!(device, "vectors", shape(1, 2, 0), &mut y, &x, &Pair(8, 9)).unwrap();
    assert_eq!(device.download(&y), [12.0, 3.0, 8.0, 9.0, 24.0, 7.0, 8.0, 9.0]);

    let mut y = device.zeros(8);
    launch!(device, "shared_forms", shape(1, 8, 64), &mut y).unwrap();
    assert_eq!(device.download(&y), [42.0, 36.0, 30.0, 24.0, 18.0, 12.0, 6.0, 0.0]);

    let mut y = device.zeros(2 * 3 * 2 * 4);
    let config = cudarc::driver::LaunchConfig { grid_dim: (1, 2, 1), block_dim: (2, 3, 4), shared_mem_bytes: 0 };
    launch!(device, "three_dimensions", config, &mut y).unwrap();
    let want: Vec<f32> = (0..48).map(|i| (i % 2 + i / 2 % 3 * 10 + i / 6 % 4 * 100 + i / 24 * 1000) as f32).collect();
    assert_eq!(device.download(&y), want);
}
