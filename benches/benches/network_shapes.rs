//! The ops that a forward pass of cityscapes-256 spends its time in, at the network's own shapes.
//!
//! `cargo bench -p asap-benches`

use asap_tensor::ops::{PixelMlp, Pixels, conv2d, conv2d_ids, instance_norm, pixel_mlp, position_table};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Cpu, Ids, Shape, Tensor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn filled(backend: &Cpu, name: &str, shape: impl Into<Shape>) -> Tensor<Cpu> {
    let shape = shape.into();
    Tensor::from_f32(backend, shape, &uniform_by_name(name, shape.count())).expect("numbers fill the shape")
}

/// Labels in blocks of 7 pixels, so that no tile is of one label.
fn labels(backend: &Cpu, [height, width]: [usize; 2], classes: usize) -> Ids<Cpu> {
    let ids = (0..height * width).map(|i| ((i / width / 7 * 31 + i % width / 7 * 17) % classes) as u8).collect();
    Ids::from_vec(backend, [1, height, width], ids).expect("ids fill the map")
}

/// Convolutions: the first on labels, a strided one, one of the seven wide ones, the last to MLP parameters.
fn convolutions(criterion: &mut Criterion) {
    let backend = Cpu::new(None).expect("threads start");
    let mut group = criterion.benchmark_group("conv2d");
    let first = filled(&backend, "first", [64, 35, 3, 3]);
    let map = labels(&backend, [258, 514], 35);
    group.bench_function("3x3 labels(35) to 64, 256x512", |bencher| {
        bencher.iter(|| conv2d_ids(&map, &first, None, 1, 0).expect("shapes fit"));
    });
    for (name, x, weight, stride) in [
        ("3x3 64 to 64 stride 2, 256x512", [1, 64, 258, 514], [64, 64, 3, 3], 2),
        ("3x3 1024 to 1024, 16x32", [1, 1024, 18, 34], [1024, 1024, 3, 3], 1),
        ("1x1 1024 to 16003, 16x32", [1, 1024, 16, 32], [16_003, 1024, 1, 1], 1),
    ] {
        let (x, weight) = (filled(&backend, "x", x), filled(&backend, "weight", weight));
        let y = conv2d(&x, &weight, None, stride, 0).expect("shapes fit");
        let macs = y.count() * weight.count() / weight.dims()[0];
        group.throughput(Throughput::Elements(macs as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| conv2d(&x, &weight, None, stride, 0).expect("shapes fit"));
        });
    }
    group.finish();
}

fn norms(criterion: &mut Criterion) {
    let backend = Cpu::new(None).expect("threads start");
    let x = filled(&backend, "x", [1, 64, 256, 512]);
    let (scale, shift) = (filled(&backend, "scale", [64]), filled(&backend, "shift", [64]));
    criterion.bench_function("instance_norm 64, 256x512", |bencher| {
        bencher.iter(|| instance_norm(&x, Some((&scale, &shift)), 1e-5, 0.0).expect("shapes fit"));
    });
}

/// The pixelwise MLPs on labels; elements are multiply-accumulates without the looked-up layer.
fn pixel_mlps(criterion: &mut Criterion) {
    let backend = Cpu::new(None).expect("threads start");
    let mut group = criterion.benchmark_group("pixel_mlp");
    for (name, classes, tile, [h, w]) in
        [("cityscapes-256", 35, 16, [256, 512]), ("facades-1024", 13, 64, [1024, 1024])]
    {
        let mlp = PixelMlp { tile, widths: vec![64, 64, 64, 64, 3] };
        let periods = tile.ilog2() as usize;
        let inputs = classes + 4 * periods;
        let parameters: usize = [inputs, 64, 64, 64, 64, 3].windows(2).map(|c| c[0] * c[1] + c[1]).sum();
        let params = filled(&backend, "params", [1, parameters, h / tile, w / tile]);
        let positions = Tensor::from_f32(&backend, [periods, 2, tile], &position_table(tile)).expect("a table");
        let ids = labels(&backend, [h, w], classes);
        group.throughput(Throughput::Elements((h * w * (3 * 64 * 64 + 64 * 3)) as u64));
        group.bench_function(name, |bencher| {
            bencher
                .iter(|| pixel_mlp(&mlp, &params, Pixels::Ids { ids: &ids, classes }, &positions).expect("shapes fit"));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = convolutions, norms, pixel_mlps
}
criterion_main!(benches);
