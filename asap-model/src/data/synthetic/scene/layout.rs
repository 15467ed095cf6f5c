//! What stands where: paved ground, houses in the distance, and boxes, balls and pillars before them.

use super::solid::{Angle, Form, Solid, Vector};
use super::surface::{Pattern, Surface};
use crate::data::synthetic::noise::Dice;

/// Everything that a picture shows.
#[derive(Debug)]
pub(super) struct Place {
    /// The ground first.
    pub solids: Vec<Solid>,
    /// The camera's height above the ground, in metres.
    pub eye: f32,
    /// How far the camera looks down.
    pub tilt: Angle,
    /// Towards the sun, of length 1.
    pub sun: Vector,
    /// The colour of haze, and of the sky at the horizon.
    pub haze: [f32; 3],
}

impl Place {
    /// For a picture `aspect` times as wide as high.
    pub(super) fn new(dice: &mut Dice, aspect: f32) -> Self {
        // Halves of tangents: 2 to 13 degrees.
        let tilt = Angle::twice(dice.range(0.02, 0.11));
        let (azimuth, height) = (Angle::twice(dice.range(-1.0, 1.0)), Angle::twice(dice.range(0.2, 0.45)));
        let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
        let sun = [height.cos * azimuth.sin, height.sin, side * height.cos * azimuth.cos];
        let haze = dice.near([204.0, 212.0, 220.0], 0.05, 0.02);
        let slabs = Pattern::Slabs(dice.key());
        let paving = Surface { color: dice.near([150.0, 144.0, 132.0], 0.12, 0.05), pattern: slabs, glossy: false };
        let eye = dice.range(1.5, 1.7);
        let mut solids = vec![Solid { form: Form::Ground, at: [0.0; 2], turn: Angle::twice(0.0), surface: paving }];
        for _ in 0..2 + dice.pick(3) {
            solids.push(house(dice, aspect));
        }
        for _ in 0..3 + dice.pick(5) {
            solids.push(thing(dice, aspect));
        }
        Place { solids, eye, tilt, sun, haze }
    }
}

/// A place on the ground that the camera sees, between two distances. The nearer half of them is as likely as the rest.
fn somewhere(dice: &mut Dice, aspect: f32, near: f32, far: f32) -> [f32; 2] {
    let part = dice.range(0.0, 1.0);
    let z = near + (far - near) * part * part;
    [0.55 * aspect * z * dice.range(-1.0, 1.0), z]
}

fn house(dice: &mut Dice, aspect: f32) -> Solid {
    let size = [dice.range(2.0, 5.0), [2.8, 5.6, 8.4][dice.pick(3)], dice.range(2.0, 4.0)];
    let at = somewhere(dice, aspect, 11.0, 34.0);
    let color =
        [[176.0, 92.0, 70.0], [196.0, 180.0, 148.0], [150.0, 150.0, 156.0], [120.0, 134.0, 118.0]][dice.pick(4)];
    let pattern = if dice.chance(0.75) { Pattern::Windows } else { Pattern::Bricks };
    let surface = Surface { color: dice.near(color, 0.15, 0.08), pattern, glossy: false };
    Solid { form: Form::Block(size), at, turn: Angle::twice(dice.range(-0.4, 0.4)), surface }
}

fn thing(dice: &mut Dice, aspect: f32) -> Solid {
    let at = somewhere(dice, aspect, 3.2, 18.0);
    let turn = Angle::twice(dice.range(-0.5, 0.5));
    let (form, color, pattern) = match dice.pick(4) {
        0 => {
            let half = dice.range(0.3, 0.55);
            (Form::Block([half, 2.0 * half, half]), [168.0, 122.0, 72.0], Pattern::Boards)
        }
        1 => (Form::Block([dice.range(0.8, 2.0), 1.2, 0.15]), [178.0, 100.0, 78.0], Pattern::Bricks),
        2 => {
            let colors = [[206.0, 52.0, 44.0], [44.0, 92.0, 190.0], [228.0, 190.0, 50.0], [60.0, 150.0, 80.0]];
            (Form::Ball(0.45), colors[dice.pick(4)], Pattern::Halves)
        }
        _ => (Form::Pillar(0.22, dice.range(2.2, 3.6)), [190.0, 188.0, 180.0], Pattern::Plain),
    };
    let glossy = dice.chance(0.1);
    let color = if glossy { [22.0, 23.0, 26.0] } else { dice.near(color, 0.15, 0.08) };
    let pattern = if glossy { Pattern::Plain } else { pattern };
    Solid { form, at, turn, surface: Surface { color, pattern, glossy } }
}
