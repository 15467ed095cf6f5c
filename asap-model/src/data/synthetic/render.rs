//! From shapes to pixels: the shape that a pixel shows, its material, and the light on it.

use super::noise::{film, mix, scale};
use super::shape::{Shape, Spot};
use crate::data::{LabelMap, Plane, RgbImage};

/// The longest shadow, in image heights.
const REACH: f32 = 0.045;
/// The height over which a shadow goes from none to full.
const PENUMBRA: f32 = 0.008;
/// How far away higher parts still block light from the sky, in image heights.
const AMBIENT_RADIUS: f32 = 0.016;

/// Labels and photo of the shapes. The first shape is the sky, and covers the image.
pub(super) fn render(shapes: &[Shape], grain_key: u32, height: usize, width: usize) -> (LabelMap, RgbImage) {
    let pixel = 1.0 / height as f32;
    let layers = rasterize(shapes, height, width);
    let labels = Plane::from_fn(height, width, |x, y| shapes[layers.at(x, y)[0]].label);
    let relief = Plane::from_fn(height, width, |x, y| shapes[layers.at(x, y)[0]].relief);
    let around = box_mean(&relief, (AMBIENT_RADIUS * height as f32).ceil() as usize);
    let shadows = shadows(&relief);
    let photo = Plane::from_fn(height, width, |x, y| {
        let [top, under] = layers.at(x, y);
        let shade = |layer: usize| {
            let spot = Spot::new(&shapes[layer], (x as f32 + 0.5) * pixel, (y as f32 + 0.5) * pixel, pixel);
            (shapes[layer].material)(&spot)
        };
        let (front, opacity) = shade(top);
        let [r, g, b] = if opacity < 1.0 { mix(scale(shade(under).0, 0.8), front, opacity) } else { front };
        let ambient = ((around.at(x, y) - relief.at(x, y)) * 9.0).clamp(-0.06, 0.28);
        // Nothing casts a shadow on the sky.
        let light = if top == 0 { 1.0 } else { (1.0 - 0.42 * shadows.at(x, y)) * (1.0 - ambient) };
        // Shadows are lit by the sky alone, which makes them bluish.
        [r * light, g * light, b * (light + 0.05 * (1.0 - light))]
    });
    let photo = soften(&photo);
    (labels, Plane::from_fn(height, width, |x, y| film(photo.at(x, y), x, y, grain_key)))
}

/// For each pixel, the shape on top and the one below it (visible through railings).
fn rasterize(shapes: &[Shape], height: usize, width: usize) -> Plane<[usize; 2]> {
    let mut layers = Plane::from_fn(height, width, |_, _| [0; 2]);
    // The first pixel whose center is at or after a coordinate.
    let first = |at: f32, size: usize| (at * height as f32 - 0.5).ceil().clamp(0.0, size as f32) as usize;
    for (i, shape) in shapes.iter().enumerate() {
        let area = &shape.area;
        let (x0, x1) = (first(area.x0, width), first(area.x1, width));
        for y in first(area.y0, height)..first(area.y1, height) {
            let v = ((y as f32 + 0.5) / height as f32 - area.y0) / area.height();
            for x in x0..x1 {
                let u = ((x as f32 + 0.5) / height as f32 - area.x0) / area.width();
                if shape.form.contains(u, v) {
                    let layer = &mut layers.data[y * width + x];
                    *layer = [i, layer[0]];
                }
            }
        }
    }
    layers
}

/// How far each pixel lies in shadow, 0 to 1: the light comes from the upper left, and a point is dark where
/// something in that direction is higher than the ray of light there.
fn shadows(relief: &Plane<f32>) -> Plane<f32> {
    let Plane { height, width, .. } = *relief;
    let steps = (REACH * height as f32).ceil().clamp(1.0, 24.0);
    let mut highest = vec![f32::NEG_INFINITY; height * width];
    for k in 1..=steps as usize {
        let t = REACH / steps * k as f32;
        let down = (t * height as f32).round() as usize;
        let along = (0.6 * t * height as f32).round() as usize;
        if along >= width {
            break;
        }
        for y in down..height {
            let blockers = &relief.data[(y - down) * width..][..width - along];
            for (high, blocker) in highest[y * width + along..].iter_mut().zip(blockers) {
                *high = if blocker - t > *high { blocker - t } else { *high };
            }
        }
    }
    let shadow = |(high, own): (f32, &f32)| ((high - own) / PENUMBRA + 0.6).clamp(0.0, 1.0);
    Plane { height, width, data: highest.into_iter().zip(&relief.data).map(shadow).collect() }
}

/// Mean over the (2r+1)×(2r+1) pixels around each one; beyond the border the border repeats.
fn box_mean(values: &Plane<f32>, r: usize) -> Plane<f32> {
    let Plane { height, width, .. } = *values;
    let (mut rows, mut means) = (values.clone(), values.clone());
    for y in 0..height {
        running_mean(width, r, |x| values.at(x, y), |x, mean| rows.data[y * width + x] = mean);
    }
    for x in 0..width {
        running_mean(height, r, |y| rows.at(x, y), |y, mean| means.data[y * width + x] = mean);
    }
    means
}

/// Mean over the 2r+1 neighbors of each of `length` values.
fn running_mean(length: usize, r: usize, get: impl Fn(usize) -> f32, mut set: impl FnMut(usize, f32)) {
    let n = (2 * r + 1) as f32;
    let last = length - 1;
    let mut sum = 0.0;
    for i in 0..length {
        // A fresh sum every 64 values, so that rounding errors can't build up along the line.
        if i % 64 == 0 {
            sum = (0..=2 * r).map(|k| get((i + k).saturating_sub(r).min(last))).sum();
        } else {
            sum += get((i + r).min(last)) - get(i.saturating_sub(r + 1));
        }
        set(i, sum / n);
    }
}

/// The lens: a 3×3 blur with weights 1, 6, 1 in each direction, so that edges are no harder than a photo's.
fn soften(photo: &Plane<[f32; 3]>) -> Plane<[f32; 3]> {
    let Plane { height, width, .. } = *photo;
    let blend = |a: [f32; 3], b: [f32; 3], c: [f32; 3]| std::array::from_fn(|i| (a[i] + 6.0 * b[i] + c[i]) * 0.125);
    let rows = Plane::from_fn(height, width, |x, y| {
        blend(photo.at(x.saturating_sub(1), y), photo.at(x, y), photo.at((x + 1).min(width - 1), y))
    });
    Plane::from_fn(height, width, |x, y| {
        blend(rows.at(x, y.saturating_sub(1)), rows.at(x, y), rows.at(x, (y + 1).min(height - 1)))
    })
}
