//! Objects, and where a ray hits them. Lengths are in meters; y is up, z points away from the camera, and the ground is y = 0.

use super::surface::Surface;

/// A point or a direction: x, y, z.
pub(super) type Vector = [f32; 3];

/// A ray hits nothing closer than this to its start, so that a surface casts no shadow on itself.
const NEAREST: f32 = 1e-3;

pub(super) fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The point at a parameter of a ray.
pub(super) fn along(from: Vector, ray: Vector, s: f32) -> Vector {
    std::array::from_fn(|axis| from[axis] + s * ray[axis])
}

/// An angle by its cosine and sine, from the tangent of its half: both need + − × / alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Angle {
    pub cos: f32,
    pub sin: f32,
}

impl Angle {
    /// Twice the angle of that tangent; from −1 to 1 it is a quarter turn each way.
    pub(super) fn twice(tangent: f32) -> Self {
        let length = 1.0 + tangent * tangent;
        Angle { cos: (1.0 - tangent * tangent) / length, sin: 2.0 * tangent / length }
    }
}

/// The shape of an object, standing at the origin of its own frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Everything below y = 0.
    Ground,
    /// Half its width, its height, half its length.
    Block(Vector),
    /// Its radius; it lies on the ground.
    Ball(f32),
    /// Radius and height.
    Pillar(f32, f32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub form: Form,
    /// x and z of its origin.
    pub at: [f32; 2],
    /// Its turn about the vertical.
    pub turn: Angle,
    pub surface: Surface,
}

/// Where a ray hits an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// The ray's parameter there.
    pub s: f32,
    /// The outward normal, of length 1.
    pub normal: Vector,
    /// Point and normal in the object's frame.
    pub local: Vector,
    pub local_normal: Vector,
}

impl Object {
    /// The first point that a ray hits from outside.
    pub(super) fn hit(&self, from: Vector, ray: Vector) -> Option<Hit> {
        let Angle { cos, sin } = self.turn;
        let to_local = |v: Vector| [cos * v[0] - sin * v[2], v[1], sin * v[0] + cos * v[2]];
        let start = to_local([from[0] - self.at[0], from[1], from[2] - self.at[1]]);
        let direction = to_local(ray);
        let (s, n) = self.form.hit(start, direction)?;
        let normal = [cos * n[0] + sin * n[2], n[1], cos * n[2] - sin * n[0]];
        (s > NEAREST).then(|| Hit { s, normal, local: along(start, direction, s), local_normal: n })
    }
}

impl Form {
    /// The ray's parameter and the normal at the first point that it hits.
    fn hit(self, from: Vector, ray: Vector) -> Option<(f32, Vector)> {
        match self {
            Form::Ground => (ray[1] < 0.0).then(|| (-from[1] / ray[1], [0.0, 1.0, 0.0])),
            Form::Block(size) => hit_block(size, from, ray),
            Form::Ball(radius) => {
                let from = [from[0], from[1] - radius, from[2]];
                let s = first_root(dot(ray, ray), dot(from, ray), dot(from, from) - radius * radius)?;
                Some((s, along(from, ray, s).map(|c| c / radius)))
            }
            Form::Pillar(radius, height) => hit_pillar(radius, height, from, ray),
        }
    }
}

/// The ray is inside between its last entry into and its first exit from the three slabs.
fn hit_block([half_width, height, half_length]: Vector, from: Vector, ray: Vector) -> Option<(f32, Vector)> {
    let slabs = [[-half_width, half_width], [0.0, height], [-half_length, half_length]];
    let (mut entry, mut exit, mut normal) = (f32::NEG_INFINITY, f32::INFINITY, [0.0; 3]);
    for axis in 0..3 {
        if ray[axis] == 0.0 {
            if from[axis] < slabs[axis][0] || from[axis] > slabs[axis][1] {
                return None;
            }
            continue;
        }
        let [low, high] = slabs[axis].map(|side| (side - from[axis]) / ray[axis]);
        let (first, last) = if low < high { (low, high) } else { (high, low) };
        if first > entry {
            entry = first;
            normal = [0.0; 3];
            normal[axis] = if ray[axis] > 0.0 { -1.0 } else { 1.0 };
        }
        exit = if last < exit { last } else { exit };
    }
    (entry < exit).then_some((entry, normal))
}

