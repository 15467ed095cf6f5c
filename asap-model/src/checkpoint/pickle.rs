//! The few pickle opcodes that a written `.pth` needs: protocol 2, as `torch.save` writes it.
//!
//! The pickle is an `OrderedDict` from key to a call of `torch._utils._rebuild_tensor_v2(storage, offset, shape,
//! strides, requires_grad, hooks)`, where the storage is a persistent id that names an entry of the zip archive.

use super::Weights;

const PROTOCOL_2: [u8; 2] = [0x80, 2];
const GLOBAL: u8 = b'c';
const EMPTY_TUPLE: u8 = b')';
const REDUCE: u8 = b'R';
const MARK: u8 = b'(';
const TUPLE: u8 = b't';
const STRING: u8 = b'X';
const INT: u8 = b'J';
const LONG: u8 = 0x8a;
const FALSE: u8 = 0x89;
const PERSISTENT_ID: u8 = b'Q';
const SET_ITEMS: u8 = b'u';
const STOP: u8 = b'.';

/// The state dictionary of `weights`; the i-th tensor's elements are in storage `i`.
pub(super) fn state_dict(weights: &Weights) -> Vec<u8> {
    let mut pickle = Pickle(PROTOCOL_2.to_vec());
    pickle.empty_ordered_dict();
    pickle.op(MARK);
    for (storage, (key, tensor)) in weights.iter().enumerate() {
        pickle.string(key);
        pickle.global("torch._utils", "_rebuild_tensor_v2");
        pickle.op(MARK);
        pickle.float_storage(storage, tensor.data.len());
        pickle.integer(0);
        pickle.tuple(&tensor.shape);
        pickle.tuple(&strides(&tensor.shape));
        pickle.op(FALSE);
        pickle.empty_ordered_dict();
        pickle.op(TUPLE);
        pickle.op(REDUCE);
    }
    pickle.op(SET_ITEMS);
    pickle.op(STOP);
    pickle.0
}

/// Elements between neighbours along each axis, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

struct Pickle(Vec<u8>);

impl Pickle {
    fn op(&mut self, op: u8) {
        self.0.push(op);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.op(GLOBAL);
        self.0.extend(format!("{module}\n{name}\n").bytes());
    }

    fn string(&mut self, text: &str) {
        self.op(STRING);
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.bytes());
    }

    fn integer(&mut self, value: usize) {
        match i32::try_from(value) {
            Ok(value) => {
                self.op(INT);
                self.0.extend(value.to_le_bytes());
            }
            Err(_) => {
                self.op(LONG);
                // Nine bytes, the last one the sign.
                self.0.push(9);
                self.0.extend((value as u64).to_le_bytes());
                self.0.push(0);
            }
        }
    }

    fn tuple(&mut self, values: &[usize]) {
        self.op(MARK);
        values.iter().for_each(|&value| self.integer(value));
        self.op(TUPLE);
    }

    fn empty_ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.op(EMPTY_TUPLE);
        self.op(REDUCE);
    }

    fn float_storage(&mut self, storage: usize, count: usize) {
        self.op(MARK);
        self.string("storage");
        self.global("torch", "FloatStorage");
        self.string(&storage.to_string());
        self.string("cpu");
        self.integer(count);
        self.op(TUPLE);
        self.op(PERSISTENT_ID);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beyond_32_bits_are_long() {
        let mut pickle = Pickle(Vec::new());
        pickle.integer(7);
        pickle.integer(1 << 40);
        assert_eq!(pickle.0, [b'J', 7, 0, 0, 0, 0x8a, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    }
}
