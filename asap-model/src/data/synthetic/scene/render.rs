//! From a world to pixels: the camera, the sun and its shadows, haze, and the pixels that a depth sensor misses.

use super::layout::World;
use super::object::{Angle, Form, Hit, Object, Vector, along, dot};
use crate::data::synthetic::noise::{film, hash, mix, scale, smooth, value_noise};
use crate::data::{Plane, RgbImage};

/// Depth levels per meter: depths are in millimeters.
pub const LEVELS_PER_METER: f64 = 1000.0;
/// The largest measured depth, in meters.
pub const FARTHEST_METERS: f64 = 30.0;
/// The level of a pixel without a depth: the sky, everything farther away, dark glossy objects, and the holes that
/// sensors leave at edges and in random patches.
pub const NOT_MEASURED: u16 = 0;

/// The focal length, in image heights: 53 degrees from top to bottom.
const FOCAL: f32 = 1.0;
/// The distance at which half of a color is haze, in meters.
const HALF_HAZE: f32 = 24.0;
/// The sky straight up.
const ZENITH: [f32; 3] = [104.0, 150.0, 204.0];
/// Rays per pixel and direction, for its color; the depth is that of its center.
const RAYS: usize = 2;
/// The minimum ratio of depths at an edge between two neighbors.
const EDGE: f32 = 1.15;

/// The image, and its depth map.
pub(super) fn render(world: &World, keys: [u32; 2], height: usize, width: usize) -> (RgbImage, Plane<u16>) {
    let [grain_key, hole_key] = keys;
    let camera = Camera { world, height, width };
    let image = Plane::from_fn(height, width, |x, y| {
        let mut sum = [0.0; 3];
        for ray in 0..RAYS * RAYS {
            let part = |index: usize| (index as f32 + 0.5) / RAYS as f32;
            let color = camera.color(x as f32 + part(ray % RAYS), y as f32 + part(ray / RAYS));
            sum = std::array::from_fn(|c| sum[c] + color[c]);
        }
        film(sum.map(|c| c / (RAYS * RAYS) as f32), x, y, grain_key)
    });
    let depth = Plane::from_fn(height, width, |x, y| camera.measured(x as f32 + 0.5, y as f32 + 0.5));
    let level = |x, y| level(&depth, x, y, hole_key).unwrap_or(NOT_MEASURED);
    (image, Plane::from_fn(height, width, level))
}

struct Camera<'a> {
    world: &'a World,
    height: usize,
    width: usize,
}

impl Camera<'_> {
    /// The first hit of the ray from the camera through a point of the image, in pixels. The ray's parameter is the depth
    /// along the camera's axis. Also returns the start and the direction of the ray.
    fn first(&self, x: f32, y: f32) -> (Option<(&Object, Hit)>, [Vector; 2]) {
        let size = self.height as f32 * FOCAL;
        let (right, up) = ((x - 0.5 * self.width as f32) / size, (0.5 * self.height as f32 - y) / size);
        let Angle { cos, sin } = self.world.tilt;
        let (eye, ray) = ([0.0, self.world.eye, 0.0], [right, cos * up - sin, cos + sin * up]);
        let hits = self.world.objects.iter().filter_map(|object| Some((object, object.hit(eye, ray)?)));
        (hits.min_by(|(_, a), (_, b)| a.s.total_cmp(&b.s)), [eye, ray])
    }

    /// The depth that a sensor measures, in meters.
    fn measured(&self, x: f32, y: f32) -> Option<f32> {
        let (object, hit) = self.first(x, y).0?;
        (!object.surface.glossy && hit.s <= FARTHEST_METERS as f32).then_some(hit.s)
    }

    fn color(&self, x: f32, y: f32) -> [f32; 3] {
        let (first, [eye, ray]) = self.first(x, y);
        let Some((object, hit)) = first else {
            return mix(self.world.haze, ZENITH, smooth(1.8 * ray[1]));
        };
        // The length that a pixel covers, facing the camera and on a slanted surface.
        let pixel = hit.s / (self.height as f32 * FOCAL);
        let slant = pixel / (dot(hit.normal, ray).abs() / dot(ray, ray).sqrt()).max(0.01);
        let (across, up) = if matches!(object.form, Form::Ground) { (pixel, slant) } else { (slant, pixel) };
        let color = object.surface.at(hit.local, hit.local_normal, across, up);
        let lit = scale(color, self.light(along(eye, ray, hit.s), &hit));
        mix(lit, self.world.haze, hit.s / (hit.s + HALF_HAZE))
    }

    /// Light from the sky, more from above, and from the sun where nothing blocks it.
    fn light(&self, point: Vector, hit: &Hit) -> f32 {
        let World { objects, sun, .. } = self.world;
        let (sky, cosine) = (0.46 + 0.1 * hit.normal[1], dot(hit.normal, *sun));
        let lit = cosine > 0.0 && objects.iter().all(|object| object.hit(point, *sun).is_none());
        if lit { sky + 0.62 * cosine } else { sky }
    }
}

