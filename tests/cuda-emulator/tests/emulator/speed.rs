//! What makes hundreds of property cases affordable. Printed, not asserted: `cargo test --release -- --nocapture speed`.

use std::time::Instant;

use crate::launch;
use crate::support::{device, shape};

const SOURCE: &str = r#"
extern "C" __global__ void axpy(float* y, const float* x, float a, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += a * x[i];
}
extern "C" __global__ void conv3(float* y, const float* x, const float* w, int ci, int co, int h, int wd) {
  int i = blockIdx.x * blockDim.x + threadIdx.x; if (i >= co * h * wd) return;
  int c = i / (h * wd), p = i / wd % h, q = i % wd; float a = 0.f;
  for (int k = 0; k < ci; k++) for (int u = -1; u <= 1; u++) for (int v = -1; v <= 1; v++) {
    int r = p + u, s = q + v;
    if (r >= 0 && r < h && s >= 0 && s < wd) a += x[(k * h + r) * wd + s] * w[((c * ci + k) * 3 + u + 1) * 3 + v + 1];
  }
  y[i] = a;
}
extern "C" __global__ void layer(float* y, const float* x, const float* w, int d) {
  extern __shared__ float sx[];
  int p = blockIdx.x, j = threadIdx.x;
  sx[j] = x[p * d + j];
  __syncthreads();
  float a = 0.f;
  for (int k = 0; k < d; k++) a += sx[k] * w[k * d + j];
  y[p * d + j] = a > 0.f ? a : 0.01f * a;
}
"#;

#[test]
fn speed_of_launch_and_gemm() {
    let device = device(SOURCE);
    let n = 1_000_000;
    let (x, mut y) = (device.upload(&vec![1.0; n]), device.zeros(n));
    for _ in 0..3 {
        let start = Instant::now();
        launch!(device, "axpy", shape(n.div_ceil(1024) as u32, 1024, 0), &mut y, &x, &0.5f32, &(n as i32)).unwrap();
        println!("axpy, 1 M threads: {:?}", start.elapsed());
    }
    assert_eq!(device.download(&y)[n - 1], 1.5);

    let (c, h, w) = (16usize, 64usize, 64usize);
    let (x, k, mut y) =
        (device.upload(&vec![1.0; c * h * w]), device.upload(&vec![1.0; c * c * 9]), device.zeros(c * h * w));
    let start = Instant::now();
    let sizes = [c as i32, c as i32, h as i32, w as i32];
    launch!(device, "conv3", shape(64, 1024, 0), &mut y, &x, &k, &sizes[0], &sizes[1], &sizes[2], &sizes[3]).unwrap();
    println!("3×3 convolution, 9 M products: {:?}", start.elapsed());
    assert_eq!(device.download(&y)[65], 144.0);

    let (x, k, mut y) =
        (device.upload(&vec![1.0; 4096 * 64]), device.upload(&vec![1.0; 64 * 64]), device.zeros(4096 * 64));
    let start = Instant::now();
    launch!(device, "layer", shape(4096, 64, 256), &mut y, &x, &k, &64i32).unwrap();
    println!("layer, 16 M products: {:?}", start.elapsed());
    assert_eq!(device.download(&y)[65], 64.0);
}
