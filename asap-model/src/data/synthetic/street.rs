//! The layout of a facade image: sky, one or more houses side by side, pavement.

use super::classes::BACKGROUND;
use super::house::House;
use super::material::{opaque, pavement, sky};
use super::noise::Dice;
use super::shape::{Area, Form, Material, Shape};

/// All shapes of an image `aspect` times as wide as high, from back to front. The first one is the sky.
pub(super) fn street(dice: &mut Dice, aspect: f32) -> Vec<Shape> {
    let ground = dice.range(0.915, 0.945);
    let background = |y0: f32, material: Material, color, relief| {
        let area = Area::new(0.0, y0, aspect, 1.0);
        Shape { label: BACKGROUND, form: Form::Rect, area, material, color, relief }
    };
    let drift = dice.range(0.0, 64.0);
    let mut shapes = vec![background(0.0, opaque(move |s| sky(s, drift)), [0.0; 3], -0.01)];

    // Usually one house, from edge to edge or with the sky beside it.
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
    shapes.push(background(ground, opaque(pavement), dice.near([176.0, 172.0, 164.0], 0.04, 0.01), 0.0));
    shapes
}
