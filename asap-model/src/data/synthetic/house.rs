//! One house: its style, storeys and bays.
//!
//! A style binds layout and colours together (brick has sills and lintels, pillars stand on pale stucco …), so that a
//! network can tell from the labels what the walls are made of; within a style the colours vary a little.

use super::classes::*;
use super::noise::Dice;
use super::shape::{Area, Form, Material, Shape};

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

/// The colours of a house.
struct Colors {
    wall: [f32; 3],
    trim: [f32; 3],
    roof: [f32; 3],
    frame: [f32; 3],
    /// Shutters, doors and shop fronts.
    paint: [f32; 3],
    wood: [f32; 3],
}

/// A house between two walls, before it is drawn.
pub(super) struct House {
    pub(super) style: Style,
    colors: Colors,
    wall: Area,
    /// Left borders of the bays, and the right border of the last.
    bays: Vec<f32>,
    /// Upper borders of the storeys from the ground floor up, after the ground itself.
    floors: Vec<f32>,
    /// Window width as a part of its bay, height as a part of its storey.
    window: (f32, f32),
    arched: bool,
    shops: bool,
    /// Which bay holds the door.
    door: usize,
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
        let storeys = (height / dice.range(0.15, 0.205)).round().max(2.0);
        let storey = height / (storeys + 0.2);
        let mut floors = vec![ground, ground - 1.2 * storey];
        for k in 1..storeys as usize {
            floors.push(ground - (1.2 + k as f32) * storey);
        }
        let bays = bays(dice, x0, x1);
        Self {
            style,
            colors: Colors::new(dice, style),
            wall: Area::new(x0, ground - height, x1, ground),
            door: dice.pick(bays.len() - 1),
            bays,
            floors,
            window: (dice.range(0.44, 0.56), dice.range(0.54, 0.64)),
            arched: dice.chance(if style == Style::Brick { 0.35 } else { 0.25 }),
            shops: match style {
                Style::Boulevard => dice.chance(0.75),
                Style::Brick => dice.chance(0.5),
                _ => false,
            },
            // Blinds beside shutters of the same class would hide which is which.
            roller_blinds: if style != Style::Cottage && dice.chance(0.5) { 0.3 } else { 0.0 },
        }
    }

    /// Adds the house's shapes, back to front.
    pub(super) fn build(&self, dice: &mut Dice, shapes: &mut Vec<Shape>) {
        let mut on = Builder { house: self, shapes };
        on.roof(dice);
        let material = match self.style {
            Style::Brick => Material::Brick,
            Style::Boulevard => Material::Ashlar(0.1),
            _ => Material::Plaster,
        };
        on.add(FACADE, Form::Box, self.wall, material, self.colors.wall, 0.0);
        if matches!(self.style, Style::Boulevard | Style::Classical) {
            let base = Area { y0: self.floors[1], ..self.wall };
            on.add(FACADE, Form::Box, base, Material::Ashlar(0.26), on.house.colors.wall.map(|c| c * 0.95), 0.002);
        }
        let plinth = Area { y0: self.wall.y1 - 0.028, ..self.wall };
        on.add(FACADE, Form::Box, plinth, Material::Plaster, mix_gray(self.colors.wall), 0.003);
        for k in 1..self.floors.len() - 1 {
            on.storey(dice, k);
        }
        on.ground_floor(dice);
        on.courses(dice);
    }
}

/// Borders of the bays: equal widths, or one of them wider.
fn bays(dice: &mut Dice, x0: f32, x1: f32) -> Vec<f32> {
    let count = ((x1 - x0) / dice.range(0.135, 0.205)).round().max(1.0) as usize;
    let wide = dice.chance(0.3).then(|| dice.pick(count));
    let parts: Vec<f32> = (0..count).map(|i| if wide == Some(i) { 1.5 } else { 1.0 }).collect();
    let total: f32 = parts.iter().sum();
    let inset = 0.012_f32.min(0.1 * (x1 - x0));
    let mut borders = vec![x0 + inset];
    let mut sum = 0.0;
    for part in parts {
        sum += part;
        borders.push(x0 + inset + (x1 - x0 - 2.0 * inset) * sum / total);
    }
    borders
}

