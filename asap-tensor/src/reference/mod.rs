//! The oracle: every op as its formula reads, in single or double precision, on one thread.

mod array;

use std::marker::PhantomData;
use std::sync::Arc;

use crate::error::Result;
use crate::profile::Profiler;
use crate::storage::{Element, Storage};

pub(crate) use array::{buffer, sum, view};

/// A backend written to be read; gradients and other backends are checked against `Reference<f64>`. Not fast.
#[derive(Clone, Debug, Default)]
pub struct Reference<E> {
    profiler: Option<Profiler>,
    element: PhantomData<E>,
}

impl<E: Element> Reference<E> {
    /// A reference backend.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<E: Element> Storage for Reference<E> {
    type Elem = E;
    type Buffer = Arc<Vec<E>>;
    type IdBuffer = Arc<Vec<u8>>;

    fn device(&self) -> String {
        if size_of::<E>() == 8 { "reference64".into() } else { "reference".into() }
    }

    fn upload(&self, data: Vec<E>) -> Result<Self::Buffer> {
        Ok(Arc::new(data))
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<Vec<E>> {
        Ok(buffer.to_vec())
    }

    fn filled(&self, value: f64, count: usize) -> Result<Self::Buffer> {
        Ok(Arc::new(vec![E::from_f64(value); count]))
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
        Reference { profiler: Some(profiler), element: PhantomData }
    }
}
