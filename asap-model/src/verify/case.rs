//! One case: its entry in the index, its tensors, its checkpoints, and how far apart two results are.

use std::path::{Path, PathBuf};

use asap_autograd::Var;
use asap_tensor::{Backend, Element, Ids, Tensor};
use serde_json::Value;

use crate::checkpoint::{self, Checkpoint, HostTensor, Weights};
use crate::data::{Plane, instance_edges};
use crate::nn::Input;
use crate::{Error, Result};

/// What kind of quantity is compared: each has its tolerance in single and in double precision. The latter are the
/// published numbers' own rounding, which is single.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Outputs, features, downsampled inputs, MLP parameters.
    Output,
    /// Gradients.
    Gradient,
    /// Losses and outputs of training steps, and weights after them.
    Training,
    /// Anything of a full-size network.
    FullSize,
}

impl Quantity {
    /// The largest relative error that is right on a backend.
    pub(super) fn tolerance<B: Backend>(self) -> f64 {
        let double = size_of::<B::Elem>() == 8;
        match (self, double) {
            (Quantity::Output, false) => 1e-5,
            (Quantity::Output, true) => 2e-6,
            (Quantity::Gradient, false) => 1e-4,
            (Quantity::Gradient, true) => 5e-6,
            (Quantity::Training, false) => 1e-4,
            (Quantity::Training, true) => 2e-5,
            (Quantity::FullSize, _) => 1e-4,
        }
    }
}

/// A quantity, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The tensor's name in the case.
    pub quantity: String,
    /// ‖a − b‖₂ / ‖b‖₂ over the tensor; for 8-bit images the maximum difference in levels.
    pub error: f64,
    /// The maximum error that passes.
    pub tolerance: f64,
}

impl Comparison {
    /// Whether the error is within the tolerance; never if it is NaN.
    pub fn holds(&self) -> bool {
        self.error <= self.tolerance
    }
}

/// A case of a folder.
pub(super) struct Case {
    /// Its entry in the index.
    pub(super) entry: Value,
    dir: PathBuf,
    name: String,
    seed: String,
    file: PathBuf,
    tensors: Weights,
}

impl Case {
    pub(super) fn open(dir: &Path, name: &str, entry: Value, seed: &str) -> Result<Self> {
        let file = dir.join(format!("{name}.safetensors"));
        let (tensors, _) = checkpoint::safetensors::read(&file)?;
        Ok(Case { entry, dir: dir.to_owned(), name: name.to_owned(), seed: seed.to_owned(), file, tensors })
    }

    /// The entry's kind.
    pub(super) fn kind(&self) -> &str {
        self.entry["kind"].as_str().unwrap_or_default()
    }

    /// The published code's options.
    pub(super) fn options(&self) -> &Value {
        &self.entry["options"]
    }

    /// A fault of the case's own files.
    pub(super) fn fault(&self, problem: String) -> Error {
        Error::Data { file: self.file.clone(), problem }
    }

    /// A number of the entry.
    pub(super) fn number(&self, key: &str) -> Result<f64> {
        self.entry[key].as_f64().ok_or_else(|| self.fault(format!("its entry in the index has no number {key}")))
    }

    /// What stands before the names of tensors that are filled by name: the entry's own, or `SEED.NAME.`
    pub(super) fn fill_prefix(&self) -> String {
        match self.entry["fill_prefix"].as_str() {
            Some(prefix) => prefix.to_owned(),
            None => format!("{}.{}.", self.seed, self.name),
        }
    }

    /// The checkpoint `NAME_SUFFIX.pth`, or `NAME.pth` for an empty suffix.
    pub(super) fn checkpoint(&self, suffix: &str) -> Result<Checkpoint> {
        checkpoint::load(&self.dir.join(format!("{}{suffix}.pth", self.name)))
    }

