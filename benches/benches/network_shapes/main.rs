//! The ops that dominate inference and training of cityscapes-256, at the shapes of the network, and those of CC-FPSE at
//! their largest; with each op's share of the machine's peak.
//!
//! `cargo bench -p asap-benches [-- FILTER]`

mod shares;

use std::time::Duration;

use asap_tensor::ops::{
    AdamStep, Bands, Binary, Conv2d, Conv2dTransposed, Pad, PadMode, PixelMlp, Pixels, Taps, Transpose, Unary, adam,
    binary, blended_pixel_mlp, blended_pixel_mlp_grad, conv2d, conv2d_grad_input, conv2d_grad_weight, conv2d_ids,
    conv2d_ids_grad_weight, conv2d_stack, conv2d_transposed, cross_entropy, cross_entropy_grad, instance_norm,
    instance_norm_grad, matmul, max_pool2, max_pool2_grad, pad2d, pad2d_grad, pick_ids, pixel_conv,
    pixel_conv_grad_input, pixel_conv_grad_kernels, pixel_mlp, pixel_mlp_grad, position_table, resize, resize_grad,
    resize_ids, sum, sum_channels, unary, unary_grad,
};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Cpu, Ids, Result, Shape, Tensor};
use criterion::Criterion;
use shares::{Bench, SAMPLES};

/// Labels of Cityscapes.
const CLASSES: usize = 35;

fn filled(backend: &Cpu, name: &str, shape: impl Into<Shape>) -> Result<Tensor<Cpu>> {
    let shape = shape.into();
    Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.count()))
}

/// Labels in blocks of 7 pixels: every tile has several.
fn labels(backend: &Cpu, [height, width]: [usize; 2], classes: usize) -> Result<Ids<Cpu>> {
    let ids = (0..height * width).map(|i| ((i / width / 7 * 31 + i % width / 7 * 17) % classes) as u8).collect();
    Ids::from_vec(backend, [1, height, width], ids)
}

