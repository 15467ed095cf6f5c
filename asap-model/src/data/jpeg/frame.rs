//! The frame of a JPEG: its components, and which of their coefficients its scans have brought (T.81, annexes A.1, A.2 and G.1.1).

/// A component: a color channel with a resolution of its own.
pub(super) struct Component {
    id: u8,
    /// Blocks in an interleaved MCU: columns, rows.
    pub(super) sampling: [usize; 2],
    /// Index of its quantization table.
    pub(super) quantization: u8,
    /// Blocks that hold pixels: columns, rows. A scan of this component alone has no others.
    pub(super) blocks: [usize; 2],
    /// Blocks in a row of interleaved MCUs, which may reach beyond the pixels.
    pub(super) stride: usize,
    /// By coefficient: the lowest bit that scans have brought.
    lowest: [Option<u8>; 64],
    /// By block of a progressive frame: the coefficients that are not zero, as bits.
    pub(super) nonzero: Vec<u64>,
}

/// The decoders of JPEGs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Decoder {
    /// That of the `image` crate.
    Usual,
    /// [`decode_separate_scans`](super::decode_separate_scans).
    SeparateScans,
}

/// What a frame header declares.
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) height: usize,
    /// Interleaved MCUs: columns, rows.
    pub(super) mcus: [usize; 2],
    pub(super) components: Vec<Component>,
    /// Maximum sampling factors.
    pub(super) sampling: [usize; 2],
}

/// Which coefficients and which of their bits a scan brings, as its header declares them: Ss, Se, Ah and Al.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    pub(super) first: u8,
    pub(super) last: u8,
    /// The lowest bit that earlier scans brought, or 0 in a first scan.
    pub(super) high: u8,
    pub(super) low: u8,
}

impl Frame {
    /// From a frame header (B.2.2). `None` if it is invalid.
    pub(super) fn new(header: &[u8], progressive: bool) -> Option<Frame> {
        let &[_precision, y1, y0, x1, x0, count, ref rest @ ..] = header else { return None };
        let size = [[x1, x0], [y1, y0]].map(|side| usize::from(u16::from_be_bytes(side)));
        let (parts, []) = rest.as_chunks::<3>() else { return None };
        let sampling: Vec<[usize; 2]> = parts.iter().map(|&[_, hv, _]| [hv >> 4, hv & 15].map(usize::from)).collect();
        let valid = |&[h, v]: &[usize; 2]| (1..=4).contains(&h) && (1..=4).contains(&v);
        if size.contains(&0)
            || !(1..=4).contains(&parts.len())
            || usize::from(count) != parts.len()
            || !sampling.iter().all(valid)
        {
            return None;
        }
        let max = [0, 1].map(|axis| sampling.iter().map(|s| s[axis]).max().unwrap_or(1));
        let mcus = [0, 1].map(|axis| size[axis].div_ceil(8 * max[axis]));
        let component = |(&[id, _, quantization], &sampling): (&[u8; 3], &[usize; 2])| {
            let stride = mcus[0] * sampling[0];
            Component {
                id,
                sampling,
                quantization,
                blocks: [0, 1].map(|axis| (size[axis] * sampling[axis]).div_ceil(max[axis]).div_ceil(8)),
                stride,
                lowest: [None; 64],
                nonzero: if progressive { vec![0; stride * mcus[1] * sampling[1]] } else { Vec::new() },
            }
        };
        let components = parts.iter().zip(&sampling).map(component).collect();
        Some(Frame { progressive, height: size[1], mcus, components, sampling: max })
    }

    /// The index of a component.
    pub(super) fn find(&self, id: u8) -> Option<usize> {
        self.components.iter().position(|component| component.id == id)
    }

    /// Notes that a scan of these components begins. No scan may bring what another has brought, or leave out bits between.
    pub(super) fn begin(&mut self, scanned: &[usize], pass: Pass) -> Result<(), String> {
        let Pass { first, last, high, low } = pass;
        let valid = match first {
            _ if !self.progressive => true,
            0 => last == 0,
            _ => first <= last && last < 64 && scanned.len() == 1,
        };
        if !valid || low > 13 || (high > 0 && low + 1 != high) {
            return Err("has an invalid header".into());
        }
        for &index in scanned {
            let lowest = &mut self.components[index].lowest;
            if first > 0 && lowest[0].is_none() {
                return Err("comes before that of the mean colors".into());
            }
            for bit in &mut lowest[usize::from(first)..=usize::from(last)] {
                match (*bit, high) {
                    (None, 0) => {}
                    (Some(bit), 1..) if bit == high => {}
                    (None, _) => return Err("refines values of a scan that is missing".into()),
                    (Some(_), 0) => return Err("repeats another".into()),
                    (Some(_), _) => return Err("refines other bits than are next: a scan is missing".into()),
                }
                *bit = Some(low);
            }
        }
        Ok(())
    }

    /// Checks, after the last scan, that each component has all bits of all coefficients.
    pub(super) fn complete(&self) -> Result<(), String> {
        for (index, component) in self.components.iter().enumerate() {
            let channel = format!("of color channel {} of {}", index + 1, self.components.len());
            match component.lowest.iter().position(|&bit| bit != Some(0)) {
                None => {}
                Some(0) if component.lowest[0].is_none() => return Err(format!("the scan {channel} is missing")),
                Some(_) => return Err(format!("its last scans {channel} are missing")),
            }
        }
        Ok(())
    }

    /// Who decodes an image of this many scans. The error continues "stores".
    pub(super) fn decoder(&self, scans: usize) -> Result<Decoder, &'static str> {
        let [first, others @ ..] = &self.components[..] else { return Ok(Decoder::Usual) };
        let full = |component: &Component| component.sampling == [1, 1];
        if first.sampling[0] < self.sampling[0] {
            return Err("its first color channel with fewer columns than another");
        }
        match (self.progressive || scans == 1 || self.components.iter().all(full), others) {
            (true, _) => Ok(Decoder::Usual),
            (false, [second, third]) if full(second) && full(third) => Ok(Decoder::SeparateScans),
            (false, _) => Err("color channels of several resolutions in separate scans"),
        }
    }
}
