//! The classes of the CMP facade database: ids and colors.

/// Number of classes: the 12 CMP ids 1 to 12, and 0, which the database does not use.
pub const CLASSES: usize = 13;

/// The CMP database's color (RGB) of each id.
pub const PALETTE: [[u8; 3]; CLASSES] = [
    [0, 0, 0],
    [0, 0, 170],
    [0, 0, 255],
    [0, 85, 255],
    [0, 170, 255],
    [0, 255, 255],
    [85, 255, 170],
    [170, 255, 85],
    [255, 255, 0],
    [255, 170, 0],
    [255, 85, 0],
    [255, 0, 0],
    [170, 0, 0],
];

pub(super) const BACKGROUND: u8 = 1;
pub(super) const FACADE: u8 = 2;
pub(super) const WINDOW: u8 = 3;
pub(super) const DOOR: u8 = 4;
pub(super) const CORNICE: u8 = 5;
pub(super) const SILL: u8 = 6;
pub(super) const BALCONY: u8 = 7;
pub(super) const BLIND: u8 = 8;
pub(super) const DECO: u8 = 9;
pub(super) const MOLDING: u8 = 10;
pub(super) const PILLAR: u8 = 11;
pub(super) const SHOP: u8 = 12;
