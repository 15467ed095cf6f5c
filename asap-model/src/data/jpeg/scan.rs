//! Reads the data of a scan, block by block, for their length and the blocks' means (T.81, annexes F.2 and G.2).

use super::entropy::{Bits, Fault, Table, marker_at, unstuff};
use super::frame::{Component, Frame, Pass};

/// A component of a scan.
pub(super) struct Part<'a> {
    /// Its index in the frame.
    pub(super) component: usize,
    /// Its Huffman tables, where the scan needs them.
    pub(super) dc: Option<&'a Table>,
    pub(super) ac: Option<&'a Table>,
    /// The first value of its quantization table, by which a block's DC coefficient is multiplied.
    pub(super) quantum: u16,
}

/// What a scan's header, and the segments before it, declare.
pub(super) struct Scan<'a> {
    pub(super) parts: Vec<Part<'a>>,
    pub(super) pass: Pass,
    /// The number of MCUs between restart markers; 0: there are none.
    pub(super) restart: usize,
}

impl Scan<'_> {
    /// Reads the data, which start at `at`. Returns where the marker after them starts.
    pub(super) fn read(&self, frame: &mut Frame, bytes: &[u8], at: usize) -> Result<usize, String> {
        // The MCUs of a scan of one component are its blocks (A.2.2).
        let alone = self.parts.len() == 1;
        let first = &frame.components[self.parts[0].component];
        let [columns, rows] = if alone { first.blocks } else { frame.mcus };
        let row_height = 8 * frame.sampling[1] / if alone { first.sampling[1] } else { 1 };
        let height = frame.height;
        let place = |mcu: usize| format!("at row {} of {height}", (mcu / columns * row_height).min(height));

        let mut data = Vec::new();
        let mut end = unstuff(bytes, at, &mut data);
        let mut bits = Bits::new(&data);
        let mut previous = Previous::default();
        for mcu in 0..columns * rows {
            if self.restart > 0 && mcu > 0 && mcu % self.restart == 0 {
                previous.finished(&bits).map_err(|fault| text(fault, &place(mcu)))?;
                let number = (mcu / self.restart - 1) % 8;
                let Some((marker, after)) = marker_at(bytes, end) else {
                    return Err(format!("is truncated {}", place(mcu)));
                };
                if usize::from(marker) != 0xd0 + number {
                    return Err(format!("has marker FF{marker:02X} instead of FFD{number} {}", place(mcu)));
                }
                end = unstuff(bytes, after, &mut data);
                bits = Bits::new(&data);
                previous = Previous::default();
            }
            for part in &self.parts {
                let component = &mut frame.components[part.component];
                let [h, v] = if alone { [1, 1] } else { component.sampling };
                for block in 0..h * v {
                    let [x, y] = [mcu % columns * h + block % h, mcu / columns * v + block / h];
                    let block = y * component.stride + x;
                    let read = self.block(&mut bits, part, component, block, &mut previous);
                    // A code has at most 16 bits; at the end of the data it may be incomplete.
                    if bits.left() < if read.is_ok() { 0 } else { 16 } {
                        let how = if end == bytes.len() { "is truncated" } else { "ends early" };
                        return Err(format!("{how} {}", place(mcu)));
                    }
                    read.map_err(|fault| text(fault, &place(mcu)))?;
                }
            }
        }
        previous.finished(&bits).map_err(|fault| text(fault, &place(columns * rows)))?;
        Ok(end)
    }

    /// Reads one block.
    fn block(
        &self,
        bits: &mut Bits,
        part: &Part,
        component: &mut Component,
        block: usize,
        previous: &mut Previous,
    ) -> Result<(), Fault> {
        let Pass { first, last, high, low } = self.pass;
        let band = [first, last].map(u32::from);
        let ac = part.ac.ok_or(Fault::Undefined);
        let dc = &mut previous.dc[part.component];
        match (component.nonzero.get_mut(block), first, high) {
            (None, ..) => {
                mean(bits, part, dc, low)?;
                sequential(bits, ac?)
            }
            (Some(_), 0, 0) => mean(bits, part, dc, low),
            (Some(_), 0, _) => {
                bits.number(1);
                Ok(())
            }
            (Some(nonzero), _, 0) => first_pass(bits, ac?, band, nonzero, &mut previous.run),
            (Some(nonzero), ..) => refinement(bits, ac?, band, nonzero, &mut previous.run),
        }
    }
}

