//! What a point looks like before light. Patterns have fixed sizes, so that they are a cue to distance.

use crate::data::synthetic::noise::{floor, hash, mix, scale, stripes};

/// A color with a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    /// RGB, 0 to 255.
    pub color: [f32; 3],
    pub pattern: Pattern,
    /// Too dark and glossy for a depth sensor.
    pub glossy: bool,
}

/// Lengths in meters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern {
    Plain,
    /// Square slabs of one meter; the key of their random tones.
    Slabs(u32),
    /// Boards of 0.2.
    Boards,
    /// Bricks of 0.5 × 0.25.
    Bricks,
    /// Bricks, and windows of 1 × 1.4 every 2 × 2.8.
    Windows,
    /// A light and a dark half.
    Halves,
}

/// A pane of glass.
const GLASS: [f32; 3] = [52.0, 62.0, 74.0];

impl Surface {
    /// The color at a point with its normal, both in the object's frame. A pixel covers `across` meters of the surface
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
            Pattern::Halves if x < 0.0 => 0.55,
            Pattern::Halves => 1.0,
        };
        scale(self.color, gain)
    }
}

/// Brightness of bricks with their joints; every other course is shifted by half a brick.
fn bricks(side: f32, y: f32, across: f32, up: f32) -> f32 {
    let shifted = if floor(y / 0.25) % 2 == 0 { side } else { side + 0.25 };
    1.0 - 0.22 * stripes(shifted, 0.5, 0.03, across).max(stripes(y, 0.25, 0.03, up))
}
