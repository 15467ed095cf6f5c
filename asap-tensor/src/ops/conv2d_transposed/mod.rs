//! Transposed convolution: the gradient of a convolution in its input, as an upsampling layer.

use crate::error::{Error, Result, require, require_argument};
use crate::op::Kernel;
use crate::ops::binary::{BinaryOp, add};
use crate::ops::conv2d::{Conv2d, Conv2dGradInput, check_bias, conv2d_grad_input};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The arguments of a transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dTransposed {
    /// Distance in y between neighboring pixels of x.
    pub stride: usize,
    /// Rows and columns that are cut off y on all sides.
    pub padding: usize,
    /// Additional rows and columns of y, below and on the right; less than `stride`.
    pub output_padding: usize,
}

/// The transposed convolution of x, (N, I, H, W), with a weight (I, O, R, S) and an optional bias (O): each pixel of x
/// adds its multiple of the kernel to y, `stride` pixels from its neighbor's; `padding` rows and columns are cut off
/// on all sides, and `output_padding` more are kept below and on the right.
///
/// y is (N, O, (H − 1)·stride + R + output_padding − 2·padding, …): the gradient in its input of the convolution by
/// the same weight that takes y's shape to x's.
pub fn conv2d_transposed<B: Kernel<Conv2dGradInput> + Kernel<BinaryOp>>(
    x: &Tensor<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2dTransposed,
) -> Result<Tensor<B>> {
    let op = "conv2d_transposed";
    let Conv2dTransposed { stride, padding, output_padding } = args;
    let (Some([n, channels, h, w]), Some([inputs, outputs, r, s])) = (x.shape().nchw(), weight.shape().nchw()) else {
        let why = "they must be (N, I, H, W) and (I, O, R, S)".into();
        return Err(Error::Shapes { op, left: x.shape().into(), right: weight.shape().into(), why });
    };
    require(channels == inputs, op, x.shape(), weight.shape(), || {
        format!("the image has {channels} channels, the weight takes {inputs}")
    })?;
    require_argument(output_padding < stride, op, || {
        format!("the output padding {output_padding} must be below the stride {stride}")
    })?;
    let side = |side: usize, kernel: usize| {
        let whole = side.checked_sub(1)?.checked_mul(stride)?.checked_add(kernel)?.checked_add(output_padding)?;
        whole.checked_sub(2 * padding).filter(|&side| side > 0)
    };
    let (Some(height), Some(width)) = (side(h, r), side(w, s)) else {
        let why = format!("nothing is left between {padding} rows and columns of padding on all sides");
        return Err(Error::Shapes { op, left: x.shape().into(), right: weight.shape().into(), why });
    };
    check_bias(op, bias, outputs, weight.shape())?;
    let y = conv2d_grad_input(x, weight, Shape::from([n, outputs, height, width]), Conv2d { stride, padding })?;
    match bias {
        Some(bias) => add(&y, bias),
        None => Ok(y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::uniform_by_name;
    use crate::{Backend, Cpu, Reference};

    /// x, weight, [stride, padding, output padding].
    const CASES: [([usize; 4], [usize; 4], [usize; 3]); 5] = [
        ([1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 0]),
        ([2, 3, 4, 5], [3, 2, 3, 3], [2, 1, 1]),
        ([2, 3, 1, 3], [3, 4, 4, 4], [2, 1, 0]),
        ([1, 2, 3, 2], [2, 5, 3, 2], [3, 0, 2]),
        ([1, 2, 5, 4], [2, 2, 3, 3], [1, 1, 0]),
    ];

    fn check<B: Backend>(backend: &B) {
        for (x, weight, [stride, padding, output_padding]) in CASES {
            let ([n, i, h, w], [_, o, r, s]) = (x, weight);
            let [image, kernel, bias] =
                [("x", n * i * h * w), ("w", i * o * r * s), ("b", o)].map(|(name, n)| uniform_by_name(name, n));
            let [height, width] =
                [(h, r), (w, s)].map(|(side, k)| (side - 1) * stride + k + output_padding - 2 * padding);
            let mut expected: Vec<f64> =
                (0..n * o * height * width).map(|at| f64::from(bias[at / (height * width) % o])).collect();
            for at in 0..n * i * h * w {
                let (n, i, y, x) = (at / (i * h * w), at / (h * w) % i, at / w % h, at % w);
                for (o, r, s) in (0..o).flat_map(|o| (0..r * s).map(move |tap| (o, tap / s, tap % s))) {
                    let place = |at: usize, tap: usize, side: usize| {
                        (at * stride + tap).checked_sub(padding).filter(|&place| place < side)
                    };
                    let (Some(p), Some(q)) = (place(y, r, height), place(x, s, width)) else { continue };
                    expected[((n * weight[1] + o) * height + p) * width + q] +=
                        f64::from(image[at]) * f64::from(kernel[((i * weight[1] + o) * weight[2] + r) * weight[3] + s]);
                }
            }
            let tensor = |shape: &[usize], data: &[f32]| Tensor::from_f32(backend, shape, data).unwrap();
            let bias = tensor(&[o], &bias);
            let (image, kernel) = (tensor(&x, &image), tensor(&weight, &kernel));
            let y =
                conv2d_transposed(&image, &kernel, Some(&bias), Conv2dTransposed { stride, padding, output_padding })
                    .unwrap();
            assert_eq!(y.dims(), [n, o, height, width]);
            let found = y.to_f64().unwrap();
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{x:?} {weight:?}");
        }
    }

    #[test]
    fn conv2d_transposed_matches_its_definition() {
        check(&Reference::<f64>::new());
        check(&Cpu::new(Some(2)).unwrap());
    }

    #[test]
    fn mismatched_shapes_are_rejected() {
        let backend = Reference::<f32>::new();
        let of = |shape: [usize; 4]| Tensor::zeros(&backend, shape).unwrap();
        let (x, weight, bias) = (of([1, 2, 3, 3]), of([2, 4, 3, 3]), Tensor::zeros(&backend, [3]).unwrap());
        let args = |stride, padding, output_padding| Conv2dTransposed { stride, padding, output_padding };
        let results = [
            conv2d_transposed(&x, &of([3, 4, 3, 3]), None, args(2, 1, 1)),
            conv2d_transposed(&x, &weight, None, args(2, 1, 2)),
            conv2d_transposed(&x, &weight, None, args(1, 3, 0)),
            conv2d_transposed(&x, &weight, Some(&bias), args(2, 1, 1)),
            conv2d_transposed(&bias, &weight, None, args(2, 1, 1)),
        ];
        for result in results {
            let error = result.err().unwrap().to_string();
            assert!(error.contains("conv2d_transposed"), "{error}");
        }
    }
}
