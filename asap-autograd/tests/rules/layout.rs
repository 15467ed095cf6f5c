//! Ops that move elements.

use asap_autograd::Var;
use asap_tensor::ops::{self, Pad, PadMode};

use crate::harness::{assert_found, assert_rule, normal, with_gradient};

#[test]
fn reshape_matches_differences() {
    assert_rule("reshape", &[normal("x", [2, 3, 4])], |v| v[0].reshape([4, 6]));
    assert_rule("reshape to rank 0", &[normal("x", [1, 1])], |v| v[0].reshape([]));
}

#[test]
fn permute_matches_differences() {
    assert_rule("permute (1, 0)", &[normal("x", [3, 5])], |v| v[0].permute(&[1, 0]));
    assert_rule("permute (1, 2, 0)", &[normal("x", [3, 3, 3])], |v| v[0].permute(&[1, 2, 0]));
    assert_rule("permute (0, 2, 3, 1)", &[normal("x", [2, 3, 4, 5])], |v| v[0].permute(&[0, 2, 3, 1]));
    assert_rule("permute of six axes", &[normal("x", [2, 1, 3, 2, 2, 3])], |v| v[0].permute(&[0, 1, 3, 5, 2, 4]));
}

#[test]
fn narrow_matches_differences() {
    for (axis, start, length) in [(0, 1, 1), (1, 0, 2), (1, 1, 2), (2, 2, 2), (3, 0, 5), (3, 4, 1)] {
        assert_rule(&format!("narrow {axis} {start} {length}"), &[normal("x", [2, 3, 4, 5])], |v| {
            v[0].narrow(axis, start, length)
        });
    }
}

#[test]
fn cat_matches_differences() {
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
            assert_rule(&format!("cat {axis} {lengths:?}"), &pieces(axis, lengths), |v| {
                Var::cat(&v.iter().collect::<Vec<_>>(), axis)
            });
        }
    }
    assert_rule("cat of one variable twice", &[normal("x", [2, 3])], |v| Var::cat(&[&v[0], &v[0]], 1));
}

#[test]
fn pad2d_matches_differences() {
    let uneven = Pad { top: 2, bottom: 0, left: 1, right: 3 };
    for mode in [PadMode::Zero, PadMode::Reflect] {
        for (pad, shape) in [(Pad::all(1), [2, 3, 4, 5]), (uneven, [1, 2, 3, 4]), (Pad::all(2), [2, 1, 3, 3])] {
            assert_rule(&format!("pad2d {mode:?} {shape:?}"), &[normal("x", shape)], |v| v[0].pad2d(pad, mode));
        }
    }
}

#[test]
fn permute_without_inverse_is_found() {
    assert_found("the order for its inverse", &[normal("x", [3, 3, 3])], &[0], |v| {
        with_gradient(&v[0], ops::permute(v[0].value(), &[1, 2, 0])?, |g| ops::permute(g, &[1, 2, 0]))
    });
}

#[test]
fn narrow_placed_at_zero_is_found() {
    assert_found("place at 0 for 1", &[normal("x", [2, 4])], &[0], |v| {
        with_gradient(&v[0], ops::narrow(v[0].value(), 1, 1, 2)?, |g| ops::place(g, 1, 0, 4))
    });
}

#[test]
fn cat_with_swapped_gradients_is_found() {
    assert_found("cat swapped", &[normal("a", [2, 3]), normal("b", [2, 3])], &[0, 1], |v| {
        Var::record(ops::cat(&[v[0].value(), v[1].value()], 1)?, [&v[0], &v[1]], |g, _| {
            Ok([Some(ops::narrow(g, 1, 3, 3)?), Some(ops::narrow(g, 1, 0, 3)?)])
        })
    });
}

#[test]
fn pad2d_with_cropped_reflections_is_found() {
    let pad = Pad::all(1);
    assert_found("zeros for reflections", &[normal("x", [1, 2, 4, 4])], &[0], |v| {
        with_gradient(&v[0], ops::pad2d(v[0].value(), pad, PadMode::Reflect)?, move |g| {
            ops::pad2d_grad(g, pad, PadMode::Zero)
        })
    });
}
