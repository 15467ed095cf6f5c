//! The list of quality measures.

use super::Evaluation;

/// A quality measure of an [`Evaluation`].
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
    /// Fréchet inception distance.
    Fid,
    /// Kernel inception distance.
    Kid,
    /// Root mean squared error of depth.
    Rmse,
    /// Mean absolute relative error of depth.
    AbsRel,
    /// The share of pixels with max(output / real, real / output) < 1.25.
    Delta1,
}

/// What a measure compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Color,
    Depth,
    /// Color, through Inception, which needs a file of weights.
    Inception,
}

/// All there is to know about a measure.
struct Entry {
    name: &'static str,
    label: &'static str,
    axis: &'static str,
    lower_is_better: bool,
    kind: Kind,
    value: fn(&Evaluation) -> Option<f64>,
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

    #[rustfmt::skip]
    fn entry(self) -> Entry {
        let entry = |name, label, axis, lower_is_better, kind, value| Entry { name, label, axis, lower_is_better, kind, value };
        match self {
            Measure::L1 => entry("l1", "L1", "L1, of values in [−1, 1]", true, Kind::Color, |e| e.l1),
            Measure::Psnr => entry("psnr", "PSNR", "PSNR, dB", false, Kind::Color, |e| e.psnr),
            Measure::Ssim => entry("ssim", "SSIM", "SSIM", false, Kind::Color, |e| e.ssim),
            Measure::Swd => entry("swd", "SWD", "SWD × 1000", true, Kind::Color, Evaluation::swd_mean),
            Measure::Fid => entry("fid", "FID", "FID", true, Kind::Inception, |e| e.fid),
            Measure::Kid => entry("kid", "KID", "KID", true, Kind::Inception, |e| Some(e.kid.as_ref()?.mean)),
            Measure::Rmse => entry("rmse", "RMSE", "RMSE", true, Kind::Depth, |e| Some(e.depth.as_ref()?.rmse)),
            Measure::AbsRel => {
                entry("abs_rel", "AbsRel", "absolute relative error", true, Kind::Depth, |e| Some(e.depth.as_ref()?.abs_rel))
            }
            Measure::Delta1 => {
                entry("delta1", "delta1", "share of δ < 1.25", false, Kind::Depth, |e| Some(e.depth.as_ref()?.delta1))
            }
        }
    }

    /// The name in tables, logs and arguments.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The name that people read.
    pub fn label(self) -> &'static str {
        self.entry().label
    }

    /// The label of an axis.
    pub fn axis(self) -> &'static str {
        self.entry().axis
    }

    /// The label of an axis, and which values are better.
    pub fn caption(self) -> String {
        format!("{}: {} is better", self.axis(), if self.entry().lower_is_better { "lower" } else { "higher" })
    }

    /// Whether one value is better than another.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        if self.entry().lower_is_better { value < than } else { value > than }
    }

    /// Its value, if it was taken.
    pub fn of(self, evaluation: &Evaluation) -> Option<f64> {
        (self.entry().value)(evaluation)
    }

    /// Those that an evaluation took, with their values.
    pub fn taken(evaluation: &Evaluation) -> Vec<(Measure, f64)> {
        Measure::ALL.into_iter().filter_map(|measure| Some((measure, measure.of(evaluation)?))).collect()
    }

    /// Whether it compares depth maps.
    pub fn is_of_depth(self) -> bool {
        self.entry().kind == Kind::Depth
    }

    /// Whether it needs Inception's weights.
    pub fn needs_inception(self) -> bool {
        self.entry().kind == Kind::Inception
    }
}
