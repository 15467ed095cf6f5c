//! What an evaluation says: the measures, and everything that they depend on.

use asap_model::evaluation::measures::LevelDistance;
use asap_model::evaluation::{Evaluation, Options, Sizes};
use serde_json::{Map, Value, json};

/// How Inception resizes pictures.
const INCEPTION_RESIZE: &str = "bilinear to 299×299 without smoothing";

/// An evaluation with what was compared, and how it was made comparable.
pub struct Report {
    /// Where the drawn pictures come from.
    pub drawn: String,
    /// Where the real ones come from.
    pub real: String,
    /// Whether they are depth maps.
    pub depth: bool,
    /// How pictures whose own size is another are made comparable.
    pub resize: Option<String>,
    /// What drew the pictures, if it was done here.
    pub device: Option<String>,
    /// The SHA-256 of the file with Inception's weights, where they were used.
    pub weights: Option<String>,
    /// What the evaluation was told.
    pub options: Options,
    /// How it came out.
    pub evaluation: Evaluation,
}

impl Report {
    /// One object: a measure that was not taken is null, and `not_measured` says why.
    pub fn json(&self) -> Value {
        let Report { drawn, real, options, evaluation, .. } = self;
        let sizes = |sizes: &Sizes| json!({ "heights": sizes.heights, "widths": sizes.widths });
        let why: Map<String, Value> =
            evaluation.not_measured.iter().map(|(measure, why)| ((*measure).to_owned(), json!(why))).collect();
        let mut object = json!({
            "drawn": drawn, "real": real, "drawn_count": evaluation.counts[0], "real_count": evaluation.counts[1],
            "device": self.device, "compared": sizes(&evaluation.compared), "drawn_own": sizes(&evaluation.own_drawn),
            "real_own": sizes(&evaluation.own_real), "resize": self.resize,
            "seed": options.seed,
        });
        if self.depth {
            let depth = evaluation.depth.as_ref();
            object["rmse"] = json!(depth.map(|depth| depth.rmse));
            object["abs_rel"] = json!(depth.map(|depth| depth.abs_rel));
            object["delta1"] = json!(depth.map(|depth| depth.delta1));
            object["valid_pixels"] = json!(depth.map(|depth| depth.valid));
            object["masked_pixels"] = json!(depth.map(|depth| depth.masked));
            object["invalid"] = json!(options.depth.invalid);
            object["farthest"] = json!(self.farthest());
            object["depth_max"] = json!(options.depth.max);
        } else {
            let level = |level: &LevelDistance| {
                let [height, width] = level.size;
                json!({ "height": height, "width": width, "swd": level.distance })
            };
            object["l1"] = json!(evaluation.l1);
            object["psnr"] = json!(evaluation.psnr);
            object["ssim"] = json!(evaluation.ssim);
            let kid = evaluation.kid.as_ref();
            object["fid"] = json!(evaluation.fid);
            object["kid"] = json!(kid.map(|kid| kid.mean));
            object["kid_deviation"] = json!(kid.map(|kid| kid.deviation));
            object["kid_subsets"] = json!(kid.map(|kid| kid.subsets));
            object["kid_subset_size"] = json!(kid.map(|kid| kid.size));
            object["inception_sha256"] = json!(self.weights);
            object["inception_resize"] = json!(self.weights.as_ref().map(|_| INCEPTION_RESIZE));
            object["features_kept"] = json!(self.weights.as_ref().map(|_| evaluation.features_kept));
            object["swd"] = json!(self.evaluation.swd_mean());
            object["swd_levels"] = json!(evaluation.swd.as_ref().map(|all| all.iter().map(level).collect::<Vec<_>>()));
        }
        object["not_measured"] = Value::Object(why);
        object
    }

