//! The layout of a scene: paved ground, houses in the distance, and boxes, balls and pillars in front of them.

use super::object::{Angle, Form, Object, Vector};
use super::surface::{Pattern, Surface};
use crate::data::synthetic::noise::{Dice, rgb};

/// Everything that an image shows.
#[derive(Debug)]
pub(super) struct World {
    /// The ground first.
    pub objects: Vec<Object>,
    /// The camera's height above the ground, in meters.
    pub eye: f32,
    /// How far the camera looks down.
    pub tilt: Angle,
    /// Towards the sun, of length 1.
    pub sun: Vector,
    /// The color of haze, and of the sky at the horizon.
    pub haze: [f32; 3],
}

impl World {
    /// For an image `aspect` times as wide as high.
    pub(super) fn new(dice: &mut Dice, aspect: f32) -> Self {
        // Tangents of half angles: 2 to 13 degrees.
        let tilt = Angle::twice(dice.range(0.02, 0.11));
        let (azimuth, height) = (Angle::twice(dice.range(-1.0, 1.0)), Angle::twice(dice.range(0.2, 0.45)));
        let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
        let sun = [height.cos * azimuth.sin, height.sin, side * height.cos * azimuth.cos];
        let haze = dice.near([204.0, 212.0, 220.0], 0.05, 0.02);
        let slabs = Pattern::Slabs(dice.key());
        let paving = Surface { color: dice.near([150.0, 144.0, 132.0], 0.12, 0.05), pattern: slabs, glossy: false };
        let eye = dice.range(1.5, 1.7);
        let mut objects = vec![Object { form: Form::Ground, at: [0.0; 2], turn: Angle::twice(0.0), surface: paving }];
        for _ in 0..2 + dice.pick(3) {
            objects.push(house(dice, aspect));
        }
        for _ in 0..3 + dice.pick(5) {
            objects.push(thing(dice, aspect));
        }
        World { objects, eye, tilt, sun, haze }
    }
}

/// A position on the visible ground, between two distances; half of them lie in the nearest quarter.
fn position(dice: &mut Dice, aspect: f32, near: f32, far: f32) -> [f32; 2] {
    let part = dice.range(0.0, 1.0);
    let z = near + (far - near) * part * part;
    [0.55 * aspect * z * dice.range(-1.0, 1.0), z]
}

fn house(dice: &mut Dice, aspect: f32) -> Object {
    let size = [dice.range(2.0, 5.0), [2.8, 5.6, 8.4][dice.pick(3)], dice.range(2.0, 4.0)];
    let at = position(dice, aspect, 11.0, 34.0);
    let color = rgb([0xB05C46, 0xC4B494, 0x96969C, 0x788676][dice.pick(4)]);
    let pattern = if dice.chance(0.75) { Pattern::Windows } else { Pattern::Bricks };
    let surface = Surface { color: dice.near(color, 0.15, 0.08), pattern, glossy: false };
    Object { form: Form::Block(size), at, turn: Angle::twice(dice.range(-0.4, 0.4)), surface }
}

/// A box, a wall, a ball or a pillar.
fn thing(dice: &mut Dice, aspect: f32) -> Object {
    let at = position(dice, aspect, 3.2, 18.0);
    let turn = Angle::twice(dice.range(-0.5, 0.5));
    let (form, color, pattern) = match dice.pick(4) {
        0 => {
            let half = dice.range(0.3, 0.55);
            (Form::Block([half, 2.0 * half, half]), 0xA87A48, Pattern::Boards)
        }
        1 => (Form::Block([dice.range(0.8, 2.0), 1.2, 0.15]), 0xB2644E, Pattern::Bricks),
        2 => (Form::Ball(0.45), [0xCE342C, 0x2C5CBE, 0xE4BE32, 0x3C9650][dice.pick(4)], Pattern::Halves),
        _ => (Form::Pillar(0.22, dice.range(2.2, 3.6)), 0xBEBCB4, Pattern::Plain),
    };
    let glossy = dice.chance(0.1);
    let color = if glossy { [22.0, 23.0, 26.0] } else { dice.near(rgb(color), 0.15, 0.08) };
    let pattern = if glossy { Pattern::Plain } else { pattern };
    Object { form, at, turn, surface: Surface { color, pattern, glossy } }
}
