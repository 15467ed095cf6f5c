//! One house: its style, stories and bays.
//!
//! A style ties colors to layout (brick has sills and lintels, pillars stand on pale stucco …), so that a network can
//! infer from the labels what the walls are made of; within a style the colors vary a little.

use super::classes::*;
use super::material::{
    ashlar, boss, brick, course, dentils, door, glass, opaque, panel, plaster, railing, roller, shaft, shop_front,
    shutter, slab, slate, tiles, tympanum,
};
use super::noise::{Dice, rgb};
use super::shape::{Area, Form, Paint, Shape};

/// The kinds of house.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Style {
    /// Red brick: sills, stone lintels, stepped gable or parapet.
    Brick,
    /// Ochre plaster: shutters, sills, tiled roof.
    Cottage,
    /// Cream limestone: balconies, pediments, shops, slate mansard with dormers.
    Boulevard,
    /// Pale stucco: pillars between the bays, framed windows, pediment.
    Classical,
}

struct Colors {
    wall: [f32; 3],
    trim: [f32; 3],
    roof: [f32; 3],
    frame: [f32; 3],
    /// Shutters, doors and shop fronts.
    paint: [f32; 3],
    wood: [f32; 3],
}

impl Colors {
    fn new(dice: &mut Dice, style: Style) -> Self {
        let [wall, trim, roof, paint, wood] = match style {
            Style::Brick => [0xA05640, 0xDACEB8, 0x784A3E, 0x304262, 0x462C22],
            Style::Cottage => [0xE2BC7A, 0xF0E6D0, 0xB66244, 0x42705C, 0x68442A],
            Style::Boulevard => [0xD8CCB2, 0xE6DCC6, 0x5C6674, 0x2A4E42, 0x343E3A],
            Style::Classical => [0x98B4BA, 0xEEEAE0, 0x6E7476, 0x783230, 0x76302E],
        };
        Self {
            wall: dice.near(rgb(wall), 0.06, 0.03),
            trim: dice.near(rgb(trim), 0.03, 0.01),
            roof: dice.near(rgb(roof), 0.06, 0.02),
            frame: dice.near([240.0, 238.0, 232.0], 0.02, 0.005),
            paint: dice.near(rgb(paint), 0.06, 0.03),
            wood: dice.near(rgb(wood), 0.06, 0.03),
        }
    }
}

/// A house between two walls, before its shapes are built.
pub(super) struct House {
    pub(super) style: Style,
    colors: Colors,
    wall: Area,
    /// Left and right border of each bay.
    bays: Vec<[f32; 2]>,
    /// The ground, and the upper borders of the stories from the ground floor up.
    floors: Vec<f32>,
    /// Window width as a fraction of its bay, height as a fraction of its story.
    window: (f32, f32),
    arched: bool,
    shops: bool,
    /// The bay with the door.
    door: usize,
    /// Probability of a roller blind at a window.
    roller_blinds: f32,
}

impl House {
    /// A house on [x0, x1] in another style than the one beside it.
    pub(super) fn new(dice: &mut Dice, x0: f32, x1: f32, ground: f32, beside: Option<Style>) -> Self {
        let mut styles = vec![Style::Brick, Style::Cottage, Style::Boulevard, Style::Classical];
        styles.retain(|&style| Some(style) != beside);
        let style = styles[dice.pick(styles.len())];
        let height = match style {
            Style::Cottage => dice.range(0.5, 0.68),
            Style::Boulevard => dice.range(0.6, 0.7),
            _ => dice.range(0.58, 0.74),
        };
        let stories = (height / dice.range(0.15, 0.205)).round().max(2.0);
        let story = height / (stories + 0.2);
        let mut floors = vec![ground, ground - 1.2 * story];
        floors.extend((1..stories as usize).map(|k| ground - (1.2 + k as f32) * story));
        let bays = bays(dice, x0, x1);
        Self {
            style,
            colors: Colors::new(dice, style),
            wall: Area::new(x0, ground - height, x1, ground),
            door: dice.pick(bays.len()),
            bays,
            floors,
            window: (dice.range(0.44, 0.56), dice.range(0.54, 0.64)),
            arched: dice.chance(if style == Style::Brick { 0.35 } else { 0.25 }),
            shops: match style {
                Style::Boulevard => dice.chance(0.75),
                Style::Brick => dice.chance(0.5),
                _ => false,
            },
            // Shutters have the same class: a network could not distinguish them.
            roller_blinds: if style != Style::Cottage && dice.chance(0.5) { 0.3 } else { 0.0 },
        }
    }

