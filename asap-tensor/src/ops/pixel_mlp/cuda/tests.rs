use std::sync::Arc;

use super::network::Direction;
use super::{Inputs, Way};
use crate::Storage;
use crate::cuda::testing::{each_order, gpu};
use crate::cuda::{Array, Cuda, Limits, MatmulPrecision};
use crate::op::Kernel;
use crate::ops::pixel_mlp::tests::{Case, assert_close, case, definition, one_hot, size, sizes};
use crate::ops::pixel_mlp::{PixelMlpForward, PixelMlpGrad, PixelMlpSize, RawPixels};

const PRECISIONS: [MatmulPrecision; 3] = [MatmulPrecision::Highest, MatmulPrecision::High, MatmulPrecision::Medium];

fn more_sizes() -> Vec<PixelMlpSize> {
    let mut all = sizes();
    all.extend([
        size(1, [1, 1], 64, 2, true, &[9, 3]),
        size(1, [2, 2], 4, 70, true, &[33, 18, 5]),
        size(1, [1, 2], 1, 4, true, &[80, 70, 3]),
        size(1, [1, 1], 2, 3, true, &[4]),
        size(1, [1, 1], 3, 2, false, &[2, 0, 3]),
    ]);
    all
}

/// Rounds a factor of a product.
fn round(precision: MatmulPrecision, x: f64) -> f64 {
    let bits = (x as f32).to_bits();
    match precision {
        MatmulPrecision::Highest => x,
        MatmulPrecision::High => f64::from(f32::from_bits((bits + 0x1000) & !0x1fff)),
        MatmulPrecision::Medium => f64::from(f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)),
    }
}

/// The precision that a way's kernels compute in.
fn precision_of(way: &Way) -> MatmulPrecision {
    match way.source.name {
        name if name.contains("TF32") => MatmulPrecision::High,
        name if name.contains("bf16") => MatmulPrecision::Medium,
        _ => MatmulPrecision::Highest,
    }
}

/// Error bound of single precision, and of factors that round differently.
fn tolerance(precision: MatmulPrecision) -> f64 {
    if precision == MatmulPrecision::Highest { 2e-6 } else { 2e-4 }
}

/// A GPU with at most so much shared memory for a block.
fn with_shared_memory(gpu: &Cuda, bytes: usize) -> Limits {
    let limits = gpu.limits();
    Limits { shared_memory: bytes.min(limits.shared_memory), ..limits.clone() }
}

/// A case in the GPU's memory.
struct Uploaded {
    params: <Cuda as Storage>::Buffer,
    ids: <Cuda as Storage>::IdBuffer,
    dense: <Cuda as Storage>::Buffer,
    positions: <Cuda as Storage>::Buffer,
    grad: <Cuda as Storage>::Buffer,
}

impl Uploaded {
    fn new(gpu: &Cuda, case: &Case) -> Self {
        let upload = |values: &Vec<f32>| gpu.upload(values.clone()).expect("memory");
        Uploaded {
            params: upload(&case.params),
            ids: gpu.upload_ids(case.ids.to_vec()).expect("memory"),
            dense: upload(&case.dense),
            positions: upload(&case.positions),
            grad: upload(&case.grad),
        }
    }

    fn pixels(&self, labels: bool) -> RawPixels<'_, Arc<Array<f32>>, Arc<Array<u8>>> {
        if labels { RawPixels::Ids(&self.ids) } else { RawPixels::Dense(&self.dense) }
    }
}

/// Compares the image and the gradients of one case with their definition, by the kernels for GPUs of these limits.
fn check(gpu: &Cuda, limits: &Limits, size: &PixelMlpSize, labels: bool, registers: bool) -> [Way; 2] {
    let case = case(size);
    let x = if labels { one_hot(&case.ids, size) } else { case.dense.clone() };
    let looked_up = if labels { size.inputs } else { 0 };
    let data = Uploaded::new(gpu, &case);
    let pixels = data.pixels(labels);
    let inputs = Inputs::new(&data.params, &pixels, &data.positions);
    let precision = gpu.precision();
    let forward = match registers {
        true => Way::forward(size, labels, precision, limits),
        false => Way::blocks(size, labels, Direction::Forward, precision, limits),
    };
    let backward = Way::blocks(size, labels, Direction::Backward, precision, limits);
    let expected = |way: &Way| {
        let precision = precision_of(way);
        definition(size, &case, &x, looked_up, |v| round(precision, v))
    };

    let y = gpu.pixel_mlp_forward(&forward, &inputs, size).expect("an image");
    let what = |what: &str, way: &Way| format!("{what} of {} from {labels} labels, {:?}", way.source.name, way.plan);
    let y = gpu.download_array(&y).expect("an image");
    assert_close(&what("y", &forward), size, &y, &expected(&forward)[0], tolerance(precision_of(&forward)));

    let (grad, grad_x) = gpu.pixel_mlp_backward(&backward, &inputs, &data.grad, !labels, size).expect("gradients");
    let [_, grad_params, grad_pixels] = expected(&backward);
    let tolerance = tolerance(precision_of(&backward));
    let grad = gpu.download_array(&grad).expect("a gradient");
    assert_close(&what("grad_params", &backward), size, &grad, &grad_params, tolerance);
    if let Some(grad_x) = grad_x {
        let grad_x = gpu.download_array(&grad_x).expect("a gradient");
        assert_close(&what("grad_pixels", &backward), size, &grad_x, &grad_pixels, tolerance);
    }
    [forward, backward]
}

