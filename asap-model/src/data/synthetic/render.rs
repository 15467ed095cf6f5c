//! From shapes to pixels: which shape a pixel shows, its material, and the light on it.

use super::material::{Spot, shade};
use super::noise::{hash, mix, scale};
use super::shape::{Material, Shape};

/// The longest shadow, in picture heights.
const REACH: f32 = 0.045;
/// Over how much height a shadow goes from none to full.
const PENUMBRA: f32 = 0.008;
/// How far the sky is blocked by what stands near, in picture heights.
const AMBIENT_RADIUS: f32 = 0.016;

/// Labels (H·W) and RGB photo (H·W·3) of the shapes. The first shape must cover the picture.
pub(super) fn render(shapes: &[Shape], grain_key: u32, height: usize, width: usize) -> (Vec<u8>, Vec<u8>) {
    let pixel = 1.0 / height as f32;
    let layers = Layers::rasterise(shapes, height, width);
    let labels = layers.top.iter().map(|&i| shapes[i as usize].label).collect();
    let relief: Vec<f32> = layers.top.iter().map(|&i| shapes[i as usize].relief).collect();
    let around = box_mean(&relief, height, width, (AMBIENT_RADIUS * height as f32).ceil() as usize);

    let shadows = shadows(&relief, height, width);
    let mut photo = vec![[0.0f32; 3]; height * width];
    for y in 0..height {
        for x in 0..width {
            let p = y * width + x;
            let (wx, wy) = ((x as f32 + 0.5) * pixel, (y as f32 + 0.5) * pixel);
            let (front, opacity) = shade(&Spot::new(&shapes[layers.top[p] as usize], wx, wy, pixel));
            let color = if opacity < 1.0 {
                let (back, _) = shade(&Spot::new(&shapes[layers.under[p] as usize], wx, wy, pixel));
                mix(scale(back, 0.8), front, opacity)
            } else {
                front
            };
            let ambient = ((around[p] - relief[p]) * 9.0).clamp(-0.06, 0.28);
            // Nothing casts a shadow on the sky.
            let sky = matches!(shapes[layers.top[p] as usize].material, Material::Sky(_));
            let light = if sky { 1.0 } else { (1.0 - 0.42 * shadows[p]) * (1.0 - ambient) };
            // Shadows are lit by the sky alone, so they lean to blue.
            photo[p] = [color[0] * light, color[1] * light, color[2] * (light + 0.05 * (1.0 - light))];
        }
    }
    let photo = soften(&photo, height, width);

    let mut image = Vec::with_capacity(3 * height * width);
    for (p, color) in photo.iter().enumerate() {
        let grain = 4.0 * (hash((p % width) as i32, (p / width) as i32, grain_key) - 0.5);
        image.extend(color.map(|c| (c + grain + 0.5).clamp(0.0, 255.0) as u8));
    }
    (labels, image)
}

/// For each pixel, the shape on top and the one that was there before it (seen through railings).
struct Layers {
    top: Vec<u32>,
    under: Vec<u32>,
}

impl Layers {
    fn rasterise(shapes: &[Shape], height: usize, width: usize) -> Self {
        let mut top = vec![0u32; height * width];
        let mut under = top.clone();
        // The first pixel whose centre is at or after a coordinate.
        let first = |at: f32, size: usize| (at * height as f32 - 0.5).ceil().clamp(0.0, size as f32) as usize;
        for (i, shape) in shapes.iter().enumerate() {
            let area = &shape.area;
            let (x0, x1) = (first(area.x0, width), first(area.x1, width));
            for y in first(area.y0, height)..first(area.y1, height) {
                let v = ((y as f32 + 0.5) / height as f32 - area.y0) / area.height();
                for x in x0..x1 {
                    let u = ((x as f32 + 0.5) / height as f32 - area.x0) / area.width();
                    if shape.form.contains(u, v) {
                        let p = y * width + x;
                        under[p] = top[p];
                        top[p] = i as u32;
                    }
                }
            }
        }
        Self { top, under }
    }
}

/// How far each pixel lies in shadow, 0 to 1: the light comes from the upper left, and a point is dark where
/// something in that direction stands higher than the ray towards the light does there.
fn shadows(relief: &[f32], height: usize, width: usize) -> Vec<f32> {
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
            let blockers = &relief[(y - down) * width..][..width - along];
            for (high, blocker) in highest[y * width + along..].iter_mut().zip(blockers) {
                *high = if blocker - t > *high { blocker - t } else { *high };
            }
        }
    }
    highest.iter().zip(relief).map(|(high, own)| ((high - own) / PENUMBRA + 0.6).clamp(0.0, 1.0)).collect()
}

/// Mean over the (2r+1)×(2r+1) pixels around each one; beyond the border the border repeats.
fn box_mean(values: &[f32], height: usize, width: usize, r: usize) -> Vec<f32> {
    let mut rows = vec![0.0; values.len()];
    for y in 0..height {
        running_mean(width, r, |x| values[y * width + x], |x, mean| rows[y * width + x] = mean);
    }
    let mut means = vec![0.0; values.len()];
    for x in 0..width {
        running_mean(height, r, |y| rows[y * width + x], |y, mean| means[y * width + x] = mean);
    }
    means
}

/// Mean over the 2r+1 neighbours of each of `length` values.
fn running_mean(length: usize, r: usize, get: impl Fn(usize) -> f32, mut set: impl FnMut(usize, f32)) {
    let n = (2 * r + 1) as f32;
    let last = length - 1;
    let mut sum = 0.0;
    for i in 0..length {
        // Summed afresh every 64 values, so that rounding can't build up along the line.
        if i % 64 == 0 {
            sum = (0..=2 * r).map(|k| get((i + k).saturating_sub(r).min(last))).sum();
        } else {
            sum += get((i + r).min(last)) - get(i.saturating_sub(r + 1));
        }
        set(i, sum / n);
    }
}

/// The lens: a 3×3 blur with weights 1, 6, 1 in each direction, so that edges are not harder than a photo's.
fn soften(photo: &[[f32; 3]], height: usize, width: usize) -> Vec<[f32; 3]> {
    let blend = |a: [f32; 3], b: [f32; 3], c: [f32; 3]| std::array::from_fn(|i| (a[i] + 6.0 * b[i] + c[i]) * 0.125);
    let mut rows = Vec::with_capacity(photo.len());
    for row in photo.chunks_exact(width) {
        for x in 0..width {
            rows.push(blend(row[x.saturating_sub(1)], row[x], row[(x + 1).min(width - 1)]));
        }
    }
    let mut out = Vec::with_capacity(photo.len());
    for y in 0..height {
        let (above, below) = (y.saturating_sub(1) * width, (y + 1).min(height - 1) * width);
        for x in 0..width {
            out.push(blend(rows[above + x], rows[y * width + x], rows[below + x]));
        }
    }
    out
}
