//! What a facade is made of: flat shapes laid over each other, each with a class, a material and a height above the
//! wall.
//!
//! Lengths are in picture heights: y runs from 0 (top) to 1, x from 0 to width / height.

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
    Box,
    /// A half ellipse over a box; the number is the half ellipse's part of the height.
    Arch(f32),
    /// A triangle, apex at the top.
    Gable,
    /// A gable in so many steps.
    Steps(f32),
    /// A trapezoid; each side leans in by this part of the width.
    Mansard(f32),
    /// An ellipse.
    Disc,
}

impl Form {
    /// Whether the point (u, v) of the unit box lies inside.
    pub(super) fn contains(self, u: f32, v: f32) -> bool {
        let side = (2.0 * u - 1.0).abs();
        match self {
            Form::Box => true,
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

/// What a surface is made of. Its colour is the shape's; a second colour, where one is named, is the material's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Material {
    /// Blue above, pale at the horizon, with hazy houses, hedges, and clouds that drifted this far.
    Sky(f32),
    /// Slabs, the kerb and the street.
    Pavement,
    Brick,
    Plaster,
    /// Blocks with joints of this darkness.
    Ashlar(f32),
    /// Rounded tiles in courses.
    Tiles,
    /// Flat slates in courses.
    Slate,
    /// A window: frame (the shape's colour), crossbars, panes with a reflection, curtains; this much of its top is
    /// arched.
    Glass(f32),
    /// Two panelled leaves under a glazed transom.
    Door,
    /// A projecting course: light upper edge, dark underside, with or without teeth.
    Course(bool),
    /// A flat stone with light upper and left edges and dark lower and right ones.
    Slab,
    /// A panel with a raised border and a diamond.
    Panel,
    /// A round boss.
    Boss,
    /// A triangular field with a light raking edge.
    Tympanum,
    /// A fluted shaft with capital and base.
    Shaft,
    /// Iron bars, seen through, over a stone slab.
    Railing,
    /// Wooden leaves with slats.
    Shutter,
    /// A roller blind.
    Roller,
    /// A sign, an awning and display windows.
    ShopFront,
}

/// One layer of the picture; later shapes cover earlier ones.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// The class id.
    pub label: u8,
    pub form: Form,
    pub area: Area,
    pub material: Material,
    /// The material's main colour (RGB, 0 to 255).
    pub color: [f32; 3],
    /// Height above the wall; what stands out casts a shadow as long as the difference.
    pub relief: f32,
}
