//! Pictures and archives, byte by byte: what no encoder would write.

/// The checksum of PNG chunks and zip entries.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Bytes in zlib's format, not compressed.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut pieces = bytes.chunks(0xffff).peekable();
    while let Some(piece) = pieces.next() {
        let length = piece.len() as u16;
        stream.push(u8::from(pieces.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(piece);
    }
    let (low, high) = bytes.iter().fold((1u32, 0u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65521;
        (low, (high + low) % 65521)
    });
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// `count` zeros in zlib's format, compressed to less than a hundredth: one zero, then copies of it, 258 at a time.
pub fn zlib_of_zeros(count: usize) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    stream.extend(deflated_zeros(count));
    stream.extend((((count % 65521) as u32) << 16 | 1).to_be_bytes());
    stream
}

/// The same without zlib's frame. The fixed codes of deflate (RFC 1951, section 3.2.6).
pub fn deflated_zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // Not the last block, fixed codes; the literal 0.
    bits.low_first(0b010, 3);
    bits.high_first(0b0011_0000, 8);
    let copies = (count - 1) / 258;
    for _ in 0..copies {
        // The length 258, the distance 1.
        bits.high_first(0b1100_0101, 8);
        bits.high_first(0, 5);
    }
    for _ in 0..(count - 1) % 258 {
        bits.high_first(0b0011_0000, 8);
    }
    // The end of this block; an empty last one.
    bits.high_first(0, 7);
    bits.low_first(0b011, 3);
    bits.high_first(0, 7);
    bits.bytes
}

/// Bits, the first in the lowest place of its byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        *self.bytes.last_mut().expect("a byte") |= u8::from(bit) << (self.used % 8);
        self.used += 1;
    }

    fn low_first(&mut self, value: u32, count: u32) {
        (0..count).for_each(|i| self.push(value >> i & 1 == 1));
    }

    fn high_first(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|i| self.push(value >> i & 1 == 1));
    }
}

/// A PNG's header fields, and its rows: a filter type and packed pixels each.
pub struct Png {
    pub width: u32,
    pub height: u32,
    pub bits: u8,
    /// 0 gray, 2 RGB, 3 palette, 4 gray with transparency, 6 RGB with transparency.
    pub color: u8,
    pub interlaced: u8,
    /// Chunks before the pixels.
    pub before: Vec<u8>,
    /// The compressed pixels.
    pub pixels: Vec<u8>,
}

pub const GRAY: u8 = 0;
pub const RGB: u8 = 2;
pub const PALETTE: u8 = 3;
pub const GRAY_ALPHA: u8 = 4;
pub const RGBA: u8 = 6;

impl Png {
    /// An image whose packed bytes are all `byte`.
    pub fn flat(width: u32, height: u32, bits: u8, color: u8, byte: u8) -> Png {
        let channels = [1, 0, 3, 1, 2, 0, 4][usize::from(color)];
        let row = (width as usize * channels * usize::from(bits)).div_ceil(8);
        let mut rows = Vec::new();
        for _ in 0..height {
            rows.push(0);
            rows.resize(rows.len() + row, byte);
        }
        let before = if color == PALETTE { chunk(b"PLTE", &vec![200; 3 << bits.min(8)]) } else { Vec::new() };
        Png { width, height, bits, color, interlaced: 0, before, pixels: zlib(&rows) }
    }

    pub fn file(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(self.width.to_be_bytes());
        header.extend(self.height.to_be_bytes());
        header.extend([self.bits, self.color, 0, 0, self.interlaced]);
        [
            &b"\x89PNG\r\n\x1a\n"[..],
            &chunk(b"IHDR", &header),
            &self.before,
            &chunk(b"IDAT", &self.pixels),
            &chunk(b"IEND", b""),
        ]
        .concat()
    }
}

/// A PNG chunk.
pub fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let checked = [kind, content].concat();
    [&(content.len() as u32).to_be_bytes()[..], &checked, &crc32(&checked).to_be_bytes()].concat()
}

