//! Values in device memory.

use std::fmt;
use std::sync::Arc;

use cudarc::driver::{CudaSlice, DevicePtr, DevicePtrMut, DeviceRepr, result, sys};

use super::device::Gpu;
use crate::error::Result;

/// Values in device memory. Freed in stream order, so it may be dropped while a kernel that uses it still runs.
pub struct Array<T> {
    slice: CudaSlice<T>,
    count: usize,
}

impl<T> Array<T> {
    /// How many values there are.
    pub fn count(&self) -> usize {
        self.count
    }

    pub(super) fn pointer(&self) -> sys::CUdeviceptr {
        self.slice.device_ptr(self.slice.stream()).0
    }

    pub(super) fn pointer_mut(&mut self) -> sys::CUdeviceptr {
        let stream = self.slice.stream().clone();
        self.slice.device_ptr_mut(&stream).0
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values on cuda:{}", self.count, self.slice.ordinal())
    }
}

impl Gpu {
    /// `count` uninitialized values. At least one is allocated, so that even an empty array has a valid address.
    pub(crate) fn array<T: DeviceRepr>(&self, count: usize) -> Result<Array<T>> {
        // SAFETY: the values are of a type for which any bits are a value, and kernels write before others read.
        let slice = unsafe { self.stream.alloc::<T>(count.max(1)) };
        let slice = slice.map_err(|error| self.out_of_memory(error, count.saturating_mul(size_of::<T>())))?;
        Ok(Array { slice, count })
    }

    /// A new array of `count` values, each of which `write` writes.
    pub(crate) fn build<T: DeviceRepr>(
        &self,
        count: usize,
        write: impl FnOnce(&mut Array<T>) -> Result<()>,
    ) -> Result<Arc<Array<T>>> {
        let mut array = self.array(count)?;
        write(&mut array)?;
        Ok(Arc::new(array))
    }

    /// Moves values to the GPU.
    pub(crate) fn upload_slice<T: DeviceRepr>(&self, data: &[T]) -> Result<Array<T>> {
        let mut array = self.array(data.len())?;
        if !data.is_empty() {
            self.check("copying to the GPU", self.stream.memcpy_htod(data, &mut array.slice))?;
        }
        Ok(array)
    }

    /// Copies values to host memory, after all work queued before.
    pub(crate) fn download_array<T: DeviceRepr + Clone + Default>(&self, array: &Array<T>) -> Result<Vec<T>> {
        let mut data = vec![T::default(); array.count];
        if !data.is_empty() {
            let values = array.slice.slice(..array.count);
            self.check("copying from the GPU", self.stream.memcpy_dtoh(&values, &mut data))?;
            self.check("copying from the GPU", self.stream.synchronize())?;
        }
        Ok(data)
    }

    pub(crate) fn copy<T: DeviceRepr>(&self, x: &Array<T>) -> Result<Array<T>> {
        let mut y = self.array(x.count)?;
        if x.count > 0 {
            self.check("copying on the GPU", self.stream.memcpy_dtod(&x.slice, &mut y.slice))?;
        }
        Ok(y)
    }

    /// Sets every value to zero.
    pub(crate) fn clear(&self, x: &mut Array<f32>) -> Result<()> {
        self.check("clearing memory", self.stream.memset_zeros(&mut x.slice))
    }

    /// Sets every byte.
    pub(crate) fn fill_bytes(&self, x: &mut Array<u8>, byte: u8) -> Result<()> {
        self.bind()?;
        let (pointer, count) = (x.pointer_mut(), x.count);
        // SAFETY: the array has `count` bytes at `pointer`, and the stream is its own.
        self.check("filling memory", unsafe { result::memset_d8_async(pointer, byte, count, self.stream.cu_stream()) })
    }
}
