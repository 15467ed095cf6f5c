//! The one way to launch a kernel.

use cudarc::driver::{CudaFunction, DeviceRepr, result, sys};

use super::array::Array;
use super::backend::Cuda;
use super::module::Source;
use crate::error::{Result, require_argument};

/// Threads of a block of elementwise kernels.
const THREADS: u32 = 256;
/// Maximum number of values of an image, a weight or a plane: kernels count them in 32 bits, and tiles and blocks reach
/// slightly beyond.
pub(crate) const MAX_COUNT: usize = (1 << 31) - (1 << 16);
/// Shared memory that a block has by default, in bytes.
const PLAIN_SHARED_MEMORY: usize = 48 << 10;

/// How many blocks of `size` cover `count`, for the size of a grid.
pub(crate) fn blocks(count: usize, size: usize) -> u32 {
    u32::try_from(count.div_ceil(size)).unwrap_or(u32::MAX)
}

/// A kernel argument that is a structure.
///
/// # Safety
/// The type must be `repr(C)` without padding or pointers, with the fields of the kernel's structure.
pub(crate) unsafe trait Parameters: Copy {}

// SAFETY: for a structure of so many `int`s.
unsafe impl<const N: usize> Parameters for [i32; N] {}
// SAFETY: for a structure of so many `long long`s.
unsafe impl<const N: usize> Parameters for [i64; N] {}

/// A kernel and its first arguments, in its order.
pub(crate) struct Launch<'a> {
    backend: &'a Cuda,
    name: &'static str,
    function: CudaFunction,
    /// The arguments, one after the other, each at a multiple of 8 bytes.
    words: Vec<u64>,
    starts: Vec<usize>,
    shared: usize,
}

impl Cuda {
    /// A kernel of a source, compiled at its first use.
    pub(crate) fn kernel(&self, source: &Source, name: &'static str) -> Result<Launch<'_>> {
        let function = self.function(source, name)?;
        Ok(Launch { backend: self, name, function, words: Vec::with_capacity(16), starts: Vec::new(), shared: 0 })
    }
}

impl Launch<'_> {
    fn word(mut self, word: u64) -> Self {
        self.starts.push(self.words.len());
        self.words.push(word);
        self
    }

    /// `const T*`: values to read.
    pub(crate) fn input<T>(self, array: &Array<T>) -> Self {
        self.word(array.pointer())
    }

    /// `const T*`: values to read, or null.
    pub(crate) fn optional<T>(self, array: Option<&Array<T>>) -> Self {
        self.word(array.map_or(0, Array::pointer))
    }

    /// `T*`: values to write.
    pub(crate) fn output<T>(self, array: &mut Array<T>) -> Self {
        self.word(array.pointer_mut())
    }

    /// `T*`: values to write, or null.
    pub(crate) fn optional_output<T>(self, array: Option<&mut Array<T>>) -> Self {
        self.word(array.map_or(0, Array::pointer_mut))
    }

    /// `size_t`.
    pub(crate) fn count(self, count: usize) -> Self {
        self.word(count as u64)
    }

    /// `int`: a size below 2³¹, as of every single axis.
    pub(crate) fn size(self, size: usize) -> Self {
        self.value(size as i32)
    }

    /// A scalar of the kernel's type, of at most 8 bytes.
    pub(crate) fn value<T: DeviceRepr + Copy>(self, value: T) -> Self {
        const { assert!(size_of::<T>() <= 8) };
        let mut word = 0u64;
        // SAFETY: the value fits into the word, of which the kernel reads the first bytes.
        unsafe { (&raw mut word).cast::<T>().write(value) };
        self.word(word)
    }

    /// A structure of the kernel's type.
    pub(crate) fn structure<T: Parameters>(mut self, value: &T) -> Self {
        self.starts.push(self.words.len());
        let start = self.words.len();
        self.words.resize(start + size_of::<T>().div_ceil(8), 0);
        const { assert!(align_of::<T>() <= 8) };
        // SAFETY: the words have room for the structure, which consists of plain values.
        unsafe { self.words.as_mut_ptr().add(start).cast::<T>().write(*value) };
        self
    }

    /// Dynamic shared memory of each block, in bytes.
    pub(crate) fn shared(mut self, bytes: usize) -> Self {
        self.shared = bytes;
        self
    }

    /// Queues the kernel on a grid of blocks of threads.
    pub(crate) fn launch(mut self, grid: [u32; 3], block: [u32; 3]) -> Result<()> {
        if grid.contains(&0) {
            return Ok(());
        }
        let gpu = self.backend;
        gpu.bind()?;
        let doing = || format!("launching {} on {grid:?} blocks of {block:?} threads", self.name);
        if self.shared > PLAIN_SHARED_MEMORY {
            let attribute = sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            gpu.check(&doing(), self.function.set_attribute(attribute, self.shared as i32))?;
        }
        let words = self.words.as_mut_ptr();
        // SAFETY: each start is within the words.
        let mut arguments: Vec<_> = self.starts.iter().map(|&start| unsafe { words.add(start) }.cast()).collect();
        let [grid_sizes, block_sizes] = [grid, block].map(|[x, y, z]| (x, y, z));
        // SAFETY: the arguments are the kernel's, in its order; what it reads and writes lives in this stream's order.
        let result = unsafe {
            result::launch_kernel(
                self.function.cu_function(),
                grid_sizes,
                block_sizes,
                self.shared as u32,
                gpu.stream.cu_stream(),
                &mut arguments,
            )
        };
        result.or_else(|error| gpu.check(&doing(), Err(error)))
    }

    /// Queues an elementwise kernel for `count` values, by `FOR_EACH`.
    pub(crate) fn for_each(self, count: usize) -> Result<()> {
        // Enough blocks to fill the GPU several times; beyond that, threads loop.
        let max = self.backend.limits().multiprocessors as u32 * 32;
        let grid = blocks(count, THREADS as usize).min(max);
        self.launch([grid, 1, 1], [THREADS, 1, 1])
    }

    /// Queues an elementwise kernel for `planes` planes of `size` values, by `FOR_EACH_PLANE` and `FOR_EACH_INSIDE`: its
    /// threads compute indices in 32 bits.
    pub(crate) fn for_each_plane(self, planes: usize, size: usize) -> Result<()> {
        require_argument(size <= MAX_COUNT, self.name, || {
            format!("a plane may have at most {MAX_COUNT} values on a GPU, not {size}; use smaller images")
        })?;
        self.over_planes(planes, size)
    }

    /// Queues a kernel on the same grid that loops over the values of a plane by `FOR_EACH`.
    pub(crate) fn over_planes(self, planes: usize, size: usize) -> Result<()> {
        if planes == 0 || size == 0 {
            return Ok(());
        }
        let threads = (THREADS as usize).min(size.next_multiple_of(32));
        self.launch([blocks(size, threads), blocks(planes, 1).min(65_535), 1], [threads as u32, 1, 1])
    }
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::cuda::backend::MatmulPrecision;
    use crate::cuda::testing::gpu;

    #[test]
    fn empty_planes_launch_nothing_and_too_large_ones_are_rejected() {
        let backend = gpu(MatmulPrecision::Highest);
        const SOURCE: Source = Source::new("empty.cu", "extern \"C\" __global__ void empty() {}", &[]);
        let launch = || backend.kernel(&SOURCE, "empty").unwrap();
        launch().for_each_plane(1, 0).unwrap();
        launch().for_each_plane(0, 1).unwrap();
        let error = launch().for_each_plane(1, MAX_COUNT + 1).unwrap_err().to_string();
        assert!(error.contains("empty") && error.contains("2147418113"), "{error}");
    }
}
