//! What is found in the training images once, and then kept in the configuration.

use super::array::ReadOptions;
use super::decode::read_image;
use super::layout::{ExampleFiles, Split};
use super::names::Role;
use super::pixels::Image;
use super::scan::discover;
use crate::Result;
use crate::config::values::{Ranges, is_range};
use crate::config::{DataConfig, FileFormat, InputKind, OutputKind};

/// Maximum number of images that are read for percentiles.
const IMAGES: usize = 200;

/// Maximum number of pixels of each.
const PIXELS: usize = 1 << 14;

/// Sets what the configuration leaves to the training images: percentiles become ranges, and unset formats and bits of outputs those of
/// the targets. Does nothing for synthetic data, or if all is set.
pub fn find_values(data: &mut DataConfig) -> Result<()> {
    let is_unknown = |ranges: &Option<Ranges>| matches!(ranges, Some(Ranges::Percentiles(_)));
    let input = data.input == InputKind::Image && is_unknown(&data.input_range);
    let output = is_unknown(&data.output_range);
    let Some(dir) = data.dir.clone().filter(|_| data.needs_files()) else { return Ok(()) };
    if !input && !output && data.output_format.is_some() && data.output_bits.is_some() {
        return Ok(());
    }
    let files = discover(&dir, data, Split::Train, true)?.examples;
    if input {
        let options = ReadOptions::input(data);
        data.input_range =
            Some(percentiles(&files, |files| files.half_image(read_image(&files.input, &options)?, Role::Input))?);
    }
    let options = ReadOptions::target(data);
    let target = |files: &ExampleFiles| files.half_image(read_image(files.target()?, &options)?, Role::Target);
    if output {
        data.output_range = Some(percentiles(&files, target)?);
    }
    let Some(first) = files.first() else { return Ok(()) };
    let extension = first.target()?.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let bits = target(first)?.samples().bits();
    // A depth map of 8 bits gets 16: its scale is known, and rounding to 8 loses depth.
    let bits = if data.output == OutputKind::Depth { bits.max(16) } else { bits };
    data.output_bits.get_or_insert(bits);
    let format = FileFormat::of_extension(extension);
    if data.output_format.is_none() && format.can_hold(data.output_channels(), data.output_bits()) {
        data.output_format = Some(format);
    }
    Ok(())
}

/// The percentiles of each channel of images evenly spread over the dataset.
fn percentiles(files: &[ExampleFiles], read: impl Fn(&ExampleFiles) -> Result<Image>) -> Result<Ranges> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    for files in files.iter().step_by(files.len().div_ceil(IMAGES).max(1)) {
        let image = read(files)?;
        let [height, width] = image.size();
        let step = (height * width).div_ceil(PIXELS).max(1);
        values.resize_with(image.channels(), Vec::new);
        for (channel, values) in values.iter_mut().enumerate() {
            values.extend(image.channel(channel).step_by(step).filter(|value| value.is_finite()));
        }
    }
    let range = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let at = |percent: f64| {
            let place = (values.len().saturating_sub(1)) as f64 * percent / 100.0;
            values.get(place.round() as usize).copied().unwrap_or(0.0)
        };
        let [low, high] = Ranges::PERCENTILES.map(at);
        // One value everywhere: any range will do.
        if is_range(&[low, high]) { [low, high] } else { [low, low + low.abs().max(1.0)] }
    };
    Ok(Ranges::Each(values.iter_mut().map(range).collect()))
}
