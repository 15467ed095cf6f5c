//! The range of every value, and which values must agree.

use std::ops::RangeInclusive;

use super::{
    ComparedConfig, Config, DataConfig, DiscriminatorConfig, GeneratorConfig, GeneratorKind, Input, Layout, LossConfig,
    Output, Resize, TrainConfig,
};
use crate::{Error, Result, vgg};

/// A key and what is wrong with its value.
pub(super) type Fault = (&'static str, String);

/// Sides of pictures, in pixels: above it one picture's features no longer fit any memory.
const SIDES: RangeInclusive<usize> = 4..=16384;
/// Channels of a layer: above it one layer's weights no longer fit any memory.
const WIDTHS: RangeInclusive<usize> = 1..=8192;
/// Weights of the convolution that predicts the tiles' parameters: 4 GiB.
const MAX_PREDICTING_WEIGHTS: usize = 1 << 30;
/// Factors of the compared generators' widths: published widths are up to 1024.
const WIDTH_FACTORS: RangeInclusive<f64> = 1.0 / 64.0..=8.0;
/// TOML's integers are signed.
const COUNTS: RangeInclusive<u64> = 0..=i64::MAX as u64;

impl Config {
    /// Checks every value's range and that values agree.
    ///
    /// # Errors
    /// [`Error::Config`] names the first key at fault and its value, and says what is allowed.
    pub fn validate(&self) -> Result<()> {
        match self.fault() {
            Some((_, problem)) => Err(Error::Config { origin: "configuration".into(), problem }),
            None => Ok(()),
        }
    }

    /// Checks that training has what its losses need.
    ///
    /// # Errors
    /// [`Error::Config`] if the perceptual loss has a weight but no file with VGG19's weights is set, or pictures are too
    /// small for it.
    pub fn check_losses(&self) -> Result<()> {
        if self.loss.lambda_vgg == 0.0 {
            return Ok(());
        }
        let [height, width] = self.data.size;
        if height.min(width) < vgg::MIN_SIDE {
            return Err(Error::Config {
                origin: "configuration".into(),
                problem: format!(
                    "data.size = [{height}, {width}] is too small for the perceptual loss, whose network halves a picture \
                     four times: train with sides of at least {}, or without that loss: --set loss.lambda_vgg=0",
                    vgg::MIN_SIDE
                ),
            });
        }
        if self.loss.vgg_weights.is_some() {
            return Ok(());
        }
        Err(Error::Config {
            origin: "configuration".into(),
            problem: format!(
                "loss.lambda_vgg is {} but loss.vgg_weights names no file: set it to torchvision's weights of VGG19, \
                 vgg19-dcbb9e9d.pth (https://download.pytorch.org/models/vgg19-dcbb9e9d.pth; in Python \
                 torchvision.models.vgg19(weights=\"IMAGENET1K_V1\") downloads it), or train without that loss: \
                 --set loss.lambda_vgg=0",
                self.loss.lambda_vgg
            ),
        })
    }

    /// The first key at fault, and what is wrong with it.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.check().err()
    }

    fn check(&self) -> Result<(), Fault> {
        self.data.check()?;
        self.generator.check()?;
        self.discriminator.check()?;
        self.loss.check()?;
        self.train.check()?;
        if let Some(compared) = self.generator.compared() {
            return self.check_sides(compared.multiple(), compared.least_side(), || {
                format!("a multiple of {} for generator.kind = \"{}\"", compared.multiple(), self.generator.kind.name())
            });
        }
        let channels = self.generator.mlp_channels(&self.data);
        let predicted: usize = channels.windows(2).map(|pair| pair[0] * pair[1] + pair[1]).sum();
        if predicted * self.generator.max_width > MAX_PREDICTING_WEIGHTS {
            return Err((
                "generator.mlp_width",
                format!(
                    "generator.mlp_width = {}: with {} layers each tile has {predicted} parameters, and the convolution that \
                     predicts them from generator.max_width = {} channels has more than 2^30 weights; lower one of them",
                    self.generator.mlp_width, self.generator.mlp_depth, self.generator.max_width
                ),
            ));
        }
        let tile = self.generator.tile;
        self.check_sides(tile, self.generator.least_side(), || format!("a multiple of generator.tile = {tile}"))
    }

    /// Checks that the generator can draw pictures of this size; `what` says what sides must be.
    fn check_sides(&self, multiple: usize, least: usize, what: impl Fn() -> String) -> Result<(), Fault> {
        let size = self.data.size;
        for (side, length) in size.into_iter().zip(["height", "width"]) {
            if !side.is_multiple_of(multiple) || side < least {
                let problem = format!("data.size = {size:?}: the {length} {side} must be {}, at least {least}", what());
                return Err(("data.size", problem));
            }
        }
        Ok(())
    }
}

