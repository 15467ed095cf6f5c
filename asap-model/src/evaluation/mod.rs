//! How good a generator is: its pictures against the real ones of a data set.
//!
//! | file | holds |
//! |---|---|
//! | `pictures` | [`Pictures`]: a generator and a data set ([`Drawn`]), or two folders ([`Files`]) |
//! | `measure` | [`Measure`]: the list of measures |
//! | `inception` | [`InceptionFile`]: the features that FID and KID compare; [`FeatureCache`] keeps those of real pictures |
//!
//! The measures themselves are in [`measures`].

mod inception;
mod measure;
pub mod measures;
mod pictures;

pub use inception::{FeatureCache, FeatureNetwork, InceptionFile};
pub use measure::Measure;
pub use pictures::{Drawn, Files, Pictures, Shown};

use std::path::PathBuf;

use self::measures::{
    DepthErrors, DepthSummary, Features, KernelDistance, LevelDistance, Patches, SSIM_WINDOW, frechet_distance,
    kernel_distance, l1, psnr, ssim,
};
use crate::config::{DepthScale, Output};
use crate::data::Picture;
use crate::networks::inception::{FEATURES, WEIGHTS_SOURCE};
use crate::{Error, Result};

/// What an evaluation is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of patches, directions and subsets.
    pub seed: u64,
    /// What the levels of depth maps mean.
    pub depth: DepthScale,
}

/// What was compared, and how it came out. A measure that could not be taken is `None`, and `not_measured` says why.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How many pictures were drawn, and how many are real.
    pub counts: [usize; 2],
    /// The sizes at which they were compared.
    pub compared: Sizes,
    /// The sizes of the drawn ones' files, or of what was drawn for.
    pub own_drawn: Sizes,
    /// The sizes of the real ones' files.
    pub own_real: Sizes,
    /// Mean over pairs of [`l1`].
    pub l1: Option<f64>,
    /// Mean over pairs of [`psnr`], in decibels.
    pub psnr: Option<f64>,
    /// Mean over pairs of [`ssim`].
    pub ssim: Option<f64>,
    /// Sliced Wasserstein distance by level, times 1000, the finest first.
    pub swd: Option<Vec<LevelDistance>>,
    /// The Fréchet inception distance, [`frechet_distance`] of Inception's features.
    pub fid: Option<f64>,
    /// The kernel inception distance, [`kernel_distance`] of the same.
    pub kid: Option<KernelDistance>,
    /// Whether the real pictures' features were kept from an evaluation before.
    pub features_kept: bool,
    /// Why the real pictures' features could not be kept, where they were to be.
    pub cache_fault: Option<String>,
    /// Errors of depth maps.
    pub depth: Option<DepthSummary>,
    /// Measures that were not taken, and why.
    pub not_measured: Vec<(&'static str, String)>,
}

impl Evaluation {
    /// The mean of the sliced Wasserstein distances over levels.
    pub fn swd_mean(&self) -> Option<f64> {
        let levels = self.swd.as_ref()?;
        Some(levels.iter().map(|level| level.distance).sum::<f64>() / levels.len() as f64)
    }
}

/// The smallest and the largest of several pictures' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The least and the greatest height.
    pub heights: [usize; 2],
    /// The least and the greatest width.
    pub widths: [usize; 2],
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { heights: [usize::MAX, 0], widths: [usize::MAX, 0] }
    }
}

impl Sizes {
    fn add(&mut self, [height, width]: [usize; 2]) {
        let wider = |[low, high]: [usize; 2], side: usize| [low.min(side), high.max(side)];
        (self.heights, self.widths) = (wider(self.heights, height), wider(self.widths, width));
    }
}

/// The network whose features FID and KID compare, and where those of real pictures are kept.
#[derive(Clone, Copy)]
pub struct Eye<'a> {
    /// The network.
    pub network: &'a dyn FeatureNetwork,
    /// Where features are kept, if they are.
    pub cache: Option<&'a FeatureCache>,
}

/// Compares all pictures; `progress` is told how many are done, of how many. FID and KID need an `eye`.
///
/// # Errors
/// [`Error::Data`] if there are none, or one can't be read; otherwise if a kernel fails.
pub fn evaluate(
    pictures: &dyn Pictures,
    options: &Options,
    eye: Option<Eye<'_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Evaluation> {
    let counts = pictures.counts();
    for (count, what) in counts.into_iter().zip(["drawn", "real"]) {
        if count == 0 {
            return Err(Error::Data { file: what.into(), problem: "there are no pictures to compare".into() });
        }
    }
    let eye = eye.filter(|_| pictures.output() == Output::Rgb);
    let mut tally = Tally::new(pictures, options, eye)?;
    let total = counts[0].max(counts[1]);
    for index in 0..total {
        if pictures.is_paired() {
            let (drawn, real) = pictures.pair(index)?;
            tally.add_pair(&drawn, &real)?;
            tally.add_drawn(&drawn)?;
            tally.add_real(&real)?;
        } else {
            if index < counts[0] {
                tally.add_drawn(&pictures.drawn(index)?)?;
            }
            if index < counts[1] {
                tally.add_real(&pictures.real(index)?)?;
            }
        }
        progress(index + 1, total);
    }
    tally.finish()
}

