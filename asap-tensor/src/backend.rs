//! The index: every op, and what a backend must implement.
//!
//! A backend is a type, which defines how tensors are stored and computed, and a value, which has the device, threads
//! and caches. Every tensor has the value, so two devices, or 1, 2 and 4 threads, can be used in one process.
//!
//! Tensors are contiguous and row-major; images are (N, C, H, W). `g` is the gradient of the loss in the op's output.
//!
//! | op | formula | shapes | gradient | folder |
//! |---|---|---|---|---|
//! | `unary` | y = f(x), for each f in `ops/unary/table.rs` | any | g · f′(x) | `ops/unary` |
//! | `binary` | y = a ∘ b: +, −, ×, ÷ | b: as a, (), or (C) against (N, C, …) | product rule, summed where b was broadcast | `ops/binary` |
//! | `sum`, `sum_channels` | Σ x, Σ over all but C | → (), → (C) | g broadcast back | `ops/reduce` |
//! | `permute`, `narrow`, `cat` | axes reordered, a range of an axis, tensors joined | any | the inverse | `ops/layout` |
//! | `pad2d` | zeros or reflections around H and W | (N, C, H, W) → (N, C, H + t + b, W + l + r) | overlaps added back | `ops/layout` |
//! | `pad_ids` | reflections around H and W | ids (N, H, W) → (N, H + t + b, W + l + r) | none | `ops/layout` |
//! | `one_hot` | `y[n, c]` = 1 where id = c | ids (N, H, W) → (N, C, H, W) | none | `ops/layout` |
//! | `matmul` | Y = A·B, either transposed | (…, M, K)·(…, K, N) → (…, M, N) | G·Bᵀ, Aᵀ·G | `ops/matmul` |
//! | `conv2d` | `y[n,o] = b[o] + Σ w[o,i]·x[n,i]`, stride s, zero padding p | (N, I, H, W), (O, I, R, S), (O) | two more convolutions | `ops/conv2d` |
//! | `conv2d_ids` | the same on the one-hot form of ids, which never exists | ids (N, H, W) | in the weight only | `ops/conv2d` |
//! | `conv2d_stack` | the same, followed by the channels of x | ids, (N, C, H, W) | as for the two above | `ops/conv2d` |
//! | `conv2d_transposed` | `conv2d`'s gradient in its input, as a layer | (N, I, H, W), (I, O, R, S), (O) | `conv2d` of g; its gradient in the weight | `ops/conv2d_transposed` |
//! | `instance_norm` | y = φ(γ·(x − μ)/√(σ² + ε) + β), μ and σ² over each plane | (N, C, H, W) → y, μ, rstd = 1/√(σ² + ε) | closed form | `ops/instance_norm` |
//! | `max_pool2` | maximum of 2×2 | (N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋) | to the maximum | `ops/pool` |
//! | `cross_entropy` | ℓ = log Σ exp x − `x[id]` of each pixel, 0 where id ≥ C | (N, C, H, W), ids (N, H, W) → (N, 1, H, W) | g·(softmax(x) − one-hot) | `ops/cross_entropy` |
//! | `resize` | y = R·x·Cᵀ for sparse R, C: bilinear, nearest, tent, mean, average pooling | (N, C, H, W) → (N, C, H′, W′) | Rᵀ·g·C | `ops/resize` |
//! | `resize_ids` | the same on the one-hot form of ids | ids (N, H, W) → (N, C, H′, W′) | none | `ops/resize` |
//! | `pick_ids` | labels sampled by sparse R, C with one entry a row | ids (N, H, W) → (N, H′, W′) | none | `ops/resize` |
//! | `pixel_conv` | `y[n,c,p,q] = Σ k[n,9c+t,p,q]·x[n,c,p+⌊t/3⌋−1,q+t mod 3−1]`: each pixel's own 3×3 kernel | (N, C, H, W), (N, 9·C, H, W) → (N, C, H, W) | gathered by the kernels around; g·x | `ops/pixel_conv` |
//! | `pixel_mlp` | the paper's op: each cell's weights applied to its S×S tile | (N, P, h, w), pixels → (N, C_n, h·S, w·S) | recomputed layer by layer | `ops/pixel_mlp` |
//! | `blended_pixel_mlp` | the same for tiles that overlap: `resize`, `pixel_mlp` on larger tiles, `resize` | as `pixel_mlp` | the gradients of the three | `ops/pixel_mlp` |
//! | `adam` | Kingma & Ba's update | any, in place | none | `ops/adam` |

use crate::op::Kernel;
use crate::storage::Storage;

macro_rules! index {
    ($($op:ident),+ $(,)?) => {
        /// Everything ASAP-Net needs: storage and a kernel for each op, so that a missing one is a compile error.
        pub trait Backend: Storage $(+ Kernel<crate::ops::$op>)+ {}

        impl<B: Storage $(+ Kernel<crate::ops::$op>)+> Backend for B {}
    };
}
index!(
    UnaryOp,
    UnaryGrad,
    BinaryOp,
    Sum,
    SumChannels,
    Permute,
    Narrow,
    Place,
    Cat,
    Pad2d,
    Pad2dGrad,
    PadIds,
    OneHot,
    Matmul,
    Conv2dForward,
    Conv2dGradInput,
    Conv2dGradWeight,
    Conv2dIds,
    Conv2dIdsGradWeight,
    Conv2dStack,
    InstanceNorm,
    InstanceNormGrad,
    MaxPool2,
    MaxPool2Grad,
    CrossEntropy,
    CrossEntropyGrad,
    Resize,
    ResizeIds,
    PickIds,
    PixelConv,
    PixelConvGradInput,
    PixelConvGradKernels,
    PixelMlpForward,
    PixelMlpGrad,
    AdamOp,
);