impl DataConfig {
    /// Checks every value of this section; [`Config::validate`] does so too.
    ///
    /// # Errors
    /// As [`Config::validate`].
    pub fn validate(&self) -> Result<()> {
        self.check().map_err(|(_, problem)| Error::Config { origin: "configuration".into(), problem })
    }

    fn check(&self) -> Result<(), Fault> {
        within("data.classes", self.classes, 2..=256)?;
        for side in self.size.iter().chain(self.load_size.iter().flatten()) {
            if !SIDES.contains(side) {
                let key = if self.size.contains(side) { "data.size" } else { "data.load_size" };
                let (least, most) = SIDES.into_inner();
                return Err((key, format!("{key} has a side of {side} pixels: it must be from {least} to {most}")));
            }
        }
        within("data.workers", self.workers, 0..=256)?;
        within("data.count", self.count, 1..=10_000_000)?;
        within("data.val_count", self.val_count, 1..=10_000_000)?;
        if self.resize == Resize::ResizeAndCrop
            && let Some([height, width]) = self.load_size
            && (height < self.size[0] || width < self.size[1])
        {
            return Err((
                "data.load_size",
                format!(
                    "data.load_size = [{height}, {width}]: pictures are cut from it, so neither side may be below \
                     data.size = {:?}",
                    self.size
                ),
            ));
        }
        self.check_depth()?;
        let synthetic = self.layout == Layout::Synthetic;
        if synthetic && (self.input == Input::Rgb) != (self.output == Output::Depth) {
            return Err((
                "data.output",
                "data.layout = \"synthetic\" makes facades, from labels to rgb, and scenes, from rgb to depth: set \
                 data.input and data.output so"
                    .to_string(),
            ));
        }
        if self.input == Input::Rgb && !synthetic && self.layout != Layout::Pairs {
            return Err((
                "data.input",
                "data.input = \"rgb\" needs data.layout = \"pairs\": the other layouts hold label maps".to_string(),
            ));
        }
        if synthetic && self.instances {
            return Err((
                "data.instances",
                "data.instances = true: synthetic pictures have no instance maps; set it to false".to_string(),
            ));
        }
        if synthetic && self.input == Input::Labels && self.classes < 13 {
            return Err((
                "data.classes",
                format!("data.classes = {}: the synthetic facades have ids from 0 to 12, so at least 13", self.classes),
            ));
        }
        Ok(())
    }

    /// The keys of depth maps.
    fn check_depth(&self) -> Result<(), Fault> {
        let Some(depth) = self.depth() else {
            let set = [
                ("data.depth_scale", self.depth_scale.map(|scale| scale.to_string())),
                ("data.depth_max", self.depth_max.map(|max| max.to_string())),
                ("data.depth_invalid", self.depth_invalid.map(|level| level.to_string())),
            ];
            let Some((key, value)) = set.into_iter().find_map(|(key, value)| Some((key, value?))) else {
                return Ok(());
            };
            let problem =
                format!("{key} = {value}: it is for depth maps; set data.output = \"depth\", or leave it out");
            return Err((key, problem));
        };
        for (key, value) in [("data.depth_scale", self.depth_scale), ("data.depth_max", self.depth_max)] {
            if value.is_some_and(|value| !(value > 0.0 && value.is_finite())) {
                let value = value.unwrap_or_default();
                return Err((key, format!("{key} = {value}: it must be above 0 and finite")));
            }
        }
        let most = f64::from(u16::MAX);
        if let (Some(per_unit), Some(max)) = (self.depth_scale, self.depth_max)
            && !(1.0..=most).contains(&depth.full_level(most))
        {
            let problem = format!(
                "data.depth_max = {max}: with data.depth_scale = {per_unit} levels a unit that is level {}, which must be \
                 from 1 to {most}, the largest of 16 bits",
                depth.full_level(most)
            );
            return Err(("data.depth_max", problem));
        }
        within("data.depth_invalid", self.depth_invalid.unwrap_or(0), 0..=u32::from(u16::MAX))
    }
}

