//! Every layer of the network, as a table.

use super::pool::Pool;

/// A layer of a branch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer {
    /// A convolution: its key within the block, channels, kernel, stride, padding.
    Conv(&'static str, usize, [usize; 2], usize, [usize; 2]),
    /// A 1×3 and a 3×1 convolution of the same input, concatenated; their keys and the channels of each.
    Fork([&'static str; 2], usize),
    /// 3×3 pooling.
    Pool(Pool),
}

use Layer::Fork;

const AVERAGE: Layer = Layer::Pool(Pool::Average);
const HALVE: Layer = Layer::Pool(Pool::Halve);

/// A convolution with stride 1 that keeps the size.
const fn same(key: &'static str, channels: usize, kernel: [usize; 2]) -> Layer {
    Layer::Conv(key, channels, kernel, 1, [kernel[0] / 2, kernel[1] / 2])
}

/// A 1×1 convolution.
const fn point(key: &'static str, channels: usize) -> Layer {
    same(key, channels, [1, 1])
}

/// A 3×3 convolution without padding.
const fn valid(key: &'static str, channels: usize, stride: usize) -> Layer {
    Layer::Conv(key, channels, [3, 3], stride, [0, 0])
}

/// The layers before the blocks, up to the first pooling and up to the second.
pub(super) const STEM: [&[Layer]; 2] = [
    &[valid("Conv2d_1a_3x3", 32, 2), valid("Conv2d_2a_3x3", 32, 1), same("Conv2d_2b_3x3", 64, [3, 3]), HALVE],
    &[point("Conv2d_3b_1x1", 80), valid("Conv2d_4a_3x3", 192, 1), HALVE],
];

/// The branches of a block, whose channels are concatenated in this order.
pub(super) type Branches = Vec<Vec<Layer>>;

/// The blocks by their names.
pub(super) fn blocks() -> Vec<(&'static str, Branches)> {
    vec![
        ("Mixed_5b", fine(32)),
        ("Mixed_5c", fine(64)),
        ("Mixed_5d", fine(64)),
        ("Mixed_6a", halving_fine()),
        ("Mixed_6b", middle(128)),
        ("Mixed_6c", middle(160)),
        ("Mixed_6d", middle(160)),
        ("Mixed_6e", middle(192)),
        ("Mixed_7a", halving_middle()),
        ("Mixed_7b", coarse(Pool::Average)),
        // The published code follows TensorFlow's network, whose last block differs from the one before.
        ("Mixed_7c", coarse(Pool::Max)),
    ]
}

fn fine(pooled: usize) -> Branches {
    vec![
        vec![point("branch1x1", 64)],
        vec![point("branch5x5_1", 48), same("branch5x5_2", 64, [5, 5])],
        vec![point("branch3x3dbl_1", 64), same("branch3x3dbl_2", 96, [3, 3]), same("branch3x3dbl_3", 96, [3, 3])],
        vec![AVERAGE, point("branch_pool", pooled)],
    ]
}

fn halving_fine() -> Branches {
    vec![
        vec![valid("branch3x3", 384, 2)],
        vec![point("branch3x3dbl_1", 64), same("branch3x3dbl_2", 96, [3, 3]), valid("branch3x3dbl_3", 96, 2)],
        vec![HALVE],
    ]
}

fn middle(inner: usize) -> Branches {
    vec![
        vec![point("branch1x1", 192)],
        vec![point("branch7x7_1", inner), same("branch7x7_2", inner, [1, 7]), same("branch7x7_3", 192, [7, 1])],
        vec![
            point("branch7x7dbl_1", inner),
            same("branch7x7dbl_2", inner, [7, 1]),
            same("branch7x7dbl_3", inner, [1, 7]),
            same("branch7x7dbl_4", inner, [7, 1]),
            same("branch7x7dbl_5", 192, [1, 7]),
        ],
        vec![AVERAGE, point("branch_pool", 192)],
    ]
}

fn halving_middle() -> Branches {
    vec![
        vec![point("branch3x3_1", 192), valid("branch3x3_2", 320, 2)],
        vec![
            point("branch7x7x3_1", 192),
            same("branch7x7x3_2", 192, [1, 7]),
            same("branch7x7x3_3", 192, [7, 1]),
            valid("branch7x7x3_4", 192, 2),
        ],
        vec![HALVE],
    ]
}

fn coarse(pool: Pool) -> Branches {
    vec![
        vec![point("branch1x1", 320)],
        vec![point("branch3x3_1", 384), Fork(["branch3x3_2a", "branch3x3_2b"], 384)],
        vec![
            point("branch3x3dbl_1", 448),
            same("branch3x3dbl_2", 384, [3, 3]),
            Fork(["branch3x3dbl_3a", "branch3x3dbl_3b"], 384),
        ],
        vec![Layer::Pool(pool), point("branch_pool", 192)],
    ]
}
