//! One case: its entry in the index, its tensors and checkpoints, and comparisons with them.

use std::path::{Path, PathBuf};

use asap_autograd::Var;
use asap_tensor::{Backend, Element, Ids, Tensor};
use serde_json::Value;

use crate::checkpoint::{self, Checkpoint, HostTensor, Weights};
use crate::data::{Plane, instance_edges};
use crate::nn::Input;
use crate::{Error, Result};

/// Kinds of quantities, each with its tolerance in single and in double precision. In double precision it is the
/// rounding of the published values, which are single.
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
    /// The maximum relative error on a backend.
    pub(super) fn tolerance<B: Backend>(self) -> f64 {
        let (single, double) = match self {
            Quantity::Output => (1e-5, 2e-6),
            Quantity::Gradient => (1e-4, 5e-6),
            Quantity::Training => (1e-4, 2e-5),
            Quantity::FullSize => (1e-4, 1e-4),
        };
        if size_of::<B::Elem>() == 8 { double } else { single }
    }
}

/// The comparison of one quantity.
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
    /// Compares scalars.
    pub(super) fn of_scalar<B: Backend>(quantity: String, found: f64, expected: f64, kind: Quantity) -> Self {
        let error = relative_error(&[found], &[expected as f32]);
        Comparison { quantity, error, tolerance: kind.tolerance::<B>() }
    }

    /// Whether the error is within the tolerance; NaN isn't.
    pub fn passes(&self) -> bool {
        self.error <= self.tolerance
    }
}

/// A reference case.
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

    /// An error in the case's own files.
    pub(super) fn fault(&self, problem: String) -> Error {
        Error::Data { file: self.file.clone(), problem }
    }

    /// A number of the entry.
    pub(super) fn number(&self, key: &str) -> Result<f64> {
        self.entry[key].as_f64().ok_or_else(|| self.fault(format!("its entry in the index has no number {key}")))
    }

    /// The prefix of tensors that are filled by name: the entry's own, or `SEED.NAME.`
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

    /// A tensor on the backend.
    pub(super) fn tensor<B: Backend>(&self, backend: &B, name: &str) -> Result<Tensor<B>> {
        let host = self.host(name)?;
        Ok(Tensor::from_f32(backend, &host.shape[..], &host.data)?)
    }

    /// The sizes (N, H, W) and values of a map of ids (N, 1, H, W).
    fn id_map(&self, name: &str) -> Result<([usize; 3], &[f32])> {
        let host = self.host(name)?;
        match host.shape[..] {
            [n, 1, h, w] => Ok(([n, h, w], &host.data)),
            _ => Err(self.fault(format!("{name} must be (N, 1, H, W), not {:?}", host.shape))),
        }
    }

    /// The label map `PREFIXlabel` and, if the case has one, the edges of the instance map `PREFIXinstance`.
    pub(super) fn input<B: Backend>(&self, backend: &B, prefix: &str, classes: usize) -> Result<Input<B>> {
        let (sizes, values) = self.id_map(&format!("{prefix}label"))?;
        if let Some(id) = values.iter().find(|id| !(0.0..classes as f32).contains(*id)) {
            return Err(self.fault(format!("{prefix}label has the id {id}, but there are {classes} classes")));
        }
        let ids = values.iter().map(|&id| id as u8).collect();
        let input = Input::labels(Ids::from_vec(backend, sizes, ids)?, classes);
        let instance = format!("{prefix}instance");
        if self.has(&instance) {
            return input.with_edges(&Var::constant(self.edges(backend, &instance)?));
        }
        Ok(input)
    }

    /// The edges of an instance map, (N, 1, H, W).
    fn edges<B: Backend>(&self, backend: &B, name: &str) -> Result<Tensor<B>> {
        let ([n, height, width], values) = self.id_map(name)?;
        let edges: Vec<f32> = values
            .chunks((height * width).max(1))
            .flat_map(|ids| {
                let data = ids.iter().map(|&id| id as u32).collect();
                instance_edges(&Plane { height, width, data })
            })
            .collect();
        Ok(Tensor::from_f32(backend, [n, 1, height, width], &edges)?)
    }

    /// Compares a tensor with the one of that name.
    pub(super) fn compare<B: Backend>(&self, name: &str, found: &Tensor<B>, kind: Quantity) -> Result<Comparison> {
        let expected = self.host(name)?;
        if expected.shape != found.dims() {
            return Err(self.fault(format!("{name} is {:?}, but {} was computed", expected.shape, found.shape())));
        }
        let found: Vec<f64> = found.to_vec()?.into_iter().map(Element::as_f64).collect();
        let error = relative_error(&found, &expected.data);
        Ok(Comparison { quantity: name.to_owned(), error, tolerance: kind.tolerance::<B>() })
    }

    /// Compares every tensor whose name begins with `prefix` with the one that `find` returns for the rest of its name.
    pub(super) fn compare_each<'t, B: Backend>(
        &self,
        prefix: &str,
        kind: Quantity,
        report: &mut dyn FnMut(Comparison),
        find: impl Fn(&str) -> Option<&'t Tensor<B>>,
    ) -> Result<()> {
        for key in self.tensors.keys().filter_map(|name| name.strip_prefix(prefix)) {
            let name = format!("{prefix}{key}");
            let found = find(key).ok_or_else(|| self.fault(format!("{name}: the network has no such tensor")))?;
            report(self.compare(&name, found, kind)?);
        }
        Ok(())
    }
}

/// ‖a − b‖₂ / ‖b‖₂; the numerator alone where b is zero.
pub(super) fn relative_error(a: &[f64], b: &[f32]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, &b)| (a - f64::from(b)).powi(2)).sum();
    let norm: f64 = b.iter().map(|&b| f64::from(b).powi(2)).sum();
    if norm > 0.0 { (difference / norm).sqrt() } else { difference.sqrt() }
}