impl Colors {
    fn new(dice: &mut Dice, style: Style) -> Self {
        let (wall, trim, roof, paint, wood) = match style {
            Style::Brick => (
                [160.0, 86.0, 64.0],
                [218.0, 206.0, 184.0],
                [120.0, 74.0, 62.0],
                [48.0, 66.0, 98.0],
                [70.0, 44.0, 34.0],
            ),
            Style::Cottage => (
                [226.0, 188.0, 122.0],
                [240.0, 230.0, 208.0],
                [182.0, 98.0, 68.0],
                [66.0, 112.0, 92.0],
                [104.0, 68.0, 42.0],
            ),
            Style::Boulevard => (
                [216.0, 204.0, 178.0],
                [230.0, 220.0, 198.0],
                [92.0, 102.0, 116.0],
                [42.0, 78.0, 66.0],
                [52.0, 62.0, 58.0],
            ),
            Style::Classical => (
                [152.0, 180.0, 186.0],
                [238.0, 234.0, 224.0],
                [110.0, 116.0, 118.0],
                [120.0, 50.0, 48.0],
                [118.0, 48.0, 46.0],
            ),
        };
        Self {
            wall: dice.near(wall, 0.06, 0.03),
            trim: dice.near(trim, 0.03, 0.01),
            roof: dice.near(roof, 0.06, 0.02),
            frame: dice.near([240.0, 238.0, 232.0], 0.02, 0.005),
            paint: dice.near(paint, 0.06, 0.03),
            wood: dice.near(wood, 0.06, 0.03),
        }
    }
}

/// The plinth's colour: the wall's, half grey and darker.
fn mix_gray(wall: [f32; 3]) -> [f32; 3] {
    wall.map(|c| 0.4 * c + 66.0)
}

/// Adds shapes of one house.
struct Builder<'a> {
    house: &'a House,
    shapes: &'a mut Vec<Shape>,
}

