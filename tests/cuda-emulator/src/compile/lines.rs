//! From addresses in a module back to its source.

use std::process::Command;

use super::build;
use super::elf::{Object, hide_data_relocations};
use super::image::Image;

/// File and line of the instruction at `offset` in a module; none where `addr2line` isn't installed or knows nothing.
pub(crate) fn line_of(image: &Image, offset: usize) -> Option<String> {
    let file = build::scratch_file(".so").ok()?;
    let mut object = image.object.clone();
    hide_data_relocations(&mut object)?;
    std::fs::write(&file, &object).ok()?;
    let output = Command::new("addr2line").arg("-i").arg("-e").arg(&file).arg(format!("{offset:#x}")).output();
    let _ = std::fs::remove_file(&file);
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    // Innermost first; what the shim's functions do is done for the line that called them.
    let own = text.lines().find(|line| !line.contains("cuda-emulator-shim/") && !line.starts_with('?'))?;
    let own = own.split(" (discriminator").next().unwrap_or(own);
    // The compiler puts its own folder before a name without one.
    Some(own.rsplit('/').next().unwrap_or(own).to_string())
}

/// The shared variable at an offset in a module's static shared memory, and how far into it the offset is.
pub(crate) fn variable_at(image: &Image, offset: usize) -> Option<(String, usize)> {
    let object = Object::parse(&image.object)?;
    let variable = object.variable_at(offset)?;
    Some((plain_name(&variable.name), offset - variable.value))
}

/// The last name in a decorated one: `s` of `_ZZ9block_sumE1s`.
fn plain_name(decorated: &str) -> String {
    let mut name = decorated;
    for (at, _) in decorated.match_indices(|c: char| c.is_ascii_digit()) {
        let digits = decorated[at..].bytes().take_while(u8::is_ascii_digit).count();
        let (length, rest) = decorated[at..].split_at(digits);
        if length.parse().is_ok_and(|length: usize| {
            rest.len() >= length
                && rest[length..].trim_start_matches(|c: char| c == '_' || c.is_ascii_digit()).is_empty()
        }) {
            name = &rest[..length.parse().unwrap_or(0)];
            break;
        }
    }
    name.to_string()
}

/// The static shared memory that the kernels at these addresses of a module use: its extent in the module's and its size.
pub(crate) fn static_shared_of(image: &Image, kernels: &[[usize; 2]]) -> Vec<(std::ops::Range<usize>, usize)> {
    let Some(object) = Object::parse(&image.object) else { return vec![(0..0, 0); kernels.len()] };
    let extent = |entries: &[usize; 2]| {
        let mut variables: Vec<_> = entries.iter().flat_map(|&entry| object.variables_used_by(entry)).collect();
        variables.sort_by_key(|variable| variable.value);
        variables.dedup_by_key(|variable| variable.value);
        let start = variables.first().map_or(0, |variable| variable.value);
        let end = variables.last().map_or(0, |variable| variable.value + variable.size);
        (start..end, variables.iter().map(|variable| variable.size.next_multiple_of(4)).sum())
    };
    kernels.iter().map(extent).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn plain_name_is_the_last_of_a_mangled_one() {
        assert_eq!(super::plain_name("_ZZ9block_sumE1s"), "s");
        assert_eq!(super::plain_name("_ZZ4tileILi128EEfPfiE2ts"), "ts");
        assert_eq!(super::plain_name("_ZZ1kE6matrix_0"), "matrix");
        assert_eq!(super::plain_name("plain"), "plain");
    }
}
