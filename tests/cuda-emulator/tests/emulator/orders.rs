//! Scheduling orders, and launches from several host threads.

use cuda_emulator::{Order, set_order};

use crate::launch;
use crate::support::{device, shape};

const SUMS: &str = r#"
extern "C" __global__ void __launch_bounds__(256) block_sum(float* out, const float* x, int n) {
  __shared__ float s[256];
  float v = 0.f;
  for (int i = blockIdx.x * 256 + threadIdx.x; i < n; i += gridDim.x * 256) v += x[i];
  s[threadIdx.x] = v;
  __syncthreads();
  for (int o = 128; o > 0; o >>= 1) {
    if (threadIdx.x < o) s[threadIdx.x] += s[threadIdx.x + o];
    __syncthreads();
  }
  if (threadIdx.x == 0) atomicAdd(out, s[0]);
}
extern "C" __global__ void __launch_bounds__(256) block_sum_without_barrier(float* out, const float* x, int n) {
  __shared__ float s[256];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (int o = 128; o > 0; o >>= 1) if (threadIdx.x < o) s[threadIdx.x] += s[threadIdx.x + o];
  if (threadIdx.x == 0) atomicAdd(out, s[0]);
}
extern "C" __global__ void tickets(float* out, unsigned* next) { out[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(next, 1u); }
"#;

const ALL: [Order; 6] =
    [Order::Fifo, Order::Lifo, Order::Random(1), Order::Random(2), Order::Random(3), Order::Random(u64::MAX)];

fn sum(kernel: &str, order: Order) -> f32 {
    let device = device(SUMS);
    set_order(order);
    let x: Vec<f32> = (0..256).map(|i| i as f32).collect();
    let (x, mut out) = (device.upload(&x), device.zeros(1));
    launch!(device, kernel, shape(1, 256, 0), &mut out, &x, &256i32).unwrap();
    device.download(&out)[0]
}

#[test]
fn correct_kernel_is_order_independent() {
    for order in ALL {
        assert_eq!(sum("block_sum", order), 32640.0, "{order:?}");
    }
}

#[test]
fn missing_barrier_shows_in_some_order() {
    let wrong: Vec<Order> =
        ALL.into_iter().filter(|&order| sum("block_sum_without_barrier", order) != 32640.0).collect();
    assert!(wrong.len() >= 3, "only {wrong:?} showed it");
}

/// The order in which the threads of a launch took numbers.
fn tickets(order: Order) -> Vec<u32> {
    let device = device(SUMS);
    set_order(order);
    let (mut out, mut next) = (device.zeros(24), device.stream.alloc_zeros::<u32>(1).unwrap());
    launch!(device, "tickets", shape(3, 8, 0), &mut out, &mut next).unwrap();
    device.download(&out).iter().map(|&ticket| ticket as u32).collect()
}

#[test]
fn orders_are_reproducible() {
    assert_eq!(tickets(Order::Fifo), (0..24).collect::<Vec<_>>());
    assert_eq!(tickets(Order::Lifo), (0..24).rev().collect::<Vec<_>>());
    assert_eq!(tickets(Order::Random(7)), tickets(Order::Random(7)));
    assert_ne!(tickets(Order::Random(7)), tickets(Order::Random(8)));
    let mut all = tickets(Order::Random(9));
    all.sort_unstable();
    assert_eq!(all, (0..24).collect::<Vec<_>>());
}

#[test]
fn host_threads_launch_in_parallel() {
    std::thread::scope(|scope| {
        for worker in 0..4u32 {
            scope.spawn(move || {
                let device = device(SUMS);
                set_order(Order::Random(worker.into()));
                let x = device.upload(&vec![worker as f32; 5000]);
                for _ in 0..20 {
                    let mut out = device.zeros(1);
                    launch!(device, "block_sum", shape(4, 256, 0), &mut out, &x, &5000i32).unwrap();
                    assert_eq!(device.download(&out), [5000.0 * worker as f32]);
                }
            });
        }
    });
}
