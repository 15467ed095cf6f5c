//! A segmentation network with what it was trained on, and its file.

use std::fmt::Debug;
use std::path::Path;

use asap_autograd::Var;
use asap_tensor::{Backend, Tensor};

use super::network::{MULTIPLE, Unet};
use crate::checkpoint::{Checkpoint, Metadata, safetensors};
use crate::config::{Config, DataConfig, InputKind, OutputKind};
use crate::data::Image;
use crate::nn::{Blank, ForwardContext, Initializer, Params};
use crate::{Error, Result};

/// The header's `format`.
const FORMAT: &str = "asap-segmenter";

/// A network that predicts the class of each pixel of an image.
pub trait LabelPredictor: Debug {
    /// The number of classes.
    fn classes(&self) -> usize;

    /// The class of each pixel, row-major.
    fn predict(&self, image: &Image) -> Result<Vec<u8>>;
}

/// A segmentation network for the images of a dataset.
#[derive(Clone, Debug)]
pub struct Segmenter<B: Backend> {
    /// Weights.
    pub params: Params<B>,
    network: Unet,
    width: usize,
    /// The configuration of the data that it was trained on.
    pub config: Config,
}

impl<B: Backend> Segmenter<B> {
    /// A network of `width` channels at full size.
    ///
    /// # Errors
    /// [`Error::Config`] if inputs are not labels or targets are not images.
    pub fn new(backend: &B, config: Config, width: usize, init: &mut dyn Initializer) -> Result<Self> {
        let data = &config.data;
        let wrong = |problem: &str| Err(Error::Config { origin: "segmentation".into(), problem: problem.into() });
        if data.input != InputKind::Labels {
            return wrong(
                "needs inputs that are label maps (data.input = \"labels\"): images have no classes to predict",
            );
        }
        if data.output != OutputKind::Image {
            return wrong(
                "needs targets that are images (data.output = \"image\"): compare depth maps by their errors",
            );
        }
        let (channels, classes) = (data.output_channels(), data.classes);
        let (params, network) = Params::build(backend, init, |b| Unet::new(b, channels, classes, width))?;
        Ok(Segmenter { params, network, width, config })
    }

    /// Writes the weights, with the configuration in the header.
    pub fn save(&self, file: &Path) -> Result<()> {
        let header = [("format", FORMAT.into()), ("config", self.config.to_toml()?), ("width", self.width.to_string())];
        let header: Metadata = header.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        safetensors::write(file, &self.params.to_weights()?, &header)
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is damaged, or not a segmentation network.
    pub fn load(backend: &B, file: &Path) -> Result<Self> {
        let fault = |problem: String| Error::Checkpoint { file: file.into(), problem };
        let (weights, header) = safetensors::read(file)?;
        if header.get("format").is_none_or(|format| format != FORMAT) {
            return Err(fault("not a segmentation network, by its header: asap segmenter trains one".into()));
        }
        let text = |key: &str| header.get(key).ok_or_else(|| fault(format!("its header has no {key}")));
        let config = Config::parse(text("config")?, "the configuration in its header");
        let config = config.map_err(|error| fault(error.to_string()))?;
        let width = text("width")?.parse().ok().filter(|width| (1..=1024).contains(width));
        let width = width.ok_or_else(|| fault("the width in its header is not from 1 to 1024".into()))?;
        let mut segmenter = Segmenter::new(backend, config, width, &mut Blank)?;
        segmenter.params.load(&Checkpoint { file: file.into(), weights, config: None })?;
        Ok(segmenter)
    }

    /// Why it can't segment images of that data; `None` if it can.
    pub fn mismatch(&self, data: &DataConfig) -> Option<String> {
        let own = &self.config.data;
        if data.input != InputKind::Labels {
            return Some("inputs are images (data.input): there are no labels to compare with".into());
        }
        if data.output != OutputKind::Image {
            return Some("outputs are depth maps (data.output), not images".into());
        }
        let differs = |what: &str, [own, other]: [String; 2]| {
            (own != other).then(|| format!("it was trained with {what} {own}, not {other}"))
        };
        let names = |data: &DataConfig| data.class_names()[..data.classes].join(", ");
        let named = own.has_class_names() && data.has_class_names();
        let range = |data: &DataConfig| match &data.output_range {
            Some(range) => format!("{range:?}"),
            None => "unset".into(),
        };
        differs("data.classes", [own.classes, data.classes].map(|classes| classes.to_string()))
            .or_else(|| named.then(|| differs("the classes", [own, data].map(names))).flatten())
            .or_else(|| differs("data.output_channels", [own, data].map(|data| data.output_channels().to_string())))
            .or_else(|| differs("data.output_range", [own, data].map(range)))
    }

    /// Logits (N, classes, H, W) of images (N, C, H, W) in [−1, 1].
    pub(super) fn logits(&self, ctx: &ForwardContext<'_, B>, images: &Var<B>) -> Result<Var<B>> {
        self.network.forward(ctx, images)
    }
}

/// [height, width] that images are padded to.
pub(super) fn padded(size: [usize; 2]) -> [usize; 2] {
    size.map(|side| side.next_multiple_of(MULTIPLE).max(2 * MULTIPLE))
}

impl<B: Backend> LabelPredictor for Segmenter<B> {
    fn classes(&self) -> usize {
        self.config.data.classes
    }

    fn predict(&self, image: &Image) -> Result<Vec<u8>> {
        let [height, width] = image.size();
        let [rows, columns] = padded([height, width]);
        let values = image.pad_to([rows, columns]).values(&self.config.data.output_scale());
        let x = Tensor::from_f32(self.params.backend(), [1, image.channels(), rows, columns], &values)?;
        let ctx = ForwardContext::evaluation(&self.params);
        let logits = self.logits(&ctx, &Var::constant(x))?.value().to_f32()?;
        let class = |pixel: usize| {
            let scores = logits.iter().skip(pixel).step_by(rows * columns);
            // The first of equal scores.
            let best =
                scores.enumerate().fold(
                    (0, f32::NEG_INFINITY),
                    |best, (class, &score)| {
                        if score > best.1 { (class, score) } else { best }
                    },
                );
            best.0 as u8
        };
        Ok((0..height).flat_map(|y| (0..width).map(move |x| y * columns + x)).map(class).collect())
    }
}
