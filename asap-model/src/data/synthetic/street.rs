//! The layout of a picture: sky, one or more houses side by side, pavement.

use super::classes::BACKGROUND;
use super::house::House;
use super::noise::Dice;
use super::shape::{Area, Form, Material, Shape};

/// All shapes of a picture `aspect` times as wide as high, from back to front.
pub(super) fn street(dice: &mut Dice, aspect: f32) -> Vec<Shape> {
    let ground = dice.range(0.915, 0.945);
    let background =
        |area, material, color, relief| Shape { label: BACKGROUND, form: Form::Box, area, material, color, relief };
    let mut shapes =
        vec![background(Area::new(0.0, 0.0, aspect, 1.0), Material::Sky(dice.range(0.0, 64.0)), [0.0; 3], -0.01)];

    // One house a picture is the usual case, from edge to edge or with the sky beside it.
    let count = ((aspect / dice.range(0.5, 1.15)).round() as usize).max(1);
    let mut margin = || if dice.chance(0.55) { dice.range(0.035, 0.09) * aspect.min(1.0) } else { 0.0 };
    let (left, right) = (margin(), aspect - margin());
    let parts: Vec<f32> = (0..count).map(|_| dice.range(0.75, 1.25)).collect();
    let total: f32 = parts.iter().sum();
    let mut x = left;
    let mut beside = None;
    for part in parts {
        let next = x + (right - left) * part / total;
        let house = House::new(dice, x, next, ground, beside);
        house.build(dice, &mut shapes);
        beside = Some(house.style);
        x = next;
    }
    shapes.push(background(
        Area::new(0.0, ground, aspect, 1.0),
        Material::Pavement,
        dice.near([176.0, 172.0, 164.0], 0.04, 0.01),
        0.0,
    ));
    shapes
}
