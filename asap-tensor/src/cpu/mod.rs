//! The fast backend for ordinary processors: threads, packed matrix products, SIMD.

pub(crate) mod array;
mod backend;
pub(crate) mod gemm;
pub(crate) mod math;
pub(crate) mod matrix;
pub(crate) mod panel;
pub(crate) mod parallel;
pub(crate) mod scratch;
pub(crate) mod simd;
#[cfg(target_arch = "x86_64")]
pub(crate) mod tiles;
pub(crate) mod transpose;

use std::sync::Arc;

use crate::error::Result;
use crate::profile::Profiler;
use crate::storage::Storage;
pub use array::Array;
pub use backend::Cpu;

impl Storage for Cpu {
    type Elem = f32;
    type Buffer = Arc<Array>;
    type IdBuffer = Arc<Vec<u8>>;

    fn device(&self) -> String {
        "cpu".into()
    }

    fn threads(&self) -> usize {
        Cpu::threads(self)
    }

    fn upload(&self, data: Vec<f32>) -> Result<Self::Buffer> {
        Ok(self.adopt(data))
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<f32>> {
        Ok(buffer.to_vec())
    }

    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer> {
        Ok(Arc::new(self.full(value as f32, count)))
    }

    fn upload_ids(&self, ids: Vec<u8>) -> Result<Self::IdBuffer> {
        Ok(Arc::new(ids))
    }

    fn download_ids(&self, ids: &Self::IdBuffer) -> Result<Vec<u8>> {
        Ok(ids.to_vec())
    }

    fn profiler(&self) -> Option<&Profiler> {
        self.profiler.as_ref()
    }

    fn with_profiler(&self, profiler: Profiler) -> Self {
        let mut profiled = self.clone();
        profiled.profiler = Some(profiler);
        profiled
    }
}
