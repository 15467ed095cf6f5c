//! What a point looks like before light. Patterns have sizes that are the same everywhere, so that they tell distance.

use crate::data::synthetic::noise::{floor, hash, mix, scale, stripes};

/// A colour with a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// RGB, 0 to 255.
    pub color: [f32; 3],
    pub pattern: Pattern,
    /// Whether it is so dark and glossy that a sensor of depth gets nothing back.
    pub glossy: bool,
}

/// Lengths in metres.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern {
    Plain,
    /// Square slabs of one metre, each of a tone of its own.
    Slabs(u32),
    /// Boards of 0.2.
    Boards,
    /// Bricks of 0.5 × 0.25.
    Bricks,
    /// Bricks, and windows of 1 × 1.4 every 2 × 2.8.
    Windows,
    /// Light and dark halves.
    Halves,
}

/// A pane of glass.
const GLASS: [f32; 3] = [52.0, 62.0, 74.0];

impl Surface {
    /// The color at a point with its normal, both in the solid's own frame. A pixel covers `across` meters of the surface
    /// sideways, and `up` meters upwards or, on the ground, away from the camera.
    pub(super) fn at(&self, [x, y, z]: [f32; 3], normal: [f32; 3], across: f32, up: f32) -> [f32; 3] {
        // Along a wall, whichever way it faces.
        let side = if normal[0].abs() > 0.5 { z } else { x };
        let gain = match self.pattern {
            Pattern::Plain => 1.0,
            Pattern::Slabs(key) => {
                let joint = stripes(x, 1.0, 0.06, across).max(stripes(z, 1.0, 0.06, up));
                let visible = (1.5 - up).clamp(0.0, 1.0);
                let tone = visible * (hash(floor(x), floor(z), key) - 0.5);
                (1.0 + 0.3 * tone) * (1.0 - 0.35 * joint)
            }
            Pattern::Boards => 1.0 - 0.4 * stripes(y, 0.2, 0.03, up),
            Pattern::Bricks => bricks(side, y, across, up),
            Pattern::Windows => {
                let glass = stripes(side - 0.5, 2.0, 1.0, across) * stripes(y - 0.8, 2.8, 1.4, up);
                let wall = scale(self.color, bricks(side, y, across, up));
                return mix(wall, GLASS, if normal[1] > 0.5 { 0.0 } else { glass });
            }
            Pattern::Halves => {
                if x < 0.0 {
                    0.55
                } else {
                    1.0
                }
            }
        };
        scale(self.color, gain)
    }
}

/// Brightness of bricks with their joints; every other course is moved by half a brick.
fn bricks(side: f32, y: f32, across: f32, up: f32) -> f32 {
    let course = floor(y / 0.25);
    let moved = if course % 2 == 0 { side } else { side + 0.25 };
    1.0 - 0.22 * stripes(moved, 0.5, 0.03, across).max(stripes(y, 0.25, 0.03, up))
}
