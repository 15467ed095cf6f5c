use super::super::cases::{Case, assert_close, case, definition, one_hot, size, sizes};
use crate::cpu::Cpu;
use crate::cpu::level::Level;
use crate::ops::pixel_mlp::{PixelMlpOps, PixelMlpSize, RawPixels};

/// Also tiles that are enough for whole groups, and not a multiple of one.
fn levels_and_sizes() -> impl Iterator<Item = (Level, PixelMlpSize)> {
    let groups = [size(2, [9, 31], 1, 2, true, &[3]), size(1, [9, 31], 2, 2, false, &[2, 3])];
    let sizes = [sizes(), groups.to_vec()].concat();
    Level::available().into_iter().flat_map(move |level| sizes.clone().into_iter().map(move |size| (level, size)))
}

#[test]
fn every_pixel_runs_through_its_tiles_network_and_back() {
    for (level, size) in levels_and_sizes() {
        let cpu = Cpu::at(level, Some(2)).expect("threads");
        let case = case(&size);
        let [params, dense, positions, grad, hot] =
            [&case.params, &case.dense, &case.positions, &case.grad, &one_hot(&case.ids, &size)]
                .map(|x| cpu.adopt(x.to_vec()));
        let ids = &case.ids;
        for (x, is_dense) in [(&dense, true), (&hot, false), (&hot, true)] {
            let pixels = || if is_dense { RawPixels::Dense(x) } else { RawPixels::Ids(ids) };
            let backward = |wants_pixels| {
                cpu.pixel_mlp_grad(&params, pixels(), &positions, &grad, wants_pixels, &size).expect("gradients")
            };
            let [y, grad_params, grad_x] = definition(&size, &case, x, 0, |v| v);
            assert_close("y", &size, &cpu.pixel_mlp(&params, pixels(), &positions, &size).expect("an image"), &y, 2e-6);
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
            (
                cpu.pixel_mlp(&params, RawPixels::Ids(&ids), &positions, &size).expect("an image"),
                cpu.pixel_mlp_grad(&params, RawPixels::Ids(&ids), &positions, &grad, false, &size).expect("gradients"),
                cpu.pixel_mlp_grad(&params, RawPixels::Dense(&dense), &positions, &grad, true, &size)
                    .expect("gradients"),
            )
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{size:?}");
    }
}
