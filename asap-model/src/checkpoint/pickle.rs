//! The pickle of a `.pth`: protocol 2, as `torch.save` writes it.
//!
//! It is an `OrderedDict` from key to a call of `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides,
//! requires_grad, hooks)`, where the storage is a persistent id that names an entry of the zip archive.
//!
//! Opcodes (Python's `pickletools`): `c` global, `(` mark, `t` tuple from the mark, `)` empty tuple, `R` call, `X` string,
//! `J` 32-bit integer, 0x8a long integer, 0x89 False, `Q` persistent id, `u` set items, `.` stop.

use super::Weights;

const EMPTY_ORDERED_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";

/// The state dictionary of `weights`; the elements of the i-th tensor are in storage `i`.
pub(super) fn state_dict(weights: &Weights) -> Vec<u8> {
    let mut pickle = [b"\x80\x02", EMPTY_ORDERED_DICT, b"("].concat();
    for (storage, (key, tensor)) in weights.iter().enumerate() {
        let parts: [&[u8]; 13] = [
            &string(key),
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            &string("storage"),
            b"ctorch\nFloatStorage\n",
            &string(&storage.to_string()),
            &string("cpu"),
            &integer(tensor.data.len()),
            b"tQ",
            &integer(0),
            &tuple(&tensor.shape),
            &tuple(&strides(&tensor.shape)),
            b"\x89",
            EMPTY_ORDERED_DICT,
        ];
        parts.iter().for_each(|part| pickle.extend_from_slice(part));
        pickle.extend(b"tR");
    }
    pickle.extend(b"u.");
    pickle
}

/// Elements between neighbors along each axis, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

fn string(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn integer(value: usize) -> Vec<u8> {
    match i32::try_from(value) {
        Ok(value) => [b"J", &value.to_le_bytes()[..]].concat(),
        // Nine bytes, the last one the sign.
        Err(_) => [b"\x8a\x09", &(value as u64).to_le_bytes()[..], b"\0"].concat(),
    }
}

fn tuple(values: &[usize]) -> Vec<u8> {
    [b"(".to_vec(), values.iter().copied().flat_map(integer).collect(), b"t".to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_integers_are_long() {
        assert_eq!(integer(7), [b'J', 7, 0, 0, 0]);
        assert_eq!(integer(1 << 40), [0x8a, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    }
}
