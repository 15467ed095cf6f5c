//! Matrix products against sums written out.

use cudarc::cublas::sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
use cudarc::cublas::{CudaBlas, Gemm, GemmConfig, StridedBatchedConfig, sys};
use cudarc::driver::{DevicePtr, DevicePtrMut};

use crate::support::{Device, device};

const NO_KERNELS: &str = "extern \"C\" __global__ void none() {}";

/// Small whole numbers: their sums of products are exact.
fn whole(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7 + seed * 13) % 11) as f32 - 5.0).collect()
}

/// Element (row, column) of op of a column-major matrix.
fn at(matrix: &[f32], leading: usize, transposed: bool, row: usize, column: usize) -> f32 {
    if transposed { matrix[row * leading + column] } else { matrix[column * leading + row] }
}

fn config(m: usize, n: usize, k: usize, transposed: [bool; 2]) -> GemmConfig<f32> {
    let operation = |t: bool| if t { CUBLAS_OP_T } else { CUBLAS_OP_N };
    GemmConfig {
        transa: operation(transposed[0]),
        transb: operation(transposed[1]),
        m: m as i32,
        n: n as i32,
        k: k as i32,
        alpha: 2.0,
        lda: if transposed[0] { k } else { m }.max(1) as i32,
        ldb: if transposed[1] { n } else { k }.max(1) as i32,
        beta: 0.0,
        ldc: m as i32,
    }
}

#[test]
fn gemm_matches_reference() {
    let device = device(NO_KERNELS);
    let blas = CudaBlas::new(device.stream.clone()).unwrap();
    for (m, n, k) in [(1, 1, 1), (5, 3, 7), (3, 9, 2), (17, 33, 5), (64, 48, 40), (2, 3, 0)] {
        for transposed in [[false, false], [true, false], [false, true], [true, true]] {
            let batch = 3;
            let (a, b) = (whole(batch * m * k + 1, 1), whole(batch * k * n + 1, 2));
            let (da, db) = (device.upload(&a), device.upload(&b));
            let gemm = config(m, n, k, transposed);
            let mut c = device.upload(&vec![f32::NAN; batch * m * n]);
            let strides = [(m * k) as i64, (k * n) as i64, (m * n) as i64];
            let batched = StridedBatchedConfig {
                gemm,
                batch_size: 3,
                stride_a: strides[0],
                stride_b: strides[1],
                stride_c: strides[2],
            };
            // SAFETY: the emulator checks the ranges.
            unsafe { blas.gemm_strided_batched(batched, &da, &db, &mut c) }.unwrap();
            let got = device.download(&c);
            for item in 0..batch {
                let (a, b) = (&a[item * m * k..], &b[item * k * n..]);
                for (row, column) in (0..m).flat_map(|row| (0..n).map(move |column| (row, column))) {
                    let sum: f32 = (0..k)
                        .map(|p| {
                            at(a, gemm.lda as usize, transposed[0], row, p)
                                * at(b, gemm.ldb as usize, transposed[1], p, column)
                        })
                        .sum();
                    assert_eq!(
                        got[item * m * n + column * m + row],
                        2.0 * sum,
                        "{m}×{n}×{k} {transposed:?} ({row}, {column})"
                    );
                }
            }
        }
    }
}

/// A 1×1×1 product of two numbers by `cublasGemmEx`.
fn product_of(device: &Device, blas: &CudaBlas, a: f32, b: f32, compute: sys::cublasComputeType_t) -> f32 {
    let (a, b, mut c) = (device.upload(&[a]), device.upload(&[b]), device.zeros(1));
    let float = sys::cudaDataType_t::CUDA_R_32F;
    let (alpha, beta) = (1.0f32, 0.0f32);
    {
        let ((a, _a), (b, _b), (c, _c)) =
            (a.device_ptr(&device.stream), b.device_ptr(&device.stream), c.device_ptr_mut(&device.stream));
        // SAFETY: the pointers are live device memory of one float each.
        unsafe {
            cudarc::cublas::result::gemm_ex(
                *blas.handle(),
                CUBLAS_OP_N,
                CUBLAS_OP_N,
                1,
                1,
                1,
                (&raw const alpha).cast(),
                a as *const _,
                float,
                1,
                b as *const _,
                float,
                1,
                (&raw const beta).cast(),
                c as *mut _,
                float,
                1,
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .unwrap();
    }
    device.download(&c)[0]
}

#[test]
fn compute_types_round_the_factors() {
    use sys::cublasComputeType_t as Compute;
    let device = device(NO_KERNELS);
    let blas = CudaBlas::new(device.stream.clone()).unwrap();
    let fine = 1.0 + f32::EPSILON;
    assert_eq!(product_of(&device, &blas, fine, 1.0, Compute::CUBLAS_COMPUTE_32F), fine);
    assert_eq!(product_of(&device, &blas, fine, 1.0, Compute::CUBLAS_COMPUTE_32F_PEDANTIC), fine);
    assert_eq!(product_of(&device, &blas, fine, 1.0, Compute::CUBLAS_COMPUTE_32F_FAST_TF32), 1.0);
    let tf32 = 1.0 + 2f32.powi(-10);
    assert_eq!(product_of(&device, &blas, tf32, 1.0, Compute::CUBLAS_COMPUTE_32F_FAST_TF32), tf32);
    assert_eq!(product_of(&device, &blas, tf32, 1.0, Compute::CUBLAS_COMPUTE_32F_FAST_16BF), 1.0);
}

#[test]
fn gemm_reports_matrix_out_of_bounds() {
    let device = device(NO_KERNELS);
    let blas = CudaBlas::new(device.stream.clone()).unwrap();
    let (a, b, mut c) = (device.zeros(6), device.zeros(5), device.zeros(4));
    // SAFETY: the emulator checks the ranges.
    let result = unsafe { blas.gemm(config(2, 2, 3, [false, false]), &a, &b, &mut c) };
    assert!(result.is_err());
    let report = cuda_emulator::last_report();
    assert!(report.contains("cuBLAS matrix B: 24 bytes") && report.contains("past the end"), "{report}");
}
