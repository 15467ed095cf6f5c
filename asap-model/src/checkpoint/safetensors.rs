//! Reads and writes safetensors, with strings in the header.
//!
//! Element types other than `f32` are read as `f32`: floats as the nearest, integers if they are exact. Files are
//! written as `f32`, and the same weights and strings always give the same bytes.
//!
//! The header of a file contains the SHA-256 of its content, as [`HASH_KEY`]; reading checks it, which detects a bit
//! that flipped on the disk.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use ::safetensors::tensor::{Dtype, Metadata as Header};
use asap_tensor::shape::MAX_RANK;
use serde_json::{Map, Value, json};

use super::content_hash::{BLANK, ContentHash, HASH_KEY, fill_in};
use super::elements::to_f32;
use super::json::DistinctKeys;
use super::{HostTensor, Metadata, Weights, atomic, fault, shown};
use crate::{Error, Result};

/// The header's key for strings.
const RESERVED: &str = "__metadata__";

/// The maximum header that is read, in bytes: some 100 times that of the full-size network.
const MAX_HEADER: u64 = 16 << 20;

/// Reads every tensor, and the strings of the header. Memory stays near the file's own size whatever the file claims,
/// or five times that if its elements have one byte.
///
/// # Errors
/// [`Error::Checkpoint`] for a file that is missing, truncated, or not safetensors, and for elements without an `f32`.
pub fn read(path: &Path) -> Result<(Weights, Metadata)> {
    let unreadable = |error: std::io::Error| fault(path, format!("cannot read it: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    read_from(file, length, path)
}

/// As [`read`], from `length` bytes of any source; `path` names them in errors.
pub fn read_from(mut source: impl Read, length: u64, path: &Path) -> Result<(Weights, Metadata)> {
    // An error of the system may pass; a file that ends too soon is damaged.
    let unreadable = |source: std::io::Error| match source.kind() {
        ErrorKind::UnexpectedEof => fault(path, "it is cut short"),
        _ => Error::Io { file: path.into(), action: "read it", source },
    };
    if length < 8 {
        return Err(fault(path, format!("it is no safetensors file: {length} bytes are too few")));
    }
    let mut prefix = [0; 8];
    source.read_exact(&mut prefix).map_err(unreadable)?;
    let header_length = u64::from_le_bytes(prefix);
    if header_length > MAX_HEADER || header_length > length - 8 {
        let problem = format!(
            "it is no safetensors file, or cut short: it claims a header of {header_length} bytes, and has {length} in all"
        );
        return Err(fault(path, problem));
    }
    let mut text = vec![0; header_length as usize];
    source.read_exact(&mut text).map_err(unreadable)?;
    let damaged = |error: serde_json::Error| fault(path, format!("its header is damaged: {}", shown(error)));
    serde_json::from_slice::<DistinctKeys>(&text).map_err(damaged)?;
    let header: Header = serde_json::from_slice(&text).map_err(damaged)?;
    let (claimed, data_length) = (header.data_len(), length - 8 - header_length);
    if claimed as u64 != data_length {
        let problem =
            format!("its header claims {claimed} bytes of data, but it has {data_length}: it is cut short or damaged");
        return Err(fault(path, problem));
    }
    let mut metadata: Metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let stated = metadata.remove(HASH_KEY);
    let mut hash = ContentHash::of_header(&text);
    let mut weights = Weights::new();
    // In the order of the data, so that one pass reads them.
    for key in header.offset_keys() {
        let Some(info) = header.info(&key) else { continue };
        let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
        source.read_exact(&mut bytes).map_err(unreadable)?;
        if stated.is_some() {
            hash.update(&bytes);
        }
        let tensor = host_tensor(&info.shape, &bytes, info.dtype);
        let tensor = tensor.map_err(|problem| fault(path, format!("{}: {problem}", shown(&key))))?;
        weights.insert(key, tensor);
    }
    let found = hash.finish();
    if let Some(stated) = stated.filter(|stated| *stated != found) {
        let problem = format!(
            "it is damaged: the SHA-256 of its content is {found}, but {HASH_KEY} in its header is {}; copy it again \
             (or remove {HASH_KEY}, if it was changed on purpose)",
            shown(stated)
        );
        return Err(fault(path, problem));
    }
    Ok((weights, metadata))
}

/// A tensor from its little-endian elements, or the problem with it.
pub(super) fn host_tensor(shape: &[usize], bytes: &[u8], dtype: Dtype) -> Result<HostTensor, String> {
    if shape.len() > MAX_RANK {
        return Err(format!("{} axes are more than {MAX_RANK}", shape.len()));
    }
    Ok(HostTensor { shape: shape.to_vec(), data: to_f32(bytes, dtype)? })
}

/// Writes tensors as `f32`, with strings and the content's hash in the header; `path` is replaced as a whole or not at
/// all.
pub fn write(path: &Path, weights: &Weights, metadata: &Metadata) -> Result<()> {
    let mut metadata = metadata.clone();
    metadata.insert(HASH_KEY.into(), BLANK.into());
    let mut header = header(weights, &metadata).map_err(|problem| fault(path, problem))?;
    let mut hash = ContentHash::of_header(&header);
    let hashed = weights.values().try_for_each(|tensor| write_elements(&mut hash, &tensor.data));
    hashed.map_err(|error| fault(path, error.to_string()))?;
    fill_in(&mut header, &hash.finish());
    atomic::write(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        weights.values().try_for_each(|tensor| write_elements(file, &tensor.data))
    })
}

/// The header as JSON, padded with blanks so that the data start at a multiple of 8 bytes.
fn header(weights: &Weights, metadata: &Metadata) -> Result<Vec<u8>, String> {
    let mut entries = Map::from_iter([(RESERVED.to_owned(), json!(metadata))]);
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

/// Writes little-endian elements, a piece at a time.
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
    /// Checks that the shape fits the number of elements.
    pub(super) fn check(&self, key: &str) -> Result<(), String> {
        let count = self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        if count == Some(self.data.len()) {
            return Ok(());
        }
        Err(format!("{key}: its shape {:?} does not fit its {} elements", self.shape, self.data.len()))
    }
}
