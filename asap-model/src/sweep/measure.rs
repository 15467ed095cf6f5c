//! Measures of quality that a figure can show.

use super::Entry;
use crate::evaluation::Evaluation;

/// A measure of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Mean difference.
    L1,
    /// Peak signal-to-noise ratio.
    Psnr,
    /// Structural similarity.
    Ssim,
    /// Sliced Wasserstein distance, the mean over levels.
    Swd,
    /// Fréchet inception distance.
    Fid,
    /// Kernel inception distance.
    Kid,
    /// Root of the mean squared error of depths.
    Rmse,
    /// Mean absolute error of depths relative to them.
    AbsRel,
    /// The share of pixels whose depth is off by a ratio below 1.25.
    Delta1,
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 9] = [
        Measure::L1,
        Measure::Psnr,
        Measure::Ssim,
        Measure::Swd,
        Measure::Fid,
        Measure::Kid,
        Measure::Rmse,
        Measure::AbsRel,
        Measure::Delta1,
    ];

    /// Its name in tables and records.
    pub fn name(self) -> &'static str {
        match self {
            Measure::L1 => "l1",
            Measure::Psnr => "psnr",
            Measure::Ssim => "ssim",
            Measure::Swd => "swd",
            Measure::Fid => "fid",
            Measure::Kid => "kid",
            Measure::Rmse => "rmse",
            Measure::AbsRel => "abs_rel",
            Measure::Delta1 => "delta1",
        }
    }

    /// Its name as people read it.
    pub fn label(self) -> &'static str {
        match self {
            Measure::L1 => "L1",
            Measure::Psnr => "PSNR",
            Measure::Ssim => "SSIM",
            Measure::Swd => "SWD",
            Measure::Fid => "FID",
            Measure::Kid => "KID",
            Measure::Rmse => "RMSE",
            Measure::AbsRel => "AbsRel",
            Measure::Delta1 => "delta1",
        }
    }

    /// What stands at an axis.
    pub fn title(self) -> &'static str {
        match self {
            Measure::L1 => "L1, of values in [−1, 1]",
            Measure::Psnr => "PSNR, dB",
            Measure::Ssim => "SSIM",
            Measure::Swd => "SWD × 1000",
            Measure::Fid => "FID",
            Measure::Kid => "KID",
            Measure::Rmse => "RMSE",
            Measure::AbsRel => "absolute relative error",
            Measure::Delta1 => "share of δ < 1.25",
        }
    }

    /// Whether less of it is better.
    pub fn falls(self) -> bool {
        !matches!(self, Measure::Psnr | Measure::Ssim | Measure::Delta1)
    }

    /// Its value, where it was taken.
    pub fn of(self, evaluation: &Evaluation) -> Option<f64> {
        let depth = evaluation.depth.as_ref();
        match self {
            Measure::L1 => evaluation.l1,
            Measure::Psnr => evaluation.psnr,
            Measure::Ssim => evaluation.ssim,
            Measure::Swd => evaluation.swd_mean(),
            Measure::Fid => evaluation.fid,
            Measure::Kid => evaluation.kid.as_ref().map(|kid| kid.mean),
            Measure::Rmse => depth.map(|depth| depth.rmse),
            Measure::AbsRel => depth.map(|depth| depth.abs_rel),
            Measure::Delta1 => depth.map(|depth| depth.delta1),
        }
    }

    /// Those that an evaluation has taken.
    pub fn taken(evaluation: &Evaluation) -> Vec<(Measure, f64)> {
        Measure::ALL.into_iter().filter_map(|measure| Some((measure, measure.of(evaluation)?))).collect()
    }

    /// Whether it compares depths.
    pub fn is_of_depths(self) -> bool {
        matches!(self, Measure::Rmse | Measure::AbsRel | Measure::Delta1)
    }

    /// Whether it looks through Inception, whose weights are a file.
    pub fn needs_inception(self) -> bool {
        matches!(self, Measure::Fid | Measure::Kid)
    }

    /// The measure that best tells the entries apart as people see them, of those that all of them have: FID, or what needs
    /// no weights, or errors of depths.
    pub fn shown_of(entries: &[Entry]) -> Option<Self> {
        let order = [Measure::Fid, Measure::L1, Measure::Rmse];
        order.into_iter().find(|measure| entries.iter().all(|entry| entry.value(*measure).is_some()))
    }
}