fn hit_pillar(radius: f32, height: f32, from: Vector, ray: Vector) -> Option<(f32, Vector)> {
    let flat = |a: Vector, b: Vector| a[0] * b[0] + a[2] * b[2];
    if let Some(s) = first_root(flat(ray, ray), flat(from, ray), flat(from, from) - radius * radius) {
        let point = along(from, ray, s);
        if s > 0.0 && (0.0..=height).contains(&point[1]) {
            return Some((s, [point[0] / radius, 0.0, point[2] / radius]));
        }
    }
    let s = (height - from[1]) / ray[1];
    let point = along(from, ray, s);
    (ray[1] < 0.0 && flat(point, point) <= radius * radius).then_some((s, [0.0, 1.0, 0.0]))
}

/// The smaller root of a·s² + 2·b·s + c, if there are two.
fn first_root(a: f32, b: f32, c: f32) -> Option<f32> {
    let square = b * b - a * c;
    (square > 0.0).then(|| (-b - square.sqrt()) / a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::synthetic::scene::surface::Pattern;

    fn object(form: Form, tangent: f32) -> Object {
        let surface = Surface { color: [0.0; 3], pattern: Pattern::Plain, glossy: false };
        Object { form, at: [1.0, 10.0], turn: Angle::twice(tangent), surface }
    }

    #[test]
    fn ray_hits_nearest_side() {
        let eye = [1.0, 1.0, 0.0];
        let ahead = [0.0, 0.0, 1.0];
        for (form, expected) in [
            (Form::Block([2.0, 3.0, 1.0]), Some(9.0)),
            (Form::Block([2.0, 0.9, 1.0]), None),
            (Form::Ball(1.0), Some(9.0)),
            (Form::Ball(0.4), None),
            (Form::Pillar(0.5, 2.0), Some(9.5)),
            (Form::Pillar(0.5, 0.9), None),
        ] {
            let hit = object(form, 0.0).hit(eye, ahead);
            assert_eq!(hit.map(|hit| (hit.s, hit.normal)), expected.map(|s| (s, [0.0, 0.0, -1.0])), "{form:?}");
        }
        let down = [0.0, -0.5, 1.0];
        let hit = object(Form::Ground, 0.0).hit([0.0, 2.0, 0.0], down).unwrap();
        assert_eq!((hit.s, hit.normal, hit.local), (4.0, [0.0, 1.0, 0.0], [-1.0, 0.0, -6.0]));
        let top = object(Form::Pillar(1.0, 0.5), 0.0).hit([1.0, 5.5, 0.0], down).unwrap();
        assert_eq!((top.s, top.normal), (10.0, [0.0, 1.0, 0.0]));
    }

    #[test]
    fn turned_block_shows_another_side() {
        let block = Form::Block([2.0, 3.0, 1.0]);
        let hit = object(block, 1.0).hit([1.0, 1.0, 0.0], [0.0, 0.0, 1.0]).unwrap();
        assert!((hit.s - 8.0).abs() < 1e-5 && (hit.normal[2] + 1.0).abs() < 1e-6, "{hit:?}");
        assert!(hit.local_normal[0].abs() == 1.0, "the side that is two meters out: {hit:?}");
    }

    #[test]
    fn ray_misses_objects_behind_it() {
        for form in [Form::Block([2.0, 3.0, 1.0]), Form::Ball(1.0), Form::Pillar(1.0, 2.0), Form::Ground] {
            assert!(object(form, 0.3).hit([1.0, 1.0, 20.0], [0.0, 0.1, 1.0]).is_none(), "{form:?}");
        }
    }
}
