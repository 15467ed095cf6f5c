//! The features of images that FID and KID compare, and a cache for those of real images.

use std::path::{Path, PathBuf};

use asap_tensor::Backend;
use sha2::{Digest, Sha256};

use super::images::Images;
use super::measures::Features;
use crate::Result;
use crate::checkpoint::{HostTensor, Metadata, Weights, atomic, safetensors};
use crate::data::RgbImage;
use crate::networks::inception::{FEATURES, Inception};

/// A network that turns images into comparable features.
pub trait FeatureExtractor {
    /// The [`FEATURES`] values of one image.
    fn features(&self, image: &RgbImage) -> Result<Vec<f32>>;

    /// Everything that the features depend on besides the image: weights, device, precision.
    fn identity(&self) -> String;
}

/// Inception v3 with the weights of a file.
#[derive(Clone, Debug)]
pub struct InceptionExtractor<B: Backend> {
    backend: B,
    network: Inception<B>,
    /// The SHA-256 of the file.
    pub sha256: String,
}

impl<B: Backend> InceptionExtractor<B> {
    /// Reads the weights.
    pub fn load(backend: &B, file: &Path) -> Result<Self> {
        let (network, sha256) = Inception::load(backend, file)?;
        Ok(InceptionExtractor { backend: backend.clone(), network, sha256 })
    }
}

impl<B: Backend> FeatureExtractor for InceptionExtractor<B> {
    fn features(&self, image: &RgbImage) -> Result<Vec<f32>> {
        self.network.features(image)
    }

    fn identity(&self) -> String {
        let (device, precision) = (self.backend.device(), self.backend.matmul_precision());
        format!("inception v3, weights {}, {device}, {precision}", self.sha256)
    }
}

/// The feature extractor of an evaluation, and the cache for the features of its real images.
#[derive(Clone, Copy)]
pub struct CachedExtractor<'a> {
    /// The network.
    pub network: &'a dyn FeatureExtractor,
    /// The cache, if any.
    pub cache: Option<&'a FeatureCache>,
}

/// A folder with the features of sets of images, each named by a hash of the images and of everything else that the
/// features depend on.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
}

/// The tensor of a cached file.
const KEY: &str = "features";

impl FeatureCache {
    /// A cache in a folder, which is created when needed.
    pub fn new(folder: PathBuf) -> Self {
        FeatureCache { folder }
    }

    /// The file for the real images of an evaluation. Reads all of them.
    pub(super) fn file(&self, images: &dyn Images, network: &dyn FeatureExtractor) -> Result<PathBuf> {
        let mut hash = Sha256::new();
        hash.update(network.identity());
        for index in 0..images.counts()[1] {
            let image = images.data().view_target(&images.real(index)?.image);
            image.size().iter().for_each(|side| hash.update((*side as u64).to_le_bytes()));
            hash.update(image.data.as_flattened());
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.folder.join(format!("{digits}.safetensors")))
    }

    /// The cached features of `count` images; `None` if the file is missing or damaged.
    pub(super) fn read(file: &Path, count: usize) -> Option<Features> {
        let (mut tensors, _) = safetensors::read(file).ok()?;
        let tensor = tensors.remove(KEY).filter(|tensor| tensor.shape == [count, FEATURES])?;
        Features::new(FEATURES, tensor.data.into_iter().map(f64::from).collect()).ok()
    }

    pub(super) fn write(file: &Path, features: &Features) -> Result<()> {
        if let Some(folder) = file.parent() {
            let failed = |source| crate::Error::Io { file: folder.into(), action: "create the folder", source };
            std::fs::create_dir_all(folder).map_err(failed)?;
            atomic::remove_unfinished(folder);
        }
        let shape = vec![features.len(), features.width()];
        let data = features.rows().iter().map(|&x| x as f32).collect();
        let weights = Weights::from([(KEY.to_owned(), HostTensor { shape, data })]);
        safetensors::write(file, &weights, &Metadata::from([("format".into(), "asap features".into())]))
    }
}
