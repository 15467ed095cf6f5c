//! What each material looks like at a point, before light and shadow.
//!
//! Patterns have periods of 1/16, 1/32, 1/64 of the image height and start at its corner, so that the position inputs
//! of the pixelwise networks (periods S, S/2 … 2 pixels) can express them; random variation is kept small, because a
//! network that sees only labels can't know it.

use super::noise::{below, floor, hash, mix, scale, smooth, stripes, value_noise};
use super::shape::{Material, Spot};

/// A material that hides what is behind it.
pub(super) fn opaque(color: impl Fn(&Spot) -> [f32; 3] + 'static) -> Material {
    Box::new(move |s: &Spot| (color(s), 1.0))
}

/// Blue above, pale at the horizon, with distant houses, hedges, and clouds that drifted this far.
pub(super) fn sky(s: &Spot, drift: f32) -> [f32; 3] {
    let mut color = mix([104.0, 158.0, 214.0], [220.0, 231.0, 238.0], smooth(s.v * 1.3));
    let (x, y) = (s.x * 3.0 + drift, s.y * 7.0);
    let cloud = value_noise(x, y, 1) + 0.5 * value_noise(2.0 * x, 2.0 * y, 2) + 0.25 * value_noise(4.0 * x, 4.0 * y, 3);
    color = mix(color, [252.0, 252.0, 252.0], 0.75 * smooth(cloud * 1.1) * (1.0 - 0.5 * s.v));
    // Distant houses in haze, and hedges in front of them.
    let far = 0.2 + 0.07 * hash(floor(s.x * 16.0), 0, 7);
    color = mix(color, [176.0, 186.0, 196.0], below(s.down, far, s.pixel));
    if s.down > 0.11 {
        return color;
    }
    let hedge = 0.085 + 0.014 * value_noise(s.x * 24.0, 0.0, 8) + 0.006 * value_noise(s.x * 80.0, 0.0, 9);
    let leaves = 1.0 + 0.16 * s.grain(64.0, 10) + 0.12 * s.grain(128.0, 11);
    let green = mix([64.0, 84.0, 48.0], [116.0, 142.0, 78.0], smooth(s.down / hedge));
    mix(color, scale(green, leaves), below(s.down, hedge, s.pixel))
}

/// Slabs, the curb and the street.
pub(super) fn pavement(s: &Spot) -> [f32; 3] {
    let curb = 0.55 * s.h;
    let rough = 1.0 + 0.04 * s.grain(64.0, 12) + 0.03 * s.grain(160.0, 13);
    let joint = stripes(s.x, 1.0 / 16.0, 0.003, s.pixel);
    // The house darkens the slabs at its foot.
    let slabs = scale(s.color, (1.0 - 0.2 * joint) * (0.78 + 0.22 * smooth(s.up / 0.02)));
    let street = [92.0, 93.0, 97.0];
    let edge = below((s.up - curb).abs(), 0.004, s.pixel);
    scale(mix(mix(street, slabs, below(s.up, curb, s.pixel)), [206.0, 204.0, 198.0], edge), rough)
}

/// Darkening from damp near the ground, and broad stains.
fn weather(s: &Spot) -> f32 {
    1.0 - 0.12 * smooth((s.y - 0.8) / 0.14) + 0.035 * value_noise(s.x * 9.0, s.y * 5.0, 20)
}

/// Units in courses, every other course shifted by half a unit: the shifted x, and the unit's tone in [−0.5, 0.5).
fn unit(s: &Spot, course: f32, length: f32, key: u32) -> (f32, f32) {
    let row = floor(s.y / course);
    let x = s.x + if row % 2 == 0 { 0.0 } else { 0.5 * length };
    (x, hash(floor(x / length), row, key) - 0.5)
}

/// Coverage of the joints between units; `x` is the shifted one.
fn joints(s: &Spot, x: f32, course: f32, length: f32, width: f32) -> f32 {
    let (bed, head) = (stripes(s.y, course, width, s.pixel), stripes(x, length, width, s.pixel));
    bed + head - bed * head
}

pub(super) fn brick(s: &Spot) -> [f32; 3] {
    const COURSE: f32 = 1.0 / 64.0;
    const LENGTH: f32 = 1.0 / 32.0;
    let (x, tone) = unit(s, COURSE, LENGTH, 21);
    let mortar = joints(s, x, COURSE, LENGTH, 0.0036);
    let face = scale(s.color, (1.0 + 0.13 * tone) * (1.0 + 0.05 * s.grain(140.0, 22)));
    scale(mix(face, mix(s.color, [206.0, 198.0, 186.0], 0.7), 0.9 * mortar), weather(s))
}

