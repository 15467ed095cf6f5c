use asap_tensor::ops::{self, Conv2d, Conv2dTransposed};
use asap_tensor::{Backend, Result, Shape};
use asap_tests::bound::{Output, largest};
use asap_tests::property::{
    Double, Property, assert_cpu_matches_reference, assert_matches_reference, assert_thread_independent, for_all,
    summed,
};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

#[derive(Debug)]
struct Case {
    x: Shape,
    weight: Shape,
    bias: bool,
    args: Conv2d,
    seed: u64,
}

fn case(
    channels: impl Strategy<Value = usize> + Clone,
    side: impl Strategy<Value = usize> + Clone,
) -> impl Strategy<Value = Case> {
    let kernel = prop_oneof![
        1 => Just([1usize, 1]),
        4 => Just([3, 3]),
        2 => Just([4, 4]),
        1 => Just([1, 3]),
        1 => Just([5, 2]),
        1 => Just([7, 7]),
    ];
    let sizes = (1usize..=3, channels.clone(), channels, side.clone(), side, kernel);
    (sizes, any::<bool>(), 1usize..=3, 0usize..=2, any::<u64>()).prop_filter_map(
        "the kernel fits the padded image",
        |((n, i, o, h, w, [r, s]), bias, stride, padding, seed)| {
            let fits = r <= h + 2 * padding && s <= w + 2 * padding;
            let (x, weight) = (Shape::from([n, i, h, w]), Shape::from([o, i, r, s]));
            fits.then_some(Case { x, weight, bias, args: Conv2d { stride, padding }, seed })
        },
    )
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let args = self.args;
        let Conv2d { stride, padding } = args;
        let (x, weight) = (source.normal("x", self.x)?, source.normal("weight", self.weight)?);
        let &[n, i, h, w] = self.x.dims() else { unreachable!("an image has four axes") };
        let &[o, _, r, s] = self.weight.dims() else { unreachable!("a weight has four axes") };
        let ids = source.ids("ids", [n, h, w], i)?;
        let bias = source.normal("bias", [o])?;
        let bias = self.bias.then_some(&bias);
        let y = ops::conv2d(&x, &weight, bias, args)?;
        let pixels = n * y.dims()[2] * y.dims()[3];
        let g = source.normal("g", y.shape())?;
        let grad_x = ops::conv2d_grad_input(&g, &weight, self.x, args)?;
        let grad_weight = ops::conv2d_grad_weight(&x, &g, self.weight, args)?;
        let y_ids = ops::conv2d_ids(&ids, &weight, bias, args)?;
        let grad_weight_ids = ops::conv2d_ids_grad_weight(&ids, &g, self.weight, args)?;
        let taller = source.normal("stack's weight", [o, 2 * i, r, s])?;
        let y_stack = ops::conv2d_stack(&ids, &x, &taller, bias, args)?;
        // Rows and columns that the stride leaves over: a transposed convolution keeps as many of both.
        let [rows_over, columns_over] = [(h, r), (w, s)].map(|(side, kernel)| (side + 2 * padding - kernel) % stride);
        let mut outputs = vec![
            summed("conv2d", &y, i * r * s + 1)?,
            summed("conv2d_grad_input", &grad_x, o * r * s)?,
            summed("conv2d_grad_weight", &grad_weight, pixels)?,
            summed("conv2d_ids", &y_ids, r * s + 1)?,
            summed("conv2d_ids_grad_weight", &grad_weight_ids, pixels)?,
            summed("conv2d_stack", &y_stack, (i + 1) * r * s + 1)?,
        ];
        if rows_over == columns_over {
            let bias = source.normal("transposed bias", [i])?;
            let args = Conv2dTransposed { stride, padding, output_padding: rows_over };
            let larger = ops::conv2d_transposed(&g, &weight, Some(&bias), args)?;
            outputs.push(summed("conv2d_transposed", &larger, o * r * s + 1)?);
        }
        Ok(outputs)
    }
}

#[test]
fn conv2d_matches_reference() {
    assert_matches_reference(case(channels().boxed(), side().boxed()));
}

/// From 32 channels on, 3×3 and 4×4 kernels at stride 1 take Winograd's algorithm.
#[test]
fn conv2d_of_many_channels_matches_reference() {
    let channels = prop::sample::select(vec![31usize, 32, 33, 40]);
    let side = prop::sample::select(vec![5usize, 9, 12, 13, 16, 17, 19]);
    assert_cpu_matches_reference(
        32,
        case(channels, side).prop_map(|case| Case { args: Conv2d::padded(case.args.padding), ..case }),
    );
}

#[test]
fn conv2d_does_not_depend_on_threads() {
    assert_thread_independent(10, case(16usize..40, 30usize..50));
}

/// Every backend is compared with the ids form, so that must equal the dense form.
#[test]
fn conv2d_ids_equals_conv2d_of_one_hot() {
    for_all(case(channels().boxed(), side().boxed()), |case| {
        let double = Double::new();
        let source = Source { backend: &double, seed: case.seed, absolute: false };
        let &[n, classes, h, w] = case.x.dims() else { unreachable!("an image has four axes") };
        let compare = || -> Result<[Vec<f64>; 4]> {
            let args = case.args;
            let ids = source.ids("ids", [n, h, w], classes)?;
            let (dense, weight) = (ops::one_hot(&ids, classes)?, source.normal("weight", case.weight)?);
            let y = ops::conv2d_ids(&ids, &weight, None, args)?;
            let y_dense = ops::conv2d(&dense, &weight, None, args)?;
            let g = source.normal("g", y.shape())?;
            let grad = ops::conv2d_ids_grad_weight(&ids, &g, case.weight, args)?;
            let grad_dense = ops::conv2d_grad_weight(&dense, &g, case.weight, args)?;
            Ok([y.to_f64()?, y_dense.to_f64()?, grad.to_f64()?, grad_dense.to_f64()?])
        };
        let [y, y_dense, grad, grad_dense] = compare().map_err(|error| error.to_string())?;
        for (name, ids, dense) in [("conv2d_ids", y, y_dense), ("conv2d_ids_grad_weight", grad, grad_dense)] {
            let off = largest(ids.iter().zip(&dense).map(|(a, b)| (a - b).abs()));
            if ids.len() != dense.len() || off > 1e-11 {
                return Err(format!("{name} is {off:e} away from the dense form"));
            }
        }
        Ok(())
    });
}