/// A convolution of the network: its name, the shapes of x and of the weight, stride and padding.
type Convolution = (&'static str, [usize; 4], [usize; 4], usize, usize);

/// Of the generator (without padding: its input is padded by reflection), of the discriminators and of VGG19.
const CONVOLUTIONS: [Convolution; 8] = [
    ("3x3 64 to 64, stride 2, 256x512", [1, 64, 258, 514], [64, 64, 3, 3], 2, 0),
    ("3x3 1024 to 1024, 16x32", [1, 1024, 18, 34], [1024, 1024, 3, 3], 1, 0),
    ("1x1 1024 to 16003, 16x32", [1, 1024, 16, 32], [16_003, 1024, 1, 1], 1, 0),
    ("4x4 64 to 128, stride 2, 129x257", [1, 64, 129, 257], [128, 64, 4, 4], 2, 2),
    ("4x4 256 to 512, 33x65", [1, 256, 33, 65], [512, 256, 4, 4], 1, 2),
    ("4x4 512 to 1, 34x66", [1, 512, 34, 66], [1, 512, 4, 4], 1, 2),
    ("3x3 64 to 64, 256x512", [1, 64, 256, 512], [64, 64, 3, 3], 1, 1),
    ("3x3 256 to 256, 64x128", [1, 256, 64, 128], [256, 256, 3, 3], 1, 1),
];

fn convolutions(bench: &mut Bench) -> Result<()> {
    let backend = bench.backend();
    for (name, x, weight, stride, padding) in CONVOLUTIONS {
        let args = Conv2d { stride, padding };
        let (x, weight) = (filled(&backend, "x", x)?, filled(&backend, "weight", weight)?);
        bench.op(&format!("conv2d {name}"), || conv2d(&x, &weight, None, args));
        let grad = conv2d(&x, &weight, None, args)?;
        bench.op(&format!("conv2d_grad_input {name}"), || conv2d_grad_input(&grad, &weight, x.shape(), args));
        bench.op(&format!("conv2d_grad_weight {name}"), || conv2d_grad_weight(&x, &grad, weight.shape(), args));
    }
    let (x, weight) = (filled(&backend, "x", [1, 128, 128, 256])?, filled(&backend, "weight", [128, 64, 3, 3])?);
    let args = Conv2dTransposed { stride: 2, padding: 1, output_padding: 1 };
    bench.op("conv2d_transposed 3x3 128 to 64, 128x256", || conv2d_transposed(&x, &weight, None, args));
    Ok(())
}

/// The first layers, which look up labels.
fn label_convolutions(bench: &mut Bench) -> Result<()> {
    let backend = bench.backend();
    let map = labels(&backend, [258, 514], CLASSES)?;
    let weight = filled(&backend, "weight", [64, CLASSES, 3, 3])?;
    bench.op("conv2d_ids 3x3 35 to 64, 256x512", || conv2d_ids(&map, &weight, None, Conv2d::default()));
    let grad = conv2d_ids(&map, &weight, None, Conv2d::default())?;
    bench.op("conv2d_ids_grad_weight 3x3 35 to 64, 256x512", || {
        conv2d_ids_grad_weight(&map, &grad, weight.shape(), Conv2d::default())
    });
    for (name, [kernel, stride, padding], dense, [h, w]) in [
        ("3x3 35+1 to 64, 256x512", [3, 1, 0], 1, [258, 514]),
        ("4x4 35+4 to 64, stride 2, 256x512", [4, 2, 2], 4, [256, 512]),
    ] {
        let map = labels(&backend, [h, w], CLASSES)?;
        let x = filled(&backend, "x", [1, dense, h, w])?;
        let weight = filled(&backend, "weight", [64, CLASSES + dense, kernel, kernel])?;
        bench.op(&format!("conv2d_stack {name}"), || conv2d_stack(&map, &x, &weight, None, Conv2d { stride, padding }));
    }
    Ok(())
}

/// The pixel convolution of CC-FPSE's last block, and the gates after it.
fn pixel_convs(bench: &mut Bench) -> Result<()> {
    let backend = bench.backend();
    let (x, kernels) = (filled(&backend, "x", [1, 128, 256, 512])?, filled(&backend, "kernels", [1, 1152, 256, 512])?);
    bench.op("pixel_conv 128, 256x512", || pixel_conv(&x, &kernels));
    bench.op("pixel_conv_grad_input 128, 256x512", || pixel_conv_grad_input(&x, &kernels));
    bench.op("pixel_conv_grad_kernels 128, 256x512", || pixel_conv_grad_kernels(&x, &x));
    bench.op("sigmoid 128, 256x512", || unary(Unary::Sigmoid, &x));
    Ok(())
}

/// The pixelwise MLPs, forward and backward.
fn pixel_mlps(bench: &mut Bench) -> Result<()> {
    let backend = bench.backend();
    for (name, classes, tile, [h, w]) in
        [("cityscapes-256", CLASSES, 16, [256, 512]), ("facades-1024", 13, 64, [1024, 1024])]
    {
        let mlp = PixelMlp { tile, widths: vec![64, 64, 64, 64, 3] };
        let periods = tile.ilog2() as usize;
        let inputs = classes + 4 * periods;
        let parameters: usize = [inputs, 64, 64, 64, 64, 3].windows(2).map(|c| c[0] * c[1] + c[1]).sum();
        let params = filled(&backend, "params", [1, parameters, h / tile, w / tile])?;
        let positions = Tensor::from_f32(&backend, [periods, 2, tile], &position_table(tile))?;
        let ids = labels(&backend, [h, w], classes)?;
        let pixels = || Pixels::Ids { ids: &ids, classes };
        bench.op(&format!("pixel_mlp {name}"), || pixel_mlp(&mlp, &params, pixels(), &positions));
        let grad = filled(&backend, "grad", [1, 3, h, w])?;
        bench.op(&format!("pixel_mlp_grad {name}"), || {
            pixel_mlp_grad(&mlp, &params, pixels(), &positions, &grad, false)
        });
        let bands = Bands { tile, width: tile / 4 };
        let positions = Tensor::from_f32(&backend, [periods, 2, bands.side()], &bands.position_table())?;
        bench.op(&format!("blended_pixel_mlp {name}"), || {
            blended_pixel_mlp(&mlp, bands.width, &params, pixels(), &positions)
        });
        bench.op(&format!("blended_pixel_mlp_grad {name}"), || {
            blended_pixel_mlp_grad(&mlp, bands.width, &params, pixels(), &positions, &grad, false)
        });
    }
    Ok(())
}

/// The rest of the layers.
fn layers(bench: &mut Bench) -> Result<()> {
    let backend = bench.backend();
    let x = filled(&backend, "x", [1, 64, 256, 512])?;
    let grad = filled(&backend, "grad", [1, 64, 256, 512])?;
    let (scale, shift) = (filled(&backend, "scale", [64])?, filled(&backend, "shift", [64])?);
    let affine = Some((&scale, &shift));
    bench.op("instance_norm 64, 256x512", || instance_norm(&x, affine, 1e-5, 0.0));
    let normed = instance_norm(&x, affine, 1e-5, 0.0)?;
    bench.op("instance_norm_grad 64, 256x512", || {
        instance_norm_grad(&x, &normed.mean, &normed.rstd, affine, &grad, 0.0)
    });
    let pad = Pad::all(1);
    bench.op("pad2d reflect 1, 64, 256x512", || pad2d(&x, pad, PadMode::Reflect));
    let padded = pad2d(&x, pad, PadMode::Reflect)?;
    bench.op("pad2d_grad reflect 1, 64, 256x512", || pad2d_grad(&padded, pad, PadMode::Reflect));
    bench.op("leaky_relu 64, 256x512", || unary(Unary::LeakyRelu { slope: 0.2 }, &x));
    bench.op("tanh 3, 256x512", {
        let colors = filled(&backend, "colors", [1, 3, 256, 512])?;
        move || unary(Unary::Tanh, &colors)
    });
    bench.op("leaky_relu_grad 64, 256x512", || unary_grad(Unary::LeakyRelu { slope: 0.2 }, &x, &x, &grad));
    bench.op("add 64, 256x512", || binary(Binary::Add, &x, &grad));
    bench.op("mul by channel 64, 256x512", || binary(Binary::Mul, &x, &scale));
    bench.op("sum 64, 256x512", || sum(&x));
    bench.op("sum_channels 64, 256x512", || sum_channels(&x));
    bench.op("max_pool2 64, 256x512", || max_pool2(&x));
    let pooled = max_pool2(&x)?;
    bench.op("max_pool2_grad 64, 256x512", || max_pool2_grad(&x, &pooled));

    let (scores, classes) =
        (filled(&backend, "scores", [1, CLASSES + 1, 256, 512])?, labels(&backend, [256, 512], CLASSES)?);
    bench.op("cross_entropy 36, 256x512", || cross_entropy(&scores, &classes));
    let entropy = cross_entropy(&scores, &classes)?;
    bench.op("cross_entropy_grad 36, 256x512", || {
        cross_entropy_grad(&scores, &entropy.log_sums, &classes, &entropy.losses)
    });

    let map = labels(&backend, [1024, 1024], 13)?;
    let taps = Taps::tent(1024, 4)?;
    bench.op("resize_ids bilinear by 4, 13, 1024x1024", || resize_ids(&map, 13, &taps, &taps));
    let spread = Bands { tile: 64, width: 16 }.spread(16);
    bench.op("pick_ids spread by 1.25, 1024x1024", || pick_ids(&map, &spread, &spread));
    let image = filled(&backend, "image", [1, 3, 256, 512])?;
    let (rows, columns) = (Taps::average_pool(256), Taps::average_pool(512));
    bench.op("resize average 3x3, 3, 256x512", || resize(&image, &rows, &columns));
    let smaller = resize(&image, &rows, &columns)?;
    bench.op("resize_grad average 3x3, 3, 256x512", || resize_grad(&smaller, &rows, &columns));

    let (a, b) = (filled(&backend, "a", [16, 256, 256])?, filled(&backend, "b", [16, 256, 256])?);
    bench.op("matmul 16 of 256x256 by 256x256", || matmul(&a, &b, Transpose::default()));
    Ok(())
}

/// The optimizer, for one of the large weights.
fn optimizer(bench: &mut Bench) -> Result<()> {
    let backend = bench.backend();
    let shape = [1024, 1024, 3, 3];
    let [mut weight, mut first, mut second] =
        [filled(&backend, "weight", shape)?, Tensor::zeros(&backend, shape)?, Tensor::zeros(&backend, shape)?];
    let grad = filled(&backend, "grad", shape)?;
    let mut step = AdamStep { learning_rate: 1e-4, beta1: 0.0, beta2: 0.999, epsilon: 1e-8, step: 0 };
    bench.op("adam 1024x1024x3x3", || {
        step.step += 1;
        adam(&mut weight, &mut first, &mut second, &grad, None, &step)
    });
    Ok(())
}

fn main() -> Result<()> {
    // Some fifty ops in a few minutes.
    let criterion = Criterion::default()
        .sample_size(SAMPLES)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500));
    let mut bench = Bench::new(criterion.configure_from_args())?;
    for group in [convolutions, label_convolutions, pixel_convs, pixel_mlps, layers, optimizer] {
        group(&mut bench)?;
    }
    bench.finish()
}