pub(super) fn plaster(s: &Spot) -> [f32; 3] {
    scale(s.color, weather(s) * (1.0 + 0.025 * s.grain(48.0, 23) + 0.025 * s.grain(150.0, 24)))
}

/// Stone blocks with joints of this darkness.
pub(super) fn ashlar(s: &Spot, darkness: f32) -> [f32; 3] {
    const COURSE: f32 = 1.0 / 32.0;
    const LENGTH: f32 = 1.0 / 16.0;
    let (x, tone) = unit(s, COURSE, LENGTH, 25);
    let lit = stripes(s.y - 0.004, COURSE, 0.004, s.pixel);
    let joints = joints(s, x, COURSE, LENGTH, 0.004);
    let gain = (1.0 + 0.05 * tone) * (1.0 - darkness * joints + 0.3 * darkness * lit);
    scale(s.color, gain * weather(s) * (1.0 + 0.03 * s.grain(100.0, 26)))
}

/// Tiles in courses, darker towards their edges the rounder they are.
fn roof(s: &Spot, round: f32) -> [f32; 3] {
    const COURSE: f32 = 1.0 / 64.0;
    let (x, tone) = unit(s, COURSE, COURSE, 27);
    let across = x / COURSE - floor(x / COURSE) as f32 - 0.5;
    let lap = stripes(s.y, COURSE, 0.005, s.pixel);
    let gain = (1.0 + 0.12 * tone) * (1.0 + 0.5 * round - round * 4.0 * across * across) * (1.0 - 0.3 * lap);
    scale(s.color, gain * (0.86 + 0.2 * s.v))
}

pub(super) fn tiles(s: &Spot) -> [f32; 3] {
    roof(s, 0.32)
}

pub(super) fn slate(s: &Spot) -> [f32; 3] {
    roof(s, 0.16)
}

/// A window: frame (the shape's color), crossbars, panes with a reflection, curtains.
pub(super) fn glass(s: &Spot) -> [f32; 3] {
    let (w, h, rise) = (s.w, s.h, s.rise);
    let frame = (0.11 * w).min(0.009);
    // Distance to the outline; in the arch it is taken along the ray from the arch's center.
    let edge = if s.v < rise {
        let (dx, dy) = (2.0 * s.u - 1.0, (rise - s.v) / rise);
        ((1.0 - (dx * dx + dy * dy).sqrt()) * 0.5 * w).min(s.down)
    } else {
        s.left.min(s.right).min(s.down).min(if rise > 0.0 { w } else { s.up })
    };
    let bars = s.line(s.u * w - 0.5 * w, 0.7 * frame).max(s.line((s.v - 0.36) * h, 0.7 * frame));

    // Panes: dark inside, the sky reflected in the upper left, brighter along a slanting band.
    let slant = s.u + 0.8 * s.v;
    let reflection =
        0.75 * smooth(1.1 - 1.5 * slant) + 0.22 * smooth(8.0 * (slant - 0.92)) * smooth(8.0 * (1.16 - slant));
    let mut pane = mix([44.0, 54.0, 68.0], [176.0, 200.0, 220.0], reflection);
    pane = scale(pane, 1.0 - 0.18 * s.v);
    // A pair of curtains, wide at the top and tied back below the middle.
    let curtain = below(0.5 - (s.u - 0.5).abs(), 0.3 - 0.22 * smooth(s.v * 1.4), s.pixel / w);
    let folds = 0.9 + 0.1 * stripes(s.x, 1.0 / 128.0, 1.0 / 256.0, s.pixel);
    pane = mix(pane, scale([222.0, 216.0, 202.0], folds), 0.55 * curtain);
    let lit = if s.left < s.right { 0.94 } else { 1.04 };
    mix(pane, scale(s.color, lit), below(edge, frame, s.pixel).max(bars))
}

