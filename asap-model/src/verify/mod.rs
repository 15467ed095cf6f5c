//! Reference cases: recomputes what the published code computed.
//!
//! A folder of cases has an `index.json` that lists them; each has `NAME.safetensors` with tensors and, if it has its
//! own weights, PyTorch checkpoints with the published keys. Kinds of cases:
//!
//! | kind | file | quantities |
//! |---|---|---|
//! | `generator` | `generator.rs` | downsampled input, MLP parameters, image, gradients; from channels and from labels |
//! | `generator-full` | `generator_full.rs` | a full-size network with weights filled by name |
//! | `discriminator` | `discriminator.rs` | every layer, loss, gradients, spectral vectors |
//! | `vgg19` | `vgg19.rs` | features, loss, gradient |
//! | `train` | `train.rs` | training steps: losses, images, final weights |
//! | `pix2pix`, `pix2pixhd`, `spade`, `cc-fpse` | `baseline.rs` | images of the baselines |
//! | `inception` | `inception.rs` | activations and features of Inception v3; the Fréchet distance |
//! | `resize` | `resize.rs` | bicubic and nearest resizing of 8-bit images |
//!
//! An unknown kind is reported as skipped.

mod baseline;
mod case;
mod discriminator;
mod generator;
mod generator_full;
mod inception;
mod resize;
mod train;
mod vgg19;

use std::path::Path;

use asap_tensor::Backend;

use crate::{Error, Result};
use case::Case;
pub use case::Comparison;

/// The result for one quantity of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The case's name.
    pub case: String,
    /// Its kind.
    pub kind: String,
    /// `None` if the kind is unknown.
    pub comparison: Option<Comparison>,
}

/// Recomputes every case of a folder on `backend` and reports each quantity.
///
/// # Errors
/// If the index or a file of a case can't be read, or a kernel fails. A quantity out of tolerance is a finding, not an
/// error.
pub fn verify<B: Backend>(backend: &B, dir: &Path, report: &mut dyn FnMut(Finding)) -> Result<()> {
    let index = dir.join("index.json");
    let text = std::fs::read_to_string(&index).map_err(|source| Error::Io {
        file: index.clone(),
        action: "read the index of cases",
        source,
    })?;
    let cases: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| Error::Data { file: index, problem: error.to_string() })?;
    let seed = seed(&cases);
    for (name, entry) in cases {
        let kind = entry["kind"].as_str().unwrap_or_default().to_owned();
        let Some(recompute) = recomputation::<B>(&kind) else {
            report(Finding { case: name, kind, comparison: None });
            continue;
        };
        let case = Case::open(dir, &name, entry, &seed)?;
        recompute(backend, &case, &mut |comparison| {
            report(Finding { case: name.clone(), kind: kind.clone(), comparison: Some(comparison) });
        })?;
    }
    Ok(())
}

/// The first part of the names that seed weights without a checkpoint: the same in a whole folder, from any case with a
/// `fill_prefix`.
fn seed(cases: &serde_json::Map<String, serde_json::Value>) -> String {
    let prefix = cases.values().find_map(|entry| entry["fill_prefix"].as_str());
    prefix.and_then(|prefix| prefix.split('.').next()).unwrap_or("public").to_owned()
}

/// Recomputes a case and reports its quantities.
type Recompute<B> = fn(&B, &Case, &mut dyn FnMut(Comparison)) -> Result<()>;

fn recomputation<B: Backend>(kind: &str) -> Option<Recompute<B>> {
    match kind {
        "generator" => Some(generator::recompute),
        "generator-full" => Some(generator_full::recompute),
        "discriminator" => Some(discriminator::recompute),
        "vgg19" => Some(vgg19::recompute),
        "train" => Some(train::recompute),
        "pix2pix" | "pix2pixhd" | "spade" | "cc-fpse" => Some(baseline::recompute),
        "inception" => Some(inception::recompute),
        "resize" => Some(resize::recompute),
        _ => None,
    }
}
