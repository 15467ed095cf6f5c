//! The library's functions. Scalars α and β are read from the host.
#![allow(non_snake_case)] // the names are cuBLAS's

use std::ffi::{c_char, c_int, c_longlong, c_void};
use std::sync::atomic::{AtomicU32, Ordering};

use super::gemm::{Matrix, Precision, Product};
use crate::driver::context::check_context;
use crate::report::{self, Failure, Outcome};
use crate::status;

type Status = c_int;
const SUCCESS: Status = 0;
const NOT_INITIALIZED: Status = 1;
const ALLOC_FAILED: Status = 3;
const INVALID_VALUE: Status = 7;
const EXECUTION_FAILED: Status = 13;
const NOT_SUPPORTED: Status = 15;

/// `CUDA_R_32F`.
const FLOAT: c_int = 0;
/// `CUBLAS_TF32_TENSOR_OP_MATH`.
const TF32_MATH: u32 = 3;

/// What `cublasHandle_t` points to.
struct Handle {
    math_mode: AtomicU32,
}

impl Handle {
    /// The precision of functions that name none.
    fn precision(&self) -> Precision {
        match self.math_mode.load(Ordering::Relaxed) & 15 {
            TF32_MATH => Precision::Tf32,
            _ => Precision::Single,
        }
    }
}

/// A status of the driver's as one of cuBLAS's. The report stays with the calling thread.
fn finish(outcome: Outcome) -> Status {
    match report::finish(outcome) {
        status::SUCCESS => SUCCESS,
        status::INVALID_VALUE => INVALID_VALUE,
        status::NOT_SUPPORTED => NOT_SUPPORTED,
        status::OUT_OF_MEMORY => ALLOC_FAILED,
        status::NOT_INITIALIZED | status::INVALID_CONTEXT => NOT_INITIALIZED,
        _ => EXECUTION_FAILED,
    }
}

macro_rules! cublas {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> Status {
            #[allow(unused_unsafe)] // some bodies only compute
            let body = move || -> Outcome {
                // SAFETY: the caller keeps the contract that cuBLAS's documentation gives for these arguments.
                unsafe { $body }
            };
            finish(body())
        }
    )*};
}

/// The arguments of a product as cuBLAS takes them; pointers to `alpha` and `beta` already followed.
struct Arguments {
    operations: [c_int; 2],
    sizes: [c_int; 3],
    alpha: f32,
    beta: f32,
    /// Address, leading dimension and distance in a batch, in elements, of A, B and C.
    matrices: [(usize, c_int, c_longlong); 3],
    batch: c_int,
    precision: Precision,
}

impl Arguments {
    fn run(&self) -> Outcome {
        check_context()?;
        let invalid = |what: String| Err(Failure::new(status::INVALID_VALUE, format!("cuBLAS product: {what}")));
        let [m, n, k] = self.sizes;
        if m < 0 || n < 0 || k < 0 || self.batch < 0 {
            return invalid(format!("m, n, k, batch are {m}, {n}, {k}, {}", self.batch));
        }
        if let Some(operation) = self.operations.iter().find(|&&operation| !(0..=2).contains(&operation)) {
            return invalid(format!("operation {operation} is not N, T or C"));
        }
        let transposed = [self.operations[0] != 0, self.operations[1] != 0, false];
        let rows = [if transposed[0] { k } else { m }, if transposed[1] { n } else { k }, m];
        for ((name, (_, leading, _)), rows) in ["lda", "ldb", "ldc"].iter().zip(self.matrices).zip(rows) {
            if leading < rows.max(1) {
                return invalid(format!("{name} is {leading}, must be at least {}", rows.max(1)));
            }
        }
        let product = Product {
            m: m as usize,
            n: n as usize,
            k: k as usize,
            alpha: self.alpha,
            beta: self.beta,
            precision: self.precision,
        };
        for item in 0..self.batch as c_longlong {
            let matrix = |i: usize| {
                let (address, leading, distance) = self.matrices[i];
                let address = address.wrapping_add_signed((4 * item * distance) as isize);
                Matrix { address, leading: leading as usize, transposed: transposed[i] }
            };
            product.run(matrix(0), matrix(1), matrix(2))?;
        }
        Ok(())
    }
}

/// The precision of a `cublasComputeType_t`.
fn compute_type(number: c_int) -> Outcome<Precision> {
    match number {
        68 | 69 => Ok(Precision::Single),
        75 => Ok(Precision::Bfloat16),
        77 => Ok(Precision::Tf32),
        other => Err(Failure::new(status::NOT_SUPPORTED, format!("cuBLAS compute type {other} isn't emulated"))),
    }
}

fn only_floats(types: [c_int; 3]) -> Outcome {
    match types {
        [FLOAT, FLOAT, FLOAT] => Ok(()),
        other => Err(Failure::new(
            status::NOT_SUPPORTED,
            format!("cuBLAS matrices of types {other:?}: only float (0) is emulated"),
        )),
    }
}