/// Two paneled leaves under a glazed transom.
pub(super) fn door(s: &Spot) -> [f32; 3] {
    let (w, h, frame) = (s.w, s.h, 0.009);
    let transom = 0.2 * h;
    let wood = scale(s.color, 1.0 + 0.06 * s.grain(90.0, 28));
    if s.up < transom {
        let bars =
            s.line(s.up - transom, frame).max(s.line(s.left - 0.5 * w, 0.005)).max(below(s.edge(), frame, s.pixel));
        let pane = mix([60.0, 70.0, 82.0], [170.0, 192.0, 210.0], smooth(1.0 - s.u - s.up / transom * 0.5));
        return mix(pane, wood, bars);
    }
    // Two leaves of three panels each.
    let leaf = (2.0 * s.u) - (2.0 * s.u).floor();
    let t = (s.up - transom) / (h - transom) * 3.0;
    let (px, py) = ((leaf - 0.5).abs() * 0.5 * w, (t - t.floor() - 0.5).abs() * (h - transom) / 3.0);
    let (hx, hy) = (0.16 * w, 0.36 * (h - transom) / 3.0);
    let inside = below(px - hx, 0.0, s.pixel) * below(py - hy, 0.0, s.pixel);
    let deep = below(px - hx + 0.006, 0.0, s.pixel) * below(py - hy + 0.006, 0.0, s.pixel);
    let gain = 1.0 - 0.38 * (inside - deep) + 0.12 * deep;
    let seam = s.line(s.left - 0.5 * w, 0.003).max(below(s.left.min(s.right), 0.005, s.pixel));
    let knob = below(((s.u - 0.57) * w).abs().max(((s.v - 0.62) * h).abs()), 0.0045, s.pixel);
    mix(scale(wood, gain * (1.0 - 0.55 * seam)), [222.0, 190.0, 104.0], knob)
}

/// A projecting course: light upper edge, dark underside, teeth of this coverage.
fn molded(s: &Spot, dentil: f32) -> [f32; 3] {
    let gain = 1.1 - 0.12 * below(-s.v, -0.3, s.pixel / s.h) - 0.18 * below(-s.v, -0.72, s.pixel / s.h);
    scale(s.color, gain * (1.0 - 0.26 * dentil) * (1.0 + 0.03 * s.grain(100.0, 29)))
}

pub(super) fn course(s: &Spot) -> [f32; 3] {
    molded(s, 0.0)
}

pub(super) fn dentils(s: &Spot) -> [f32; 3] {
    let teeth = stripes(s.x, 1.0 / 64.0, 1.0 / 128.0, s.pixel);
    molded(s, below((s.v - 0.62).abs(), 0.18, s.pixel / s.h) * teeth)
}

/// A flat stone with light upper and left edges and dark lower and right ones.
pub(super) fn slab(s: &Spot) -> [f32; 3] {
    scale(s.color, s.bevel(0.005) * (1.0 + 0.03 * s.grain(96.0, 5)))
}

/// A panel with a raised border and a diamond.
pub(super) fn panel(s: &Spot) -> [f32; 3] {
    let side = s.h.min(s.w);
    let d = ((s.u - 0.5).abs() * s.w / side + (s.v - 0.5).abs() * s.h / side) * 2.0;
    let diamond = below(d, 0.62, 2.0 * s.pixel / side);
    let lit = if s.u + s.v < 1.0 { 0.12 } else { -0.14 };
    scale(s.color, (0.9 + 0.1 * below(s.edge(), 0.006, s.pixel)) * s.bevel(0.006) * (1.0 + lit * diamond))
}

/// A round boss.
pub(super) fn boss(s: &Spot) -> [f32; 3] {
    let (x, y) = (2.0 * s.u - 1.0, 2.0 * s.v - 1.0);
    let z = (1.0 - x * x - y * y).max(0.0).sqrt();
    let ring = 0.16 * below((x * x + y * y - 0.42).abs(), 0.1, s.pixel / s.w);
    scale(s.color, 0.72 + 0.34 * z - 0.22 * x - 0.26 * y - ring)
}

/// A triangular field with a light raking edge.
pub(super) fn tympanum(s: &Spot) -> [f32; 3] {
    let side = (2.0 * s.u - 1.0).abs();
    // Distance to the raking edge, measured across it.
    let slope = 2.0 * s.h / s.w;
    let rake = (s.v - side) * s.h / (1.0 + slope * slope).sqrt();
    let rim = below(rake, 0.011, s.pixel).max(below(s.down, 0.009, s.pixel));
    let lit = if s.u < 0.5 { 1.08 } else { 0.98 };
    scale(s.color, (0.84 + 0.16 * rim * lit) * (1.0 + 0.03 * s.grain(100.0, 30)))
}