/// What blocks depend on in those before, back to the last restart marker.
#[derive(Default)]
struct Previous {
    /// The last DC coefficient of each component.
    dc: [i32; 4],
    /// The number of blocks that follow without new coefficients (G.1.2.2).
    run: u32,
}

impl Previous {
    /// Checks that no block is to come, and that the bits that are left only fill a byte.
    fn finished(&self, bits: &Bits) -> Result<(), Fault> {
        match bits.left() / 8 {
            0 if self.run == 0 => Ok(()),
            0 => Err(Fault::Overrun),
            extra => Err(Fault::Extra(extra)),
        }
    }
}

fn text(fault: Fault, place: &str) -> String {
    match fault {
        Fault::Undefined => format!("has an undefined code {place}"),
        Fault::Overrun => format!("has a run of zeros that is too long {place}"),
        Fault::Mean => format!("has a color out of range {place}"),
        Fault::Extra(1) => format!("has 1 byte too many {place}"),
        Fault::Extra(bytes) => format!("has {bytes} bytes too many {place}"),
    }
}

/// The DC coefficient of a block, by its difference to the one before (F.2.2.1).
///
/// It is 8 times the mean of samples from −128 to 127, so that its magnitude is at most 1024 and what rounding adds; this allows
/// two steps of quantization, and a little for the arithmetic of encoders. An undetected error of one difference moves all blocks
/// after it, mostly out of this range.
fn mean(bits: &mut Bits, part: &Part, dc: &mut i32, low: u8) -> Result<(), Fault> {
    let (size, difference) = bits.value(part.dc.ok_or(Fault::Undefined)?)?;
    if size > 11 {
        return Err(Fault::Undefined);
    }
    *dc += difference;
    let quantum = i64::from(part.quantum);
    if (i64::from(*dc) << low).abs() * quantum > 1040 + 2 * quantum { Err(Fault::Mean) } else { Ok(()) }
}

/// The AC coefficients of a block in a sequential scan (F.2.2.2).
fn sequential(all: &mut Bits, table: &Table) -> Result<(), Fault> {
    let mut bits = *all;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(table)?;
        match (symbol >> 4, symbol & 15) {
            (0, 0) => break,
            (15, 0) => k += 16,
            (_, 0) => return Err(Fault::Undefined),
            (zeros, _) => k += u32::from(zeros) + 1,
        }
    }
    *all = bits;
    if k <= 64 { Ok(()) } else { Err(Fault::Overrun) }
}

/// The AC coefficients of a block in their first scan (G.1.2.2). Notes in `nonzero` which they are.
fn first_pass(
    bits: &mut Bits,
    table: &Table,
    [first, last]: [u32; 2],
    nonzero: &mut u64,
    run: &mut u32,
) -> Result<(), Fault> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut k = first;
    while k <= last {
        let symbol = bits.symbol(table)?;
        match (u32::from(symbol >> 4), symbol & 15) {
            (15, 0) => k += 16,
            (size, 0) => {
                *run = (1 << size) - 1 + bits.number(size);
                return Ok(());
            }
            (zeros, _) if k + zeros > last => return Err(Fault::Overrun),
            (zeros, _) => {
                k += zeros;
                *nonzero |= 1 << k;
                k += 1;
            }
        }
    }
    if k == last + 1 { Ok(()) } else { Err(Fault::Overrun) }
}

/// One more bit of the AC coefficients of a block (G.1.2.3): new coefficients, of magnitude 1, and one bit for each that was not
/// zero before.
fn refinement(
    bits: &mut Bits,
    table: &Table,
    [first, last]: [u32; 2],
    nonzero: &mut u64,
    run: &mut u32,
) -> Result<(), Fault> {
    let mut k = first;
    while *run == 0 && k <= last {
        let symbol = bits.symbol(table)?;
        let (mut zeros, new) = (u32::from(symbol >> 4), symbol & 15);
        match new {
            0 if zeros < 15 => {
                *run = (1 << zeros) + bits.number(zeros);
                break;
            }
            0 | 1 => {}
            _ => return Err(Fault::Undefined),
        }
        loop {
            match *nonzero >> k & 1 {
                1 => drop(bits.number(1)),
                _ if zeros == 0 => break,
                _ => zeros -= 1,
            }
            k += 1;
            if k > last {
                return Err(Fault::Overrun);
            }
        }
        *nonzero |= u64::from(new) << k;
        k += 1;
    }
    if *run > 0 {
        *run -= 1;
        for k in k..=last {
            bits.number((*nonzero >> k & 1) as u32);
        }
    }
    Ok(())
}
