//! The report of an evaluation: the measures, and everything that they depend on.

use asap_model::evaluation::measures::{Confusion, LevelDistance};
use asap_model::evaluation::{Evaluation, Measure, Options, Sizes};
use serde_json::{Map, Value, json};

use super::super::segmenter::{class_ious, listed};
use crate::report::number::fixed;

/// How Inception resizes images.
const INCEPTION_RESIZE: &str = "bilinear to 299×299 without antialiasing";

/// An evaluation, with the origin of the images.
pub struct Report {
    /// The origin of the generated images.
    pub generated: String,
    /// The origin of the real images.
    pub real: String,
    /// Whether they are depth maps.
    pub depth: bool,
    /// How images of another size were resized.
    pub resize: Option<String>,
    /// The device, if one was used.
    pub device: Option<String>,
    /// The SHA-256 of Inception's weights, if they were used.
    pub weights: Option<String>,
    pub options: Options,
    /// The names of the classes.
    pub classes: Vec<String>,
    pub evaluation: Evaluation,
}

impl Report {
    /// One object: a measure that could not be computed is null, and `not_measured` explains why.
    pub fn json(&self) -> Value {
        let Report { generated, real, options, evaluation, .. } = self;
        let [generated_count, real_count] = evaluation.counts;
        let sizes = |sizes: &Sizes| json!({ "heights": sizes.heights, "widths": sizes.widths });
        let mut object = json!({
            "generated": generated, "real": real, "generated_count": generated_count, "real_count": real_count,
            "device": self.device, "compared": sizes(&evaluation.compared),
            "generated_native": sizes(&evaluation.native[0]), "real_native": sizes(&evaluation.native[1]),
            "resize": self.resize, "seed": options.seed,
        });
        for measure in Measure::ALL.into_iter().filter(|measure| measure.is_of_depth() == self.depth) {
            object[measure.name()] = json!(evaluation.value(measure));
        }
        if self.depth {
            let depth = evaluation.depth.as_ref();
            object["valid_pixels"] = json!(depth.map(|depth| depth.valid));
            object["masked_pixels"] = json!(depth.map(|depth| depth.masked));
            object["invalid"] = json!(options.depth.invalid);
            object["farthest"] = json!(self.farthest());
            object["depth_max"] = json!(options.depth.max);
        } else {
            object["seams_real"] = json!(evaluation.seams.map(|(_, real)| real));
            object["seams_tile"] = json!(evaluation.seams.map(|(tile, _)| tile));
            let kid = evaluation.kid.as_ref();
            object["kid_deviation"] = json!(kid.map(|kid| kid.deviation));
            object["kid_subsets"] = json!(kid.map(|kid| kid.subsets));
            object["kid_subset_size"] = json!(kid.map(|kid| kid.size));
            object["inception_sha256"] = json!(self.weights);
            object["inception_resize"] = json!(self.weights.as_ref().map(|_| INCEPTION_RESIZE));
            object["cached_features"] = json!(self.weights.as_ref().map(|_| evaluation.cached_features));
            let level = |level: &LevelDistance| {
                let [height, width] = level.size;
                json!({ "height": height, "width": width, "swd": level.distance })
            };
            let levels = evaluation.swd_levels.as_ref();
            object["swd_levels"] = json!(levels.map(|levels| levels.iter().map(level).collect::<Vec<_>>()));
        }
        if let Some([generated, real]) = &evaluation.segmentation {
            let by_class =
                |found: &Confusion| Map::from_iter(self.class_ious(found).into_iter().map(|(k, v)| (k, json!(v))));
            object["class_iou"] = Value::Object(by_class(generated));
            object["real_images"] = json!({
                "miou": real.mean_iou(), "pixel_accuracy": real.pixel_accuracy(), "dice": real.dice(),
                "class_iou": Value::Object(by_class(real)),
            });
        }
        let why = evaluation.not_measured.iter().map(|(measure, why)| (measure.name().to_owned(), json!(why)));
        object["not_measured"] = Value::Object(Map::from_iter(why));
        object
    }

