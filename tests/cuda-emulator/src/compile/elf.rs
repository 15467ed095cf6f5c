//! Reads what the emulator needs from its own shared objects: symbols and relocations of 64-bit little-endian ELF.

/// A symbol: a function or a thread-local variable.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub name: String,
    kind: u8,
    section: usize,
    /// A function's address, or a thread-local variable's offset.
    pub value: usize,
    pub size: usize,
}

/// A place in the code that refers to a symbol.
struct Reference {
    at: usize,
    kind: u32,
    symbol: usize,
    addend: i64,
}

struct Section {
    kind: u32,
    flags: u64,
    offset: usize,
    size: usize,
    link: usize,
    info: usize,
}

/// The parts of a shared object.
pub(super) struct Object {
    sections: Vec<Section>,
    symbols: Vec<Symbol>,
    references: Vec<Reference>,
}

const SYMBOL_TABLE: u32 = 2;
const RELOCATIONS: u32 = 4;
const EXECUTABLE: u64 = 4;
const FUNCTION: u8 = 2;
const SECTION: u8 = 3;
const VARIABLE: u8 = 6;
/// Relocations that name a thread-local variable: its module and offset, or its offset alone.
const VARIABLE_REFERENCES: [u32; 4] = [17, 19, 21, 23];

/// A little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(N)?)?;
    Some(field.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// Makes the relocations of everything but code look like plain data. `addr2line` would apply those of the debug information a
/// second time and find nothing.
pub(super) fn hide_data_relocations(bytes: &mut [u8]) -> Option<()> {
    const PLAIN_DATA: u8 = 1;
    let (start, count) = (number::<8>(bytes, 0x28)? as usize, number::<2>(bytes, 0x3c)? as usize);
    for at in (start..).step_by(64).take(count) {
        if number::<4>(bytes, at + 4)? as u32 == RELOCATIONS {
            let target = start + 64 * number::<4>(bytes, at + 44)? as usize;
            if number::<8>(bytes, target + 8).is_none_or(|flags| flags & EXECUTABLE == 0) {
                bytes[at + 4] = PLAIN_DATA;
            }
        }
    }
    Some(())
}

impl Object {
    pub fn parse(bytes: &[u8]) -> Option<Object> {
        let (start, count) = (number::<8>(bytes, 0x28)? as usize, number::<2>(bytes, 0x3c)? as usize);
        let section = |i: usize| {
            let at = start + 64 * i;
            Some(Section {
                kind: number::<4>(bytes, at + 4)? as u32,
                flags: number::<8>(bytes, at + 8)?,
                offset: number::<8>(bytes, at + 24)? as usize,
                size: number::<8>(bytes, at + 32)? as usize,
                link: number::<4>(bytes, at + 40)? as usize,
                info: number::<4>(bytes, at + 44)? as usize,
            })
        };
        let sections: Vec<Section> = (0..count).map(section).collect::<Option<_>>()?;
        let table = sections.iter().find(|section| section.kind == SYMBOL_TABLE)?;
        let names = sections.get(table.link)?.offset;
        let symbol = |at: usize| {
            let name = bytes.get(names + number::<4>(bytes, at)? as usize..)?;
            let length = name.iter().position(|&byte| byte == 0)?;
            Some(Symbol {
                name: String::from_utf8_lossy(&name[..length]).into_owned(),
                kind: number::<1>(bytes, at + 4)? as u8 & 15,
                section: number::<2>(bytes, at + 6)? as usize,
                value: number::<8>(bytes, at + 8)? as usize,
                size: number::<8>(bytes, at + 16)? as usize,
            })
        };
        let symbols = (0..table.size / 24).map(|i| symbol(table.offset + 24 * i)).collect::<Option<_>>()?;
        let mut references = Vec::new();
        for list in sections.iter().filter(|section| section.kind == RELOCATIONS) {
            if sections.get(list.info).is_none_or(|target| target.flags & EXECUTABLE == 0) {
                continue;
            }
            for at in (list.offset..list.offset + list.size).step_by(24) {
                let info = number::<8>(bytes, at + 8)?;
                let addend = number::<8>(bytes, at + 16)? as i64;
                let at = number::<8>(bytes, at)? as usize;
                references.push(Reference { at, kind: info as u32, symbol: (info >> 32) as usize, addend });
            }
        }
        references.sort_by_key(|reference| reference.at);
        Some(Object { sections, symbols, references })
    }

    /// The thread-local variable that holds this offset.
    pub fn variable_at(&self, offset: usize) -> Option<&Symbol> {
        self.symbols.iter().find(|s| s.kind == VARIABLE && (s.value..s.value + s.size).contains(&offset))
    }

    fn function_at(&self, address: usize) -> Option<&Symbol> {
        self.symbols.iter().find(|s| s.kind == FUNCTION && (s.value..s.value + s.size).contains(&address))
    }

    /// The thread-local variables that the code at `address` uses, itself or through what it calls.
    pub fn variables_used_by(&self, address: usize) -> Vec<&Symbol> {
        let mut visited: Vec<usize> = Vec::new();
        let mut waiting: Vec<&Symbol> = self.function_at(address).into_iter().collect();
        let mut used: Vec<&Symbol> = Vec::new();
        while let Some(function) = waiting.pop() {
            if visited.contains(&function.value) {
                continue;
            }
            visited.push(function.value);
            let first = self.references.partition_point(|reference| reference.at < function.value);
            let own =
                self.references[first..].iter().take_while(|reference| reference.at < function.value + function.size);
            for reference in own {
                let Some(symbol) = self.symbols.get(reference.symbol) else { continue };
                if VARIABLE_REFERENCES.contains(&reference.kind) {
                    let variable = match symbol.kind {
                        SECTION => self.variable_at(reference.addend.max(0) as usize),
                        _ => Some(symbol),
                    };
                    used.extend(variable.filter(|variable| used.iter().all(|known| known.value != variable.value)));
                } else if symbol.kind == FUNCTION {
                    waiting.push(symbol);
                } else if symbol.kind == SECTION
                    && self.sections.get(symbol.section).is_some_and(|s| s.flags & EXECUTABLE != 0)
                {
                    // References count from the end of their four bytes.
                    waiting.extend(self.function_at((symbol.value as i64 + reference.addend + 4) as usize));
                }
            }
        }
        used
    }
}
