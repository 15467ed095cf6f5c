//! Element types of files as `f32`.
//!
//! Weights are `f32` here. Other floats become the nearest `f32` (f16 and bf16 are exact); a value out of range is an
//! error. Integers, such as counters and label ids, must be exact in `f32`.

use half::{bf16, f16};
use safetensors::tensor::Dtype;

/// Little-endian elements as `f32`, or the problem with one of them.
pub(super) fn to_f32(bytes: &[u8], dtype: Dtype) -> Result<Vec<f32>, String> {
    match dtype {
        Dtype::F64 => checked(bytes, |b| float(f64::from_le_bytes(b))),
        Dtype::F32 => Ok(exact(bytes, f32::from_le_bytes)),
        Dtype::F16 => Ok(exact(bytes, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Ok(exact(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        Dtype::I64 => checked(bytes, |b| integer(i64::from_le_bytes(b).into())),
        Dtype::I32 => checked(bytes, |b| integer(i32::from_le_bytes(b).into())),
        Dtype::I16 => Ok(exact(bytes, |b| i16::from_le_bytes(b).into())),
        Dtype::I8 => Ok(exact(bytes, |b| i8::from_le_bytes(b).into())),
        Dtype::U64 => checked(bytes, |b| integer(u64::from_le_bytes(b).into())),
        Dtype::U32 => checked(bytes, |b| integer(u32::from_le_bytes(b).into())),
        Dtype::U16 => Ok(exact(bytes, |b| u16::from_le_bytes(b).into())),
        Dtype::U8 => Ok(exact(bytes, |[b]: [u8; 1]| b.into())),
        Dtype::BOOL => Ok(exact(bytes, |[b]: [u8; 1]| f32::from(b != 0))),
        _ => Err(format!("elements of type {dtype} are not supported")),
    }
}

fn exact<const N: usize>(bytes: &[u8], element: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| element(bytes)).collect()
}

fn checked<const N: usize>(bytes: &[u8], element: impl Fn([u8; N]) -> Result<f32, String>) -> Result<Vec<f32>, String> {
    bytes.as_chunks::<N>().0.iter().map(|&bytes| element(bytes)).collect()
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
        assert_eq!(to_f32(&doubles, Dtype::F64).unwrap(), [0.1, -1.0, f32::INFINITY]);
        assert!(to_f32(&1e300f64.to_le_bytes(), Dtype::F64).unwrap_err().contains("1e300"));
        assert_eq!(to_f32(&[0x00, 0x3e, 0x00, 0xc0], Dtype::F16).unwrap(), [1.5, -2.0]);
        assert_eq!(to_f32(&[0xc0, 0x3f, 0x00, 0xc0], Dtype::BF16).unwrap(), [1.5, -2.0]);
    }

    #[test]
    fn integers_are_exact_or_refused() {
        assert_eq!(to_f32(&(-16777216i64).to_le_bytes(), Dtype::I64).unwrap(), [-16777216.0]);
        assert!(to_f32(&16777217i64.to_le_bytes(), Dtype::I64).unwrap_err().contains("16777217"));
        assert!(to_f32(&u64::MAX.to_le_bytes(), Dtype::U64).is_err());
        assert_eq!(to_f32(&[0, 1, 255], Dtype::U8).unwrap(), [0.0, 1.0, 255.0]);
        assert_eq!(to_f32(&[0, 1, 255], Dtype::I8).unwrap(), [0.0, 1.0, -1.0]);
        assert_eq!(to_f32(&[0, 1, 2], Dtype::BOOL).unwrap(), [0.0, 1.0, 1.0]);
    }
}
