//! Network outputs as pictures, and PNG files, written atomically.

use std::io::Write;
use std::path::Path;

use super::plane::{InstanceMap, LabelMap, Picture, Plane, RgbImage};
use crate::checkpoint::atomic;
use crate::config::DepthScale;
use crate::{Error, Result};

impl Picture {
    /// A generator's output `y`, (C, height, width) in [−1, 1]: an RGB image of the levels `round((y + 1) / 2 · 255)`, clamped, or
    /// with a scale a depth map of its [16-bit levels](DepthScale::to_level). `crop` = [height, width] is the size before
    /// [`Plane::pad_to`]; its upper left corner is that of `y`.
    pub fn from_output(
        y: &[f32],
        [height, width]: [usize; 2],
        crop: [usize; 2],
        scale: Option<DepthScale>,
    ) -> Result<Picture> {
        let channels = if scale.is_some() { 1 } else { 3 };
        if y.len() != channels * height * width || crop[0] > height || crop[1] > width {
            let ([rows, columns], count) = (crop, y.len());
            return Err(Error::Tensor(asap_tensor::Error::Argument {
                op: "encode",
                why: format!(
                    "a crop of {rows}×{columns} from {count} values is not inside an output of {channels}×{height}×{width}"
                ),
            }));
        }
        let at = |c: usize, x: usize, row: usize| y[(c * height + row) * width + x];
        Ok(match scale {
            None => Picture::Rgb(Plane::from_fn(crop[0], crop[1], |x, row| [0, 1, 2].map(|c| level(at(c, x, row))))),
            Some(scale) => Picture::Gray16(Plane::from_fn(crop[0], crop[1], |x, row| scale.to_level(at(0, x, row)))),
        })
    }
}

/// The 8-bit level of a value in [−1, 1]; the conversion clamps.
fn level(y: f32) -> u8 {
    ((y + 1.0) / 2.0 * 255.0).round() as u8
}

/// Writes a PNG with the picture's own bit depth.
pub fn write_picture(file: &Path, picture: &Picture) -> Result<()> {
    match picture {
        Picture::Rgb(image) => write_rgb(file, image),
        Picture::Gray8(image) => write_gray8(file, image),
        Picture::Gray16(image) => write_gray16(file, image),
    }
}

/// Writes an RGB PNG.
pub fn write_rgb(file: &Path, image: &RgbImage) -> Result<()> {
    write_png(file, image.height, image.width, image.data.as_flattened(), |encoder| {
        encoder.set_color(png::ColorType::Rgb);
    })
}

/// Writes an 8-bit gray PNG.
pub fn write_gray8(file: &Path, image: &Plane<u8>) -> Result<()> {
    write_png(file, image.height, image.width, &image.data, |encoder| encoder.set_color(png::ColorType::Grayscale))
}

/// Writes a 16-bit gray PNG.
pub fn write_gray16(file: &Path, image: &Plane<u16>) -> Result<()> {
    let bytes: Vec<u8> = image.data.iter().flat_map(|v| v.to_be_bytes()).collect();
    write_png(file, image.height, image.width, &bytes, |encoder| {
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
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
    write_gray16(file, &Plane { height: instances.height, width: instances.width, data })
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
