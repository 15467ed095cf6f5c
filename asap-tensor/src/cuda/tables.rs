//! Small tables that kernels read repeatedly. Copying one to the GPU may synchronize with all work before, so each is
//! copied once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::array::Array;
use super::device::Gpu;
use crate::error::Result;

/// More than one network needs; bounds the memory of a program that resizes to many sizes.
const MAX: usize = 256;

/// Rows of a sparse matrix in device memory.
#[derive(Debug)]
pub(crate) struct Table {
    /// The columns of the entries.
    pub(crate) index: Array<u32>,
    /// Their values.
    pub(crate) weight: Array<f32>,
}

/// Contents of a table: indices, and the bits of the weights.
type Content = (Vec<u32>, Vec<u32>);

/// The tables in device memory, by contents.
#[derive(Default)]
pub(super) struct Tables(Mutex<HashMap<Content, Arc<Table>>>);

impl Tables {
    /// The table of these entries, copied at its first use.
    pub(super) fn get(&self, gpu: &Gpu, index: &[u32], weight: &[f32]) -> Result<Arc<Table>> {
        let key = (index.to_vec(), weight.iter().map(|w| w.to_bits()).collect());
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&key) {
            return Ok(Arc::clone(table));
        }
        if tables.len() >= MAX {
            tables.clear();
        }
        let table = Arc::new(Table { index: gpu.upload_slice(index)?, weight: gpu.upload_slice(weight)? });
        tables.insert(key, Arc::clone(&table));
        Ok(table)
    }
}
