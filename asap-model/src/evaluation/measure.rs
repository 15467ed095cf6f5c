//! The list of quality measures.

use super::measures::{Confusion, DepthSummary, InceptionDistances, Levels, PATCH_SIDE, SSIM_WINDOW, l1, psnr, ssim};
use crate::Result;

/// A quality measure of an [`Evaluation`](super::Evaluation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Mean absolute difference.
    L1,
    /// Peak signal-to-noise ratio.
    Psnr,
    /// Structural similarity.
    Ssim,
    /// Sliced Wasserstein distance, the mean over levels.
    Swd,
    /// Gradients across the borders of tiles over those inside.
    Seams,
    /// Fréchet inception distance.
    Fid,
    /// Kernel inception distance.
    Kid,
    /// Mean difference of the images that a generator with noise makes of one input.
    Diversity,
    /// Mean intersection over union of an image's labels and those that a segmentation network predicts.
    Miou,
    /// The share of pixels whose label the network predicts.
    PixelAccuracy,
    /// Dice of class 1 of two classes.
    Dice,
    /// Root mean squared error of depth.
    Rmse,
    /// Mean absolute relative error of depth.
    AbsRel,
    /// The share of pixels with max(output / real, real / output) < 1.25.
    Delta1,
}

/// How a measure is computed.
#[derive(Clone, Copy)]
pub(super) enum Method {
    /// The mean over pairs of color images, whose sides have at least this many pixels.
    Pairs(fn(&Levels, &Levels) -> Result<f64>, usize),
    /// From the patches of color images.
    Patches,
    /// From each generated color image, with its tiles.
    Seams,
    /// From Inception's features of color images.
    Inception(fn(&InceptionDistances) -> f64),
    /// From several images of each input.
    Variants,
    /// From the labels of color images, and those predicted.
    Segmentation(fn(&Confusion) -> Option<f64>),
    /// From pairs of depth maps.
    Depth(fn(&DepthSummary) -> f64),
}

/// Which values are better.
#[derive(Clone, Copy, PartialEq)]
enum Better {
    Lower,
    Higher,
    NearOne,
}
use Better::{Higher, Lower, NearOne};

struct Entry {
    name: &'static str,
    label: &'static str,
    axis: &'static str,
    note: &'static str,
    digits: usize,
    better: Better,
    method: Method,
}

const fn entry([name, label, axis, note]: [&'static str; 4], digits: usize, better: Better, method: Method) -> Entry {
    Entry { name, label, axis, note, digits, better, method }
}

/// In the order of the variants.
#[rustfmt::skip]
const ENTRIES: [Entry; 14] = [
    entry(["l1", "L1", "L1, of values in [−1, 1]", "mean absolute difference of values in [-1, 1]; lower is better, 0 = identical"], 4, Lower, Method::Pairs(l1, 1)),
    entry(["psnr", "PSNR", "PSNR, dB", "dB; higher is better"], 2, Higher, Method::Pairs(psnr, 1)),
    entry(["ssim", "SSIM", "SSIM", "higher is better, 1 = identical"], 4, Higher, Method::Pairs(ssim, SSIM_WINDOW)),
    entry(["swd", "SWD", "SWD × 1000", "× 1000, of 7×7 patches; lower is better"], 2, Lower, Method::Patches),
    entry(["seams", "Seams", "gradients across borders / inside tiles", "gradients across the borders of tiles over those inside; 1 = no seams"], 3, NearOne, Method::Seams),
    entry(["fid", "FID", "FID", "lower is better; biased upwards for few images"], 2, Lower, Method::Inception(|d| d.fid)),
    entry(["kid", "KID", "KID", "lower is better"], 5, Lower, Method::Inception(|d| d.kid.mean)),
    entry(["diversity", "Diversity", "diversity, of values in [−1, 1]", "mean L1 between the images of one input; higher is more varied, 0 = identical"], 4, Higher, Method::Variants),
    entry(["miou", "mIoU", "mean IoU", "mean intersection over union of labels and predicted labels; higher is better"], 4, Higher, Method::Segmentation(Confusion::mean_iou)),
    entry(["pixel_accuracy", "pixel accuracy", "pixel accuracy", "share of pixels whose label is predicted; higher is better"], 4, Higher, Method::Segmentation(Confusion::pixel_accuracy)),
    entry(["dice", "Dice", "Dice of class 1", "Dice of class 1 of two, labels and predicted labels; higher is better"], 4, Higher, Method::Segmentation(Confusion::dice)),
    entry(["rmse", "RMSE", "RMSE", "root mean squared error; lower is better"], 4, Lower, Method::Depth(|d| d.rmse)),
    entry(["abs_rel", "AbsRel", "absolute relative error", "mean |generated - real| / real; lower is better"], 4, Lower, Method::Depth(|d| d.abs_rel)),
    entry(["delta1", "delta1", "share of δ < 1.25", "share of pixels within a factor of 1.25; higher is better"], 4, Higher, Method::Depth(|d| d.delta1)),
];

impl Measure {
    /// Every measure.
    pub const ALL: [Measure; 14] = {
        use Measure::*;
        [L1, Psnr, Ssim, Swd, Seams, Fid, Kid, Diversity, Miou, PixelAccuracy, Dice, Rmse, AbsRel, Delta1]
    };

    fn entry(self) -> &'static Entry {
        &ENTRIES[self as usize]
    }

    /// The name in tables, logs and arguments.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        self.entry().label
    }

    /// The label of an axis.
    pub fn axis(self) -> &'static str {
        self.entry().axis
    }

    /// The label of an axis, and which values are better.
    pub fn caption(self) -> String {
        let better = match self.entry().better {
            Lower => "lower is better",
            Higher => "higher is better",
            NearOne => "1 is best",
        };
        format!("{}: {better}", self.axis())
    }

    /// Whether one value is better than another.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self.entry().better {
            Lower => value < than,
            Higher => value > than,
            NearOne => (value - 1.0).abs() < (than - 1.0).abs(),
        }
    }

    /// What its values mean, in a few words.
    pub fn note(self) -> &'static str {
        self.entry().note
    }

    /// Digits after the decimal point that are worth showing.
    pub fn digits(self) -> usize {
        self.entry().digits
    }

    /// Whether it compares depth maps.
    pub fn is_of_depth(self) -> bool {
        matches!(self.method(), Method::Depth(_))
    }

    /// The minimum side in pixels of images that it compares.
    pub fn min_side(self) -> usize {
        match self.method() {
            Method::Pairs(_, window) => window,
            Method::Patches => PATCH_SIDE,
            _ => 1,
        }
    }

    /// Whether it needs Inception's weights.
    pub fn needs_inception(self) -> bool {
        matches!(self.method(), Method::Inception(_))
    }

    /// Whether it needs a segmentation network.
    pub fn needs_segmenter(self) -> bool {
        matches!(self.method(), Method::Segmentation(_))
    }

    pub(super) fn method(self) -> Method {
        self.entry().method
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_follows_the_measure() {
        assert!(Measure::L1.is_better(0.1, 0.2) && Measure::Ssim.is_better(0.2, 0.1));
        assert!(Measure::Seams.is_better(1.02, 0.9) && Measure::Seams.is_better(0.98, 1.1));
    }

    #[test]
    fn entries_follow_the_variants() {
        assert_eq!(Measure::ALL.map(|measure| measure as usize), std::array::from_fn(|place| place));
        for measure in Measure::ALL {
            assert_eq!(measure.name().replace('_', ""), format!("{measure:?}").to_lowercase());
        }
    }
}
