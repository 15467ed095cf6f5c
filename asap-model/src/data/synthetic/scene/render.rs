//! From a place to pixels: the camera, the sun and its shadows, haze, and what a sensor of depth does not see.

use super::layout::Place;
use super::solid::{Angle, Form, Hit, Solid, Vector, along, dot};
use crate::data::synthetic::noise::{hash, mix, scale, smooth, value_noise};

/// Levels of a depth map that make one metre: depths are in millimetres.
pub const LEVELS_PER_METER: f64 = 1000.0;
/// The farthest depth that is measured, in metres.
pub const FARTHEST_METERS: f64 = 30.0;
/// The level of what was not measured: the sky, what lies farther, dark glossy things, and the holes that sensors leave
/// at edges and here and there.
pub const NOT_MEASURED: u16 = 0;

/// The focal length, in picture heights: 53 degrees from top to bottom.
const FOCAL: f32 = 1.0;
/// The distance at which haze has taken half of a colour, in metres.
const HALF_HAZE: f32 = 24.0;
/// The sky straight up.
const ZENITH: [f32; 3] = [104.0, 150.0, 204.0];
/// Rays a pixel each way, for its colour; its depth is that of its middle.
const RAYS: usize = 2;
/// From which ratio on the depths of two neighbours make an edge.
const EDGE: f32 = 1.15;

/// RGB and levels of depth, row by row.
pub(super) fn render(place: &Place, keys: [u32; 2], height: usize, width: usize) -> (Vec<[u8; 3]>, Vec<u16>) {
    let [grain_key, hole_key] = keys;
    let camera = Camera { place, height, width };
    let mut image = Vec::with_capacity(height * width);
    let mut depth = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0; 3];
            for ray in 0..RAYS * RAYS {
                let part = |index: usize| (index as f32 + 0.5) / RAYS as f32;
                let color = camera.color(x as f32 + part(ray % RAYS), y as f32 + part(ray / RAYS));
                sum = std::array::from_fn(|c| sum[c] + color[c]);
            }
            let grain = 4.0 * (hash(x as i32, y as i32, grain_key) - 0.5);
            image.push(sum.map(|c| (c / (RAYS * RAYS) as f32 + grain + 0.5).clamp(0.0, 255.0) as u8));
            depth.push(camera.measured(x as f32 + 0.5, y as f32 + 0.5));
        }
    }
    (image, levels(&depth, hole_key, height, width))
}

struct Camera<'a> {
    place: &'a Place,
    height: usize,
    width: usize,
}

impl Camera<'_> {
    fn eye(&self) -> Vector {
        [0.0, self.place.eye, 0.0]
    }

    /// The ray through a point of the picture, in pixels. Its parameter is the depth along the camera's axis.
    fn ray(&self, x: f32, y: f32) -> Vector {
        let size = self.height as f32 * FOCAL;
        let (right, up) = ((x - 0.5 * self.width as f32) / size, (0.5 * self.height as f32 - y) / size);
        let Angle { cos, sin } = self.place.tilt;
        [right, cos * up - sin, cos + sin * up]
    }

    /// What a ray meets first.
    fn first(&self, from: Vector, ray: Vector) -> Option<(&Solid, Hit)> {
        let hits = self.place.solids.iter().filter_map(|solid| Some((solid, solid.hit(from, ray)?)));
        hits.fold(None, |first: Option<(&Solid, Hit)>, next| match first {
            Some(first) if first.1.s <= next.1.s => Some(first),
            _ => Some(next),
        })
    }

    /// The depth that a sensor measures, in metres.
    fn measured(&self, x: f32, y: f32) -> Option<f32> {
        let (solid, hit) = self.first(self.eye(), self.ray(x, y))?;
        (!solid.surface.glossy && hit.s <= FARTHEST_METERS as f32).then_some(hit.s)
    }

    fn color(&self, x: f32, y: f32) -> [f32; 3] {
        let (eye, ray) = (self.eye(), self.ray(x, y));
        let Some((solid, hit)) = self.first(eye, ray) else {
            return mix(self.place.haze, ZENITH, smooth(1.8 * ray[1]));
        };
        // What a pixel covers, straight before the camera, and on a surface that leans away.
        let pixel = hit.s / (self.height as f32 * FOCAL);
        let length = dot(ray, ray).sqrt();
        let leaning = (dot(hit.normal, ray).abs() / length).max(0.01);
        let up = if matches!(solid.form, Form::Ground) { pixel / leaning } else { pixel };
        let across = if matches!(solid.form, Form::Ground) { pixel } else { pixel / leaning };
        let lit =
            scale(solid.surface.at(hit.own, hit.own_normal, across, up), self.light(along(eye, ray, hit.s), &hit));
        mix(lit, self.place.haze, hit.s / (hit.s + HALF_HAZE))
    }

    /// The sky's light, more from above, and the sun's where nothing is in its way.
    fn light(&self, point: Vector, hit: &Hit) -> f32 {
        let sky = 0.46 + 0.1 * hit.normal[1];
        let sun = dot(hit.normal, self.place.sun);
        let lit = sun > 0.0 && self.place.solids.iter().all(|solid| solid.hit(point, self.place.sun).is_none());
        if lit { sky + 0.62 * sun } else { sky }
    }
}

