//! [`Tensor`] and [`Ids`]: contiguous, row-major arrays on a backend.

use std::fmt;

use crate::error::{Error, Result, require_argument};
use crate::shape::Shape;
use crate::storage::{Element, Storage};

/// Values with a shape on a backend. Cloning shares the values.
#[derive(Clone)]
pub struct Tensor<B: Storage> {
    backend: B,
    shape: Shape,
    buffer: B::Buffer,
}

impl<B: Storage> Tensor<B> {
    /// A tensor of the given values, row-major.
    pub fn from_vec(backend: &B, shape: impl Into<Shape>, data: Vec<B::Elem>) -> Result<Self> {
        let shape = shape.into();
        check_count("Tensor::from_vec", shape, data.len())?;
        Ok(Self::from_parts(backend, shape, backend.upload(data)?))
    }

    /// A tensor of the given values, each rounded to the backend's precision.
    pub fn from_f32(backend: &B, shape: impl Into<Shape>, data: &[f32]) -> Result<Self> {
        Self::from_vec(backend, shape, data.iter().map(|&v| B::Elem::from_f64(f64::from(v))).collect())
    }

    /// As [`Tensor::from_f32`], from double precision.
    pub fn from_f64(backend: &B, shape: impl Into<Shape>, data: &[f64]) -> Result<Self> {
        Self::from_vec(backend, shape, data.iter().map(|&v| B::Elem::from_f64(v)).collect())
    }

    /// A tensor of equal values.
    pub fn full(backend: &B, shape: impl Into<Shape>, value: f64) -> Result<Self> {
        let shape = shape.into();
        require_room("Tensor::full", shape)?;
        Ok(Self::from_parts(backend, shape, backend.filled(value, shape.count())?))
    }

    /// A tensor of zeros.
    pub fn zeros(backend: &B, shape: impl Into<Shape>) -> Result<Self> {
        Self::full(backend, shape, 0.0)
    }

    /// A buffer with its shape, which must fit.
    pub(crate) fn from_parts(backend: &B, shape: Shape, buffer: B::Buffer) -> Self {
        Tensor { backend: backend.clone(), shape, buffer }
    }

    /// The backend that holds the values.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The sizes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The sizes as a slice.
    pub fn dims(&self) -> &[usize] {
        self.shape.dims()
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.shape.count()
    }

    /// The values on the device.
    pub fn buffer(&self) -> &B::Buffer {
        &self.buffer
    }

    /// The values on the device, to update in place.
    pub(crate) fn buffer_mut(&mut self) -> &mut B::Buffer {
        &mut self.buffer
    }

    /// Copies the values to the host.
    pub fn to_vec(&self) -> Result<Vec<B::Elem>> {
        self.backend.download(&self.buffer)
    }

    /// Copies the values to the host, in single precision.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        Ok(self.to_vec()?.into_iter().map(|v| v.as_f64() as f32).collect())
    }

    /// Copies the values to the host, in double precision.
    pub fn to_f64(&self) -> Result<Vec<f64>> {
        Ok(self.to_vec()?.into_iter().map(Element::as_f64).collect())
    }

    /// The value of a tensor with one element.
    pub fn item(&self) -> Result<f64> {
        check_count("Tensor::item", self.shape, 1)?;
        Ok(self.to_vec()?[0].as_f64())
    }

    /// The same values under another shape; nothing is copied.
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        check_count("Tensor::reshape", shape, self.count())?;
        Ok(Tensor { backend: self.backend.clone(), shape, buffer: self.buffer.clone() })
    }

    /// The sizes of an image batch (N, C, H, W).
    pub fn nchw(&self, op: &'static str) -> Result<[usize; 4]> {
        self.shape
            .nchw()
            .ok_or_else(|| Error::Argument { op, why: format!("shape {} is not (N, C, H, W)", self.shape) })
    }
}

impl<B: Storage> fmt::Debug for Tensor<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor{} on {}", self.shape, self.backend.device())
    }
}

/// A batch of label maps (N, H, W): one id from 0 to 255 per pixel. Cloning shares them.
#[derive(Clone)]
pub struct Ids<B: Storage> {
    backend: B,
    sizes: [usize; 3],
    buffer: B::IdBuffer,
}

impl<B: Storage> Ids<B> {
    /// Label maps of `sizes` (N, H, W) from ids in row-major order.
    pub fn from_vec(backend: &B, sizes: [usize; 3], ids: Vec<u8>) -> Result<Self> {
        check_count("Ids::from_vec", Shape::from(sizes), ids.len())?;
        Ok(Self::from_parts(backend, sizes, backend.upload_ids(ids)?))
    }

    /// Label maps of `sizes` (N, H, W) with one id everywhere.
    pub fn full(backend: &B, sizes: [usize; 3], id: u8) -> Result<Self> {
        let shape = Shape::from(sizes);
        require_room("Ids::full", shape)?;
        Ok(Self::from_parts(backend, sizes, backend.filled_ids(id, shape.count())?))
    }

    /// A buffer with its sizes, which must fit.
    pub(crate) fn from_parts(backend: &B, sizes: [usize; 3], buffer: B::IdBuffer) -> Self {
        Ids { backend: backend.clone(), sizes, buffer }
    }

    /// The backend that holds the ids.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// (N, H, W).
    pub fn sizes(&self) -> [usize; 3] {
        self.sizes
    }

    /// The shape (N, H, W).
    pub fn shape(&self) -> Shape {
        let [n, h, w] = self.sizes;
        Shape::from([n, 1, h, w])
    }

    /// The ids on the device.
    pub fn buffer(&self) -> &B::IdBuffer {
        &self.buffer
    }

    /// Copies the ids to the host.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        self.backend.download_ids(&self.buffer)
    }
}

impl<B: Storage> fmt::Debug for Ids<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ids{} on {}", self.shape(), self.backend.device())
    }
}

/// An error for more elements than memory has addresses.
fn require_room(op: &'static str, shape: Shape) -> Result<()> {
    require_argument(shape.count() <= isize::MAX as usize / size_of::<f64>(), op, || {
        format!("the shape {shape} has more elements than memory can hold")
    })
}

fn check_count(op: &'static str, shape: Shape, count: usize) -> Result<()> {
    if shape.count() == count {
        return Ok(());
    }
    Err(Error::Argument { op, why: format!("shape {shape} has {} elements, not {count}", shape.count()) })
}