    /// A head that says what was compared, and a line for each measure.
    pub fn text(&self) -> String {
        let Evaluation { counts, compared, own_drawn, own_real, .. } = &self.evaluation;
        let mut text = format!(
            "{} against {}: {} and {} pictures of {} pixels\n",
            self.drawn,
            self.real,
            counts[0],
            counts[1],
            range(compared)
        );
        if own_drawn == own_real {
            text += &format!("  own size    {} pixels\n", range(own_real));
        } else {
            text += &format!("  own sizes   drawn {}, real {} pixels\n", range(own_drawn), range(own_real));
        }
        text += &format!("  resized     {}\n", self.resize.as_deref().unwrap_or("no"));
        if let Some(hash) = &self.weights {
            let kept = if self.evaluation.features_kept { "; real features kept from before" } else { "" };
            text += &format!("  Inception   weights of SHA-256 {hash}{kept}\n");
        }
        for line in self.lines() {
            text += &format!("  {line}\n");
        }
        text.trim_end().to_owned()
    }

    fn lines(&self) -> Vec<String> {
        let Evaluation { l1, psnr, ssim, swd, fid, kid, depth, not_measured, .. } = &self.evaluation;
        let mut lines = Vec::new();
        let mut line = |name: &str, value: Option<f64>, digits: usize, meaning: &str| {
            if let Some(value) = value {
                lines.push(format!("{name:<11} {value:>9.digits$}  {meaning}"));
            }
        };
        line("l1", *l1, 4, "mean difference of values in [-1, 1]; 0 is equal");
        line("psnr", *psnr, 2, "dB; higher is nearer");
        line("ssim", *ssim, 4, "Gaussian weights of 1.5 pixels; 1 is equal");
        let levels: Vec<String> = swd
            .iter()
            .flatten()
            .map(|level| format!("{}×{}: {:.2}", level.size[1], level.size[0], level.distance))
            .collect();
        let seed = self.options.seed;
        line(
            "swd",
            self.evaluation.swd_mean(),
            2,
            &format!("times 1000, 7×7 patches, seed {seed}; {}", levels.join(", ")),
        );
        line("fid", *fid, 2, &format!("pictures {INCEPTION_RESIZE}; biased upwards by a small number of pictures"));
        if let Some(kid) = kid {
            let (deviation, subsets, size) = (kid.deviation, kid.subsets, kid.size);
            let meaning = format!("± {deviation:.5} over {subsets} subsets of {size}, seed {seed}");
            line("kid", Some(kid.mean), 5, &meaning);
        }
        if let Some(depth) = depth {
            let unit = match self.options.depth.per_unit {
                None => format!("the largest level is {}", self.farthest()),
                Some(per_unit) => {
                    format!("{per_unit} levels are 1; what lies beyond {} counts as that far", self.options.depth.max)
                }
            };
            line("rmse", Some(depth.rmse), 4, &unit);
            line("abs_rel", Some(depth.abs_rel), 4, "mean |drawn - real| / real");
            line("delta1", Some(depth.delta1), 4, "share of pixels with a ratio below 1.25");
            line("pixels", Some(depth.valid as f64), 0, &format!("compared; {} have no real depth", depth.masked));
        }
        lines.extend(
            not_measured
                .iter()
                .filter(|(measure, _)| self.is_asked(measure))
                .map(|(measure, why)| format!("{measure:<11} {:>9}  {why}", "-")),
        );
        lines
    }

    /// The depth that the largest level stands for, of 16 bits where levels a unit are given.
    fn farthest(&self) -> f64 {
        let depth = &self.options.depth;
        depth.per_unit.map_or(depth.max, |per_unit| f64::from(u16::MAX) / per_unit)
    }

    /// Whether a person would look for this measure: not for those of depths among colours, nor the reverse.
    fn is_asked(&self, measure: &str) -> bool {
        self.depth == (measure == "depth")
    }
}

/// `WIDTH×HEIGHT`, or from the least to the greatest.
fn range(sizes: &Sizes) -> String {
    let side = |[low, high]: [usize; 2]| if low == high { low.to_string() } else { format!("{low}–{high}") };
    format!("{}×{}", side(sizes.widths), side(sizes.heights))
}
