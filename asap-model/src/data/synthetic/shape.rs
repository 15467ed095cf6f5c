//! What a facade is made of: flat shapes in layers, each with a class, a material and a height above the wall.
//!
//! Lengths are in image heights: y runs from 0 (top) to 1, x from 0 to width / height.

use super::noise::{below, value_noise};

/// An axis-aligned box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub x0: f32,
    pub y0: f32,
    pub x1: f32,
    pub y1: f32,
}

impl Area {
    pub(super) fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { x0, y0, x1, y1 }
    }

    /// From `middle - half` to `middle + half`.
    pub(super) fn around(middle: f32, half: f32, y0: f32, y1: f32) -> Self {
        Self::new(middle - half, y0, middle + half, y1)
    }

    pub(super) fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    pub(super) fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    pub(super) fn middle(&self) -> f32 {
        0.5 * (self.x0 + self.x1)
    }

    /// The box grown by `dx` at the left and right and `dy` at the top and bottom.
    pub(super) fn grown(&self, dx: f32, dy: f32) -> Self {
        Self::new(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)
    }
}

/// The outline of a shape inside its box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// The whole box.
    Rect,
    /// A half ellipse on a box; its fraction of the height.
    Arch(f32),
    /// A triangle, apex at the top.
    Gable,
    /// A gable with this many steps.
    Steps(f32),
    /// A trapezoid; each side leans in by this fraction of the width.
    Mansard(f32),
    /// An ellipse.
    Disc,
}

impl Form {
    /// Whether the point (u, v) of the unit box lies inside.
    pub(super) fn contains(self, u: f32, v: f32) -> bool {
        let side = (2.0 * u - 1.0).abs();
        match self {
            Form::Rect => true,
            Form::Arch(rise) => {
                let up = ((rise - v) / rise).max(0.0);
                side * side + up * up <= 1.0
            }
            Form::Gable => side <= v,
            Form::Steps(n) => side <= ((v * n).floor() + 1.0) / n,
            Form::Mansard(inset) => side <= 1.0 - 2.0 * inset * (1.0 - v),
            Form::Disc => side * side + (2.0 * v - 1.0) * (2.0 * v - 1.0) <= 1.0,
        }
    }
}

/// Color (RGB, 0 to 255) and opacity of a point, before light and shadow.
pub(super) type Material = Box<dyn Fn(&Spot) -> ([f32; 3], f32)>;

/// The color of a material without holes.
pub(super) type Paint = fn(&Spot) -> [f32; 3];

/// One layer of the image; later shapes cover earlier ones.
pub(super) struct Shape {
    /// The class id.
    pub label: u8,
    pub form: Form,
    pub area: Area,
    pub material: Material,
    /// The material's main color (RGB, 0 to 255).
    pub color: [f32; 3],
    /// Height above the wall; a shape that stands out casts a shadow as long as the difference.
    pub relief: f32,
}

/// One point of a shape.
pub(super) struct Spot {
    /// Color and size of the shape.
    pub color: [f32; 3],
    pub w: f32,
    pub h: f32,
    /// The arched fraction of its height.
    pub rise: f32,
    /// Position in the shape's box, 0 to 1.
    pub u: f32,
    pub v: f32,
    /// Position in the image.
    pub x: f32,
    pub y: f32,
    /// Distances to the sides of the box.
    pub left: f32,
    pub up: f32,
    pub right: f32,
    pub down: f32,
    /// A pixel's width.
    pub pixel: f32,
}

impl Spot {
    pub(super) fn new(shape: &Shape, x: f32, y: f32, pixel: f32) -> Self {
        let a = &shape.area;
        let (w, h, left, up) = (a.width(), a.height(), x - a.x0, y - a.y0);
        let rise = if let Form::Arch(rise) = shape.form { rise } else { 0.0 };
        let (right, down, color) = (a.x1 - x, a.y1 - y, shape.color);
        Self { color, w, h, rise, u: left / w, v: up / h, x, y, left, up, right, down, pixel }
    }

    /// Distance to the nearest side.
    pub(super) fn edge(&self) -> f32 {
        self.left.min(self.right).min(self.up).min(self.down)
    }

    /// Coverage of a line of this width, centered at distance 0.
    pub(super) fn line(&self, distance: f32, width: f32) -> f32 {
        below(distance.abs(), 0.5 * width, self.pixel)
    }

    /// Brightness of a border of this width with beveled edges: the light comes from the upper left.
    pub(super) fn bevel(&self, width: f32) -> f32 {
        let near = self.edge();
        let tilt = if near == self.left || near == self.up { 0.1 } else { -0.16 };
        1.0 + tilt * below(near, width, self.pixel)
    }

    /// Noise with this many lattice cells per image height; fades out where the cells become smaller than two pixels.
    pub(super) fn grain(&self, cells: f32, key: u32) -> f32 {
        let fade = (1.5 - 2.0 * cells * self.pixel).clamp(0.0, 1.0);
        if fade == 0.0 { 0.0 } else { fade * value_noise(self.x * cells, self.y * cells, key) }
    }
}