    /// Adds the house's shapes, back to front.
    pub(super) fn build(&self, dice: &mut Dice, shapes: &mut Vec<Shape>) {
        let mut on = Builder { house: self, dice, shapes };
        let (wall, color) = (self.wall, self.colors.wall);
        on.roof();
        match self.style {
            Style::Brick => on.add(FACADE, Form::Rect, wall, brick, color, 0.0),
            Style::Boulevard => on.add(FACADE, Form::Rect, wall, |s| ashlar(s, 0.1), color, 0.0),
            _ => on.add(FACADE, Form::Rect, wall, plaster, color, 0.0),
        }
        if matches!(self.style, Style::Boulevard | Style::Classical) {
            let base = Area { y0: self.floors[1], ..wall };
            on.add(FACADE, Form::Rect, base, |s| ashlar(s, 0.26), color.map(|c| c * 0.95), 0.002);
        }
        // The plinth has the wall's color, half gray and darker.
        let plinth = Area { y0: wall.y1 - 0.028, ..wall };
        on.add(FACADE, Form::Rect, plinth, plaster, color.map(|c| 0.4 * c + 66.0), 0.003);
        for k in 1..self.floors.len() - 1 {
            on.story(k);
        }
        on.ground_floor();
        on.cornices();
    }
}

/// Borders of the bays: equal widths, or one of them wider.
fn bays(dice: &mut Dice, x0: f32, x1: f32) -> Vec<[f32; 2]> {
    let count = ((x1 - x0) / dice.range(0.135, 0.205)).round().max(1.0) as usize;
    let wide = dice.chance(0.3).then(|| dice.pick(count));
    let part = |i: usize| if wide == Some(i) { 1.5 } else { 1.0 };
    let total: f32 = (0..count).map(part).sum();
    let inset = 0.012_f32.min(0.1 * (x1 - x0));
    let (mut left, mut sum) = (x0 + inset, 0.0);
    let bay = |i: usize| {
        sum += part(i);
        let right = x0 + inset + (x1 - x0 - 2.0 * inset) * sum / total;
        [std::mem::replace(&mut left, right), right]
    };
    (0..count).map(bay).collect()
}

/// The outline of a window: a semicircle at the top, or none.
fn outline(area: Area, arched: bool) -> Form {
    if arched { Form::Arch(0.5 * area.width() / area.height()) } else { Form::Rect }
}

/// Adds the shapes of one house.
struct Builder<'a> {
    house: &'a House,
    dice: &'a mut Dice,
    shapes: &'a mut Vec<Shape>,
}

