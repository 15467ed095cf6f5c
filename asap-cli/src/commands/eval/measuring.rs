//! How `eval` and `sweep` measure pictures: with a bar on a terminal, and Inception where its weights are given.

use std::io::IsTerminal;

use asap_model::config::DepthScale;
use asap_model::evaluation::{
    Evaluation, Eye, FeatureCache, FeatureNetwork, InceptionFile, Options, Pictures, evaluate,
};
use asap_tensor::Backend;
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::args::{Common, Measuring};
use crate::output::Output;

/// What the published weights' SHA-256 begins with, as their file's name tells.
const PUBLISHED_WEIGHTS: &str = "6726825d";

impl Measuring {
    /// What an evaluation is told: what the arguments say, and where they say nothing of depths, what the generator's
    /// configuration does.
    pub fn options(&self, configured: Option<DepthScale>, common: &Common) -> Options {
        let mut depth = configured.unwrap_or(DepthScale { per_unit: None, max: 1.0, invalid: None });
        depth.invalid = self.invalid.or(depth.invalid).or(Some(0));
        if let Some(farthest) = self.farthest {
            // Where levels a unit are configured, they are those of the drawn maps too.
            depth.per_unit = depth.per_unit.map(|_| f64::from(u16::MAX) / farthest);
            depth.max = farthest;
        }
        Options { seed: common.seed.unwrap_or(0), depth }
    }

    /// Compares on a device; also tells the SHA-256 of Inception's weights, where they are given.
    ///
    /// # Errors
    /// As [`Measuring::compare`]; or if the weights can't be read.
    pub fn evaluate<B: Backend>(
        &self,
        backend: &B,
        pictures: &dyn Pictures,
        common: &Common,
        output: &Output,
    ) -> asap_model::Result<(Evaluation, Option<String>)> {
        let network = self.network(backend, output)?;
        let evaluation = self.compare(pictures, network.as_ref().map(|network| network as _), common, output)?;
        Ok((evaluation, network.map(|network| network.sha256)))
    }

    /// Compares by that network.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn compare(
        &self,
        pictures: &dyn Pictures,
        network: Option<&dyn FeatureNetwork>,
        common: &Common,
        output: &Output,
    ) -> asap_model::Result<Evaluation> {
        let visible = std::io::stderr().is_terminal() && !output.is_quiet();
        let bar = visible.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4)));
        let folder = self.cache.clone().or_else(|| Some(dirs::cache_dir()?.join("asap").join("features")));
        let cache = folder.filter(|_| !self.no_cache).map(FeatureCache::new);
        let eye = network.map(|network| Eye { network, cache: cache.as_ref() });
        let found = evaluate(pictures, &self.options(pictures.depth(), common), eye, &mut |done, total| {
            if let Some(bar) = &bar {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
        });
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let found = found?;
        if let Some(fault) = &found.cache_fault {
            output.say(format_args!("the features of the real pictures are not kept: {fault}"));
        }
        Ok(found)
    }

    /// The network of `--inception`.
    fn network<B: Backend>(&self, backend: &B, output: &Output) -> asap_model::Result<Option<InceptionFile<B>>> {
        let Some(file) = &self.inception else { return Ok(None) };
        let network = InceptionFile::load(backend, file)?;
        if !network.sha256.starts_with(PUBLISHED_WEIGHTS) {
            output.say(format_args!(
                "{}: not the published file byte by byte (its SHA-256 begins with {PUBLISHED_WEIGHTS}); FID and KID \
                 compare only with those of equal weights",
                file.display()
            ));
        }
        Ok(Some(network))
    }
}
