//! Moving numbers.

use asap_autograd::vjp;
use asap_tensor::ops::{Pad, PadMode};

use crate::harness::{assert_vjp, normal};

#[test]
fn reshape_has_the_right_gradient() {
    assert_vjp("reshape", &[normal("x", [2, 3, 4])], |v| vjp::reshape(&v[0], [4, 6]));
    assert_vjp("reshape to rank 0", &[normal("x", [1, 1])], |v| vjp::reshape(&v[0], []));
}

#[test]
fn permute_has_the_right_gradient() {
    assert_vjp("permute (1, 0)", &[normal("x", [3, 5])], |v| vjp::permute(&v[0], &[1, 0]));
    assert_vjp("permute (1, 2, 0)", &[normal("x", [3, 3, 3])], |v| vjp::permute(&v[0], &[1, 2, 0]));
    assert_vjp("permute (0, 2, 3, 1)", &[normal("x", [2, 3, 4, 5])], |v| vjp::permute(&v[0], &[0, 2, 3, 1]));
    assert_vjp("permute of six axes", &[normal("x", [2, 1, 3, 2, 2, 3])], |v| vjp::permute(&v[0], &[0, 1, 3, 5, 2, 4]));
}

#[test]
fn narrow_has_the_right_gradient() {
    for (axis, start, length) in [(0, 1, 1), (1, 0, 2), (1, 1, 2), (2, 2, 2), (3, 0, 5), (3, 4, 1)] {
        assert_vjp(&format!("narrow {axis} {start} {length}"), &[normal("x", [2, 3, 4, 5])], |v| {
            vjp::narrow(&v[0], axis, start, length)
        });
    }
}

#[test]
fn cat_has_the_right_gradient() {
    let pieces = |axis: usize, lengths: &[usize]| {
        let shape = |length| {
            let mut shape = [2, 3, 2];
            shape[axis] = length;
            shape
        };
        lengths.iter().enumerate().map(|(i, &length)| normal(&format!("x{i}"), shape(length))).collect::<Vec<_>>()
    };
    for axis in 0..3 {
        for lengths in [&[1][..], &[2, 2], &[1, 3, 2]] {
            assert_vjp(&format!("cat {axis} {lengths:?}"), &pieces(axis, lengths), |v| {
                vjp::cat(&v.iter().collect::<Vec<_>>(), axis)
            });
        }
    }
    assert_vjp("cat of one variable twice", &[normal("x", [2, 3])], |v| vjp::cat(&[&v[0], &v[0]], 1));
}

#[test]
fn pad2d_has_the_right_gradient() {
    let uneven = Pad { top: 2, bottom: 0, left: 1, right: 3 };
    for mode in [PadMode::Zero, PadMode::Reflect] {
        for (pad, shape) in [(Pad::all(1), [2, 3, 4, 5]), (uneven, [1, 2, 3, 4]), (Pad::all(2), [2, 1, 3, 3])] {
            assert_vjp(&format!("pad2d {mode:?} {shape:?}"), &[normal("x", shape)], |v| vjp::pad2d(&v[0], pad, mode));
        }
    }
}
