//! Refusing a `.pth` whose description takes more memory than a checkpoint's can, before anything of it is built.
//!
//! A reader of pickles makes an object of each byte, some 100 times as large, and copies an object with its text wherever
//! the pickle repeats it; a compressed entry of a zip archive is a thousand times its size. The description of the
//! full-size network has some 10 KiB, and `torch.save` compresses nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use ::zip::{CompressionMethod, ZipArchive};

use crate::error::shown;

/// The largest pickle that is read, in bytes: some 100 times that of the full-size network.
const MAX_PICKLE: u64 = 1 << 20;

/// The most that text times copies may come to, as if each copied all of it: that of the full-size network is 4 million, of a
/// thousand tensors a billion.
const MAX_COPIED: u64 = 1 << 31;

/// The pickles that the older format begins with: magic number, protocol, system, the state dictionary, the storages'
/// keys.
const PICKLES: usize = 5;

/// The magic number of the older format as the pickle protocols from 2 on write it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Checks a `.pth` of either format, or says what is wrong with it.
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
        let name = entry.name().map_err(damaged)?.to_string();
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!(
                "its entry {} is compressed, which can't be read: save it again with torch.save",
                shown(&name)
            ));
        }
        let reaches = entry.data_start().and_then(|start| start.checked_add(entry.size()));
        if reaches.is_none_or(|reaches| reaches > end) || entry.compressed_size() != entry.size() {
            return Err(format!(
                "its entry {} claims {} bytes, which the file does not hold",
                shown(&name),
                entry.size()
            ));
        }
        if name.ends_with(".pkl") {
            if entry.size() > MAX_PICKLE {
                return Err(too_large(&shown(&name), entry.size()));
            }
            skip_pickle(&mut BufReader::new(entry))?;
        }
    }
    Ok(())
}

fn too_large(what: &str, size: u64) -> String {
    format!("{what} has {size} bytes or more, where {MAX_PICKLE} are enough for any state dictionary")
}

/// Reads a pickle up to its end, one opcode after another; its strings are not kept.
fn skip_pickle(file: &mut impl BufRead) -> Result<(), String> {
    let mut pickle = file.take(MAX_PICKLE);
    let ended = skip_opcodes(&mut pickle);
    let limit = pickle.limit();
    match ended {
        Ok(Repeated { text, copies }) if text.saturating_mul(copies) > MAX_COPIED => Err(format!(
            "its pickle repeats objects {copies} times, of {text} bytes of names: no state dictionary does"
        )),
        Err(_) if limit == 0 => Err(too_large("its pickle", MAX_PICKLE)),
        Err(error) => Err(format!("it is cut short or damaged: {error}")),
        Ok(_) => Ok(()),
    }
}

/// What a pickle may have its reader copy.
#[derive(Default)]
struct Repeated {
    /// Bytes of names and strings.
    text: u64,
    /// How often an object is copied, remembered or made of others.
    copies: u64,
}

/// Opcodes of all protocols with the sizes of their arguments (Python's `pickletools`). One that is not known counts
/// as one without an argument: the reader proper refuses it.
fn skip_opcodes(pickle: &mut impl BufRead) -> io::Result<Repeated> {
    let mut repeated = Repeated::default();
    let Repeated { text, copies } = &mut repeated;
    loop {
        let [opcode] = array(pickle)?;
        *copies += u64::from(matches!(opcode, b'2' | b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | b'R' | 0x94));
        match opcode {
            b'.' => return Ok(repeated),
            b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => *text += skip_line(pickle)?,
            b'c' | b'i' => {
                *text += skip_line(pickle)?;
                *text += skip_line(pickle)?;
            }
            b'K' | b'h' | b'q' | 0x80 | 0x82 => skip(pickle, 1)?,
            b'M' | 0x83 => skip(pickle, 2)?,
            b'J' | b'j' | b'r' | 0x84 => skip(pickle, 4)?,
            b'G' | 0x95 => skip(pickle, 8)?,
            b'U' | b'C' | 0x8a | 0x8c => {
                let [length] = array(pickle)?;
                skip(pickle, length.into())?;
                *text += u64::from(length);
            }
            b'T' | b'B' | b'X' | 0x8b => {
                let length = u32::from_le_bytes(array(pickle)?);
                skip(pickle, length.into())?;
                *text += u64::from(length);
            }
            0x8d | 0x8e | 0x96 => {
                let length = u64::from_le_bytes(array(pickle)?);
                skip(pickle, length)?;
                *text += length;
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

/// Also tells the line's bytes.
fn skip_line(pickle: &mut impl BufRead) -> io::Result<u64> {
    pickle.skip_until(b'\n').map(|length| length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_is_skipped_to_its_end_whatever_its_arguments_hold() {
        // Each argument holds full stops, which are no end: a line, a counted string, a float, a frame.
        let pickle = b"\x80\x02I12.\nX\x02\0\0\0..G........\x95........c.\n.\n}.rest";
        let mut file = &pickle[..];
        skip_pickle(&mut file).unwrap();
        assert_eq!(file, b"rest");
    }

    #[test]
    fn a_pickle_whose_copies_would_fill_memory_is_refused() {
        let class = |length: usize| [b"\x80\x02c", &vec![b'x'; length][..], b"\ny\n"].concat();
        for repeated in [&b"2"[..], b"q\x01", b"h\x01"] {
            let pickle = |length, times| [&class(length)[..], &repeated.repeat(times), b"."].concat();
            skip_pickle(&mut &pickle(100_000, 20_000)[..]).unwrap();
            let error = skip_pickle(&mut &pickle(400_000, 20_000)[..]).unwrap_err();
            assert!(error.contains("repeats objects 20000 times"), "{error}");
        }
    }

    #[test]
    fn a_pickle_without_end_is_cut_short_or_too_large() {
        for pickle in [&b"\x80\x02}"[..], b"X\xff\xff\xff\xffabc", b"cmodule\nname"] {
            assert!(skip_pickle(&mut &pickle[..]).unwrap_err().contains("cut short"));
        }
        assert!(skip_pickle(&mut &vec![b'N'; 2 << 20][..]).unwrap_err().contains("1048576 bytes or more"));
    }
}
