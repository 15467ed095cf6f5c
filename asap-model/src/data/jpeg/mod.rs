//! Checks that a JPEG is whole (ITU-T T.81).
//!
//! Decoders hide damage: they fill with gray what is missing, and read on after a code that makes no sense. [`check`] reads the
//! codes of every scan, without computing pixels, and so knows whether each ends with its last block. It takes about half as long
//! as decoding. Accepted is what leaves the pixels as they were: data after the end of the image, any fill bits, restart markers
//! after the last block.

mod entropy;
mod frame;
mod scan;

use image::RgbImage;

use entropy::{Table, marker_at};
pub(super) use frame::Decoder;
use frame::{Frame, Pass};
use scan::{Part, Scan};

/// Tables and the restart interval, as the segments so far define them (B.2.4).
#[derive(Default)]
struct Tables {
    /// Huffman tables for DC and AC.
    huffman: [[Option<Table>; 4]; 2],
    /// The first values of the quantization tables.
    quanta: [Option<u16>; 4],
    restart: usize,
}

// Markers (table B.1).
const TEM: u8 = 0x01;
const SOF0: u8 = 0xc0;
const SOF2: u8 = 0xc2;
const DHT: u8 = 0xc4;
const SOF15: u8 = 0xcf;
const RST0: u8 = 0xd0;
const RST7: u8 = 0xd7;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DRI: u8 = 0xdd;
const APP0: u8 = 0xe0;
const APP15: u8 = 0xef;
const COM: u8 = 0xfe;

/// Why a JPEG is rejected.
pub(super) enum Defect {
    /// What is damaged: a clause.
    Damaged(String),
    /// What no decoder reads, or the usual one as other pixels: continues "stores".
    Unsupported(&'static str),
}

impl<T: Into<String>> From<T> for Defect {
    fn from(what: T) -> Defect {
        Defect::Damaged(what.into())
    }
}

/// Checks a file that starts as a JPEG, and returns which decoder reads it.
pub(super) fn check(bytes: &[u8]) -> Result<Decoder, Defect> {
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    let mut at = 2;
    loop {
        let place = || if scans == 0 { "in its header".into() } else { format!("after scan {scans}") };
        let truncated = || format!("it is truncated {}", place());
        let invalid = |what: &str| format!("it has an invalid {what} {}", place());
        let Some((marker, after)) = marker_at(bytes, at) else {
            let extra = bytes[at..].iter().take_while(|&&byte| byte != 0xff).count();
            return Err(match marker_at(bytes, at + extra) {
                None => truncated().into(),
                Some(_) => format!("it has {extra} bytes too many {}", place()).into(),
            });
        };
        at = after;
        match marker {
            // Without a segment. Some encoders write a restart marker after the last MCU.
            TEM | RST0..=RST7 => continue,
            EOI => {
                let frame = frame.ok_or("it has no image")?;
                frame.complete()?;
                return frame.decoder(scans).map_err(Defect::Unsupported);
            }
            SOF0..=SOF2 | DHT | SOS..=DRI | APP0..=APP15 | COM => {}
            SOF0..=SOF15 => return Err(Defect::Unsupported("lossless, hierarchical or arithmetic-coded data")),
            _ => return Err(invalid(&format!("marker FF{marker:02X}")).into()),
        }
        let length = u16::from_be_bytes(*bytes[at..].first_chunk().ok_or_else(truncated)?);
        let Some(length) = usize::from(length).checked_sub(2) else { return Err(invalid("length").into()) };
        let segment = bytes[at + 2..].get(..length).ok_or_else(truncated)?;
        at += 2 + length;
        match marker {
            SOF0..=SOF2 if segment.first() != Some(&8) => {
                return Err(Defect::Unsupported("other than 8 bits a channel"));
            }
            SOF0..=SOF2 if frame.is_some() => return Err("it has two frame headers".into()),
            SOF0..=SOF2 => frame = Some(Frame::new(segment, marker == SOF2).ok_or_else(|| invalid("frame header"))?),
            DHT => tables.huffman(segment).ok_or_else(|| invalid("Huffman table"))?,
            DQT => tables.quantization(segment).ok_or_else(|| invalid("quantization table"))?,
            DRI => match segment.try_into() {
                Ok(interval) => tables.restart = u16::from_be_bytes(interval).into(),
                Err(_) => return Err(invalid("restart interval").into()),
            },
            // Frames of AVI videos leave out the standard tables.
            APP0 if segment.starts_with(b"AVI1") => {
                tables.huffman(&STANDARD).ok_or_else(|| invalid("Huffman table"))?
            }
            SOS => {
                scans += 1;
                let frame = frame.as_mut().ok_or("it has no frame header")?;
                let scan = tables.scan(frame, segment).and_then(|scan| scan.read(frame, bytes, at));
                at = scan.map_err(|what| format!("scan {scans} {what}"))?;
            }
            _ => {}
        }
    }
}

/// Decodes a JPEG with one scan for each color channel, of which the last two have a lower resolution, as some encoders write
/// where they compute Huffman tables for each image. The `image` crate's decoder shows other pixels, without an error.
pub(super) fn decode_separate_scans(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let pixels = decoder.decode().map_err(|e| e.to_string())?;
    let image = decoder.info().and_then(|info| RgbImage::from_raw(info.width.into(), info.height.into(), pixels));
    image.ok_or_else(|| "its pixels are not RGB".into())
}

impl Tables {
    /// Defines Huffman tables (B.2.4.2). None if the segment is invalid.
    fn huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&class_and_index, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let (symbols, rest) = rest.split_at_checked(counts.iter().map(|&count| usize::from(count)).sum())?;
            let table =
                self.huffman.get_mut(usize::from(class_and_index >> 4))?.get_mut(usize::from(class_and_index & 15))?;
            *table = Some(Table::new(counts, symbols)?);
            segment = rest;
        }
        Some(())
    }

    /// Defines quantization tables, whose values are not 0 (B.2.4.1). None if the segment is invalid.
    fn quantization(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&precision_and_index, rest)) = segment.split_first() {
            let bytes = match precision_and_index >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let (values, rest) = rest.split_at_checked(64 * bytes)?;
            let values = values.chunks(bytes).map(|value| value.iter().fold(0, |v, &byte| v << 8 | u16::from(byte)));
            if values.clone().any(|value| value == 0) {
                return None;
            }
            *self.quanta.get_mut(usize::from(precision_and_index & 15))? = values.clone().next();
            segment = rest;
        }
        Some(())
    }

    /// The scan that a header declares (B.2.3).
    fn scan(&self, frame: &mut Frame, header: &[u8]) -> Result<Scan<'_>, String> {
        let invalid = || "has an invalid header".to_string();
        let (&count, rest) = header.split_first().ok_or_else(invalid)?;
        let (selectors, &[first, last, bits]) = rest.split_last_chunk::<3>().ok_or_else(invalid)?;
        let (selectors, []) = selectors.as_chunks::<2>() else { return Err(invalid()) };
        if selectors.is_empty() || usize::from(count) != selectors.len() {
            return Err(invalid());
        }
        let pass = Pass { first, last, high: bits >> 4, low: bits & 15 };
        // Some encoders write other values than 0, 63, 0 and 0 where there is no choice.
        let pass = if frame.progressive { pass } else { Pass { first: 0, last: 63, high: 0, low: 0 } };
        let mut parts = Vec::new();
        for &[id, table] in selectors {
            let component = frame.find(id).ok_or_else(|| format!("is of a color channel {id} that is not declared"))?;
            if parts.iter().any(|part: &Part| part.component == component) {
                return Err(invalid());
            }
            let quantum = self.quanta.get(usize::from(frame.components[component].quantization)).copied().flatten();
            let quantum = quantum.ok_or("lacks its quantization table")?;
            let huffman =
                |class: usize, index: u8| self.huffman[class].get(usize::from(index)).and_then(Option::as_ref);
            parts.push(Part { component, dc: huffman(0, table >> 4), ac: huffman(1, table & 15), quantum });
        }
        let components: Vec<usize> = parts.iter().map(|part| part.component).collect();
        frame.begin(&components, pass)?;
        let [dc, ac] = [pass.first == 0 && pass.high == 0, pass.last > 0];
        if parts.iter().any(|part| (dc && part.dc.is_none()) || (ac && part.ac.is_none())) {
            return Err("lacks its Huffman table".into());
        }
        Ok(Scan { parts, pass, restart: self.restart })
    }
}

