//! Training and validation pairs as configured.

use std::sync::Arc;

use super::pairs::Pairs;
use crate::config::{Config, Layout, OutputKind, Ranges, Resize};
use crate::data::{Dataset, Source, Split, Synthetic, synthetic};
use crate::{Error, Result};

/// The pairs of a run.
#[derive(Clone)]
pub struct Sources {
    /// Training pairs.
    pub training: Arc<dyn Source>,
    /// Validation pairs.
    pub validation: Arc<dyn Source>,
    /// What identifies the pairs, if their files have been read: a run that resumes compares it.
    pub pairs: Option<Pairs>,
}

impl Sources {
    /// The dataset in `data.dir`, or synthetic pairs: those for validation follow those for training.
    ///
    /// # Errors
    /// [`Error::Config`] if `data.dir` is needed and not set; otherwise as [`Dataset::discover`].
    pub fn open(config: &Config) -> Result<Self> {
        let data = &config.data;
        if data.layout == Layout::Synthetic {
            let size = match data.resize {
                Resize::ResizeAndCrop => data.load_size.unwrap_or(data.size),
                Resize::Fixed | Resize::Crop | Resize::None => data.size,
            };
            let seed = config.train.seed;
            let kind = match data.output {
                OutputKind::Image => synthetic::Kind::Facades,
                OutputKind::Depth => synthetic::Kind::Scenes,
            };
            let made = |first, count| -> Arc<dyn Source> { Arc::new(Synthetic { kind, seed, first, count, size }) };
            let [training, validation] = [made(0, data.count), made(data.count as u64, data.val_count)];
            return Ok(Sources { training, validation, pairs: None });
        }
        let Some(dir) = &data.dir else {
            let problem = "data.dir is not set: pass the dataset with --data DIR".to_string();
            return Err(Error::Config { origin: "configuration".into(), problem });
        };
        for (name, ranges) in [("input_range", &data.input_range), ("output_range", &data.output_range)] {
            if matches!(ranges, Some(Ranges::Percentiles(_))) {
                let problem = format!("the percentiles of data.{name} are not known yet: data::find_values finds them");
                return Err(Error::Config { origin: "configuration".into(), problem });
            }
        }
        Ok(Sources {
            training: Arc::new(Dataset::discover(dir, data, Split::Train)?),
            validation: Arc::new(Dataset::discover(dir, data, Split::Val)?),
            pairs: None,
        })
    }
}
