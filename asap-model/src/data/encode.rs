//! Network outputs as images, and image files, written atomically.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use image::ExtendedColorType;
use image::codecs::bmp::BmpEncoder;
use image::codecs::webp::WebPEncoder;

use super::pixels::{Image, Samples};
use super::plane::{InstanceMap, LabelMap, Plane, RgbImage};
use super::problem::Problem;
use super::{npy, tiff};
use crate::checkpoint::atomic;
use crate::config::{DataConfig, FileFormat};
use crate::{Error, Result};

impl Image {
    /// A generator's output `y`, (C, height, width) in [−1, 1], in the values of the dataset's targets: −1 and 1 are the ends of each
    /// channel's range, rounded unless `data.output_bits` is 32. Depth maps have their [16-bit levels](crate::config::DepthScale::to_level).
    /// `crop` = [height, width] is the size before [`Image::pad_to`]; its upper left corner is that of `y`.
    pub fn from_output(y: &[f32], [height, width]: [usize; 2], crop: [usize; 2], data: &DataConfig) -> Result<Image> {
        let channels = data.output_channels();
        if y.len() != channels * height * width || crop[0] > height || crop[1] > width {
            let ([rows, columns], count) = (crop, y.len());
            return Err(Error::Tensor(asap_tensor::Error::Argument {
                op: "encode",
                why: format!(
                    "a crop of {rows}×{columns} from {count} values is not inside an output of {channels}×{height}×{width}"
                ),
            }));
        }
        let (bits, scale, depth) = (data.output_bits(), data.output_scale(), data.depth());
        let max = if bits == 8 {
            255.0
        } else if bits == 16 {
            65535.0
        } else {
            1.0
        };
        let ranges: Vec<[f64; 2]> = (0..channels).map(|channel| scale.range(channel, max)).collect();
        let stored = |channel: usize, place: usize| {
            let [low, high] = ranges[channel];
            low + (f64::from(y[place]).clamp(-1.0, 1.0) + 1.0) / 2.0 * (high - low)
        };
        let [rows, columns] = crop;
        let layout = Interleaved { rows, columns, channels, height, width };
        let samples = match (bits, depth) {
            (16, Some(depth)) => Samples::U16(layout.each(|_, place| depth.to_level(y[place]))),
            (8, _) if scale.ranges.is_empty() => Samples::U8(layout.each(|_, place| level(y[place]))),
            (8, _) => Samples::U8(layout.each(|channel, place| stored(channel, place).round() as u8)),
            (16, _) => Samples::U16(layout.each(|channel, place| stored(channel, place).round() as u16)),
            _ => Samples::F32(layout.each(|channel, place| stored(channel, place) as f32)),
        };
        Ok(Image::new(crop, channels, samples))
    }
}

/// The upper left `rows`×`columns` pixels of values (channels, height, width).
struct Interleaved {
    rows: usize,
    columns: usize,
    channels: usize,
    height: usize,
    width: usize,
}

impl Interleaved {
    /// `value(channel, place)` of each, pixel by pixel.
    fn each<T>(&self, value: impl Fn(usize, usize) -> T) -> Vec<T> {
        let mut values = Vec::with_capacity(self.rows * self.columns * self.channels);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let place = |channel| (channel * self.height + row) * self.width + column;
                values.extend((0..self.channels).map(|channel| value(channel, place(channel))));
            }
        }
        values
    }
}

/// The 8-bit level of a value in [−1, 1]; the conversion clamps.
pub(super) fn level(y: f32) -> u8 {
    ((y + 1.0) / 2.0 * 255.0).round() as u8
}