cublas! {
    fn cublasCreate_v2(handle: *mut *mut Handle) {
        check_context()?;
        *handle = Box::into_raw(Box::new(Handle { math_mode: AtomicU32::new(0) }));
        Ok(())
    }

    fn cublasDestroy_v2(handle: *mut Handle) {
        drop(Box::from_raw(handle));
        Ok(())
    }

    fn cublasGetVersion_v2(_handle: *mut Handle, version: *mut c_int) {
        *version = 130_000;
        Ok(())
    }

    fn cublasSetStream_v2(_handle: *mut Handle, _stream: usize) {
        check_context()
    }

    fn cublasSetWorkspace_v2(_handle: *mut Handle, workspace: usize, bytes: usize) {
        crate::memory::check_range("cuBLAS workspace", workspace, bytes)
    }

    fn cublasSetMathMode(handle: *mut Handle, mode: u32) {
        (*handle).math_mode.store(mode, Ordering::Relaxed);
        Ok(())
    }

    fn cublasGetMathMode(handle: *mut Handle, mode: *mut u32) {
        *mode = (*handle).math_mode.load(Ordering::Relaxed);
        Ok(())
    }

    fn cublasSetPointerMode_v2(_handle: *mut Handle, mode: u32) {
        match mode {
            0 => Ok(()),
            _ => Err(Failure::new(status::NOT_SUPPORTED, "cuBLAS scalars in device memory aren't emulated")),
        }
    }

    fn cublasGetPointerMode_v2(_handle: *mut Handle, mode: *mut u32) {
        *mode = 0;
        Ok(())
    }

    fn cublasSgemm_v2(
        handle: *mut Handle, transa: c_int, transb: c_int, m: c_int, n: c_int, k: c_int,
        alpha: *const f32, A: usize, lda: c_int, B: usize, ldb: c_int, beta: *const f32, C: usize, ldc: c_int,
    ) {
        let matrices = [(A, lda, 0), (B, ldb, 0), (C, ldc, 0)];
        Arguments {
            operations: [transa, transb], sizes: [m, n, k], alpha: *alpha, beta: *beta, matrices, batch: 1,
            precision: (*handle).precision(),
        }.run()
    }

    fn cublasSgemmStridedBatched(
        handle: *mut Handle, transa: c_int, transb: c_int, m: c_int, n: c_int, k: c_int,
        alpha: *const f32, A: usize, lda: c_int, strideA: c_longlong, B: usize, ldb: c_int, strideB: c_longlong,
        beta: *const f32, C: usize, ldc: c_int, strideC: c_longlong, batchCount: c_int,
    ) {
        let matrices = [(A, lda, strideA), (B, ldb, strideB), (C, ldc, strideC)];
        Arguments {
            operations: [transa, transb], sizes: [m, n, k], alpha: *alpha, beta: *beta, matrices, batch: batchCount,
            precision: (*handle).precision(),
        }.run()
    }

    fn cublasGemmEx(
        _handle: *mut Handle, transa: c_int, transb: c_int, m: c_int, n: c_int, k: c_int,
        alpha: *const c_void, A: usize, Atype: c_int, lda: c_int, B: usize, Btype: c_int, ldb: c_int,
        beta: *const c_void, C: usize, Ctype: c_int, ldc: c_int, computeType: c_int, _algo: c_int,
    ) {
        only_floats([Atype, Btype, Ctype])?;
        let matrices = [(A, lda, 0), (B, ldb, 0), (C, ldc, 0)];
        Arguments {
            operations: [transa, transb], sizes: [m, n, k], alpha: *alpha.cast(), beta: *beta.cast(), matrices, batch: 1,
            precision: compute_type(computeType)?,
        }.run()
    }

    fn cublasGemmStridedBatchedEx(
        _handle: *mut Handle, transa: c_int, transb: c_int, m: c_int, n: c_int, k: c_int,
        alpha: *const c_void, A: usize, Atype: c_int, lda: c_int, strideA: c_longlong,
        B: usize, Btype: c_int, ldb: c_int, strideB: c_longlong,
        beta: *const c_void, C: usize, Ctype: c_int, ldc: c_int, strideC: c_longlong,
        batchCount: c_int, computeType: c_int, _algo: c_int,
    ) {
        only_floats([Atype, Btype, Ctype])?;
        let matrices = [(A, lda, strideA), (B, ldb, strideB), (C, ldc, strideC)];
        Arguments {
            operations: [transa, transb], sizes: [m, n, k], alpha: *alpha.cast(), beta: *beta.cast(), matrices, batch: batchCount,
            precision: compute_type(computeType)?,
        }.run()
    }

    fn cublasSgemv_v2(
        handle: *mut Handle, trans: c_int, m: c_int, n: c_int,
        alpha: *const f32, A: usize, lda: c_int, x: usize, incx: c_int, beta: *const f32, y: usize, incy: c_int,
    ) {
        if incx <= 0 || incy <= 0 {
            return Err(Failure::new(status::NOT_SUPPORTED, "cuBLAS vectors with a distance below 1 aren't emulated"));
        }
        // Vectors are matrices of one row with the elements' distance as leading dimension: yᵀ = xᵀ·op(A)ᵀ.
        let (rows, columns, turned) = if trans == 0 { (m, n, 1) } else { (n, m, 0) };
        Arguments {
            operations: [0, turned], sizes: [1, rows, columns], alpha: *alpha, beta: *beta,
            matrices: [(x, incx, 0), (A, lda, 0), (y, incy, 0)], batch: 1, precision: (*handle).precision(),
        }.run()
    }
}

#[unsafe(no_mangle)]
extern "C" fn cublasGetStatusName(status: Status) -> *const c_char {
    let name = match status {
        SUCCESS => c"CUBLAS_STATUS_SUCCESS",
        NOT_INITIALIZED => c"CUBLAS_STATUS_NOT_INITIALIZED",
        ALLOC_FAILED => c"CUBLAS_STATUS_ALLOC_FAILED",
        INVALID_VALUE => c"CUBLAS_STATUS_INVALID_VALUE",
        EXECUTION_FAILED => c"CUBLAS_STATUS_EXECUTION_FAILED",
        NOT_SUPPORTED => c"CUBLAS_STATUS_NOT_SUPPORTED",
        _ => c"CUBLAS_STATUS unknown",
    };
    name.as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn cublasGetStatusString(status: Status) -> *const c_char {
    cublasGetStatusName(status)
}