/// A depth as a level. Sensors lose some pixels at depth edges, and random patches.
fn level(depth: &Plane<Option<f32>>, x: usize, y: usize, key: u32) -> Option<u16> {
    let meters = depth.at(x, y)?;
    let is_edge = |other: Option<f32>| other.is_some_and(|other| meters > EDGE * other || other > EDGE * meters);
    let edge =
        (x + 1 < depth.width && is_edge(depth.at(x + 1, y))) || (y + 1 < depth.height && is_edge(depth.at(x, y + 1)));
    let lost = edge && hash(x as i32, y as i32, key) < 0.5;
    // Cells of a twelfth of the image height.
    let cell = |pixel: usize| (pixel as f32 + 0.5) * 12.0 / depth.height as f32;
    let patch = value_noise(cell(x), cell(y), key) > 0.8;
    (!lost && !patch).then_some((meters * LEVELS_PER_METER as f32 + 0.5) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synthetic::scene::surface::{Pattern, Surface};

    /// A level camera in front of a red wall, and nothing else.
    fn wall_at(distance: f32) -> World {
        let surface = Surface { color: [200.0, 20.0, 20.0], pattern: Pattern::Plain, glossy: false };
        let (form, turn) = (Form::Block([50.0, 60.0, 0.5]), Angle::twice(0.0));
        let wall = Object { form, at: [0.0, distance + 0.5], turn, surface };
        World { objects: vec![wall], eye: 30.0, tilt: turn, sun: [0.0, 0.6, -0.8], haze: [200.0, 210.0, 220.0] }
    }

    fn camera(world: &World) -> Camera<'_> {
        Camera { world, height: 8, width: 8 }
    }

    #[test]
    fn depth_is_along_the_axis_and_haze_grows() {
        let mut before = 0.0;
        for distance in [3.0, 6.0, 12.0, 24.0] {
            let world = wall_at(distance);
            for (x, y) in [(4.0, 4.0), (0.5, 0.5), (7.5, 3.5)] {
                let measured = camera(&world).measured(x, y).expect("a wall");
                assert!((measured - distance).abs() < 1e-4, "{measured} at ({x}, {y}) is not {distance}");
            }
            let green = camera(&world).color(4.0, 4.0)[1];
            assert!(green > before + 10.0 && green < 210.0, "{green} at {distance} meters");
            before = green;
        }
        // At 24 meters half of it is haze.
        let lit = 20.0 * (0.46 + 0.62 * 0.8);
        assert!((before - 0.5 * (210.0 + lit)).abs() < 1e-2, "{before}");
    }

    #[test]
    fn sky_far_and_glossy_are_not_measured() {
        let measured = |world: &World| camera(world).measured(4.0, 4.0);
        let mut world = wall_at(29.9);
        assert!(measured(&world).is_some());
        world.objects[0].surface.glossy = true;
        assert_eq!(measured(&world), None);
        assert_eq!(measured(&wall_at(30.1)), None);
        assert_eq!(measured(&World { objects: Vec::new(), ..wall_at(5.0) }), None);
    }

    #[test]
    fn object_before_the_sun_casts_a_shadow() {
        let mut world = wall_at(20.0);
        let wall = world.objects[0];
        let color = |world: &World| camera(world).color(4.0, 4.0)[0];
        let light = color(&world);
        // The ray to the sun rises by 6 in 8 meters: neither the ball nor the low block blocks it.
        world.objects.push(Object { form: Form::Ball(37.5), at: [200.0, 0.0], ..wall });
        assert_eq!(color(&world), light);
        world.objects.push(Object { form: Form::Block([1.0, 38.0, 0.5]), at: [0.0, -5.0], ..wall });
        assert_eq!(color(&world), light);
        world.objects.push(Object { form: Form::Block([1.0, 60.0, 0.5]), at: [0.0, -5.0], ..wall });
        let haze = 20.0 / (20.0 + HALF_HAZE) * 200.0;
        assert!((color(&world) - haze) / (light - haze) < 0.5, "{} of {light}", color(&world));
    }
}