/// Writes an image in a format that [can hold it](FileFormat::can_hold).
pub fn write_image(file: &Path, image: &Image, format: FileFormat) -> Result<()> {
    let ([height, width], channels, bits) = (image.size(), image.channels(), image.samples().bits());
    if !format.can_hold(channels, bits) {
        let format = format.name();
        return Problem::err(file, format!("{format} can't hold {channels} channels of {bits} bits; use tiff or npy"));
    }
    let color = match (channels, bits) {
        (1, 8) => ExtendedColorType::L8,
        (3, 8) => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    let encode = |error: image::ImageError| match error {
        image::ImageError::IoError(error) => error,
        other => io::Error::other(other),
    };
    match (format, image.samples()) {
        (FileFormat::Png, samples) => {
            let bytes: Cow<'_, [u8]> = match samples {
                Samples::U8(values) => values.into(),
                Samples::U16(values) => values.iter().flat_map(|v| v.to_be_bytes()).collect(),
                Samples::F32(_) => unreachable!("PNG has no floating point"),
            };
            write_png(file, height, width, &bytes, |encoder| {
                use png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
                encoder.set_color([Grayscale, GrayscaleAlpha, Rgb, Rgba][channels - 1]);
                encoder.set_depth(if bits == 16 { png::BitDepth::Sixteen } else { png::BitDepth::Eight });
            })
        }
        (FileFormat::Tiff, _) => atomic::write(file, |to| {
            tiff::write(to, image).map_err(|error| match error {
                ::tiff::TiffError::IoError(error) => error,
                other => io::Error::other(other),
            })
        }),
        (FileFormat::Npy, _) => atomic::write(file, |to| npy::write(to, image)),
        (FileFormat::Bmp, Samples::U8(values)) => atomic::write(file, |mut to| {
            BmpEncoder::new(&mut to).encode(values, width as u32, height as u32, color).map_err(encode)
        }),
        (FileFormat::Webp, Samples::U8(values)) => atomic::write(file, |to| {
            WebPEncoder::new_lossless(to).encode(values, width as u32, height as u32, color).map_err(encode)
        }),
        (FileFormat::Bmp | FileFormat::Webp, _) => unreachable!("they have 8 bits"),
    }
}

/// Writes an RGB PNG.
pub fn write_rgb(file: &Path, image: &RgbImage) -> Result<()> {
    write_png(file, image.height, image.width, image.data.as_flattened(), |encoder| {
        encoder.set_color(png::ColorType::Rgb);
    })
}

/// Writes a label map as a palette PNG whose raw index is the id; `palette` has the color of each id.
pub fn write_labels(file: &Path, labels: &LabelMap, palette: &[[u8; 3]]) -> Result<()> {
    let wrong = |problem: String| Err(Error::Data { file: file.to_path_buf(), problem });
    if palette.len() > 256 {
        return wrong(format!("a palette has at most 256 colors, not {}", palette.len()));
    }
    if let Some(&id) = labels.data.iter().find(|&&id| usize::from(id) >= palette.len()) {
        return wrong(format!("label {id} has no color in a palette of {}", palette.len()));
    }
    write_png(file, labels.height, labels.width, &labels.data, |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette.as_flattened().to_vec());
    })
}

/// Writes an instance map as a 16-bit gray PNG.
pub fn write_instances(file: &Path, instances: &InstanceMap) -> Result<()> {
    let data = instances.data.iter().map(|&id| u16::try_from(id)).collect::<Result<_, _>>();
    let data = data.map_err(|_| Error::Data {
        file: file.to_path_buf(),
        problem: "instance ids must be at most 65535".to_string(),
    })?;
    let plane = Plane { height: instances.height, width: instances.width, data };
    write_image(file, &Image::gray16(plane), FileFormat::Png)
}

fn write_png(
    file: &Path,
    height: usize,
    width: usize,
    bytes: &[u8],
    configure: impl FnOnce(&mut png::Encoder<'_, &mut dyn Write>),
) -> Result<()> {
    atomic::write(file, |out| {
        let mut encoder = png::Encoder::new(out as &mut dyn Write, width as u32, height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        configure(&mut encoder);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(bytes)?;
        writer.finish()?;
        Ok(())
    })
}
