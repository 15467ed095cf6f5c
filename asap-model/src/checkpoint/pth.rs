//! Reads PyTorch's `.pth`, the zip format and the legacy one; writes the zip format.

use std::io::{Seek, Write};
use std::path::Path;

use ::safetensors::tensor::Dtype;
use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use pytorch_reader::{DType, PytorchReader, Tensor};

use super::deferred::Deferred;
use super::safetensors::{host_tensor, write_elements};
use super::{Weights, atomic, bounds, fault, pickle, shown};
use crate::Result;

/// How often elements may be repeated: dictionaries beside each other, of a network and of its parts, share them.
const MAX_REPEATS: u64 = 4;

/// Reads every tensor of a state dictionary, in the format of PyTorch 1.6 or the legacy one.
///
/// Elements of other types are read as `f32`: floats as the nearest, integers if they are exact. Memory stays within
/// four times the file's own size whatever the file claims, or four times that again if its elements have one byte.
///
/// # Errors
/// [`Error::Checkpoint`](crate::Error::Checkpoint) for a file that is missing, truncated, or no checkpoint, and for
/// elements without an `f32`.
pub fn read(path: &Path) -> Result<Weights> {
    read_keys(path, &|_| true)
}

/// As [`read`], for the wanted keys alone.
pub fn read_keys(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Weights> {
    let unreadable = |error: String| fault(path, format!("cannot read it: {error}"));
    bounds::check(path).map_err(|problem| fault(path, problem))?;
    let reader = PytorchReader::new(path).map_err(|error| unreadable(shown(error)))?;
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    // Views can repeat elements, so that a small file claims any size.
    let claimed: usize = reader.tensors().values().map(Tensor::byte_len).fold(0, usize::saturating_add);
    if claimed as u64 > MAX_REPEATS.saturating_mul(length) {
        let problem = format!(
            "its tensors claim {claimed} bytes, but the file has {length}: compressed or repeated tensors are not \
             supported; save it again with torch.save"
        );
        return Err(fault(path, problem));
    }
    if reader.is_empty() {
        return Err(fault(path, "it contains no tensors"));
    }
    let tensors = reader.into_tensors().into_iter().filter(|(key, _)| wanted(key));
    let host = |(key, tensor): (String, Tensor)| {
        let bytes = tensor.read().map_err(|error| fault(path, shown(error)))?;
        let host = host_tensor(tensor.shape(), &bytes, dtype(tensor.dtype()));
        Ok((key, host.map_err(|problem| fault(path, format!("{}: {problem}", shown(&tensor.name))))?))
    };
    tensors.map(host).collect()
}

fn dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}

/// Writes a state dictionary for `torch.load`, in the format of PyTorch 1.6; `path` is replaced as a whole or not at
/// all.
pub fn write(path: &Path, weights: &Weights) -> Result<()> {
    for (key, tensor) in weights {
        tensor.check(key).map_err(|problem| fault(path, problem))?;
    }
    let root = path.file_stem().map_or("archive".into(), |stem| stem.to_string_lossy());
    atomic::write(path, |file| {
        let mut file = Deferred::new(file);
        archive(&mut file, &root, weights)?;
        file.finish()
    })
}

/// The zip archive of `torch.save`: uncompressed, the elements of each tensor at a multiple of 64 bytes.
fn archive(file: impl Write + Seek, root: &str, weights: &Weights) -> ::zip::result::ZipResult<()> {
    let mut archive = ZipWriter::new(file);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).with_alignment(64);
    for (name, content) in [("data.pkl", &pickle::state_dict(weights)[..]), ("byteorder", b"little")] {
        archive.start_file(format!("{root}/{name}"), stored)?;
        archive.write_all(content)?;
    }
    for (storage, tensor) in weights.values().enumerate() {
        let large = 4 * tensor.data.len() as u64 >= u32::MAX.into();
        archive.start_file(format!("{root}/data/{storage}"), stored.large_file(large))?;
        write_elements(&mut archive, &tensor.data)?;
    }
    archive.start_file(format!("{root}/version"), stored)?;
    archive.write_all(b"3\n")?;
    archive.finish()?;
    Ok(())
}