    /// Whether there is a tensor of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor on the host.
    pub(super) fn host(&self, name: &str) -> Result<&HostTensor> {
        self.tensors.get(name).ok_or_else(|| self.fault(format!("there is no tensor {name}")))
    }

    /// Tensors whose names begin so, without that beginning.
    pub(super) fn starting<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a HostTensor)> {
        self.tensors.iter().filter_map(move |(name, host)| Some((name.strip_prefix(prefix)?, host)))
    }

    /// A tensor on the backend.
    pub(super) fn tensor<B: Backend>(&self, backend: &B, name: &str) -> Result<Tensor<B>> {
        let host = self.host(name)?;
        Ok(Tensor::from_f32(backend, &host.shape[..], &host.data)?)
    }

    /// A map of ids (N, 1, H, W) as (N, H, W) and its numbers.
    fn id_map(&self, name: &str) -> Result<([usize; 3], &[f32])> {
        let host = self.host(name)?;
        match host.shape[..] {
            [n, 1, h, w] => Ok(([n, h, w], &host.data)),
            _ => Err(self.fault(format!("{name} must be (N, 1, H, W), not {:?}", host.shape))),
        }
    }

    /// The label map `NAME` and, where the case has one, the instance map as edges, both with `prefix` before them.
    pub(super) fn input<B: Backend>(&self, backend: &B, prefix: &str, classes: usize) -> Result<Input<B>> {
        let (sizes, numbers) = self.id_map(&format!("{prefix}label"))?;
        let mut ids = Vec::with_capacity(numbers.len());
        for &number in numbers {
            if !(0.0..classes as f32).contains(&number) {
                return Err(self.fault(format!("{prefix}label has the id {number}, but there are {classes} classes")));
            }
            ids.push(number as u8);
        }
        let input = Input::labels(Ids::from_vec(backend, sizes, ids)?, classes);
        let instance = format!("{prefix}instance");
        if self.has(&instance) {
            return input.with_edges(&Var::constant(self.edges(backend, &instance)?));
        }
        Ok(input)
    }

    /// The edges of an instance map, (N, 1, H, W).
    fn edges<B: Backend>(&self, backend: &B, name: &str) -> Result<Tensor<B>> {
        let ([n, height, width], numbers) = self.id_map(name)?;
        let edges: Vec<f32> = numbers
            .chunks((height * width).max(1))
            .flat_map(|ids| {
                let data = ids.iter().map(|&id| id as u32).collect();
                instance_edges(&Plane { height, width, data })
            })
            .collect();
        Ok(Tensor::from_f32(backend, [n, 1, height, width], &edges)?)
    }

    /// Compares a tensor with the case's of that name.
    pub(super) fn compare<B: Backend>(&self, name: &str, found: &Tensor<B>, kind: Quantity) -> Result<Comparison> {
        self.compare_as(name, name, found, kind)
    }

    /// As [`Case::compare`], reported under another name.
    pub(super) fn compare_as<B: Backend>(
        &self,
        quantity: &str,
        name: &str,
        found: &Tensor<B>,
        kind: Quantity,
    ) -> Result<Comparison> {
        let expected = self.host(name)?;
        if expected.shape != found.dims() {
            return Err(self.fault(format!("{name} is {:?}, but {} was computed", expected.shape, found.shape())));
        }
        let found: Vec<f64> = found.to_vec()?.into_iter().map(Element::as_f64).collect();
        let error = relative_error(&found, &expected.data);
        Ok(Comparison { quantity: quantity.to_owned(), error, tolerance: kind.tolerance::<B>() })
    }
}

/// ‖a − b‖₂ / ‖b‖₂; the numerator alone where b is zero.
pub(super) fn relative_error(a: &[f64], b: &[f32]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, &b)| (a - f64::from(b)).powi(2)).sum();
    let norm: f64 = b.iter().map(|&b| f64::from(b).powi(2)).sum();
    if norm > 0.0 { (difference / norm).sqrt() } else { difference.sqrt() }
}