    /// A head that names the images, and a line for each measure.
    pub fn text(&self) -> String {
        let Report { generated, real, evaluation, .. } = self;
        let Evaluation { counts: [generated_count, real_count], compared, native, .. } = evaluation;
        let mut lines = vec![
            format!("{generated} vs {real}: {generated_count} generated vs {real_count} real; {}", range(compared)),
            match native {
                [generated, real] if generated == real => format!("native size {}", range(real)),
                [generated, real] => format!("native size {} generated, {} real", range(generated), range(real)),
            },
            format!("resized     {}", self.resize.as_deref().unwrap_or("no")),
        ];
        if let Some(hash) = &self.weights {
            let cached = if evaluation.cached_features { "; real features from the cache" } else { "" };
            lines.push(format!("Inception   weights with SHA-256 {hash}{cached}"));
        }
        for (measure, value) in &evaluation.measured {
            let (name, digits, note) = (measure.name(), measure.digits(), measure.note());
            let details = self.details(*measure).map_or_else(String::new, |details| format!("; {details}"));
            lines.push(format!("{name:<11} {:>9}  {note}{details}", fixed(*value, digits)));
        }
        if let Some([generated, _]) = &evaluation.segmentation {
            lines.push(listed(&self.class_ious(generated)));
        }
        if let Some(depth) = &evaluation.depth {
            lines.push(format!("pixels      {:>9}  compared; {} have no real depth", depth.valid, depth.masked));
        }
        lines.extend(self.not_measured().map(|(names, why)| format!("{names:<11} {:>9}  {why}", "-")));
        lines.join("\n  ")
    }

    fn class_ious(&self, found: &Confusion) -> Vec<(String, f64)> {
        class_ious(found, &self.classes)
    }

    /// Measures that could not be computed, with the reason; one line for those with the same.
    fn not_measured(&self) -> impl Iterator<Item = (String, &str)> {
        let groups = self.evaluation.not_measured.chunk_by(|(_, why), (_, next)| why == next);
        groups.map(|group| {
            let names: Vec<&str> = group.iter().map(|(measure, _)| measure.name()).collect();
            (names.join(", "), group[0].1.as_str())
        })
    }

    /// Everything else that the value of a measure depends on.
    fn details(&self, measure: Measure) -> Option<String> {
        let seed = self.options.seed;
        Some(match measure {
            Measure::Swd => {
                let levels = self.evaluation.swd_levels.iter().flatten();
                let level = |level: &LevelDistance| {
                    let [height, width] = level.size;
                    format!(", {width}×{height}: {:.2}", level.distance)
                };
                format!("seed {seed}{}", levels.map(level).collect::<String>())
            }
            Measure::Seams => {
                let (tile, real) = self.evaluation.seams?;
                format!("real images {}; tiles of {tile} pixels", fixed(real, measure.digits()))
            }
            Measure::Fid => format!("images resized {INCEPTION_RESIZE}"),
            Measure::Kid => {
                let kid = self.evaluation.kid.as_ref()?;
                format!("± {:.5} over {} subsets of {}, seed {seed}", kid.deviation, kid.subsets, kid.size)
            }
            Measure::Rmse => match self.options.depth.per_unit {
                None => format!("the maximum level is {}", self.farthest()),
                Some(per_unit) => format!("{per_unit} levels per unit, clamped at {}", self.options.depth.max),
            },
            Measure::Miou => self.of_real(Confusion::mean_iou)?,
            Measure::PixelAccuracy => self.of_real(Confusion::pixel_accuracy)?,
            Measure::Dice => self.of_real(Confusion::dice)?,
            _ => return None,
        })
    }

    /// The value of the real images.
    fn of_real(&self, of: fn(&Confusion) -> Option<f64>) -> Option<String> {
        let [_, real] = self.evaluation.segmentation.as_ref()?;
        Some(format!("real images: {}", fixed(of(real)?, 4)))
    }

    /// The depth of the maximum level, of 16 bits if levels per unit are given.
    fn farthest(&self) -> f64 {
        let depth = &self.options.depth;
        depth.per_unit.map_or(depth.max, |per_unit| f64::from(u16::MAX) / per_unit)
    }
}

/// `WIDTH×HEIGHT`, or a range of both.
fn range(sizes: &Sizes) -> String {
    let side = |[low, high]: [usize; 2]| if low == high { low.to_string() } else { format!("{low}–{high}") };
    format!("{}×{}", side(sizes.widths), side(sizes.heights))
}
