//! Matrix products by cuBLAS.

use std::ffi::c_void;
use std::sync::PoisonError;

use cudarc::cublas::{result, sys};

use super::array::Array;
use super::backend::{Cuda, MatmulPrecision};
use crate::error::Result;

/// A batch of row-major matrices of one size in an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrices {
    /// Start of the first one.
    pub(crate) offset: usize,
    /// Values from one matrix to the next; 0 to use the same one each time.
    pub(crate) stride: usize,
    /// Values from one row to the next.
    pub(crate) row: usize,
    /// Whether the product uses the transposed matrix.
    pub(crate) transposed: bool,
}

impl Matrices {
    /// Whether they lie inside an array of `count` values, as operands with so many rows and columns.
    fn fit(&self, count: usize, batch: usize, rows: usize, columns: usize) -> bool {
        let (rows, columns) = if self.transposed { (columns, rows) } else { (rows, columns) };
        columns <= self.row && self.offset + (batch - 1) * self.stride + (rows - 1) * self.row + columns <= count
    }
}

/// A batch of products Y = A·B, or Y = Y + A·B.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) batch: usize,
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) a: Matrices,
    pub(crate) b: Matrices,
    pub(crate) y: Matrices,
    /// Whether the products are added to Y.
    pub(crate) accumulate: bool,
}

impl Cuda {
    /// Computes products, on the tensor cores if the precision permits it.
    pub(crate) fn product(&self, a: &Array<f32>, b: &Array<f32>, y: &mut Array<f32>, size: &Product) -> Result<()> {
        let Product { batch, m, k, n, .. } = *size;
        if batch * m * n == 0 {
            return Ok(());
        }
        if k == 0 {
            return if size.accumulate { Ok(()) } else { self.clear(y) };
        }
        let inside = size.a.fit(a.count(), batch, m, k)
            && size.b.fit(b.count(), batch, k, n)
            && size.y.fit(y.count(), batch, m, n)
            && !size.y.transposed;
        let [m_, n_, k_, batch_, lda, ldb, ldy] =
            [m, n, k, batch, size.a.row, size.b.row, size.y.row].map(|size| i32::try_from(size).unwrap_or(-1));
        if !inside || [m_, n_, k_, batch_, lda, ldb, ldy].contains(&-1) {
            return Err(self.fail(format!("a matrix product leaves its arrays or is too large: {size:?}")));
        }
        let operation = |matrices: &Matrices| match matrices.transposed {
            true => sys::cublasOperation_t::CUBLAS_OP_T,
            false => sys::cublasOperation_t::CUBLAS_OP_N,
        };
        let compute = match self.precision() {
            MatmulPrecision::Highest => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
            MatmulPrecision::High => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            MatmulPrecision::Medium => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_16BF,
        };
        let float = sys::cudaDataType::CUDA_R_32F;
        let (one, beta) = (1.0f32, if size.accumulate { 1.0f32 } else { 0.0 });
        let address = |pointer: u64, offset: usize| (pointer + 4 * offset as u64) as *mut c_void;
        self.bind()?;
        let blas = self.blas.lock().unwrap_or_else(PoisonError::into_inner);
        // cuBLAS is column-major: the rows of Y = A·B are the columns of Yᵀ = Bᵀ·Aᵀ, so B comes first.
        // SAFETY: the matrices lie inside their arrays, as checked above, and Y is not shared.
        let result = unsafe {
            result::gemm_strided_batched_ex(
                *blas.handle(),
                operation(&size.b),
                operation(&size.a),
                n_,
                m_,
                k_,
                (&raw const one).cast(),
                address(b.pointer(), size.b.offset),
                float,
                ldb,
                size.b.stride as i64,
                address(a.pointer(), size.a.offset),
                float,
                lda,
                size.a.stride as i64,
                (&raw const beta).cast(),
                address(y.pointer_mut(), size.y.offset),
                float,
                ldy,
                size.y.stride as i64,
                batch_,
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        };
        result.map_err(|error| self.fail(format!("cuBLAS, {m}×{k} by {k}×{n}, {batch} times: {:?}", error.0)))
    }
}
