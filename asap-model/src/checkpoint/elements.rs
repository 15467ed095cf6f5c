//! Element types of files as `f32`.
//!
//! Weights are `f32` here. Floats of other sizes become the nearest `f32` (f16 and bf16 are exact); one too large
//! is an error. Integers must be exact in `f32`, as counters and label ids are; another is an error.

use half::{bf16, f16};

/// An element type of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ElementType {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

/// Little-endian elements as `f32`, or what is wrong with one of them.
pub(super) fn to_f32(bytes: &[u8], element: ElementType) -> Result<Vec<f32>, String> {
    match element {
        ElementType::F64 => try_each(bytes, |b| float(f64::from_le_bytes(b))),
        ElementType::F32 => Ok(each(bytes, f32::from_le_bytes)),
        ElementType::F16 => Ok(each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        ElementType::Bf16 => Ok(each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        ElementType::I64 => try_each(bytes, |b| integer(i64::from_le_bytes(b).into())),
        ElementType::I32 => try_each(bytes, |b| integer(i32::from_le_bytes(b).into())),
        ElementType::I16 => Ok(each(bytes, |b| i16::from_le_bytes(b).into())),
        ElementType::I8 => Ok(each(bytes, |b| i8::from_le_bytes(b).into())),
        ElementType::U64 => try_each(bytes, |b| integer(u64::from_le_bytes(b).into())),
        ElementType::U32 => try_each(bytes, |b| integer(u32::from_le_bytes(b).into())),
        ElementType::U16 => Ok(each(bytes, |b| u16::from_le_bytes(b).into())),
        ElementType::U8 => Ok(each(bytes, |[b]: [u8; 1]| b.into())),
        ElementType::Bool => Ok(each(bytes, |[b]: [u8; 1]| f32::from(b != 0))),
    }
}

fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&element| convert(element)).collect()
}

fn try_each<const N: usize>(
    bytes: &[u8],
    convert: impl Fn([u8; N]) -> Result<f32, String>,
) -> Result<Vec<f32>, String> {
    bytes.as_chunks::<N>().0.iter().map(|&element| convert(element)).collect()
}

fn float(value: f64) -> Result<f32, String> {
    let nearest = value as f32;
    if nearest.is_infinite() && value.is_finite() {
        Err(format!("{value:e} is too large for f32"))
    } else {
        Ok(nearest)
    }
}

fn integer(value: i128) -> Result<f32, String> {
    let nearest = value as f32;
    if nearest as i128 == value { Ok(nearest) } else { Err(format!("the integer {value} has no exact f32")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_become_the_nearest_f32() {
        let doubles: Vec<u8> = [0.1f64, -1.0, f64::INFINITY].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(to_f32(&doubles, ElementType::F64).unwrap(), [0.1, -1.0, f32::INFINITY]);
        assert!(to_f32(&1e300f64.to_le_bytes(), ElementType::F64).unwrap_err().contains("1e300"));
        assert_eq!(to_f32(&[0x00, 0x3e, 0x00, 0xc0], ElementType::F16).unwrap(), [1.5, -2.0]);
        assert_eq!(to_f32(&[0xc0, 0x3f, 0x00, 0xc0], ElementType::Bf16).unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn integers_are_exact_or_refused() {
        assert_eq!(to_f32(&(-16777216i64).to_le_bytes(), ElementType::I64).unwrap(), [-16777216.0]);
        assert!(to_f32(&16777217i64.to_le_bytes(), ElementType::I64).unwrap_err().contains("16777217"));
        assert!(to_f32(&u64::MAX.to_le_bytes(), ElementType::U64).is_err());
        assert_eq!(to_f32(&[0, 1, 255], ElementType::U8).unwrap(), [0.0, 1.0, 255.0]);
        assert_eq!(to_f32(&[0, 1, 255], ElementType::I8).unwrap(), [0.0, 1.0, -1.0]);
        assert_eq!(to_f32(&[0, 1, 2], ElementType::Bool).unwrap(), [0.0, 1.0, 1.0]);
    }
}