/// The segment that defines the Huffman tables of annex K.3: for DC and AC of luminance, then for DC and AC of chrominance.
const STANDARD: [u8; 416] = [
    0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 0, 2, 1, 3, 3, 2, 4,
    3, 5, 5, 4, 4, 0, 0, 1, 125, 1, 2, 3, 0, 4, 17, 5, 18, 33, 49, 65, 6, 19, 81, 97, 7, 34, 113, 20, 50, 129, 145,
    161, 8, 35, 66, 177, 193, 21, 82, 209, 240, 36, 51, 98, 114, 130, 9, 10, 22, 23, 24, 25, 26, 37, 38, 39, 40, 41,
    42, 52, 53, 54, 55, 56, 57, 58, 67, 68, 69, 70, 71, 72, 73, 74, 83, 84, 85, 86, 87, 88, 89, 90, 99, 100, 101, 102,
    103, 104, 105, 106, 115, 116, 117, 118, 119, 120, 121, 122, 131, 132, 133, 134, 135, 136, 137, 138, 146, 147, 148,
    149, 150, 151, 152, 153, 154, 162, 163, 164, 165, 166, 167, 168, 169, 170, 178, 179, 180, 181, 182, 183, 184, 185,
    186, 194, 195, 196, 197, 198, 199, 200, 201, 202, 210, 211, 212, 213, 214, 215, 216, 217, 218, 225, 226, 227, 228,
    229, 230, 231, 232, 233, 234, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 1, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 17, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119, 0, 1, 2,
    3, 17, 4, 5, 33, 49, 6, 18, 65, 81, 7, 97, 113, 19, 34, 50, 129, 8, 20, 66, 145, 161, 177, 193, 9, 35, 51, 82, 240,
    21, 98, 114, 209, 10, 22, 36, 52, 225, 37, 241, 23, 24, 25, 26, 38, 39, 40, 41, 42, 53, 54, 55, 56, 57, 58, 67, 68,
    69, 70, 71, 72, 73, 74, 83, 84, 85, 86, 87, 88, 89, 90, 99, 100, 101, 102, 103, 104, 105, 106, 115, 116, 117, 118,
    119, 120, 121, 122, 130, 131, 132, 133, 134, 135, 136, 137, 138, 146, 147, 148, 149, 150, 151, 152, 153, 154, 162,
    163, 164, 165, 166, 167, 168, 169, 170, 178, 179, 180, 181, 182, 183, 184, 185, 186, 194, 195, 196, 197, 198, 199,
    200, 201, 202, 210, 211, 212, 213, 214, 215, 216, 217, 218, 226, 227, 228, 229, 230, 231, 232, 233, 234, 242, 243,
    244, 245, 246, 247, 248, 249, 250,
];
