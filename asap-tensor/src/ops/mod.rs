//! A folder per op family: `mod.rs` documents the ops, checks shapes and holds the public functions; `reference.rs`,
//! `cpu.rs` and `cuda.rs` with its `.cu` hold the kernels; `README.md` derives the gradients.

pub mod adam;
pub mod binary;
pub mod conv2d;
pub mod conv2d_transposed;
pub mod cross_entropy;
pub mod instance_norm;
pub mod layout;
pub mod matmul;
pub mod pixel_conv;
pub mod pixel_mlp;
pub mod pool;
pub mod reduce;
pub mod resize;
pub mod unary;

pub use adam::{AdamInputs, AdamOp, AdamStep, adam};
pub use binary::{Binary, BinaryOp, Broadcast, add, binary, div, mul, sub};
pub use conv2d::{
    Conv2d, Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight, Conv2dSize, Conv2dStack,
    conv2d, conv2d_grad_input, conv2d_grad_weight, conv2d_ids, conv2d_ids_grad_weight, conv2d_stack, look_up,
};
pub use conv2d_transposed::{Conv2dTransposed, conv2d_transposed};
pub use cross_entropy::{
    CrossEntropies, CrossEntropy, CrossEntropyGrad, CrossEntropyGradInputs, cross_entropy, cross_entropy_grad,
};
pub use instance_norm::{
    InstanceNorm, InstanceNormGrad, InstanceNormGradInputs, InstanceNormGrads, Normalized, ScaleShift, instance_norm,
    instance_norm_grad,
};
pub use layout::{
    Cat, Narrow, OneHot, Pad, Pad2d, Pad2dGrad, PadIds, PadMode, PadSize, Permute, Place, cat, narrow, one_hot,
    pad_ids, pad2d, pad2d_grad, permute, place,
};
pub use matmul::{Matmul, Transpose, matmul};
pub use pixel_conv::{
    PixelConv, PixelConvGradInput, PixelConvGradKernels, PixelConvSize, pixel_conv, pixel_conv_grad_input,
    pixel_conv_grad_kernels,
};
pub use pixel_mlp::{
    Bands, PixelMlp, PixelMlpForward, PixelMlpGrad, PixelMlpSize, Pixels, RawPixels, blended_pixel_mlp,
    blended_pixel_mlp_grad, pixel_mlp, pixel_mlp_grad, position_table,
};
pub use pool::{MaxPool2, MaxPool2Grad, max_pool2, max_pool2_grad};
pub use reduce::{Sum, SumChannels, sum, sum_channels};
pub use resize::{PickIds, Resize, ResizeIds, Taps, pick_ids, resize, resize_grad, resize_ids};
pub use unary::{Needs, Unary, UnaryGrad, UnaryOp, unary, unary_grad};

/// Every source of CUDA kernels, for checks that compile them all.
#[cfg(feature = "cuda")]
pub fn cuda_sources() -> Vec<crate::cuda::Source> {
    let mut all = vec![
        crate::cuda::STORAGE,
        crate::cuda::MMA_CHECK,
        adam::cuda::SOURCE,
        binary::cuda::SOURCE,
        cross_entropy::cuda::SOURCE,
        instance_norm::cuda::SOURCE,
        layout::cuda::SOURCE,
        pixel_conv::cuda::SOURCE,
        pool::cuda::SOURCE,
        reduce::cuda::SOURCE,
        resize::cuda::SOURCE,
        unary::cuda::SOURCE,
    ];
    all.extend(conv2d::cuda::sources());
    all.extend(pixel_mlp::cuda::SOURCES);
    all
}