impl GeneratorConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.check_compared()?;
        power_of_two("generator.tile", self.tile, 2..=1024)?;
        power_of_two("generator.learned_factor", self.learned_factor, 2..=1024)?;
        if self.tile < self.learned_factor {
            return Err((
                "generator.tile",
                format!(
                    "generator.tile = {}: it must be at least generator.learned_factor = {}, a part of it",
                    self.tile, self.learned_factor
                ),
            ));
        }
        within("generator.width", self.width, WIDTHS)?;
        within("generator.max_width", self.max_width, WIDTHS)?;
        within("generator.depth", self.depth, 0..=64)?;
        within("generator.mlp_width", self.mlp_width, 1..=512)?;
        within("generator.mlp_depth", self.mlp_depth, 1..=16)
    }

    /// The keys of the compared generators.
    fn check_compared(&self) -> Result<(), Fault> {
        let kind = self.kind;
        within("generator.width_factor", self.width_factor, WIDTH_FACTORS)?;
        if kind == GeneratorKind::Asap && self.width_factor != 1.0 {
            let problem = format!(
                "generator.width_factor = {}: it is for the compared generators; of asap set generator.width, max_width and \
                 mlp_width",
                self.width_factor
            );
            return Err(("generator.width_factor", problem));
        }
        let none =
            |key: &str| format!("generator.{key} is set, but generator.kind = \"{}\" has none to choose", kind.name());
        match (ComparedConfig::halvings_of(kind), self.halvings) {
            (None, Some(_)) => return Err(("generator.halvings", none("halvings"))),
            (Some(allowed), Some(halvings)) => within("generator.halvings", halvings, allowed)?,
            (_, None) => {}
        }
        match self.blocks {
            Some(_) if !ComparedConfig::has_blocks(kind) => Err(("generator.blocks", none("blocks"))),
            Some(blocks) => within("generator.blocks", blocks, 0..=64),
            None => Ok(()),
        }
    }
}

impl DiscriminatorConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        within("discriminator.scales", self.scales, 1..=8)?;
        within("discriminator.layers", self.layers, 1..=10)?;
        within("discriminator.width", self.width, WIDTHS)?;
        within("discriminator.max_width", self.max_width, WIDTHS)
    }
}

impl LossConfig {
    fn check(&self) -> Result<(), Fault> {
        for (key, value) in [
            ("loss.lambda_feat", self.lambda_feat),
            ("loss.lambda_vgg", self.lambda_vgg),
            ("loss.lambda_l1", self.lambda_l1),
        ] {
            if !(0.0..=1e6).contains(&value) {
                return Err((key, format!("{key} = {value}: a weight is from 0 (off) to 1e6")));
            }
        }
        Ok(())
    }
}

impl TrainConfig {
    fn check(&self) -> Result<(), Fault> {
        within("train.epochs", self.epochs, 1..=1_000_000)?;
        if self.decay_epochs > self.epochs {
            return Err((
                "train.decay_epochs",
                format!(
                    "train.decay_epochs = {}: it is a part of train.epochs = {}, so at most that",
                    self.decay_epochs, self.epochs
                ),
            ));
        }
        if let Some(steps) = self.steps {
            within("train.steps", steps, 1..=i64::MAX as u64)?;
        }
        if let Some(minutes) = self.minutes
            && !(minutes > 0.0 && minutes.is_finite())
        {
            return Err(("train.minutes", format!("train.minutes = {minutes}: it must be above 0 and finite")));
        }
        within("train.batch", self.batch, 1..=4096)?;
        if !(self.init_gain > 0.0 && self.init_gain <= 100.0) {
            let problem = format!("train.init_gain = {}: it must be above 0 and at most 100", self.init_gain);
            return Err(("train.init_gain", problem));
        }
        // Which rate is too high shows in training: it diverges.
        for (key, value) in
            [("train.lr_generator", self.lr_generator), ("train.lr_discriminator", self.lr_discriminator)]
        {
            if !(value > 0.0 && value.is_finite()) {
                return Err((key, format!("{key} = {value}: it must be above 0 and finite")));
            }
        }
        for (key, value) in [("train.beta1", self.beta1), ("train.beta2", self.beta2)] {
            if !(0.0..1.0).contains(&value) {
                return Err((key, format!("{key} = {value}: it must be at least 0 and below 1")));
            }
        }
        within("train.seed", self.seed, COUNTS)?;
        within("train.save_every", self.save_every, COUNTS)?;
        within("train.sample_every", self.sample_every, COUNTS)?;
        within("train.validate_count", self.validate_count, 1..=1_000_000)
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    key: &'static str,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), Fault> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err((key, format!("{key} = {value}: it must be from {} to {}", allowed.start(), allowed.end())))
}

fn power_of_two(key: &'static str, value: usize, allowed: RangeInclusive<usize>) -> Result<(), Fault> {
    if value.is_power_of_two() {
        return within(key, value, allowed);
    }
    Err((key, format!("{key} = {value}: it must be a power of two from {} to {}", allowed.start(), allowed.end())))
}