/// A baseline JPEG of blocks of one color: `level(component, x, y)` of block (x, y). One component is gray, three are
/// YCbCr, four are what `segments`, which come first, say.
pub fn jpeg(width: u16, height: u16, components: u8, segments: &[u8], level: impl Fn(u8, u16, u16) -> u8) -> Vec<u8> {
    let mut file = [b"\xff\xd8", segments].concat();
    // Every coefficient is divided by 8, so that a block's first one is its level − 128.
    file.extend(segment(0xdb, &[&[0][..], &[8; 64]].concat()));
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(components);
    frame.extend((1..=components).flat_map(|id| [id, 0x11, 0]));
    file.extend(segment(0xc0, &frame));
    // First coefficients: categories 0 to 8, with codes of four bits. The others: nothing but the end, one bit.
    let mut table = vec![0x00, 0, 0, 0, 9];
    table.extend([0; 12]);
    table.extend(0..9);
    file.extend(segment(0xc4, &table));
    let mut table = vec![0x10, 1];
    table.extend([0; 15]);
    table.push(0);
    file.extend(segment(0xc4, &table));
    let mut scan = vec![components];
    scan.extend((1..=components).flat_map(|id| [id, 0]));
    scan.extend([0, 63, 0]);
    file.extend(segment(0xda, &scan));
    let mut bits = Vec::new();
    let mut push = |value: u32, count: u32| bits.extend((0..count).rev().map(|i| value >> i & 1 == 1));
    let mut before = vec![0i32; usize::from(components)];
    for y in 0..height.div_ceil(8) {
        for x in 0..width.div_ceil(8) {
            for (component, before) in before.iter_mut().enumerate() {
                let value = i32::from(level(component as u8, x, y)) - 128;
                let difference = value - std::mem::replace(before, value);
                let category = 32 - difference.unsigned_abs().leading_zeros();
                push(category, 4);
                push((difference - i32::from(difference < 0)) as u32 & ((1 << category) - 1), category);
                push(0, 1);
            }
        }
    }
    // Filled up with ones; 00 follows a byte FF.
    bits.resize(bits.len().next_multiple_of(8), true);
    for byte in bits.chunks(8).map(|byte| byte.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit))) {
        file.push(byte);
        if byte == 0xff {
            file.push(0);
        }
    }
    file.extend(b"\xff\xd9");
    file
}

/// A JPEG segment.
pub fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

/// EXIF data that hold an orientation, 1 to 8, and nothing else.
pub fn exif(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation], &[0; 7]].concat()
}

/// An entry of a zip archive, as its two headers describe it.
pub struct Entry<'a> {
    pub name: &'a str,
    pub content: &'a [u8],
    /// 0 stored, 8 deflated.
    pub method: u16,
    /// The size that is claimed.
    pub size: u32,
}

impl<'a> Entry<'a> {
    pub fn stored(name: &'a str, content: &'a [u8]) -> Entry<'a> {
        Entry { name, content, method: 0, size: content.len() as u32 }
    }
}

/// A zip archive.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = file.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0]);
        common.extend(entry.method.to_le_bytes());
        common.extend([0, 0, 0x21, 0]);
        common.extend(crc32(entry.content).to_le_bytes());
        let held = if entry.method == 0 { entry.size } else { entry.content.len() as u32 };
        common.extend(held.to_le_bytes());
        common.extend(entry.size.to_le_bytes());
        common.extend((entry.name.len() as u32).to_le_bytes());
        file.extend([b"PK\x03\x04", &common[..], entry.name.as_bytes(), entry.content].concat());
        directory.extend([b"PK\x01\x02\x14\0", &common[..], &[0; 10], &offset.to_le_bytes()].concat());
        directory.extend(entry.name.as_bytes());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (start, length) = (file.len() as u32, directory.len() as u32);
    file.extend(directory);
    file.extend(
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &length.to_le_bytes(), &start.to_le_bytes(), &[0; 2]].concat(),
    );
    file
}
