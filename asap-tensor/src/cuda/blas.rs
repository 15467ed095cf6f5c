//! Matrix products by cuBLAS.

use std::ffi::c_void;
use std::sync::PoisonError;

use cudarc::cublas::{result, sys};

use super::array::Array;
use super::backend::{Cuda, MatmulPrecision};
use crate::error::Result;

/// Matrices of one size in an array, row-major, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrices {
    /// Where the first begins.
    pub(crate) offset: usize,
    /// Values from one matrix to the next; 0 to use the same one each time.
    pub(crate) stride: usize,
    /// Values from one row to the next.
    pub(crate) row: usize,
    /// Whether the product uses the transposed matrix.
    pub(crate) transposed: bool,
}

impl Matrices {
    /// Whether they lie inside an array of `count` values, the factor having that many rows and columns.
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
    /// Whether the products are added to what is there.
    pub(crate) accumulate: bool,
}

impl Cuda {
    /// Computes products on the tensor cores where the backend's precision allows it.
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
        let number = sys::cudaDataType::CUDA_R_32F;
        let (one, beta) = (1.0f32, if size.accumulate { 1.0f32 } else { 0.0 });
        let address = |pointer: u64, offset: usize| (pointer + 4 * offset as u64) as *mut c_void;
        self.bind()?;
        let blas = self.blas.lock().unwrap_or_else(PoisonError::into_inner);
        // cuBLAS thinks in columns: the rows of Y = A·B are the columns of Yᵀ = Bᵀ·Aᵀ, so B goes first.
        // SAFETY: the matrices were found to lie inside their arrays, and Y is not shared.
        let answer = unsafe {
            result::gemm_strided_batched_ex(
                *blas.handle(),
                operation(&size.b),
                operation(&size.a),
                n_,
                m_,
                k_,
                (&raw const one).cast(),
                address(b.pointer(), size.b.offset),
                number,
                ldb,
                size.b.stride as i64,
                address(a.pointer(), size.a.offset),
                number,
                lda,
                size.a.stride as i64,
                (&raw const beta).cast(),
                address(y.pointer_mut(), size.y.offset),
                number,
                ldy,
                size.y.stride as i64,
                batch_,
                compute,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        };
        answer.map_err(|error| self.fail(format!("cuBLAS, {m}×{k} by {k}×{n}, {batch} times: {:?}", error.0)))
    }
}
