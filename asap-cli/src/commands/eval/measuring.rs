//! Evaluation for `eval` and `sweep`: with a progress bar on a terminal, and FID and KID if Inception's weights are given.

use asap_model::config::{DepthScale, OutputKind};
use asap_model::evaluation::segmenter::LabelPredictor;
use asap_model::evaluation::{
    CachedExtractor, Evaluation, FeatureCache, FeatureExtractor, Images, InceptionExtractor, Options, evaluate,
};
use asap_tensor::Backend;

use super::super::segmenter::{fitting, note_size};
use crate::args::{Common, Measuring};
use crate::output::Output;

/// The start of the published weights' SHA-256, which is part of their file name.
const PUBLISHED_WEIGHTS: &str = "6726825d";

impl Measuring {
    /// The options of an evaluation. Without arguments, the generator's configuration defines the depths.
    pub fn options(&self, configured: Option<DepthScale>, common: &Common) -> Options {
        let mut depth = configured.unwrap_or_default();
        depth.invalid = self.invalid.or(depth.invalid).or(Some(0));
        if let Some(farthest) = self.farthest {
            // A configured number of levels per unit applies to the generated maps too.
            depth.per_unit = depth.per_unit.map(|_| f64::from(u16::MAX) / farthest);
            depth.max = farthest;
        }
        let (tile, variants) = (self.tile.map(usize::from), self.variants.unwrap_or(1).into());
        Options { seed: common.evaluation_seed(), depth, tile, variants, only: None }
    }

    /// Evaluates on a device. Also returns the SHA-256 of Inception's weights, if they are given.
    pub fn evaluate<B: Backend>(
        &self,
        backend: &B,
        images: &dyn Images,
        common: &Common,
        output: &Output,
    ) -> asap_model::Result<(Evaluation, Option<String>)> {
        let segmenter = self.segmenter.as_deref().map(|file| fitting(backend, file, images.data())).transpose()?;
        if let (Some(segmenter), Some(file)) = (&segmenter, &self.segmenter) {
            note_size(segmenter, file, images.data().size, output);
        }
        let segmenter = segmenter.as_ref().map(|segmenter| segmenter as &dyn LabelPredictor);
        let Some(file) = &self.inception else {
            return Ok((self.compare(images, None, segmenter, common, output)?, None));
        };
        let network = InceptionExtractor::load(backend, file)?;
        if !network.sha256.starts_with(PUBLISHED_WEIGHTS) {
            output.say(format_args!(
                "{}: not the published file (its SHA-256 starts with {PUBLISHED_WEIGHTS}); FID and KID are comparable \
                 only between equal weights",
                file.display()
            ));
        }
        Ok((self.compare(images, Some(&network), segmenter, common, output)?, Some(network.sha256)))
    }

    /// Evaluates with the features of a network, if there is one, and a segmentation network.
    pub fn compare(
        &self,
        images: &dyn Images,
        network: Option<&dyn FeatureExtractor>,
        segmenter: Option<&dyn LabelPredictor>,
        common: &Common,
        output: &Output,
    ) -> asap_model::Result<Evaluation> {
        let is_depth = images.data().output == OutputKind::Depth;
        let of_depth = [("--invalid", self.invalid.is_some()), ("--farthest", self.farthest.is_some())];
        let of_colors = [
            ("--inception", self.inception.is_some()),
            ("--tile", self.tile.is_some()),
            ("--variants", self.variants.is_some()),
        ];
        let (ignored, kind) = if is_depth { (&of_colors[..], "depth maps") } else { (&of_depth[..], "color images") };
        for (flag, _) in ignored.iter().filter(|(_, is_given)| *is_given) {
            output.say(format_args!("warning: {flag} has no effect on {kind}"));
        }
        let counter = output.counter("evaluating", "images");
        let folder = self.cache.clone().or_else(|| Some(dirs::cache_dir()?.join("asap").join("features")));
        let cache = folder.filter(|_| !self.no_cache).map(FeatureCache::new);
        let extractor = network.map(|network| CachedExtractor { network, cache: cache.as_ref() });
        let options = self.options(images.data().depth(), common);
        let found = evaluate(images, &options, extractor, segmenter, &mut |done, total| counter.show(done, total))?;
        drop(counter);
        if let Some(fault) = &found.cache_fault {
            output.say(format_args!("the features of the real images are not cached: {fault}"));
        }
        Ok(found)
    }
}