/// A fluted shaft with capital and base.
pub(super) fn shaft(s: &Spot) -> [f32; 3] {
    let end = below(s.up.min(s.down), 0.018, s.pixel);
    let ring = s.line(s.up - 0.018, 0.004).max(s.line(s.down - 0.018, 0.004));
    let flute = stripes(s.u, 0.25, 0.1, s.pixel / s.w) * (1.0 - end);
    let turn = 1.08 - 0.22 * s.u - 0.1 * (2.0 * s.u - 1.0) * (2.0 * s.u - 1.0);
    scale(s.color, (turn * (1.0 - end) + 1.03 * end) * (1.0 - 0.22 * flute - 0.2 * ring))
}

/// Iron bars over a stone slab, with the wall visible between them.
pub(super) fn railing(s: &Spot) -> ([f32; 3], f32) {
    let slab = below(s.down, 0.012, s.pixel);
    let rail = below(s.up, 0.006, s.pixel).max(s.line(s.up - 0.45 * s.h, 0.003));
    let bars = stripes(s.x, 1.0 / 64.0, 0.0055, s.pixel);
    let iron = rail.max(bars).max(below(s.left.min(s.right), 0.004, s.pixel));
    let stone = scale([214.0, 206.0, 190.0], 1.05 - 0.25 * below(s.down, 0.004, s.pixel));
    (mix(s.color, stone, slab), iron.max(slab))
}

/// Wooden leaves with slats.
pub(super) fn shutter(s: &Spot) -> [f32; 3] {
    let rim = below(s.edge(), 0.005, s.pixel).max(s.line((s.v - 0.5) * s.h, 0.006));
    let slat = stripes(s.y, 1.0 / 64.0, 1.0 / 128.0, s.pixel);
    scale(s.color, rim + (1.0 - rim) * (1.12 - 0.42 * slat))
}

/// A roller blind.
pub(super) fn roller(s: &Spot) -> [f32; 3] {
    let slat = stripes(s.y, 1.0 / 128.0, 1.0 / 256.0, s.pixel);
    scale(s.color, (0.9 + 0.1 * slat) * (1.06 - 0.12 * s.v) * (1.0 - 0.3 * below(s.down, 0.004, s.pixel)))
}

/// A sign, an awning and display windows.
pub(super) fn shop_front(s: &Spot) -> [f32; 3] {
    let (w, h) = (s.w, s.h);
    let paint = scale(s.color, s.bevel(0.005));
    let (sign, awning, riser) = (0.19 * h, 0.4 * h, 0.17 * h);
    if s.up < sign {
        // Letters are too far away to read: light blocks of random width.
        let cell = floor(s.x * 64.0);
        let letter = below((s.up / sign - 0.5).abs(), 0.2, s.pixel / sign)
            * below((s.u - 0.5).abs() * w, 0.34 * w, s.pixel)
            * stripes(s.x, 1.0 / 64.0, 0.006 + 0.005 * hash(cell, 0, 31), s.pixel);
        return mix(paint, [236.0, 222.0, 176.0], 0.85 * letter);
    }
    if s.up < awning {
        let t = (s.up - sign) / (awning - sign);
        let cloth = mix(s.color, [240.0, 234.0, 220.0], stripes(s.x, 1.0 / 32.0, 1.0 / 64.0, s.pixel));
        let valance = below(-t, -0.78, s.pixel / (awning - sign));
        return scale(mix(cloth, [255.0; 3], 0.12), 1.1 - 0.24 * t - 0.1 * valance);
    }
    // Panes with goods behind them, posts, and the riser below.
    let t = (s.up - awning) / (h - awning - riser);
    let dusk = 0.55 + 0.45 * smooth(t * 2.5);
    let goods = 0.5 + 0.5 * value_noise(s.x * 40.0, s.y * 22.0, 32);
    let inside = mix([70.0, 62.0, 52.0], [214.0, 176.0, 112.0], 0.3 + 0.25 * goods * smooth(t * 1.4));
    let posts = stripes(s.x, 1.0 / 16.0, 0.005, s.pixel).max(below(s.left.min(s.right), 0.008, s.pixel));
    let wood = posts.max(below(s.down, riser, s.pixel));
    mix(scale(inside, dusk), scale(paint, 0.7 + 0.3 * smooth(t * 2.5)), wood)
}
