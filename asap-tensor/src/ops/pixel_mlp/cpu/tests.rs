use super::super::tests::{Case, assert_close, case, definition, one_hot, size, sizes};
use crate::cpu::Cpu;
use crate::cpu::level::Level;
use crate::op::{Buffers, Kernel};
use crate::ops::pixel_mlp::{PixelMlpForward, PixelMlpGrad, PixelMlpSize, RawPixels};

/// Also numbers of tiles larger than a group, and not a multiple of one.
fn levels_and_sizes() -> impl Iterator<Item = (Level, PixelMlpSize)> {
    let groups = [size(2, [9, 31], 1, 2, true, &[3]), size(1, [9, 31], 2, 2, false, &[2, 3])];
    let sizes = [sizes(), groups.to_vec()].concat();
    Level::available().into_iter().flat_map(move |level| sizes.clone().into_iter().map(move |size| (level, size)))
}

#[test]
fn pixel_mlp_and_gradients_match_their_definition() {
    for (level, size) in levels_and_sizes() {
        let cpu = Cpu::at(level, Some(2)).expect("threads");
        let case = case(&size);
        let [params, dense, positions, grad, hot] =
            [&case.params, &case.dense, &case.positions, &case.grad, &one_hot(&case.ids, &size)]
                .map(|x| cpu.adopt(x.to_vec()));
        let ids = &case.ids;
        for (x, is_dense) in [(&dense, true), (&hot, false), (&hot, true)] {
            let pixels = || if is_dense { RawPixels::Dense(x) } else { RawPixels::Ids(ids) };
            let forward = PixelMlpForward { size: size.clone(), labels: !is_dense };
            let inputs = || (&params, pixels(), &positions);
            let backward = |wants_pixels| {
                let op = PixelMlpGrad { forward: forward.clone(), wants_pixels };
                cpu.compute(&op, (inputs(), &grad)).expect("gradients")
            };
            let [y, grad_params, grad_x] = definition(&size, &case, x, 0, |v| v);
            assert_close("y", &size, &cpu.compute(&forward, inputs()).expect("an image"), &y, 2e-6);
            let (got_params, got_x) = backward(is_dense);
            assert_close("grad_params", &size, &got_params, &grad_params, 2e-6);
            if is_dense {
                assert_eq!(backward(false), (got_params, None), "{size:?}");
                assert_close("grad_pixels", &size, &got_x.expect("a gradient in the pixels"), &grad_x, 2e-6);
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for (level, size) in levels_and_sizes() {
        let Case { params, ids, dense, positions, grad } = case(&size);
        let results = [1, 2, 4].map(|threads| {
            let cpu = Cpu::at(level, Some(threads)).expect("threads");
            let [params, dense, positions, grad] = [&params, &dense, &positions, &grad].map(|x| cpu.adopt(x.to_vec()));
            let grads = |pixels, labels| -> Buffers<PixelMlpGrad, Cpu> {
                let forward = PixelMlpForward { size: size.clone(), labels };
                let op = PixelMlpGrad { forward, wants_pixels: !labels };
                cpu.compute(&op, ((&params, pixels, &positions), &grad)).expect("gradients")
            };
            let forward = PixelMlpForward { size: size.clone(), labels: true };
            (
                cpu.compute(&forward, (&params, RawPixels::Ids(&ids), &positions)).expect("an image"),
                grads(RawPixels::Ids(&ids), true),
                grads(RawPixels::Dense(&dense), false),
            )
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{size:?}");
    }
}