impl Builder<'_> {
    fn add(&mut self, label: u8, form: Form, area: Area, paint: Paint, color: [f32; 3], relief: f32) {
        self.shapes.push(Shape { label, form, area, material: opaque(paint), color, relief });
    }

    /// Adds an ornament, in the color of the trim.
    fn trim(&mut self, label: u8, form: Form, area: Area, paint: Paint, relief: f32) {
        self.add(label, form, area, paint, self.house.colors.trim, relief);
    }

    fn balcony(&mut self, area: Area) {
        let (material, color) = (Box::new(railing), [38.0, 40.0, 44.0]);
        self.shapes.push(Shape { label: BALCONY, form: Form::Rect, area, material, color, relief: 0.024 });
    }

    /// A window, with a frame of stone of this width.
    fn glazing(&mut self, area: Area, arched: bool, frame: Option<f32>) {
        if let Some(width) = frame {
            let frame = area.grown(width, width);
            self.trim(MOLDING, outline(frame, arched), frame, slab, 0.005);
        }
        self.add(WINDOW, outline(area, arched), area, glass, self.house.colors.frame, -0.012);
    }

    fn sill(&mut self, window: Area) {
        let area = Area::new(window.x0 - 0.014, window.y1, window.x1 + 0.014, window.y1 + 0.014);
        self.trim(SILL, Form::Rect, area, slab, 0.012);
    }

    /// Everything above the eaves. A roof belongs to the facade.
    fn roof(&mut self) {
        let House { style, wall, colors, bays, .. } = self.house;
        let (mid, width, eaves) = (wall.middle(), wall.width(), wall.y0);
        match style {
            Style::Brick => {
                if self.dice.chance(0.6) {
                    let gable = Area::around(mid, 0.5 * width.min(0.42), eaves - 0.16, eaves);
                    self.add(FACADE, Form::Steps(4.0), gable, brick, colors.wall, 0.0);
                    let r = 0.03;
                    let bull = Area::around(mid, r, eaves - 0.1, eaves - 0.1 + 2.0 * r);
                    self.trim(DECO, Form::Disc, bull, boss, 0.006);
                    return;
                }
                let parapet = Area { y0: eaves - 0.05, y1: eaves, ..*wall };
                self.add(FACADE, Form::Rect, parapet, brick, colors.wall, 0.0);
                for [left, right] in bays {
                    let area = Area::around(0.5 * (left + right), 0.04, eaves - 0.04, eaves - 0.012);
                    self.trim(DECO, Form::Rect, area, panel, 0.004);
                }
                let cap = Area::new(wall.x0 - 0.006, eaves - 0.062, wall.x1 + 0.006, eaves - 0.046);
                self.trim(CORNICE, Form::Rect, cap, course, 0.012);
            }
            Style::Cottage => {
                let roof = Area::new(wall.x0 - 0.015, eaves - 0.13, wall.x1 + 0.015, eaves);
                self.chimney([0.12, 0.88], 0.18);
                self.add(FACADE, Form::Mansard(0.1), roof, tiles, colors.roof, 0.0);
                if self.dice.chance(0.4) {
                    self.front_gable();
                } else if self.dice.chance(0.7) {
                    let bay = (self.dice.range(0.2, 0.8) * bays.len() as f32) as usize;
                    self.dormer(bays[bay.min(bays.len() - 1)], 0.1, colors.wall);
                }
            }
            Style::Boulevard => {
                let roof = Area::new(wall.x0, eaves - 0.14, wall.x1, eaves);
                self.chimney([0.08, 0.92], 0.185);
                self.add(FACADE, Form::Mansard(0.04), roof, slate, colors.roof, 0.0);
                bays.iter().for_each(|&bay| self.dormer(bay, 0.115, colors.trim));
            }
            Style::Classical => {
                let roof = Area::new(wall.x0 + 0.02, eaves - 0.05, wall.x1 - 0.02, eaves);
                self.add(FACADE, Form::Mansard(0.03), roof, slate, colors.roof, 0.0);
                let half = 0.5 * (width * self.dice.range(0.6, 1.0)).min(0.6);
                let front = Area::around(mid, half, eaves - 0.34 * half, eaves);
                self.trim(DECO, Form::Gable, front, tympanum, 0.01);
                let r = 0.08 * half + 0.012;
                let bull = Area::around(mid, r, eaves - 0.016 - 2.0 * r, eaves - 0.016);
                self.trim(DECO, Form::Disc, bull, boss, 0.014);
            }
        }
    }

    /// A chimney between two fractions of the house's width, with this height above the eaves.
    fn chimney(&mut self, [low, high]: [f32; 2], height: f32) {
        let House { wall, .. } = self.house;
        let x = wall.x0 + self.dice.range(low, high) * wall.width();
        let top = wall.y0 - height;
        let stack = Area::around(x, 0.02, top, wall.y0);
        self.add(FACADE, Form::Rect, stack, brick, [150.0, 88.0, 68.0], 0.0);
        let cap = Area::around(x, 0.025, top - 0.012, top);
        self.add(FACADE, Form::Rect, cap, slab, [186.0, 176.0, 160.0], 0.01);
    }

    /// A gable of the wall's plaster, with a window, in front of the roof.
    fn front_gable(&mut self) {
        let House { wall, colors, .. } = self.house;
        let half = (self.dice.range(0.22, 0.34) * wall.width()).min(0.17);
        let mid = wall.x0 + self.dice.range(half + 0.03, (wall.width() - half - 0.03).max(half + 0.04));
        let gable = Area::around(mid, half, wall.y0 - 0.95 * half, wall.y0);
        self.trim(MOLDING, Form::Gable, gable.grown(0.022, 0.018), tympanum, 0.014);
        self.add(FACADE, Form::Gable, gable, plaster, colors.wall, 0.006);
        let h = 0.44 * half;
        let window = Area::around(mid, 0.17 * half + 0.01, wall.y0 - 0.012 - h, wall.y0 - 0.012);
        self.add(WINDOW, Form::Arch(0.5 * window.width() / h), window, glass, colors.frame, -0.01);
    }

    fn dormer(&mut self, [left, right]: [f32; 2], height: f32, color: [f32; 3]) {
        let House { wall, colors, .. } = self.house;
        let (mid, half) = (0.5 * (left + right), (0.3 * (right - left)).min(0.05));
        let front = Area::around(mid, half, wall.y0 - height + 0.03, wall.y0);
        self.add(FACADE, Form::Rect, front, plaster, color, 0.012);
        let window = Area::around(mid, 0.62 * half, front.y0 + 0.006, wall.y0 - 0.012);
        self.add(WINDOW, Form::Rect, window, glass, colors.frame, 0.004);
        let cap = Area::around(mid, 1.25 * half, front.y0 - 0.03, front.y0);
        self.trim(DECO, Form::Gable, cap, tympanum, 0.018);
    }

    /// The windows of upper story `k`, with everything around them.
    fn story(&mut self, k: usize) {
        let House { style, floors, bays, window, .. } = self.house;
        let (bottom, top) = (floors[k], floors[k + 1]);
        let story = bottom - top;
        let last = k + 2 == floors.len();
        // A main floor has balconies or pediments, as wide as the house or bay by bay.
        let balconies = match style {
            Style::Boulevard if k == 1 || (last && k > 2) => 1.0,
            Style::Boulevard => 0.25,
            Style::Cottage => 0.18,
            Style::Classical if k == 1 => 0.5,
            _ => 0.0,
        };
        let full_width = *style == Style::Boulevard && k == 1 && self.dice.chance(0.5);
        let pair_up = self.dice.chance(0.8);
        for &[left, right] in bays {
            if self.dice.chance(0.03) && bays.len() > 2 {
                let area = Area::new(left, top, right, bottom).grown(-0.3 * (right - left), -0.28 * story);
                self.trim(DECO, Form::Rect, area, panel, 0.004);
                continue;
            }
            let count = if right - left > 0.2 && pair_up { 2 } else { 1 };
            let part = (right - left) / count as f32;
            let tall = if last { 0.9 * window.1 } else { window.1 };
            let y0 = top + 0.2 * story;
            for c in 0..count {
                let mid = left + (c as f32 + 0.5) * part;
                let area = Area::around(mid, 0.5 * window.0 * part.min(0.17), y0, y0 + tall * story);
                let balcony = !full_width && self.dice.chance(balconies);
                self.window(k, area, story, balcony);
            }
        }
        let (left, right) = (bays[0][0], bays[bays.len() - 1][1]);
        if full_width {
            let y1 = floors[k] - 0.03 * story;
            self.balcony(Area::new(left - 0.004, y1 - 0.36 * story, right + 0.004, y1));
        }
        if *style == Style::Classical {
            for x in std::iter::once(left).chain(bays.iter().map(|bay| bay[1])) {
                self.trim(PILLAR, Form::Rect, Area::around(x, 0.0125, top, bottom), shaft, 0.012);
            }
        }
    }

    fn window(&mut self, k: usize, mut area: Area, story: f32, balcony: bool) {
        let House { style, colors, arched, floors, roller_blinds, .. } = self.house;
        if balcony {
            area.y1 = floors[k] - 0.06 * story;
        }
        if *style == Style::Brick && !arched {
            let lintel = Area::new(area.x0 - 0.01, area.y0 - 0.018, area.x1 + 0.01, area.y0);
            self.trim(MOLDING, Form::Rect, lintel, slab, 0.004);
        }
        let framed = matches!(style, Style::Boulevard | Style::Classical);
        self.glazing(area, *arched, framed.then_some(0.013));
        if !arched && self.dice.chance(*roller_blinds) {
            let down = self.dice.range(0.25, 0.6);
            let blind = Area { y1: area.y0 + down * area.height(), ..area };
            self.add(BLIND, Form::Rect, blind, roller, [226.0, 216.0, 190.0], -0.008);
        }
        if *style == Style::Cottage {
            let leaf = 0.52 * area.width();
            for (x0, x1) in [(area.x0 - leaf, area.x0 - 0.002), (area.x1 + 0.002, area.x1 + leaf)] {
                self.add(BLIND, Form::Rect, Area { x0, x1, ..area }, shutter, colors.paint, 0.006);
            }
        }
        match style {
            Style::Boulevard if k == 1 && !arched => {
                let pediment = Area::new(area.x0 - 0.02, area.y0 - 0.04, area.x1 + 0.02, area.y0 - 0.01);
                self.trim(DECO, Form::Gable, pediment, tympanum, 0.012);
            }
            Style::Classical if !balcony => {
                let apron = Area::new(area.x0 - 0.004, area.y1 + 0.02, area.x1 + 0.004, area.y1 + 0.02 + 0.12 * story);
                self.add(DECO, Form::Rect, apron, panel, colors.trim.map(|c| c * 0.96), 0.003);
            }
            _ => {}
        }
        if balcony {
            let y1 = area.y1 + 0.012;
            self.balcony(Area::new(area.x0 - 0.024, y1 - 0.32 * story, area.x1 + 0.024, y1));
        } else {
            self.sill(area);
        }
    }

    /// The door, and shops or windows beside it.
    fn ground_floor(&mut self) {
        let House { style, wall, colors, bays, floors, window, arched, shops, door, .. } = self.house;
        let top = floors[1];
        let story = floors[0] - top;
        self.door(bays[*door], story);
        let mut i = 0;
        while i < bays.len() {
            if i == *door {
                i += 1;
                continue;
            }
            let shop = *shops && self.dice.chance(0.85);
            // A shop takes one bay, or the next one too.
            let wide = shop && i + 1 < bays.len() && i + 1 != *door && self.dice.chance(0.5);
            let end = if wide { i + 1 } else { i };
            let (left, right) = (bays[i][0], bays[end][1]);
            if shop {
                let area = Area::new(left + 0.012, top + 0.14 * story, right - 0.012, wall.y1);
                self.add(SHOP, Form::Rect, area, shop_front, colors.paint, -0.006);
                for x in [area.x0, area.x1] {
                    let post = Area::around(x, 0.009, area.y0 - 0.008, wall.y1);
                    self.add(PILLAR, Form::Rect, post, shaft, colors.paint.map(|c| 1.15 * c + 12.0), 0.008);
                }
            } else {
                let half = 0.5 * window.0 * (right - left).min(0.17);
                let area = Area::around(0.5 * (left + right), half, top + 0.24 * story, top + 0.74 * story);
                let arched = *arched || *style == Style::Classical;
                self.glazing(area, arched, (*style != Style::Cottage).then_some(0.011));
                self.sill(area);
            }
            i = end + 1;
        }
    }

    fn door(&mut self, [left, right]: [f32; 2], story: f32) {
        let House { style, wall, colors, .. } = self.house;
        let (mid, half) = (0.5 * (left + right), 0.5 * (0.46 * (right - left)).clamp(0.05, 0.085));
        let area = Area::around(mid, half, wall.y1 - 0.72 * story, wall.y1);
        if *style == Style::Classical {
            let cap = Area::new(area.x0 - 0.034, area.y0 - 0.05, area.x1 + 0.034, area.y0 - 0.012);
            self.trim(DECO, Form::Gable, cap, tympanum, 0.02);
            let beam = Area::new(area.x0 - 0.03, area.y0 - 0.014, area.x1 + 0.03, area.y0);
            self.trim(CORNICE, Form::Rect, beam, course, 0.018);
            for x in [area.x0 - 0.014, area.x1 + 0.014] {
                self.trim(PILLAR, Form::Rect, Area::around(x, 0.012, area.y0, wall.y1), shaft, 0.014);
            }
        } else {
            self.trim(MOLDING, Form::Rect, Area { y1: wall.y1, ..area.grown(0.014, 0.014) }, slab, 0.006);
        }
        let wooden = matches!(style, Style::Cottage | Style::Brick);
        self.add(DOOR, Form::Rect, area, door, if wooden { colors.wood } else { colors.paint }, -0.014);
        if matches!(style, Style::Boulevard | Style::Brick) {
            let keystone = Area::around(mid, 0.014, area.y0 - 0.024, area.y0 + 0.006);
            self.trim(DECO, Form::Rect, keystone, slab, 0.012);
        }
    }

    /// The cornices between stories and under the eaves.
    fn cornices(&mut self) {
        let House { style, wall, floors, .. } = self.house;
        let over = |dx: f32, y: f32, h: f32| Area::new(wall.x0 - dx, y - h, wall.x1 + dx, y);
        let string = *style == Style::Brick && self.dice.chance(0.4);
        for k in 1..floors.len() - 1 {
            let area = match style {
                Style::Boulevard if k == 1 || k + 2 == floors.len() => over(0.008, floors[k] + 0.014, 0.02),
                Style::Classical if k == 1 => over(0.008, floors[k] + 0.012, 0.022),
                Style::Brick if string || k == 1 => over(0.0, floors[k] + 0.012, 0.014),
                _ => continue,
            };
            self.trim(CORNICE, Form::Rect, area, course, 0.014);
        }
        let (dx, h, paint): (f32, f32, Paint) = match style {
            Style::Cottage => (0.016, 0.018, course),
            Style::Classical => (0.014, 0.034, dentils),
            _ => (0.012, 0.03, dentils),
        };
        self.trim(CORNICE, Form::Rect, over(dx, wall.y0 + 0.6 * h, h), paint, 0.028);
    }
}
