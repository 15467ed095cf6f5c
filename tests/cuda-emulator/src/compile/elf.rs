//! Symbols and relocations of the emulator's own shared objects.

use object::elf::{self, FileHeader64, SectionHeader64};
use object::read::elf::{ElfFile64, FileHeader};
use object::{LittleEndian, Object as _, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget};
use object::{SectionKind, SymbolKind, pod};

/// A function or a thread-local variable.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub name: String,
    /// A function's address, or a thread-local variable's offset.
    pub value: usize,
    pub size: usize,
}

/// What a relocation in the code refers to.
enum Target {
    /// The thread-local variable that holds this offset.
    Variable(usize),
    /// The function that holds this address.
    Function(usize),
}

/// The parts of a shared object.
pub(super) struct Object {
    functions: Vec<Symbol>,
    variables: Vec<Symbol>,
    /// Relocations in the code by ascending address.
    references: Vec<(usize, Target)>,
}

/// Relocations that name a thread-local variable: its module and offset, or its offset alone.
const VARIABLE_REFERENCES: [elf::RelocationType; 4] =
    [elf::R_X86_64_DTPOFF64, elf::R_X86_64_TLSGD, elf::R_X86_64_DTPOFF32, elf::R_X86_64_TPOFF32];

/// Makes the relocations of everything but code look like plain data. `addr2line` would apply those of the debug information a
/// second time and find nothing.
pub(super) fn hide_data_relocations(bytes: &mut [u8]) -> Option<()> {
    let endian = LittleEndian;
    let header = FileHeader64::<LittleEndian>::parse(&*bytes).ok()?;
    let (start, count) = (header.e_shoff(endian) as usize, header.e_shnum(endian).into());
    let table = bytes.get_mut(start..)?;
    let sections = pod::slice_from_bytes_mut::<SectionHeader64<LittleEndian>>(table, count).ok()?.0;
    for i in 0..count {
        let target = sections.get(sections[i].sh_info.get(endian) as usize);
        let is_code = target.is_some_and(|target| target.sh_flags.get(endian).contains(elf::SHF_EXECINSTR));
        if sections[i].sh_type.get(endian) == elf::SHT_RELA && !is_code {
            sections[i].sh_type.set(endian, elf::SHT_PROGBITS);
        }
    }
    Some(())
}

fn containing(symbols: &[Symbol], value: usize) -> Option<&Symbol> {
    symbols.iter().find(|symbol| (symbol.value..symbol.value + symbol.size).contains(&value))
}

impl Object {
    pub fn parse(bytes: &[u8]) -> Option<Object> {
        let file = ElfFile64::<LittleEndian>::parse(bytes).ok()?;
        let symbols = |kind| {
            let symbols = file.symbols().filter(move |symbol| symbol.kind() == kind);
            let symbol = |symbol: object::read::elf::ElfSymbol64<'_, '_, LittleEndian>| Symbol {
                name: String::from_utf8_lossy(symbol.name_bytes().unwrap_or_default()).into_owned(),
                value: symbol.address() as usize,
                size: symbol.size() as usize,
            };
            symbols.map(symbol).collect::<Vec<_>>()
        };
        let is_code = |section: object::SectionIndex| {
            file.section_by_index(section).is_ok_and(|section| section.kind() == SectionKind::Text)
        };
        let mut references = Vec::new();
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            for (at, relocation) in section.relocations() {
                let (RelocationTarget::Symbol(index), RelocationFlags::Elf { r_type }) =
                    (relocation.target(), relocation.flags())
                else {
                    continue;
                };
                let symbol = file.symbol_by_index(index).ok()?;
                let (value, addend) = (symbol.address() as i64, relocation.addend());
                let target = match symbol.kind() {
                    SymbolKind::Section if VARIABLE_REFERENCES.contains(&r_type) => {
                        Target::Variable(addend.max(0) as usize)
                    }
                    _ if VARIABLE_REFERENCES.contains(&r_type) => Target::Variable(value as usize),
                    SymbolKind::Text => Target::Function(value as usize),
                    // Relocations count from the end of their four bytes.
                    SymbolKind::Section if symbol.section_index().is_some_and(is_code) => {
                        Target::Function((value + addend + 4) as usize)
                    }
                    _ => continue,
                };
                references.push((at as usize, target));
            }
        }
        references.sort_by_key(|&(at, _)| at);
        Some(Object { functions: symbols(SymbolKind::Text), variables: symbols(SymbolKind::Tls), references })
    }

    /// The thread-local variable that holds this offset.
    pub fn variable_at(&self, offset: usize) -> Option<&Symbol> {
        containing(&self.variables, offset)
    }

    /// The thread-local variables that the code at `address` uses, itself or through what it calls.
    pub fn variables_used_by(&self, address: usize) -> Vec<&Symbol> {
        let mut visited: Vec<usize> = Vec::new();
        let mut waiting = vec![address];
        let mut used: Vec<&Symbol> = Vec::new();
        while let Some(address) = waiting.pop() {
            let Some(function) = containing(&self.functions, address) else { continue };
            if visited.contains(&function.value) {
                continue;
            }
            visited.push(function.value);
            let first = self.references.partition_point(|&(at, _)| at < function.value);
            let end = function.value + function.size;
            for (_, target) in self.references[first..].iter().take_while(|&&(at, _)| at < end) {
                match *target {
                    Target::Variable(offset) => {
                        let variable = self.variable_at(offset);
                        used.extend(variable.filter(|new| used.iter().all(|known| known.value != new.value)));
                    }
                    Target::Function(address) => waiting.push(address),
                }
            }
        }
        used
    }
}