impl Builder<'_> {
    fn add(&mut self, label: u8, form: Form, area: Area, material: Material, color: [f32; 3], relief: f32) {
        self.shapes.push(Shape { label, form, area, material, color, relief });
    }

    /// What stands above the eaves. A roof belongs to the facade.
    fn roof(&mut self, dice: &mut Dice) {
        let House { style, wall, colors, bays, .. } = self.house;
        let (mid, width) = (wall.middle(), wall.width());
        match style {
            Style::Brick => {
                if dice.chance(0.6) {
                    let half = 0.5 * width.min(0.42);
                    let gable = Area::new(mid - half, wall.y0 - 0.16, mid + half, wall.y0);
                    self.add(FACADE, Form::Steps(4.0), gable, Material::Brick, colors.wall, 0.0);
                    let r = 0.03;
                    let eye = Area::new(mid - r, wall.y0 - 0.1, mid + r, wall.y0 - 0.1 + 2.0 * r);
                    self.add(DECO, Form::Disc, eye, Material::Boss, colors.trim, 0.006);
                } else {
                    let parapet = Area { y0: wall.y0 - 0.05, y1: wall.y0, ..*wall };
                    self.add(FACADE, Form::Box, parapet, Material::Brick, colors.wall, 0.0);
                    for pair in bays.windows(2) {
                        let m = 0.5 * (pair[0] + pair[1]);
                        let panel = Area::new(m - 0.04, wall.y0 - 0.04, m + 0.04, wall.y0 - 0.012);
                        self.add(DECO, Form::Box, panel, Material::Panel, colors.trim, 0.004);
                    }
                    let cap = Area::new(wall.x0 - 0.006, wall.y0 - 0.062, wall.x1 + 0.006, wall.y0 - 0.046);
                    self.add(CORNICE, Form::Box, cap, Material::Course(false), colors.trim, 0.012);
                }
            }
            Style::Cottage => {
                let roof = Area::new(wall.x0 - 0.015, wall.y0 - 0.13, wall.x1 + 0.015, wall.y0);
                self.chimney(wall.x0 + dice.range(0.12, 0.88) * width, wall.y0 - 0.18);
                self.add(FACADE, Form::Mansard(0.1), roof, Material::Tiles, colors.roof, 0.0);
                if dice.chance(0.4) {
                    self.front_gable(dice);
                } else if dice.chance(0.7) {
                    self.dormer(self.bay_near(dice.range(0.2, 0.8)), 0.1, Material::Plaster, colors.wall);
                }
            }
            Style::Boulevard => {
                let roof = Area::new(wall.x0, wall.y0 - 0.14, wall.x1, wall.y0);
                self.chimney(wall.x0 + dice.range(0.08, 0.92) * width, wall.y0 - 0.185);
                self.add(FACADE, Form::Mansard(0.04), roof, Material::Slate, colors.roof, 0.0);
                for bay in 0..bays.len() - 1 {
                    self.dormer(bay, 0.115, Material::Plaster, colors.trim);
                }
            }
            Style::Classical => {
                let roof = Area::new(wall.x0 + 0.02, wall.y0 - 0.05, wall.x1 - 0.02, wall.y0);
                self.add(FACADE, Form::Mansard(0.03), roof, Material::Slate, colors.roof, 0.0);
                let half = 0.5 * (width * dice.range(0.6, 1.0)).min(0.6);
                let front = Area::new(mid - half, wall.y0 - 0.34 * half, mid + half, wall.y0);
                self.add(DECO, Form::Gable, front, Material::Tympanum, colors.trim, 0.01);
                let r = 0.08 * half + 0.012;
                let eye = Area::new(mid - r, wall.y0 - 0.016 - 2.0 * r, mid + r, wall.y0 - 0.016);
                self.add(DECO, Form::Disc, eye, Material::Boss, colors.trim, 0.014);
            }
        }
    }

    fn chimney(&mut self, x: f32, top: f32) {
        let House { wall, .. } = self.house;
        let stack = Area::new(x - 0.02, top, x + 0.02, wall.y0);
        self.add(FACADE, Form::Box, stack, Material::Brick, [150.0, 88.0, 68.0], 0.0);
        let cap = Area::new(x - 0.025, top - 0.012, x + 0.025, top);
        self.add(FACADE, Form::Box, cap, Material::Slab, [186.0, 176.0, 160.0], 0.01);
    }

    /// A gable of the wall's plaster, with a window, before the roof.
    fn front_gable(&mut self, dice: &mut Dice) {
        let House { wall, colors, .. } = self.house;
        let half = (dice.range(0.22, 0.34) * wall.width()).min(0.17);
        let mid = wall.x0 + dice.range(half + 0.03, (wall.width() - half - 0.03).max(half + 0.04));
        let gable = Area::new(mid - half, wall.y0 - 0.95 * half, mid + half, wall.y0);
        self.add(MOLDING, Form::Gable, gable.grown(0.022, 0.018), Material::Tympanum, colors.trim, 0.014);
        self.add(FACADE, Form::Gable, gable, Material::Plaster, colors.wall, 0.006);
        let (w, h) = (0.17 * half + 0.01, 0.44 * half);
        let window = Area::new(mid - w, wall.y0 - 0.012 - h, mid + w, wall.y0 - 0.012);
        let rise = 0.5 * window.width() / h;
        self.add(WINDOW, Form::Arch(rise), window, Material::Glass(rise), colors.frame, -0.01);
    }

    /// The bay at this part of the house's width.
    fn bay_near(&self, part: f32) -> usize {
        let count = self.house.bays.len() - 1;
        ((part * count as f32) as usize).min(count - 1)
    }

    fn dormer(&mut self, bay: usize, height: f32, material: Material, color: [f32; 3]) {
        let House { wall, colors, bays, .. } = self.house;
        let mid = 0.5 * (bays[bay] + bays[bay + 1]);
        let half = (0.3 * (bays[bay + 1] - bays[bay])).min(0.05);
        let front = Area::new(mid - half, wall.y0 - height + 0.03, mid + half, wall.y0);
        self.add(FACADE, Form::Box, front, material, color, 0.012);
        let window = Area::new(mid - 0.62 * half, front.y0 + 0.006, mid + 0.62 * half, wall.y0 - 0.012);
        self.add(WINDOW, Form::Box, window, Material::Glass(0.0), colors.frame, 0.004);
        let cap = Area::new(mid - 1.25 * half, front.y0 - 0.03, mid + 1.25 * half, front.y0);
        self.add(DECO, Form::Gable, cap, Material::Tympanum, colors.trim, 0.018);
    }

    /// The windows of upper storey `k`, with all that belongs to them.
    fn storey(&mut self, dice: &mut Dice, k: usize) {
        let House { style, floors, bays, window, .. } = self.house;
        let (bottom, top) = (floors[k], floors[k + 1]);
        let storey = bottom - top;
        let last = k + 2 == floors.len();
        // A main floor with balconies or pediments, as wide as the house or bay by bay.
        let balconies = match style {
            Style::Boulevard if k == 1 || (last && k > 2) => 1.0,
            Style::Boulevard => 0.25,
            Style::Cottage => 0.18,
            Style::Classical if k == 1 => 0.5,
            _ => 0.0,
        };
        let full_width = *style == Style::Boulevard && k == 1 && dice.chance(0.5);
        let pair_up = dice.chance(0.8);
        for i in 0..bays.len() - 1 {
            let (left, right) = (bays[i], bays[i + 1]);
            if dice.chance(0.03) && bays.len() > 3 {
                let panel = Area::new(left, top, right, bottom).grown(-0.3 * (right - left), -0.28 * storey);
                self.add(DECO, Form::Box, panel, Material::Panel, self.house.colors.trim, 0.004);
                continue;
            }
            let wide = right - left > 0.2 && pair_up;
            let count = if wide { 2 } else { 1 };
            let part = (right - left) / count as f32;
            let tall = if last { 0.9 * window.1 } else { window.1 };
            let y0 = top + 0.2 * storey;
            for c in 0..count {
                let mid = left + (c as f32 + 0.5) * part;
                let half = 0.5 * window.0 * part.min(0.17);
                let area = Area::new(mid - half, y0, mid + half, y0 + tall * storey);
                let balcony = !full_width && dice.chance(balconies);
                self.window(dice, k, area, storey, balcony);
            }
        }
        if full_width {
            let y1 = floors[k] - 0.03 * storey;
            let area = Area::new(bays[0] - 0.004, y1 - 0.36 * storey, bays[bays.len() - 1] + 0.004, y1);
            self.add(BALCONY, Form::Box, area, Material::Railing, [38.0, 40.0, 44.0], 0.024);
        }
        if *style == Style::Classical {
            for &x in bays {
                let half = 0.0125;
                let shaft = Area::new(x - half, top, x + half, bottom);
                self.add(PILLAR, Form::Box, shaft, Material::Shaft, self.house.colors.trim, 0.012);
            }
        }
    }

    fn window(&mut self, dice: &mut Dice, k: usize, mut area: Area, storey: f32, balcony: bool) {
        let House { style, colors, arched, floors, roller_blinds, .. } = self.house;
        if balcony {
            area.y1 = floors[k] - 0.06 * storey;
        }
        let rise = if *arched { 0.5 * area.width() / area.height() } else { 0.0 };
        let form = if *arched { Form::Arch(rise) } else { Form::Box };
        if matches!(style, Style::Boulevard | Style::Classical) {
            let frame = area.grown(0.013, 0.013);
            let form = if *arched { Form::Arch(0.5 * frame.width() / frame.height()) } else { Form::Box };
            self.add(MOLDING, form, frame, Material::Slab, colors.trim, 0.005);
        } else if *style == Style::Brick && !arched {
            let lintel = Area::new(area.x0 - 0.01, area.y0 - 0.018, area.x1 + 0.01, area.y0);
            self.add(MOLDING, Form::Box, lintel, Material::Slab, colors.trim, 0.004);
        }
        self.add(WINDOW, form, area, Material::Glass(rise), colors.frame, -0.012);
        if !arched && dice.chance(*roller_blinds) {
            let down = dice.range(0.25, 0.6);
            let blind = Area { y1: area.y0 + down * area.height(), ..area };
            self.add(BLIND, Form::Box, blind, Material::Roller, [226.0, 216.0, 190.0], -0.008);
        }
        if *style == Style::Cottage {
            let leaf = 0.52 * area.width();
            for (x0, x1) in [(area.x0 - leaf, area.x0 - 0.002), (area.x1 + 0.002, area.x1 + leaf)] {
                let shutter = Area { x0, x1, ..area };
                self.add(BLIND, Form::Box, shutter, Material::Shutter, colors.paint, 0.006);
            }
        }
        let main = k == 1;
        match style {
            Style::Boulevard if main && !arched => {
                let pediment = Area::new(area.x0 - 0.02, area.y0 - 0.04, area.x1 + 0.02, area.y0 - 0.01);
                self.add(DECO, Form::Gable, pediment, Material::Tympanum, colors.trim, 0.012);
            }
            Style::Classical if !balcony => {
                let panel = Area::new(area.x0 - 0.004, area.y1 + 0.02, area.x1 + 0.004, area.y1 + 0.02 + 0.12 * storey);
                self.add(DECO, Form::Box, panel, Material::Panel, colors.trim.map(|c| c * 0.96), 0.003);
            }
            _ => {}
        }
        if balcony {
            let y1 = area.y1 + 0.012;
            let balcony = Area::new(area.x0 - 0.024, y1 - 0.32 * storey, area.x1 + 0.024, y1);
            self.add(BALCONY, Form::Box, balcony, Material::Railing, [38.0, 40.0, 44.0], 0.024);
        } else {
            let sill = Area::new(area.x0 - 0.014, area.y1, area.x1 + 0.014, area.y1 + 0.014);
            self.add(SILL, Form::Box, sill, Material::Slab, colors.trim, 0.012);
        }
    }

    /// The door, and shops or windows beside it.
    fn ground_floor(&mut self, dice: &mut Dice) {
        let House { style, wall, colors, bays, floors, window, arched, shops, door, .. } = self.house;
        let (bottom, top) = (floors[0], floors[1]);
        let storey = bottom - top;
        self.door(0.5 * (bays[*door] + bays[*door + 1]), 0.46 * (bays[*door + 1] - bays[*door]), storey);
        let mut i = 0;
        while i + 1 < bays.len() {
            if i == *door {
                i += 1;
                continue;
            }
            let mut end = i + 1;
            if *shops && dice.chance(0.85) {
                // A shop takes one bay, or the next one too.
                if end + 1 < bays.len() && end != *door && dice.chance(0.5) {
                    end += 1;
                }
                let area = Area::new(bays[i] + 0.012, top + 0.14 * storey, bays[end] - 0.012, wall.y1);
                self.add(SHOP, Form::Box, area, Material::ShopFront, colors.paint, -0.006);
                for x in [area.x0, area.x1] {
                    let post = Area::new(x - 0.009, area.y0 - 0.008, x + 0.009, wall.y1);
                    self.add(PILLAR, Form::Box, post, Material::Shaft, colors.paint.map(|c| 1.15 * c + 12.0), 0.008);
                }
            } else {
                let mid = 0.5 * (bays[i] + bays[end]);
                let half = 0.5 * window.0 * (bays[end] - bays[i]).min(0.17);
                let area = Area::new(mid - half, top + 0.24 * storey, mid + half, top + 0.74 * storey);
                let rise = if *arched || *style == Style::Classical { 0.5 * area.width() / area.height() } else { 0.0 };
                let form = if rise > 0.0 { Form::Arch(rise) } else { Form::Box };
                if *style != Style::Cottage {
                    let frame = area.grown(0.011, 0.011);
                    let form = if rise > 0.0 { Form::Arch(0.5 * frame.width() / frame.height()) } else { Form::Box };
                    self.add(MOLDING, form, frame, Material::Slab, colors.trim, 0.005);
                }
                self.add(WINDOW, form, area, Material::Glass(rise), colors.frame, -0.012);
                let sill = Area::new(area.x0 - 0.014, area.y1, area.x1 + 0.014, area.y1 + 0.014);
                self.add(SILL, Form::Box, sill, Material::Slab, colors.trim, 0.012);
            }
            i = end;
        }
    }

    fn door(&mut self, mid: f32, width: f32, storey: f32) {
        let House { style, wall, colors, .. } = self.house;
        let half = 0.5 * width.clamp(0.05, 0.085);
        let area = Area::new(mid - half, wall.y1 - 0.72 * storey, mid + half, wall.y1);
        let color = if *style == Style::Cottage || *style == Style::Brick { colors.wood } else { colors.paint };
        match style {
            Style::Classical => {
                let cap = Area::new(area.x0 - 0.034, area.y0 - 0.05, area.x1 + 0.034, area.y0 - 0.012);
                self.add(DECO, Form::Gable, cap, Material::Tympanum, colors.trim, 0.02);
                let beam = Area::new(area.x0 - 0.03, area.y0 - 0.014, area.x1 + 0.03, area.y0);
                self.add(CORNICE, Form::Box, beam, Material::Course(false), colors.trim, 0.018);
                for x in [area.x0 - 0.014, area.x1 + 0.014] {
                    let column = Area::new(x - 0.012, area.y0, x + 0.012, wall.y1);
                    self.add(PILLAR, Form::Box, column, Material::Shaft, colors.trim, 0.014);
                }
            }
            _ => {
                let frame = Area { y1: wall.y1, ..area.grown(0.014, 0.014) };
                self.add(MOLDING, Form::Box, frame, Material::Slab, colors.trim, 0.006);
            }
        }
        self.add(DOOR, Form::Box, area, Material::Door, color, -0.014);
        if *style == Style::Boulevard || *style == Style::Brick {
            let key = Area::new(mid - 0.014, area.y0 - 0.024, mid + 0.014, area.y0 + 0.006);
            self.add(DECO, Form::Box, key, Material::Slab, colors.trim, 0.012);
        }
    }

    /// The cornices between storeys and under the eaves.
    fn courses(&mut self, dice: &mut Dice) {
        let House { style, wall, colors, floors, .. } = self.house;
        let over = |dx: f32, y: f32, h: f32| Area::new(wall.x0 - dx, y - h, wall.x1 + dx, y);
        let string = *style == Style::Brick && dice.chance(0.4);
        for k in 1..floors.len() - 1 {
            let area = match style {
                Style::Boulevard if k == 1 || k + 2 == floors.len() => over(0.008, floors[k] + 0.014, 0.02),
                Style::Classical if k == 1 => over(0.008, floors[k] + 0.012, 0.022),
                Style::Brick if string || k == 1 => over(0.0, floors[k] + 0.012, 0.014),
                _ => continue,
            };
            self.add(CORNICE, Form::Box, area, Material::Course(false), colors.trim, 0.014);
        }
        let (dx, h) = match style {
            Style::Cottage => (0.016, 0.018),
            Style::Classical => (0.014, 0.034),
            _ => (0.012, 0.03),
        };
        let eaves = over(dx, wall.y0 + 0.6 * h, h);
        self.add(CORNICE, Form::Box, eaves, Material::Course(*style != Style::Cottage), colors.trim, 0.028);
    }
}
