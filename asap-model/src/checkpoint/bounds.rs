//! Refuses a `.pth` whose description would take more memory than any checkpoint's, before it is parsed.
//!
//! The pickle parser makes an object of each byte, some 100 times as large, and copies an object with its text wherever
//! the pickle repeats it; a compressed entry of a zip archive can expand a thousandfold. The description of the full-size
//! network has some 10 KiB, and `torch.save` does not compress.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use ::zip::{CompressionMethod, ZipArchive};

use crate::error::shown;

/// The maximum size of a pickle, in bytes: some 100 times that of the full-size network.
const MAX_PICKLE: u64 = 1 << 20;

/// The maximum of text bytes × copies, an upper bound on copied text: it is 4 million for the full-size network, a
/// billion for a thousand tensors.
const MAX_COPIED: u64 = 1 << 31;

/// The pickles at the start of the legacy format: magic number, protocol, system, state dictionary, storage keys.
const PICKLES: usize = 5;

/// The magic number of the legacy format in pickle protocols 2 and later.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Checks a `.pth` of either format, or returns the problem with it.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("cannot read it: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    let mut start = Vec::new();
    (&mut file).take(512).read_to_end(&mut start).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let mut file = BufReader::new(file);
    if start.starts_with(b"PK") {
        check_archive(file)
    } else if start.get(257..).is_some_and(|start| start.starts_with(b"ustar")) {
        Err("it is a tar archive, as PyTorch before 0.1.10 wrote them: save it again with torch.save".into())
    } else if start[..start.len().min(64)].windows(MAGIC.len()).any(|window| window == MAGIC) {
        (0..PICKLES).try_for_each(|_| skip_pickle(&mut file))
    } else {
        Err("it is no .pth file in PyTorch's zip format or the older one".into())
    }
}

fn check_archive(file: BufReader<File>) -> Result<(), String> {
    let damaged = |error: ::zip::result::ZipError| format!("it is cut short or damaged: {}", shown(error));
    let mut archive = ZipArchive::new(file).map_err(damaged)?;
    let end = archive.central_directory_start();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        let (name, size) = (shown(entry.name().map_err(damaged)?), entry.size());
        let is_pickle = entry.name().is_ok_and(|name| name.ends_with(".pkl"));
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!("its entry {name} is compressed: save it again with torch.save"));
        }
        let entry_end = entry.data_start().and_then(|start| start.checked_add(size));
        if entry_end.is_none_or(|entry_end| entry_end > end) || entry.compressed_size() != size {
            return Err(format!("its entry {name} claims {size} bytes, which the file does not have"));
        }
        if is_pickle && size > MAX_PICKLE {
            return Err(too_large(&name, size));
        }
        if is_pickle {
            skip_pickle(&mut BufReader::new(entry))?;
        }
    }
    Ok(())
}

fn too_large(what: &str, size: u64) -> String {
    format!("{what} has {size} bytes or more; {MAX_PICKLE} are enough for any state dictionary")
}

/// Reads a pickle up to its end, opcode by opcode, without storing its strings.
fn skip_pickle(file: &mut impl BufRead) -> Result<(), String> {
    let mut pickle = file.take(MAX_PICKLE);
    let ended = skip_opcodes(&mut pickle);
    let limit = pickle.limit();
    match ended {
        Ok((text, copies)) if text.saturating_mul(copies) > MAX_COPIED => Err(format!(
            "its pickle repeats objects {copies} times, with {text} bytes of names: no state dictionary does"
        )),
        Err(_) if limit == 0 => Err(too_large("its pickle", MAX_PICKLE)),
        Err(error) => Err(format!("it is cut short or damaged: {error}")),
        Ok(_) => Ok(()),
    }
}

/// Skips opcodes of all protocols by the sizes of their arguments (Python's `pickletools`). An unknown one counts as one
/// without an argument: the parser refuses it later. Returns the bytes of names and strings, and how often an object is
/// copied, remembered or made of others.
fn skip_opcodes(pickle: &mut impl BufRead) -> io::Result<(u64, u64)> {
    let (mut text, mut copies) = (0, 0);
    loop {
        let [opcode] = array(pickle)?;
        copies += u64::from(matches!(opcode, b'2' | b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | b'R' | 0x94));
        match opcode {
            b'.' => return Ok((text, copies)),
            b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => text += skip_line(pickle)?,
            b'c' | b'i' => text += skip_line(pickle)? + skip_line(pickle)?,
            b'K' | b'h' | b'q' | 0x80 | 0x82 => skip(pickle, 1)?,
            b'M' | 0x83 => skip(pickle, 2)?,
            b'J' | b'j' | b'r' | 0x84 => skip(pickle, 4)?,
            b'G' | 0x95 => skip(pickle, 8)?,
            b'U' | b'C' | 0x8a | 0x8c | b'T' | b'B' | b'X' | 0x8b | 0x8d | 0x8e | 0x96 => {
                let length = match opcode {
                    b'U' | b'C' | 0x8a | 0x8c => u8::from_le_bytes(array(pickle)?).into(),
                    b'T' | b'B' | b'X' | 0x8b => u32::from_le_bytes(array(pickle)?).into(),
                    _ => u64::from_le_bytes(array(pickle)?),
                };
                skip(pickle, length)?;
                text += length;
            }
            _ => {}
        }
    }
}

fn array<const N: usize>(pickle: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    pickle.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn skip(pickle: &mut impl Read, length: u64) -> io::Result<()> {
    let skipped = io::copy(&mut pickle.take(length), &mut io::sink())?;
    if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Returns the length of the line.
fn skip_line(pickle: &mut impl BufRead) -> io::Result<u64> {
    pickle.skip_until(b'\n').map(|length| length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickle_is_skipped_to_its_end() {
        // Each argument contains full stops, which are no end: a line, a counted string, a float, a frame.
        let pickle = b"\x80\x02I12.\nX\x02\0\0\0..G........\x95........c.\n.\n}.rest";
        let mut file = &pickle[..];
        skip_pickle(&mut file).unwrap();
        assert_eq!(file, b"rest");
    }

    #[test]
    fn too_many_copies_are_refused() {
        let class = |length: usize| [b"\x80\x02c", &vec![b'x'; length][..], b"\ny\n"].concat();
        for repeated in [&b"2"[..], b"q\x01", b"h\x01"] {
            let pickle = |length, times| [&class(length)[..], &repeated.repeat(times), b"."].concat();
            skip_pickle(&mut &pickle(100_000, 20_000)[..]).unwrap();
            let error = skip_pickle(&mut &pickle(400_000, 20_000)[..]).unwrap_err();
            assert!(error.contains("repeats objects 20000 times"), "{error}");
        }
    }

    #[test]
    fn unterminated_pickle_is_refused() {
        for pickle in [&b"\x80\x02}"[..], b"X\xff\xff\xff\xffabc", b"cmodule\nname"] {
            assert!(skip_pickle(&mut &pickle[..]).unwrap_err().contains("cut short"));
        }
        assert!(skip_pickle(&mut &vec![b'N'; 2 << 20][..]).unwrap_err().contains("1048576 bytes or more"));
    }
}
