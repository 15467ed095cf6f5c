//! The records of a TFRecord file, with their checksums.
//!
//! A record is the payload's length (u64), the masked CRC-32C of those eight bytes (u32), the payload, and its masked
//! CRC-32C (u32); all little-endian.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C, as iSCSI has it.
const CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The bytes of one record.
pub fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(payload.len() + 16);
    bytes.extend(length);
    bytes.extend(masked(&length).to_le_bytes());
    bytes.extend(payload);
    bytes.extend(masked(payload).to_le_bytes());
    bytes
}

/// A checksum rotated right by 15 bits plus a constant, as the format has it: data that contains its own checksum would
/// make a plain one degenerate.
fn masked(bytes: &[u8]) -> u32 {
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The payloads of a file's records.
#[cfg(test)]
pub fn read(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let (whole, rest) = bytes.split_at(length + 16);
        let payload = whole[12..][..length].to_vec();
        assert_eq!(whole, record(&payload), "a checksum is wrong");
        payloads.push(payload);
        bytes = rest;
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4.
    #[test]
    fn checksums_match_the_standard() {
        let rising: Vec<u8> = (0..32).collect();
        let falling: Vec<u8> = (0..32).rev().collect();
        for (bytes, expected) in
            [(&[0; 32][..], 0x8a91_36aa), (&[0xff; 32], 0x62a8_ab43), (&rising, 0x46dd_794e), (&falling, 0x113f_db5c)]
        {
            assert_eq!(CRC_32C.checksum(bytes), expected);
        }
    }

    #[test]
    fn record_matches_the_format() {
        let bytes = record(b"");
        assert_eq!(bytes[..8], [0; 8]);
        // CRC-32C of eight zero bytes is 0x8c28b28a, which rotated right by 15 bits is 0x65151851; of nothing it is 0.
        assert_eq!(bytes[8..12], 0x0798_0329_u32.to_le_bytes());
        assert_eq!(bytes[12..], 0xa282_ead8_u32.to_le_bytes());
    }
}
