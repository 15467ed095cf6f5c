//! Entropy-coded data: the bytes between two markers, their bits, and Huffman codes (T.81, annexes B.1, C and F.2.2).

/// What is wrong with the data of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The next bits are no code of the table, or a code without a meaning in this kind of scan.
    Undefined,
    /// A run of zeros leads past the last coefficient or the last block.
    Overrun,
    /// The mean of a block is no color.
    Mean,
    /// This many bytes follow the last block.
    Extra(i64),
}

/// The marker that starts at `at`, maybe after any number of FF (B.1.1.2), and where what follows starts.
pub(super) fn marker_at(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(at..)?;
    let fill = rest.iter().take_while(|&&byte| byte == 0xff).count();
    (fill > 0).then_some((*rest.get(fill)?, at + fill + 1))
}

/// Copies the data that start at `at`, without the 00 that follows each FF of data (B.1.1.5). Returns where the marker after them
/// starts, or the file's length.
pub(super) fn unstuff(bytes: &[u8], mut at: usize, data: &mut Vec<u8>) -> usize {
    data.clear();
    while let Some(plain) = bytes[at..].iter().position(|&byte| byte == 0xff) {
        data.extend_from_slice(&bytes[at..at + plain]);
        at += plain;
        match marker_at(bytes, at) {
            Some((0, after)) => {
                data.push(0xff);
                at = after;
            }
            Some(_) => return at,
            None => return bytes.len(),
        }
    }
    data.extend_from_slice(&bytes[at..]);
    bytes.len()
}

/// Codes of at most this many bits are found in one step.
const SHORT: u32 = 10;

/// A Huffman table. The codes of a length are consecutive numbers, and follow those of the length before (annex C.2).
pub(super) struct Table {
    /// By the next `SHORT` bits: length and symbol of the code that they start with; 0 if that is longer.
    short: Vec<u16>,
    /// By length: the first number of 16 bits that starts with no code of up to this length.
    limits: [u32; 17],
    /// By length: what to add to a code for the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// A table with `counts[i]` codes of i + 1 bits. `None` if there are not that many.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Table> {
        let mut table =
            Table { short: vec![0; 1 << SHORT], limits: [0; 17], offsets: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut index) = (0, 0);
        for (length, &count) in (1..).zip(counts) {
            code <<= 1;
            if code + u32::from(count) > 1 << length {
                return None;
            }
            table.offsets[length as usize] = index - code as i32;
            for &symbol in &symbols[index as usize..][..count.into()] {
                if length <= SHORT {
                    let rest = SHORT - length;
                    table.short[(code << rest) as usize..][..1 << rest].fill((length << 8) as u16 | u16::from(symbol));
                }
                code += 1;
            }
            index += i32::from(count);
            table.limits[length as usize] = code << (16 - length);
        }
        Some(table)
    }

    /// Length and symbol of the code that these 16 bits start with.
    #[inline(always)]
    fn find(&self, bits: u32) -> Option<(u32, u8)> {
        let entry = self.short[(bits >> (16 - SHORT)) as usize];
        if entry != 0 {
            return Some((u32::from(entry >> 8), entry as u8));
        }
        let length = (SHORT + 1..=16).find(|&length| bits < self.limits[length as usize])?;
        let index = (bits >> (16 - length)) as i32 + self.offsets[length as usize];
        Some((length, self.symbols[index as usize]))
    }
}

/// Reads bits, the highest of each byte first. After the last there are zeros.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The first byte of which `count` includes no bit.
    at: usize,
    /// The next bits, the first one highest. Behind the first `count` are zeros or bits that follow.
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Bits<'a> {
        Bits { data, at: 0, buffer: 0, count: 0 }
    }

    /// Fills the buffer to at least 56 bits.
    #[inline(always)]
    fn fill(&mut self) {
        let next = match self.data.get(self.at..self.at + 8) {
            Some(&[a, b, c, d, e, f, g, h]) => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => self.last(),
        };
        self.buffer |= next >> self.count;
        self.at += (63 - self.count as usize) / 8;
        self.count |= 56;
    }

    /// The last bytes, fewer than eight, followed by zeros.
    #[cold]
    fn last(&self) -> u64 {
        let rest = self.data.get(self.at..).unwrap_or_default();
        rest.iter().rev().fold(0, |word, &byte| word >> 8 | u64::from(byte) << 56)
    }

    /// The symbol of the next code. The lower half of a symbol is a number of bits, which follow the code; they are skipped.
    #[inline(always)]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        self.value(table).map(|(symbol, _)| symbol)
    }

    /// The symbol of the next code, and the value that follows: of the numbers with that many bits, the upper half stand for
    /// themselves, the lower half for negative values (F.2.2.1).
    #[inline(always)]
    pub(super) fn value(&mut self, table: &Table) -> Result<(u8, i32), Fault> {
        if self.count < 32 {
            self.fill();
        }
        let (length, symbol) = table.find((self.buffer >> 48) as u32).ok_or(Fault::Undefined)?;
        self.skip(length);
        let size = u32::from(symbol & 15);
        let value = self.take(size) as i32;
        Ok((symbol, if value < (1 << size) / 2 { value + 1 - (1 << size) } else { value }))
    }

    /// The next `count` bits as a number. The buffer must hold them.
    #[inline(always)]
    fn take(&mut self, count: u32) -> u32 {
        let value = self.buffer >> 1 >> (63 - count);
        self.skip(count);
        value as u32
    }

    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// The next `count` bits, at most 16, as a number.
    #[inline(always)]
    pub(super) fn number(&mut self, count: u32) -> u32 {
        if self.count < 16 {
            self.fill();
        }
        self.take(count)
    }

    /// The number of bits that are left; negative if more have been read.
    #[inline(always)]
    pub(super) fn left(&self) -> i64 {
        8 * (self.data.len() as i64 - self.at as i64) + i64::from(self.count)
    }
}
