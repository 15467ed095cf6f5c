//! Device memory: what fresh, freed and too much of it does.

use cudarc::driver::{CudaSlice, DevicePtr, result};

use crate::launch;
use crate::support::{Device, device, report_of, shape};

const SOURCE: &str = r#"extern "C" __global__ void copy(float* y, const float* x, int n) {
  int i = threadIdx.x;
  if (i < n) y[i] = x[i];
}
extern "C" __global__ void static_shared(float* y) { __shared__ float s[32]; y[threadIdx.x] = s[threadIdx.x]; s[threadIdx.x] = 1.0f; }
extern "C" __global__ void dynamic_shared(float* y) { extern __shared__ float s[]; y[threadIdx.x] = s[threadIdx.x]; s[threadIdx.x] = 1.0f; }
"#;

fn address(device: &Device, slice: &CudaSlice<f32>) -> u64 {
    slice.device_ptr(&device.stream).0
}

#[test]
fn device_memory_starts_as_nan() {
    let device = device(SOURCE);
    // SAFETY: any bit pattern is a float.
    let x = unsafe { device.stream.alloc::<f32>(5) }.unwrap();
    let mut y = device.zeros(5);
    launch!(device, "copy", shape(1, 32, 0), &mut y, &x, &5i32).unwrap();
    assert!(device.download(&y).iter().all(|y| y.is_nan()));
}

#[test]
fn shared_memory_starts_as_nan_in_each_block() {
    let device = device(SOURCE);
    for kernel in ["static_shared", "dynamic_shared"] {
        let mut y = device.zeros(32);
        launch!(device, kernel, shape(3, 32, 128), &mut y).unwrap();
        assert!(device.download(&y).iter().all(|y| y.is_nan()), "{kernel}");
    }
}

#[test]
fn memory_is_limited_and_counted() {
    let device = device(SOURCE);
    let context = device.stream.context();
    let (_, total) = context.mem_get_info().unwrap();
    let report = report_of(device.stream.alloc_zeros::<u8>(total + 1), "CUDA_ERROR_OUT_OF_MEMORY");
    assert!(report.contains(&format!("out of memory: {} bytes asked for", total + 1)), "{report}");
    let before = context.mem_get_info().unwrap().0;
    let big = device.stream.alloc_zeros::<u8>(64 << 20).unwrap();
    let during = context.mem_get_info().unwrap().0;
    drop(big);
    // Other tests allocate a little at the same time.
    assert!(before - during > 60 << 20, "{before} {during}");
}

#[test]
fn reports_copy_out_of_bounds() {
    let device = device(SOURCE);
    let x = device.zeros(4);
    let start = address(&device, &x);
    let mut host = [0f32; 8];
    // SAFETY: the emulator checks the range; the host's memory is large enough.
    let copied = unsafe { result::memcpy_dtoh_sync(&mut host, start) };
    let report = report_of(copied, "CUDA_ERROR_INVALID_VALUE");
    assert!(
        report.contains("copy to the host: 32 bytes") && report.contains("15 bytes past the end of allocation"),
        "{report}"
    );
    // SAFETY: as above.
    let copied = unsafe { result::memcpy_htod_sync(start - 4, &host[..1]) };
    let report = report_of(copied, "CUDA_ERROR_INVALID_VALUE");
    assert!(
        report.contains("copy to the device: 4 bytes") && report.contains("4 bytes before the start of allocation"),
        "{report}"
    );
    // SAFETY: as above.
    let filled = unsafe { result::memset_d8_sync(start + 8, 0, 9) };
    assert!(report_of(filled, "CUDA_ERROR_INVALID_VALUE").contains("memset: 9 bytes"));
}

#[test]
fn reports_copy_from_freed_memory() {
    let device = device(SOURCE);
    let x = device.zeros(4);
    let start = address(&device, &x);
    drop(x);
    let mut host = [0f32; 4];
    // SAFETY: the emulator checks the range.
    let copied = unsafe { result::memcpy_dtoh_sync(&mut host, start) };
    assert!(report_of(copied, "CUDA_ERROR_INVALID_VALUE").contains("which was freed"));
    // SAFETY: the emulator checks the address.
    let freed = unsafe { result::free_sync(start) };
    assert!(report_of(freed, "CUDA_ERROR_INVALID_VALUE").contains("no live allocation starts at"));
}

#[test]
fn allocates_zero_bytes() {
    let device = device(SOURCE);
    let empty = device.zeros(0);
    let mut y = device.upload(&[1.0]);
    launch!(device, "copy", shape(1, 32, 0), &mut y, &empty, &0i32).unwrap();
    assert_eq!(device.download(&empty), [0.0; 0]);
    assert_eq!(device.download(&y), [1.0]);
}
