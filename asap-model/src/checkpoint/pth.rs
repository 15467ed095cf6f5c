//! Reading PyTorch's `.pth`, the zip format and the older one; writing the zip format.

use std::io::{Seek, Write};
use std::path::Path;

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use asap_tensor::shape::MAX_RANK;
use pytorch_reader::{DType, PytorchReader, Tensor};

use super::atomic;
use super::elements::{ElementType, to_f32};
use super::safetensors::write_elements;
use super::{HostTensor, Weights, bounds, fault, pickle, shown};
use crate::Result;

/// Reads every tensor of a state dictionary, in the format of PyTorch 1.6 or an older one.
///
/// Elements of other types are read as `f32`: floats as the nearest, integers where they are exact.
///
/// # Errors
/// [`Error::Checkpoint`](crate::Error::Checkpoint) for a file that is missing, cut short, or no checkpoint, and for
/// elements without an `f32`; memory stays near the file's own size whatever the file claims, or five times that where its
/// elements are of one byte.
pub fn read(path: &Path) -> Result<Weights> {
    read_keys(path, &|_| true)
}

/// As [`read`], of the tensors alone whose keys are wanted.
///
/// # Errors
/// As [`read`].
pub fn read_keys(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Weights> {
    bounds::check(path).map_err(|problem| fault(path, problem))?;
    let reader = PytorchReader::new(path).map_err(|error| fault(path, format!("cannot read it: {}", shown(error))))?;
    let length = std::fs::metadata(path).map_err(|error| fault(path, format!("cannot read it: {error}")))?.len();
    // Views can repeat elements, so that a small file claims any size; weights are saved whole, once each.
    let claimed: usize = reader.tensors().values().map(Tensor::byte_len).fold(0, usize::saturating_add);
    if claimed as u64 > length {
        return Err(fault(
            path,
            format!(
                "its tensors claim {claimed} bytes, but the file has {length}: compressed or repeated tensors can't be read; save it again with torch.save"
            ),
        ));
    }
    if reader.is_empty() {
        return Err(fault(path, "it holds no tensors"));
    }
    let tensors = reader.into_tensors().into_iter().filter(|(key, _)| wanted(key));
    tensors.map(|(key, tensor)| Ok((key, host(path, &tensor)?))).collect()
}

fn host(path: &Path, tensor: &Tensor) -> Result<HostTensor> {
    let key = shown(&tensor.name);
    if tensor.shape().len() > MAX_RANK {
        return Err(fault(path, format!("{key}: {} axes are more than {MAX_RANK}", tensor.shape().len())));
    }
    let bytes = tensor.read().map_err(|error| fault(path, shown(error)))?;
    let data =
        to_f32(&bytes, element_type(tensor.dtype())).map_err(|problem| fault(path, format!("{key}: {problem}")))?;
    Ok(HostTensor { shape: tensor.shape().to_vec(), data })
}

fn element_type(dtype: DType) -> ElementType {
    match dtype {
        DType::F64 => ElementType::F64,
        DType::F32 => ElementType::F32,
        DType::F16 => ElementType::F16,
        DType::BF16 => ElementType::Bf16,
        DType::I64 => ElementType::I64,
        DType::I32 => ElementType::I32,
        DType::I16 => ElementType::I16,
        DType::I8 => ElementType::I8,
        DType::U64 => ElementType::U64,
        DType::U32 => ElementType::U32,
        DType::U16 => ElementType::U16,
        DType::U8 => ElementType::U8,
        DType::Bool => ElementType::Bool,
    }
}

/// Writes a state dictionary that `torch.load` reads, in the format of PyTorch 1.6; `path` is replaced as a whole or
/// not at all.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if it can't be written; [`Error::Checkpoint`](crate::Error::Checkpoint) for a
/// tensor whose shape and data disagree.
pub fn write(path: &Path, weights: &Weights) -> Result<()> {
    for (key, tensor) in weights {
        tensor.check(key).map_err(|problem| fault(path, problem))?;
    }
    let root = path.file_stem().map_or("archive".into(), |stem| stem.to_string_lossy());
    atomic::write(path, |file| Ok(archive(file, &root, weights)?))
}

/// The zip archive of `torch.save`: nothing compressed, the elements of a tensor at a multiple of 64 bytes.
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