#[test]
fn pixel_mlp_and_gradients_match_their_definition_at_every_precision() {
    for precision in PRECISIONS {
        let gpu = gpu(precision);
        for size in more_sizes() {
            for labels in [true, false] {
                check(&gpu, gpu.limits(), &size, labels, true);
            }
        }
    }
}

#[test]
fn any_amount_of_shared_memory_suffices() {
    let size = size(1, [1, 2], 8, 5, true, &[40, 40, 3]);
    for precision in PRECISIONS {
        let gpu = gpu(precision);
        let mut seen = Vec::new();
        for kilobytes in [200, 64, 28, 20, 14, 8, 1] {
            for labels in [true, false] {
                let ways = check(&gpu, &with_shared_memory(&gpu, kilobytes << 10), &size, labels, false);
                for Way { plan, .. } in ways {
                    assert!(plan.shared <= kilobytes << 10);
                    seen.push((plan.is_wide(), plan.is_resident()));
                }
            }
        }
        for way in [(false, true), (false, false), (true, false)] {
            assert!(seen.contains(&way), "{precision:?}: no network was (wide, resident) = {way:?}");
        }
    }
}

#[test]
fn results_do_not_depend_on_thread_order() {
    let sizes = [size(2, [1, 2], 4, 5, true, &[17, 20, 3]), size(1, [1, 1], 32, 3, true, &[5, 3])];
    for precision in PRECISIONS {
        let gpu = gpu(precision);
        for (size, shared_memory) in sizes.iter().flat_map(|size| [(size, 1 << 20), (size, 9 << 10), (size, 1 << 10)]) {
            let limits = with_shared_memory(&gpu, shared_memory);
            let case = case(size);
            let data = Uploaded::new(&gpu, &case);
            let mut first = None;
            each_order(|order| {
                let mut bits = Vec::new();
                for labels in [true, false] {
                    let pixels = data.pixels(labels);
                    let inputs = Inputs::new(&data.params, &pixels, &data.positions);
                    let way = Way::forward(size, labels, precision, &limits);
                    let y = gpu.pixel_mlp_forward(&way, &inputs, size).expect("an image");
                    let way = Way::blocks(size, labels, Direction::Backward, precision, &limits);
                    let (grad, grad_x) =
                        gpu.pixel_mlp_backward(&way, &inputs, &data.grad, !labels, size).expect("gradients");
                    for array in [Some(y), Some(grad), grad_x].into_iter().flatten() {
                        bits.extend(gpu.download_array(&array).expect("values").into_iter().map(f32::to_bits));
                    }
                }
                assert_eq!(&bits, first.get_or_insert(bits.clone()), "{order}: {precision:?} {size:?} {shared_memory}");
            });
        }
    }
}

#[test]
fn gradients_of_an_empty_image_are_zero() {
    let size = size(1, [1, 2], 2, 3, true, &[4, 0]);
    let gpu = gpu(MatmulPrecision::Highest);
    let data = Uploaded::new(&gpu, &case(&size));
    let inputs = || (&data.params, data.pixels(false), &data.positions);
    let forward = PixelMlpForward { size, labels: false };
    let y = gpu.compute(&forward, inputs()).expect("an image");
    assert_eq!(y.count(), 0);
    let (grad, grad_x) = gpu.compute(&PixelMlpGrad { forward, wants_pixels: true }, (inputs(), &data.grad)).unwrap();
    assert!(gpu.download(&grad).unwrap().into_iter().all(|g| g == 0.0));
    assert!(gpu.download(&grad_x.unwrap()).unwrap().into_iter().all(|g| g == 0.0));
}
