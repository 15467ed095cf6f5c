//! What NVRTC hands out and the driver loads: a shared object with the source it came from, in one run of bytes.

/// A module's image.
#[derive(Clone)]
pub(crate) struct Image {
    /// The bytes of an ELF shared object.
    pub object: Vec<u8>,
    /// All that went into the compiler: the key of the cache, and what a second, instrumented build starts from.
    pub source: String,
}

const MAGIC: &[u8; 8] = b"CUDAEMU1";
/// An image as text, where the program requests PTX.
const TEXT_MAGIC: &[u8] = b"// CUDA emulator image\n";
const HEADER: usize = 24;

impl Image {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.object.len() as u64).to_le_bytes());
        bytes.extend((self.source.len() as u64).to_le_bytes());
        bytes.extend(&self.object);
        bytes.extend(self.source.as_bytes());
        bytes
    }

    /// The image in hexadecimal, without a zero byte.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = TEXT_MAGIC.to_vec();
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        text.extend(self.to_bytes().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        text
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Image> {
        let header = bytes.get(..HEADER).filter(|header| header.starts_with(MAGIC))?;
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes")) as usize;
        let object = bytes.get(HEADER..)?.get(..number(8))?;
        let source = bytes.get(HEADER + object.len()..)?.get(..number(16))?;
        Some(Image { object: object.to_vec(), source: String::from_utf8(source.to_vec()).ok()? })
    }

    /// Reads an image from memory of unknown length, as `cuModuleLoadData` is given it.
    ///
    /// # Safety
    /// `start` points to a whole image, or to other bytes among which the first that differs from an image's beginning is readable.
    pub unsafe fn from_pointer(start: *const u8) -> Option<Image> {
        // SAFETY: reading continues only while the bytes are an image's, as the caller guarantees.
        unsafe {
            if starts_with(start, MAGIC) {
                let header = std::slice::from_raw_parts(start, HEADER);
                let number =
                    |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes")) as usize;
                return Image::from_bytes(std::slice::from_raw_parts(start, HEADER + number(8) + number(16)));
            }
            if !starts_with(start, TEXT_MAGIC) {
                return None;
            }
            let text = std::ffi::CStr::from_ptr(start.add(TEXT_MAGIC.len()).cast()).to_bytes();
            let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
            let bytes: Option<Vec<u8>> =
                text.trim_ascii().chunks(2).map(|pair| Some(value(pair[0])? << 4 | value(*pair.get(1)?)?)).collect();
            Image::from_bytes(&bytes?)
        }
    }
}

/// # Safety
/// The bytes from `start` are readable up to the first that differs from `prefix`.
unsafe fn starts_with(start: *const u8, prefix: &[u8]) -> bool {
    // SAFETY: `all` stops at the first difference.
    prefix.iter().enumerate().all(|(i, &byte)| unsafe { *start.add(i) } == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_round_trips_as_bytes_and_text() {
        let image = Image { object: vec![0, 1, 255, 16], source: "void k() {}".into() };
        let text = [image.to_text(), vec![0]].concat();
        for bytes in [image.to_bytes(), text] {
            // SAFETY: whole images.
            let back = unsafe { Image::from_pointer(bytes.as_ptr()) }.unwrap();
            assert_eq!((back.object, back.source), (image.object.clone(), image.source.clone()));
        }
        // SAFETY: the first byte differs already.
        assert!(unsafe { Image::from_pointer(c".version 8.0".as_ptr().cast()) }.is_none());
    }
}
