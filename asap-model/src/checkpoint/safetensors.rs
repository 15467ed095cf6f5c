//! Reading and writing safetensors, with strings in the header.
//!
//! Element types other than `f32` are read as `f32`: floats as the nearest, integers where they are exact. Files
//! are written as `f32`, and the same weights and strings always give the same bytes.
//!
//! A file that is written here carries the SHA-256 of its own content in its header, as
//! [`HASH_KEY`]; reading it checks that, so that a bit that fell over on the disk is found.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use ::safetensors::tensor::{Dtype, Metadata as Header};
use asap_tensor::shape::MAX_RANK;
use serde_json::{Map, Value, json};

use super::atomic;
use super::content_hash::{BLANK, ContentHash, HASH_KEY, fill_in};
use super::elements::{ElementType, to_f32};
use super::json::{DistinctKeys, RESERVED};
use super::{HostTensor, Metadata, Weights, fault, shown};
use crate::{Error, Result};

/// The largest header that is read, in bytes: some 100 times that of the full-size network.
const MAX_HEADER: u64 = 16 << 20;

/// Reads every tensor, and the strings of the header.
///
/// # Errors
/// [`Error::Checkpoint`] for a file that is missing, cut short, or not safetensors, and
/// for elements without an `f32`; memory stays near the file's own size whatever the file claims, or five times that where
/// its elements are of one byte.
pub fn read(path: &Path) -> Result<(Weights, Metadata)> {
    let unreadable = |error: std::io::Error| fault(path, format!("cannot read it: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    read_from(file, length, path)
}

/// As [`read`], from `length` bytes of any source; `path` names them in errors.
///
/// # Errors
/// As [`read`].
pub fn read_from(mut source: impl Read, length: u64, path: &Path) -> Result<(Weights, Metadata)> {
    // What can't be read now may be whole; what ends too soon is not.
    let unreadable = |source: std::io::Error| match source.kind() {
        ErrorKind::UnexpectedEof => fault(path, "it is cut short"),
        _ => Error::Io { file: path.into(), action: "read it", source },
    };
    let mut prefix = [0; 8];
    if length < 8 {
        return Err(fault(path, format!("it is no safetensors file: {length} bytes are too few")));
    }
    source.read_exact(&mut prefix).map_err(unreadable)?;
    let header_length = u64::from_le_bytes(prefix);
    if header_length > MAX_HEADER || header_length > length - 8 {
        return Err(fault(
            path,
            format!(
                "it is no safetensors file, or cut short: it claims a header of {header_length} bytes, and has {length} in all"
            ),
        ));
    }
    let mut header = vec![0; header_length as usize];
    source.read_exact(&mut header).map_err(unreadable)?;
    let text = header;
    let damaged = |error: serde_json::Error| fault(path, format!("its header is damaged: {}", shown(error)));
    serde_json::from_slice::<DistinctKeys>(&text).map_err(damaged)?;
    let header: Header = serde_json::from_slice(&text).map_err(damaged)?;
    let held = length - 8 - header_length;
    if header.data_len() as u64 != held {
        return Err(fault(
            path,
            format!(
                "its header speaks of {} bytes of data, but it holds {held}: it is cut short or damaged",
                header.data_len()
            ),
        ));
    }
    let mut metadata: Metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let stated = metadata.remove(HASH_KEY);
    let mut hash = stated.as_ref().map(|_| ContentHash::of_header(&text));
    let mut weights = Weights::new();
    // The data lie in this order, so that one pass reads them.
    for key in header.offset_keys() {
        let Some(info) = header.info(&key) else { continue };
        let wrong = |problem: String| fault(path, format!("{}: {problem}", shown(&key)));
        let element =
            element_type(info.dtype).ok_or_else(|| wrong(format!("elements of type {} can't be read", info.dtype)))?;
        if info.shape.len() > MAX_RANK {
            return Err(wrong(format!("{} axes are more than {MAX_RANK}", info.shape.len())));
        }
        let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
        source.read_exact(&mut bytes).map_err(unreadable)?;
        if let Some(hash) = &mut hash {
            hash.update(&bytes);
        }
        let data = to_f32(&bytes, element).map_err(wrong)?;
        weights.insert(key, HostTensor { shape: info.shape.clone(), data });
    }
    if let (Some(stated), Some(hash)) = (stated, hash) {
        let found = hash.finish();
        if found != stated {
            let problem = format!(
                "it is damaged: the SHA-256 of its content is {found}, but {HASH_KEY} in its header says {}; copy \
                 it again (or remove {HASH_KEY}, if it was changed on purpose)",
                shown(stated)
            );
            return Err(fault(path, problem));
        }
    }
    Ok((weights, metadata))
}

/// Writes tensors as `f32`, with strings and the content's hash in the header; `path` is replaced as a whole or not at
/// all.
///
/// # Errors
/// [`Error::Io`] if it can't be written; [`Error::Checkpoint`] for a
/// tensor whose shape and data disagree, or with the reserved key `__metadata__`.
pub fn write(path: &Path, weights: &Weights, metadata: &Metadata) -> Result<()> {
    let mut metadata = metadata.clone();
    metadata.insert(HASH_KEY.into(), BLANK.into());
    let mut header = header(weights, &metadata).map_err(|problem| fault(path, problem))?;
    let mut hash = ContentHash::of_header(&header);
    weights
        .values()
        .try_for_each(|tensor| write_elements(&mut hash, &tensor.data))
        .map_err(|error| fault(path, error.to_string()))?;
    fill_in(&mut header, &hash.finish());
    atomic::write(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        weights.values().try_for_each(|tensor| write_elements(file, &tensor.data))
    })
}

/// The header as JSON, filled up with blanks so that the data begin at a multiple of 8 bytes.
fn header(weights: &Weights, metadata: &Metadata) -> Result<Vec<u8>, String> {
    let mut entries = Map::new();
    if !metadata.is_empty() {
        entries.insert(RESERVED.into(), json!(metadata));
    }
    let mut offset = 0;
    for (key, tensor) in weights {
        tensor.check(key)?;
        if key == RESERVED {
            return Err(format!("a tensor can't have the key {RESERVED}"));
        }
        let end = offset + 4 * tensor.data.len();
        entries.insert(key.clone(), json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end] }));
        offset = end;
    }
    let mut header = Value::Object(entries).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

/// Little-endian elements, a piece at a time.
pub(super) fn write_elements(file: &mut impl Write, data: &[f32]) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(4 * data.len().min(1 << 16));
    for piece in data.chunks(1 << 16) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|x| x.to_le_bytes()));
        file.write_all(&bytes)?;
    }
    Ok(())
}

impl HostTensor {
    /// Whether there are as many elements as the shape says.
    pub(super) fn check(&self, key: &str) -> Result<(), String> {
        let count = self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        if count == Some(self.data.len()) {
            return Ok(());
        }
        Err(format!("{key}: its shape {:?} does not fit its {} elements", self.shape, self.data.len()))
    }
}

fn element_type(dtype: Dtype) -> Option<ElementType> {
    Some(match dtype {
        Dtype::F64 => ElementType::F64,
        Dtype::F32 => ElementType::F32,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::Bf16,
        Dtype::I64 => ElementType::I64,
        Dtype::I32 => ElementType::I32,
        Dtype::I16 => ElementType::I16,
        Dtype::I8 => ElementType::I8,
        Dtype::U64 => ElementType::U64,
        Dtype::U32 => ElementType::U32,
        Dtype::U16 => ElementType::U16,
        Dtype::U8 => ElementType::U8,
        Dtype::BOOL => ElementType::Bool,
        _ => return None,
    })
}
