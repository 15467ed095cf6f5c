//! Features of the real pictures, kept for the next evaluation.

use std::path::{Path, PathBuf};

use asap_tensor::Backend;
use sha2::{Digest, Sha256};

use super::Pictures;
use crate::Result;
use crate::checkpoint::atomic;
use crate::checkpoint::{HostTensor, Metadata, Weights, safetensors};
use crate::data::{Picture, RgbImage};
use crate::evaluation::measures::Features;
use crate::networks::inception::{FEATURES, Inception};

/// What turns pictures into features that can be compared.
pub trait FeatureNetwork {
    /// The [`FEATURES`] numbers of one picture.
    ///
    /// # Errors
    /// If a kernel fails.
    fn features(&self, picture: &RgbImage) -> Result<Vec<f32>>;

    /// What features depend on besides the picture: weights, device, precision.
    fn identity(&self) -> String;
}

/// Inception v3 with the weights of a file.
#[derive(Clone, Debug)]
pub struct InceptionFile<B: Backend> {
    backend: B,
    network: Inception<B>,
    /// The SHA-256 of the file.
    pub sha256: String,
}

impl<B: Backend> InceptionFile<B> {
    /// Reads the weights.
    ///
    /// # Errors
    /// As [`Inception::load`].
    pub fn load(backend: &B, file: &Path) -> Result<Self> {
        let (network, sha256) = Inception::load(backend, file)?;
        Ok(InceptionFile { backend: backend.clone(), network, sha256 })
    }
}

impl<B: Backend> FeatureNetwork for InceptionFile<B> {
    fn features(&self, picture: &RgbImage) -> Result<Vec<f32>> {
        self.network.features(picture)
    }

    fn identity(&self) -> String {
        let (device, precision) = (self.backend.device(), self.backend.matmul_precision());
        format!("inception v3, weights {}, {device}, {precision}", self.sha256)
    }
}

/// A folder with features of sets of pictures that were seen before, each named by a hash of the pictures and of
/// everything else that the features depend on.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
}

/// The tensor of a kept file.
const KEY: &str = "features";

impl FeatureCache {
    /// A cache in a folder, which is made when something is kept.
    pub fn new(folder: PathBuf) -> Self {
        FeatureCache { folder }
    }

    /// The file for the real pictures of an evaluation: reads all of them.
    pub(super) fn file(&self, pictures: &dyn Pictures, network: &dyn FeatureNetwork) -> Result<PathBuf> {
        let mut hash = Sha256::new();
        hash.update(network.identity());
        for index in 0..pictures.counts()[1] {
            if let Picture::Rgb(picture) = pictures.real(index)?.picture {
                let [height, width] = [picture.height, picture.width].map(|side| (side as u64).to_le_bytes());
                hash.update(height);
                hash.update(width);
                hash.update(picture.data.as_flattened());
            }
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.folder.join(format!("{digits}.safetensors")))
    }

    /// The kept features of `count` pictures, if there are any; a damaged file is as none.
    pub(super) fn read(file: &Path, count: usize) -> Option<Features> {
        let (mut tensors, _) = safetensors::read(file).ok()?;
        let tensor = tensors.remove(KEY).filter(|tensor| tensor.shape == [count, FEATURES])?;
        Features::new(FEATURES, tensor.data.into_iter().map(f64::from).collect()).ok()
    }

    /// Keeps features.
    pub(super) fn write(file: &Path, features: &Features) -> Result<()> {
        if let Some(folder) = file.parent() {
            let failed = |source| crate::Error::Io { file: folder.into(), action: "make the folder", source };
            std::fs::create_dir_all(folder).map_err(failed)?;
            atomic::remove_unfinished(folder);
        }
        let shape = vec![features.len(), features.width()];
        let data = features.rows().iter().map(|&x| x as f32).collect();
        let weights = Weights::from([(KEY.to_owned(), HostTensor { shape, data })]);
        safetensors::write(file, &weights, &Metadata::from([("format".into(), "asap features".into())]))
    }
}