/// Sums over the pictures seen.
struct Tally<'a> {
    options: &'a Options,
    counts: [usize; 2],
    pairs: usize,
    l1: f64,
    psnr: f64,
    /// `None` once a picture was too small.
    ssim: Option<f64>,
    depth: DepthErrors,
    drawn: Set,
    real: Set,
    eye: Option<Eye<'a>>,
    drawn_features: Vec<f64>,
    real_features: Vec<f64>,
    /// What was kept of the real pictures, and the file for it.
    kept: Option<Features>,
    file: Option<PathBuf>,
    cache_fault: Option<String>,
    compared: Sizes,
    not_measured: Vec<(&'static str, String)>,
}

/// One side.
#[derive(Default)]
struct Set {
    own: Sizes,
    first_size: Option<[usize; 2]>,
    /// What its patches are compared by; `None` before the first picture, and where they can't be compared.
    patches: Option<Patches>,
    without_patches: Option<String>,
}

impl<'a> Tally<'a> {
    fn new(pictures: &dyn Pictures, options: &'a Options, eye: Option<Eye<'a>>) -> Result<Self> {
        let mut not_measured = Vec::new();
        let mut skip = |measures: &[&'static str], why: &str| {
            not_measured.extend(measures.iter().map(|&measure| (measure, why.to_owned())));
        };
        match (pictures.output(), pictures.is_paired()) {
            (Output::Rgb, true) => skip(&["depth"], "these are colours"),
            (Output::Rgb, false) => {
                skip(&["l1", "psnr", "ssim"], "the pictures are not pairs");
                skip(&["depth"], "these are colours");
            }
            (Output::Depth, paired) => {
                skip(&["l1", "psnr", "ssim", "swd", "fid", "kid"], "these are depths");
                if !paired {
                    skip(&["depth"], "the pictures are not pairs");
                }
            }
        }
        if eye.is_none() && pictures.output() == Output::Rgb {
            let why = format!("it needs the weights of Inception v3, as --inception FILE: {WEIGHTS_SOURCE}");
            skip(&["fid", "kid"], &why);
        }
        let file = match eye {
            Some(Eye { network, cache: Some(cache) }) => Some(cache.file(pictures, network)?),
            _ => None,
        };
        Ok(Tally {
            options,
            counts: pictures.counts(),
            pairs: 0,
            l1: 0.0,
            psnr: 0.0,
            ssim: Some(0.0),
            depth: DepthErrors::new(options.depth),
            drawn: Set::default(),
            real: Set::default(),
            eye,
            drawn_features: Vec::new(),
            real_features: Vec::new(),
            kept: file.as_ref().and_then(|file| FeatureCache::read(file, pictures.counts()[1])),
            file,
            cache_fault: None,
            compared: Sizes::default(),
            not_measured,
        })
    }

    fn add_pair(&mut self, drawn: &Shown, real: &Shown) -> Result<()> {
        self.pairs += 1;
        let (Picture::Rgb(a), Picture::Rgb(b)) = (&drawn.picture, &real.picture) else {
            return self.depth.add(&drawn.picture, &real.picture);
        };
        self.l1 += l1(a, b)?;
        self.psnr += psnr(a, b)?;
        if a.height.min(a.width) < SSIM_WINDOW {
            if self.ssim.take().is_some() {
                let why = format!("{} is smaller than its window, {SSIM_WINDOW}×{SSIM_WINDOW}", said(drawn));
                self.not_measured.push(("ssim", why));
            }
        } else if let Some(sum) = &mut self.ssim {
            *sum += ssim(a, b)?;
        }
        Ok(())
    }

    fn add_drawn(&mut self, shown: &Shown) -> Result<()> {
        self.compared.add(shown.picture.size());
        if let (Some(eye), Picture::Rgb(picture)) = (self.eye, &shown.picture) {
            self.drawn_features.extend(eye.network.features(picture)?.into_iter().map(f64::from));
        }
        self.drawn.add(shown, self.options.seed, self.counts[0])
    }

