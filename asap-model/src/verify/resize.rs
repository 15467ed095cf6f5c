//! Resizing of 8-bit images as the published data loader does it, with Pillow.

use asap_tensor::Backend;

use super::case::{Case, Comparison};
use crate::Result;
use crate::data::{Plane, resize_image, resize_nearest};

/// Tolerance of bicubic results, in levels of 255.
const BICUBIC_LEVELS: f64 = 2.0;

pub(super) fn recompute<B: Backend>(_backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let bytes = |name: &str| -> Result<(Vec<usize>, Vec<u8>)> {
        let host = case.host(name)?;
        Ok((host.shape.clone(), host.data.iter().map(|&v| v as u8).collect()))
    };
    let mut compare = |quantity: String, found: &[u8], tolerance: f64| -> Result<()> {
        let (_, expected) = bytes(&quantity)?;
        if expected.len() != found.len() {
            return Err(case.fault(format!("{quantity} has {} bytes, {} were computed", expected.len(), found.len())));
        }
        let error = found.iter().zip(&expected).map(|(&a, &b)| a.abs_diff(b)).max().unwrap_or(0);
        report(Comparison { quantity, error: error.into(), tolerance });
        Ok(())
    };
    let (image_shape, image) = bytes("image")?;
    let (label_shape, labels) = bytes("label")?;
    let (&[height, width, 3], &[label_height, label_width]) = (&image_shape[..], &label_shape[..]) else {
        let problem = format!("image must be (H, W, 3) and label (H, W), not {image_shape:?} and {label_shape:?}");
        return Err(case.fault(problem));
    };
    let image = Plane { height, width, data: image.as_chunks::<3>().0.to_vec() };
    let labels = Plane { height: label_height, width: label_width, data: labels };
    for size in case.entry["sizes"].as_array().into_iter().flatten().filter_map(|size| size.as_str()) {
        let sides: Option<(usize, usize)> =
            size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        let Some((width, height)) = sides.filter(|(width, height)| *width > 0 && *height > 0) else {
            return Err(case.fault(format!("the size {size} in the index is not WIDTHxHEIGHT")));
        };
        let bicubic = resize_image(&image, height, width);
        compare(format!("image.bicubic.{size}"), bicubic.data.as_flattened(), BICUBIC_LEVELS)?;
        compare(format!("label.nearest.{size}"), &resize_nearest(&labels, height, width).data, 0.0)?;
    }
    Ok(())
}
