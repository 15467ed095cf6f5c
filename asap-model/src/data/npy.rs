//! NPY: NumPy's arrays of numbers, (H, W), (H, W, C) or (C, H, W).

use std::io::{self, Write};
use std::path::Path;

use npyz::{DType, NpyFile, Order, TypeChar, WriterBuilder};

use super::array::{Array, Values, map_values};
use super::pixels::{Image, Samples};
use super::problem::Problem;
use crate::Result;

/// Whether a file starts like an NPY.
pub(super) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x93NUMPY")
}

/// Decodes an array. Of three dimensions, the last is the channels; or the first, if only it has as many as are
/// `wanted`, or it is the smaller one where nothing is. `check` refuses a size before memory is allocated.
pub(super) fn decode(
    bytes: &[u8],
    file: &Path,
    wanted: Option<usize>,
    check: impl Fn(usize, usize) -> Result<()>,
) -> Result<Array> {
    let bad = |error: io::Error| Problem::new(file, format!("cannot be decoded as NPY: {error}"));
    let array = NpyFile::new(bytes).map_err(bad)?;
    let shape: Vec<usize> = array.shape().iter().map(|&side| usize::try_from(side).unwrap_or(usize::MAX)).collect();
    let (size, channels, channels_first) = match shape[..] {
        [height, width] => ([height, width], 1, false),
        [a, b, c] => {
            let first = match wanted {
                Some(wanted) => a == wanted && c != wanted,
                None => a < c,
            };
            if first { ([b, c], a, true) } else { ([a, b], c, false) }
        }
        _ => {
            return Problem::err(
                file,
                format!(
                    "has the shape {shape:?}; expected (height, width), (height, width, channels) or (channels, height, width)"
                ),
            );
        }
    };
    check(size[0], size[1])?;
    let count = (size[0] * size[1]).checked_mul(channels).filter(|&count| count > 0);
    // A damaged header must not decide how much memory is allocated: a value takes at least one byte.
    let Some(count) = count.filter(|&count| count <= bytes.len()) else {
        let length = bytes.len();
        return Problem::err(file, format!("declares the shape {shape:?}, too large for its {length} bytes"));
    };
    let is_fortran = array.order() == Order::Fortran;
    let DType::Plain(kind) = array.dtype() else {
        return Problem::err(file, "has records, not numbers");
    };
    let values = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Bool, _) => {
            let values: Vec<bool> = array.into_vec().map_err(bad)?;
            Values::U8(values.into_iter().map(u8::from).collect())
        }
        (TypeChar::Uint, 1) => Values::U8(array.into_vec().map_err(bad)?),
        (TypeChar::Uint, 2) => Values::U16(array.into_vec().map_err(bad)?),
        (TypeChar::Uint, 4) => Values::U32(array.into_vec().map_err(bad)?),
        (TypeChar::Uint, 8) => Values::integers(&array.into_vec::<u64>().map_err(bad)?, |value| value as f32),
        (TypeChar::Int, 1) => Values::integers(&array.into_vec::<i8>().map_err(bad)?, f32::from),
        (TypeChar::Int, 2) => Values::integers(&array.into_vec::<i16>().map_err(bad)?, f32::from),
        (TypeChar::Int, 4) => Values::integers(&array.into_vec::<i32>().map_err(bad)?, |value| value as f32),
        (TypeChar::Int, 8) => Values::integers(&array.into_vec::<i64>().map_err(bad)?, |value| value as f32),
        (TypeChar::Float, 4) => Values::F32(array.into_vec().map_err(bad)?),
        (TypeChar::Float, 8) => {
            let values: Vec<f64> = array.into_vec().map_err(bad)?;
            Values::F32(values.into_iter().map(|value| value as f32).collect())
        }
        _ => return Problem::err(file, format!("has the type {kind}; expected whole numbers, float32 or float64")),
    };
    let [height, width] = size;
    let sides = if channels_first { [channels, height, width] } else { [height, width, channels] };
    let step = |axis: usize| -> usize {
        if is_fortran { sides[..axis].iter().product() } else { sides[axis + 1..].iter().product() }
    };
    let [y, x, c] = if channels_first { [step(1), step(2), step(0)] } else { [step(0), step(1), step(2)] };
    // Where each value of a pixel order is in the file.
    let places = (0..count).map(|place| {
        let (pixel, channel) = (place / channels, place % channels);
        pixel / width * y + pixel % width * x + channel * c
    });
    let values = match is_fortran || channels_first {
        false => values,
        true => map_values!(values, values => places.map(|place| values[place]).collect()),
    };
    Ok(Array { size, channels, values, alpha: false, orientation: 1 })
}

/// Writes an image as (H, W, C), or (H, W) if it has one channel.
pub(super) fn write(to: impl Write, image: &Image) -> io::Result<()> {
    fn encode<T: npyz::Serialize + npyz::AutoSerialize + Copy>(
        to: impl Write,
        shape: &[u64],
        values: &[T],
    ) -> io::Result<()> {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(to).begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()
    }
    let [height, width] = image.size().map(|side| side as u64);
    let shape = [height, width, image.channels() as u64];
    let shape = if shape[2] == 1 { &shape[..2] } else { &shape };
    match image.samples() {
        Samples::U8(values) => encode(to, shape, values),
        Samples::U16(values) => encode(to, shape, values),
        Samples::F32(values) => encode(to, shape, values),
    }
}