    fn add_real(&mut self, shown: &Shown) -> Result<()> {
        self.compared.add(shown.picture.size());
        if let (Some(eye), Picture::Rgb(picture), None) = (self.eye, &shown.picture, &self.kept) {
            self.real_features.extend(eye.network.features(picture)?.into_iter().map(f64::from));
        }
        self.real.add(shown, self.options.seed, self.counts[1])
    }

    fn finish(mut self) -> Result<Evaluation> {
        let colours = self.drawn.first_size.is_some();
        let swd = if colours { self.swd()? } else { None };
        let pairs = self.pairs as f64;
        let measured = colours && self.pairs > 0;
        if measured && self.psnr.is_infinite() {
            self.not_measured.push(("psnr", "it is infinite, since a pair is equal".into()));
        }
        let features_kept = self.kept.is_some();
        let inception = self.inception()?;
        let depth = self.depth.summary();
        if !colours && self.pairs > 0 && depth.is_none() {
            self.not_measured.push(("depth", "no pixel of the real maps has a depth".into()));
        }
        Ok(Evaluation {
            counts: self.counts,
            compared: self.compared,
            own_drawn: self.drawn.own,
            own_real: self.real.own,
            l1: measured.then_some(self.l1 / pairs),
            psnr: (measured && self.psnr.is_finite()).then_some(self.psnr / pairs),
            ssim: self.ssim.filter(|_| measured).map(|sum| sum / pairs),
            swd,
            fid: inception.map(|(fid, _)| fid),
            kid: inception.map(|(_, kid)| kid),
            features_kept,
            cache_fault: self.cache_fault,
            depth,
            not_measured: self.not_measured,
        })
    }

    /// FID and KID. A cache that can't be written is no reason to measure nothing.
    fn inception(&mut self) -> Result<Option<(f64, KernelDistance)>> {
        if self.eye.is_none() {
            return Ok(None);
        }
        let drawn = Features::new(FEATURES, std::mem::take(&mut self.drawn_features))?;
        let real = match self.kept.take() {
            Some(kept) => kept,
            None => {
                let real = Features::new(FEATURES, std::mem::take(&mut self.real_features))?;
                let fault = self.file.as_ref().and_then(|file| FeatureCache::write(file, &real).err());
                self.cache_fault = fault.map(|error| error.to_string());
                real
            }
        };
        if drawn.len().min(real.len()) < 2 {
            let why = "it needs two pictures of each kind".to_owned();
            self.not_measured.extend([("fid", why.clone()), ("kid", why)]);
            return Ok(None);
        }
        let kid = kernel_distance(&drawn, &real, self.options.seed)?;
        Ok(Some((frechet_distance(&drawn, &real)?, kid)))
    }

    fn swd(&mut self) -> Result<Option<Vec<LevelDistance>>> {
        let why = match (&self.drawn.without_patches, &self.real.without_patches) {
            (Some(why), _) | (None, Some(why)) => why.clone(),
            _ if self.drawn.first_size != self.real.first_size => {
                let side = |size: Option<[usize; 2]>| size.map_or(String::new(), |[h, w]| format!("{w}×{h}"));
                let (drawn, real) = (side(self.drawn.first_size), side(self.real.first_size));
                format!("the drawn pictures are {drawn} pixels and the real ones {real}; it needs one size")
            }
            _ => match (&self.drawn.patches, &self.real.patches) {
                (Some(drawn), Some(real)) => return Ok(Some(drawn.distances(real)?)),
                _ => return Ok(None),
            },
        };
        self.not_measured.push(("swd", why));
        Ok(None)
    }
}

impl Set {
    fn add(&mut self, shown: &Shown, seed: u64, count: usize) -> Result<()> {
        self.own.add(shown.own_size);
        let Picture::Rgb(picture) = &shown.picture else { return Ok(()) };
        let size = [picture.height, picture.width];
        match self.first_size {
            None => {
                self.first_size = Some(size);
                match Patches::new(seed, size, count) {
                    Ok(patches) => self.patches = Some(patches),
                    Err(_) => self.without_patches = Some(format!("{} is too small for patches", said(shown))),
                }
            }
            Some([height, width]) if [height, width] != size => {
                self.patches = None;
                self.without_patches
                    .get_or_insert_with(|| format!("{} is not {width}×{height}; it needs one size", said(shown)));
            }
            Some(_) => {}
        }
        self.patches.as_mut().map_or(Ok(()), |patches| patches.add(picture))
    }
}

/// A picture's name and size.
fn said(shown: &Shown) -> String {
    let [height, width] = shown.picture.size();
    format!("{} ({width}×{height} pixels)", shown.name.display())
}
