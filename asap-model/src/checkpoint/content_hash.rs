//! The SHA-256 of a file whose header contains this hash.

use std::io::{self, Write};
use std::ops::Range;

use sha2::{Digest, Sha256};

/// The key of the hash in the header: 64 lower-case hexadecimal digits, the SHA-256 of the header's JSON with 64 zeros
/// in their place, and of everything after it.
pub const HASH_KEY: &str = "content_sha256";

/// Takes the hash's place while the file is hashed.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An unfinished hash: first of the header, then of the rest, in pieces.
pub(super) struct ContentHash(Sha256);

impl ContentHash {
    /// Hashes a header as if zeros stood in the hash's place.
    pub fn of_header(header: &[u8]) -> Self {
        let place = place(header).unwrap_or(0..0);
        let hash = Sha256::new().chain_update(&header[..place.start]).chain_update(&BLANK[..place.len()]);
        ContentHash(hash.chain_update(&header[place.end..]))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The 64 digits.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// So that the function that writes a file also hashes it.
impl Write for ContentHash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts the hash in its place.
pub(super) fn fill_in(header: &mut [u8], hash: &str) {
    if let Some(place) = place(header) {
        header[place].copy_from_slice(hash.as_bytes());
    }
}

/// The position of the digits. No other string of the header matches: inside a string, a quote has a backslash.
fn place(header: &[u8]) -> Option<Range<usize>> {
    let before = format!("\"{HASH_KEY}\":\"");
    let start = header.windows(before.len()).position(|window| window == before.as_bytes())? + before.len();
    let end = start + BLANK.len();
    (header.get(end) == Some(&b'"')).then_some(start..end)
}