/// Depths as levels. Sensors lose some pixels where near and far meet, and patches here and there.
fn levels(depth: &[Option<f32>], key: u32, height: usize, width: usize) -> Vec<u16> {
    let is_edge = |a: Option<f32>, b: Option<f32>| match (a, b) {
        (Some(a), Some(b)) => a > EDGE * b || b > EDGE * a,
        _ => false,
    };
    let level = |pixel: usize| {
        let (x, y) = (pixel % width, pixel / width);
        let metres = depth[pixel]?;
        let right = if x + 1 < width { depth[pixel + 1] } else { None };
        let below = if y + 1 < height { depth[pixel + width] } else { None };
        let edge = is_edge(depth[pixel], right) || is_edge(depth[pixel], below);
        let lost = edge && hash(x as i32, y as i32, key) < 0.5;
        // Cells of a twelfth of the picture's height.
        let at = |place: usize| (place as f32 + 0.5) * 12.0 / height as f32;
        let patch = value_noise(at(x), at(y), key) > 0.8;
        (!lost && !patch).then_some((metres * LEVELS_PER_METER as f32 + 0.5) as u16)
    };
    (0..height * width).map(|pixel| level(pixel).unwrap_or(NOT_MEASURED)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synthetic::scene::surface::{Pattern, Surface};

    /// A square, level camera before a red wall, and nothing else.
    fn before_a_wall(distance: f32) -> Place {
        let surface = Surface { color: [200.0, 20.0, 20.0], pattern: Pattern::Plain, glossy: false };
        let (form, turn) = (Form::Block([50.0, 60.0, 0.5]), Angle::twice(0.0));
        let wall = Solid { form, at: [0.0, distance + 0.5], turn, surface };
        Place { solids: vec![wall], eye: 30.0, tilt: turn, sun: [0.0, 0.6, -0.8], haze: [200.0, 210.0, 220.0] }
    }

    #[test]
    fn depth_is_along_the_cameras_axis_and_haze_takes_more_of_what_is_farther() {
        let mut before = 0.0;
        for distance in [3.0, 6.0, 12.0, 24.0] {
            let place = before_a_wall(distance);
            let camera = Camera { place: &place, height: 8, width: 8 };
            for (x, y) in [(4.0, 4.0), (0.5, 0.5), (7.5, 3.5)] {
                let measured = camera.measured(x, y).expect("a wall");
                assert!((measured - distance).abs() < 1e-4, "{measured} at ({x}, {y}) is not {distance}");
            }
            let green = camera.color(4.0, 4.0)[1];
            assert!(green > before + 10.0 && green < 210.0, "{green} at {distance} metres");
            before = green;
        }
        // At 24 metres half of it is haze.
        let lit = 20.0 * (0.46 + 0.62 * 0.8);
        assert!((before - 0.5 * (210.0 + lit)).abs() < 1e-2, "{before}");
    }

    #[test]
    fn what_is_glossy_too_far_or_the_sky_is_not_measured() {
        let camera = |place: &Place| Camera { place, height: 8, width: 8 }.measured(4.0, 4.0);
        let mut place = before_a_wall(29.9);
        assert!(camera(&place).is_some());
        place.solids[0].surface.glossy = true;
        assert_eq!(camera(&place), None);
        assert_eq!(camera(&before_a_wall(30.1)), None);
        assert_eq!(camera(&Place { solids: Vec::new(), ..before_a_wall(5.0) }), None);
    }

    #[test]
    fn what_stands_before_the_sun_takes_its_light() {
        let mut place = before_a_wall(20.0);
        let wall = place.solids[0];
        let color = |place: &Place| Camera { place, height: 8, width: 8 }.color(4.0, 4.0)[0];
        let light = color(&place);
        // The sun's ray rises by 6 in 8 metres; the ball is on it, ten metres before the wall and 8 above the sight.
        place.solids.push(Solid { form: Form::Ball(37.5), at: [200.0, 0.0], ..wall });
        assert_eq!(color(&place), light);
        place.solids.push(Solid { form: Form::Block([1.0, 38.0, 0.5]), at: [0.0, -5.0], ..wall });
        assert_eq!(color(&place), light);
        place.solids.push(Solid { form: Form::Block([1.0, 60.0, 0.5]), at: [0.0, -5.0], ..wall });
        let haze = 20.0 / (20.0 + HALF_HAZE) * 200.0;
        assert!((color(&place) - haze) / (light - haze) < 0.5, "{} of {light}", color(&place));
    }
}
