use super::super::{Conv2d, conv2d, conv2d_grad_input, conv2d_grad_weight, conv2d_ids, conv2d_ids_grad_weight};
use super::sizes::Pass;
use super::tiles::{Choice, Tile};
use super::{COLUMNS, Conv2dIds, Conv2dIdsGradWeight, Conv2dSize, Path, columns};
use crate::cuda::testing::{each_order, gpu};
use crate::cuda::{Array, Cuda, MatmulPrecision};
use crate::error::{Error, Result};
use crate::op::Kernel;
use crate::random::uniform_by_name;
use crate::storage::Storage;
use crate::{Ids, Reference, Shape, Tensor};

/// N, I, H, W, O, R, S, stride, padding.
const CASES: [[usize; 9]; 14] = [
    [1, 1, 1, 1, 1, 1, 1, 1, 0],
    [2, 3, 5, 7, 4, 3, 3, 1, 1],
    [1, 2, 3, 4, 3, 3, 2, 2, 4],
    [1, 3, 9, 8, 5, 4, 4, 2, 2],
    [2, 4, 6, 5, 17, 4, 4, 1, 2],
    [2, 37, 5, 7, 131, 1, 1, 1, 0],
    [1, 2, 7, 6, 3, 2, 3, 3, 1],
    [1, 18, 9, 17, 70, 3, 3, 1, 0],
    [2, 3, 4, 4, 2, 1, 1, 2, 1],
    [1, 3, 2, 200, 2, 2, 5, 1, 0],
    // The kernel fits once; no phase but the first has taps; padding wider than the image.
    [1, 2, 3, 3, 2, 5, 5, 7, 1],
    [1, 2, 20, 3, 3, 1, 1, 5, 0],
    [1, 130, 2, 3, 2, 3, 3, 2, 5],
    [1, 2, 3, 4, 260, 3, 3, 1, 1],
];

const TILES: [Tile; 3] = [Tile::Small, Tile::Medium, Tile::Large];

/// Values of one convolution.
struct Case {
    size: Conv2dSize,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    grad: Vec<f32>,
    ids: Vec<u8>,
}

/// y, the gradient in x and the gradient in the weight.
type Three<T> = [Vec<T>; 3];

fn case(&[n, i, h, w, o, r, s, stride, padding]: &[usize; 9]) -> Case {
    let size =
        Conv2dSize::new("test", Shape::from([n, i, h, w]), Shape::from([o, i, r, s]), Conv2d { stride, padding })
            .expect("sizes that fit");
    let values = |name: &str, count: usize| uniform_by_name(&format!("{size:?} {name}"), count);
    // Runs of one label, some of which lie outside the classes.
    let label = |index: usize| values("labels", n * h * w)[index];
    let ids = values("breaks", n * h * w).into_iter().enumerate().scan(0, |run, (index, u)| {
        *run = if u > 0.5 { index } else { *run };
        Some(((label(*run) + 1.0) / 2.0 * (i as f32 + 1.5)) as u8)
    });
    Case {
        x: values("x", size.input().count()),
        weight: values("weight", size.weight().count()),
        bias: values("bias", o),
        grad: values("grad", size.output().count()),
        ids: ids.collect(),
        size,
    }
}

fn cases() -> impl Iterator<Item = Case> {
    CASES.iter().map(case)
}

impl Case {
    /// Number of terms of the sums in each of the three results.
    fn terms(&self) -> [usize; 3] {
        let size = &self.size;
        let kernel = size.kernel_height * size.kernel_width;
        [size.patch() + 1, size.out_channels * kernel, size.batch * size.out_height * size.out_width]
    }

    /// The results in double precision, of inputs mapped by `map`, all but the bias, or of absolute values.
    fn exact(&self, map: impl Fn(f32) -> f32, absolute: bool) -> Three<f64> {
        let backend = Reference::<f64>::new();
        let sign = |v: f32| if absolute { v.abs() } else { v };
        let tensor = |shape: Shape, data: &[f32], map: &dyn Fn(f32) -> f32| {
            let data: Vec<f32> = data.iter().map(|&v| sign(map(v))).collect();
            Tensor::from_f32(&backend, shape, &data).unwrap()
        };
        let Conv2dSize { stride, padding, .. } = self.size;
        let x = tensor(self.size.input(), &self.x, &map);
        let weight = tensor(self.size.weight(), &self.weight, &map);
        let bias = tensor(Shape::from([self.size.out_channels]), &self.bias, &|v| v);
        let grad = tensor(self.size.output(), &self.grad, &map);
        [
            conv2d(&x, &weight, Some(&bias), Conv2d { stride, padding }).unwrap().to_vec().unwrap(),
            conv2d_grad_input(&grad, &weight, x.shape(), Conv2d { stride, padding }).unwrap().to_vec().unwrap(),
            conv2d_grad_weight(&x, &grad, weight.shape(), Conv2d { stride, padding }).unwrap().to_vec().unwrap(),
        ]
    }

    /// The results on the GPU, by one path.
    fn computed(&self, backend: &Cuda, path: Path) -> Result<Three<f32>> {
        let size = &self.size;
        let up = |data: &[f32]| backend.upload_slice(data);
        let (x, weight, bias, grad) = (up(&self.x)?, up(&self.weight)?, up(&self.bias)?, up(&self.grad)?);
        let down = |array: Result<Array<f32>>| backend.download_array(&array?);
        Ok([
            down(backend.conv2d_by(Pass::Forward, path, [&x, &weight], Some(&bias), size))?,
            down(backend.conv2d_by(Pass::GradInput, path, [&grad, &weight], None, size))?,
            down(backend.conv2d_by(Pass::GradWeight, path, [&x, &grad], None, size))?,
        ])
    }

    /// Checks that errors are at most `unit`(terms)·Σ|terms|.
    fn check(&self, what: &str, got: &Three<f32>, exact: &Three<f64>, unit: impl Fn(usize) -> f64) {
        let magnitudes = self.exact(|v| v, true);
        for (result, name) in ["y", "grad_x", "grad_weight"].into_iter().enumerate() {
            let unit = unit(self.terms()[result]);
            assert_eq!(got[result].len(), exact[result].len(), "{name} of {:?}", self.size);
            for (index, (&got, &exact)) in got[result].iter().zip(&exact[result]).enumerate() {
                let (error, bound) = ((f64::from(got) - exact).abs(), unit * magnitudes[result][index] + 1e-37);
                let size = &self.size;
                assert!(error <= bound, "{what}: {name}[{index}] is {got}, not {exact} (±{bound:e}), of {size:?}");
            }
        }
    }
}

/// Error bound of sums of so many terms in single precision, relative to Σ|terms|.
fn single(terms: usize) -> f64 {
    16.0 * f64::from(f32::EPSILON) * (terms as f64).sqrt()
}

#[test]
fn every_tile_and_split_matches_reference() {
    let backend = gpu(MatmulPrecision::Highest);
    for case in cases() {
        let exact = case.exact(|v| v, false);
        for (tile, parts) in TILES.into_iter().flat_map(|tile| [1, 3].map(|parts| (tile, parts))) {
            let path = Path::Tiles(Choice { tile: Some(tile), parts: Some(parts) });
            let got = case.computed(&backend, path).unwrap();
            case.check(&format!("{path:?}"), &got, &exact, single);
        }
    }
}

#[test]
fn columns_of_any_part_size_match_reference() {
    let backend = gpu(MatmulPrecision::Highest);
    for case in cases() {
        let exact = case.exact(|v| v, false);
        for max in [1, 700, COLUMNS] {
            let got = case.computed(&backend, Path::Columns(max)).unwrap();
            case.check(&format!("at most {max}"), &got, &exact, single);
        }
    }
}

/// To 11 bits, ties away from zero.
fn to_tf32(v: f32) -> f32 {
    f32::from_bits((v.to_bits() + 0x1000) & 0xffff_e000)
}

/// To 8 bits, ties to even.
fn to_bf16(v: f32) -> f32 {
    f32::from_bits((v.to_bits() + 0x7fff + (v.to_bits() >> 16 & 1)) & 0xffff_0000)
}

/// Tiles on the tensor cores round each input once and then compute in single precision.
#[test]
fn lower_precisions_match_reference_of_rounded_inputs() {
    for precision in [MatmulPrecision::High, MatmulPrecision::Medium] {
        let backend = gpu(precision);
        let round = match backend.precision() {
            MatmulPrecision::Highest => |v| v,
            MatmulPrecision::High => to_tf32,
            MatmulPrecision::Medium => to_bf16,
        };
        for case in cases() {
            let exact = case.exact(round, false);
            for (tile, parts) in TILES.into_iter().zip([1, 2, 3]) {
                let path = Path::Tiles(Choice { tile: Some(tile), parts: Some(parts) });
                let got = case.computed(&backend, path).unwrap();
                // Products of bf16 values are exact; the bound is twice that of single precision because the
                // magnitudes are those of the inputs before rounding.
                case.check(&format!("{precision:?} {path:?}"), &got, &exact, |terms| 2.0 * single(terms));
            }
        }
    }
}

/// cuBLAS may round or truncate inputs: an error of up to one ulp of either factor.
#[test]
fn lower_precisions_of_columns_are_within_an_ulp_of_each_factor() {
    for (precision, unit) in [(MatmulPrecision::High, 2f64.powi(-10)), (MatmulPrecision::Medium, 2f64.powi(-7))] {
        let backend = gpu(precision);
        for case in cases() {
            let got = case.computed(&backend, Path::Columns(COLUMNS)).unwrap();
            let bound = |terms| 2.0 * unit + unit * unit + single(terms);
            case.check(&format!("{precision:?}"), &got, &case.exact(|v| v, false), bound);
        }
    }
}

#[test]
fn ids_match_reference() {
    let (backend, double) = (gpu(MatmulPrecision::Highest), Reference::<f64>::new());
    // More taps than a block has, more classes than shared memory has room for, more classes than ids.
    let large = [[1, 3, 8, 9, 5, 6, 7, 1, 0], [2, 100, 6, 7, 33, 4, 4, 2, 2], [1, 300, 5, 5, 2, 3, 3, 1, 1]];
    for case in CASES.iter().chain(&large).map(case) {
        let size = &case.size;
        let Conv2dSize { stride, padding, .. } = *size;
        let exact = |absolute: bool| {
            let tensor = |shape: Shape, data: &[f32]| {
                let data: Vec<f32> = data.iter().map(|v| if absolute { v.abs() } else { *v }).collect();
                Tensor::from_f32(&double, shape, &data).unwrap()
            };
            let map = [size.batch, size.in_height, size.in_width];
            let ids = Ids::from_vec(&double, map, case.ids.clone()).unwrap();
            let (weight, grad) = (tensor(size.weight(), &case.weight), tensor(size.output(), &case.grad));
            let bias = tensor(Shape::from([size.out_channels]), &case.bias);
            [
                conv2d_ids(&ids, &weight, Some(&bias), Conv2d { stride, padding }).unwrap().to_vec().unwrap(),
                conv2d_ids_grad_weight(&ids, &grad, weight.shape(), Conv2d { stride, padding })
                    .unwrap()
                    .to_vec()
                    .unwrap(),
            ]
        };
        let ids = backend.upload_ids(case.ids.clone()).unwrap();
        let up = |data: &[f32]| backend.upload(data.to_vec()).unwrap();
        let (weight, bias, grad) = (up(&case.weight), up(&case.bias), up(&case.grad));
        let got = [
            backend.compute(&Conv2dIds { size: *size }, (&ids, &weight, Some(&bias))).unwrap(),
            backend.compute(&Conv2dIdsGradWeight { size: *size }, (&ids, &grad)).unwrap(),
        ];
        let terms = [size.kernel_height * size.kernel_width + 1, case.terms()[2]];
        for (((got, exact), magnitudes), terms) in got.into_iter().zip(exact(false)).zip(exact(true)).zip(terms) {
            let got = backend.download(&got).unwrap();
            assert_eq!(got.len(), exact.len());
            for ((got, exact), magnitude) in got.into_iter().zip(exact).zip(magnitudes) {
                let error = (f64::from(got) - exact).abs();
                assert!(error <= single(terms) * magnitude + 1e-37, "{got}, expected {exact}, of {size:?}");
            }
        }
    }
}

/// The bits of all results, by tiles and by cuBLAS, and of ids.
fn everything(backend: &Cuda, case: &Case) -> Vec<Vec<u32>> {
    let paths = [Path::Tiles(Choice { tile: None, parts: Some(3) }), Path::Columns(700)];
    let mut results: Vec<_> = paths.into_iter().flat_map(|path| case.computed(backend, path).unwrap()).collect();
    let ids = backend.upload_ids(case.ids.clone()).unwrap();
    let up = |data: &[f32]| backend.upload(data.to_vec()).unwrap();
    for array in [
        backend.compute(&Conv2dIds { size: case.size }, (&ids, &up(&case.weight), None)).unwrap(),
        backend.compute(&Conv2dIdsGradWeight { size: case.size }, (&ids, &up(&case.grad))).unwrap(),
    ] {
        results.push(backend.download(&array).unwrap());
    }
    results.into_iter().map(|result| result.into_iter().map(f32::to_bits).collect()).collect()
}

#[test]
fn results_do_not_depend_on_thread_order() {
    for precision in [MatmulPrecision::Highest, MatmulPrecision::High, MatmulPrecision::Medium] {
        let backend = gpu(precision);
        for case in [CASES[3], CASES[4], CASES[6]].iter().map(case) {
            let first = everything(&backend, &case);
            assert_eq!(everything(&backend, &case), first, "a second time, of {:?}", case.size);
            each_order(|order| assert_eq!(everything(&backend, &case), first, "{order}, of {:?}", case.size));
        }
    }
}

#[test]
fn path_depends_on_shape() {
    let path = |sizes: [usize; 9]| Path::of(&case_size(sizes));
    let tiles = Path::Tiles(Choice::default());
    // The generator's widest layers, the parameters of its tiles, VGG's first layers, first and last of a discriminator.
    assert_eq!(path([1, 1024, 18, 34, 1024, 3, 3, 1, 0]), Path::Columns(COLUMNS));
    assert_eq!(path([1, 1024, 16, 32, 16003, 1, 1, 1, 0]), Path::Columns(COLUMNS));
    assert_eq!(path([1, 64, 256, 512, 64, 3, 3, 1, 1]), tiles);
    assert_eq!(path([1, 64, 129, 257, 128, 4, 4, 2, 2]), tiles);
    assert_eq!(path([1, 512, 34, 66, 1, 4, 4, 1, 2]), tiles);
    assert_eq!([1, 16, 17, 64, 65, 128, 130, 192, 256].map(Tile::of), {
        use Tile::{Large, Medium, Small};
        [Small, Small, Medium, Medium, Large, Large, Medium, Medium, Large]
    });
}

fn case_size([n, i, h, w, o, r, s, stride, padding]: [usize; 9]) -> Conv2dSize {
    Conv2dSize::new("test", Shape::from([n, i, h, w]), Shape::from([o, i, r, s]), Conv2d { stride, padding }).unwrap()
}

#[test]
fn parts_cover_every_pixel_once() {
    for (sizes, max) in CASES.iter().flat_map(|&sizes| [1, 50, 700, COLUMNS].map(|max| (sizes, max))) {
        let size = case_size(sizes);
        let pixels = size.out_height * size.out_width;
        let mut seen = vec![0; size.batch * pixels];
        for part in columns::parts(&size, max) {
            let [image, images, first, width] = part.as_array();
            let within = columns::is_pointwise(&size) || images * width * size.patch() <= max;
            assert!(within || images * width == 1, "{part:?} of {size:?} with {max}");
            for n in image..image + images {
                seen[n * pixels + first..][..width].iter_mut().for_each(|seen| *seen += 1);
            }
        }
        assert!(seen.iter().all(|&seen| seen == 1), "{size:?} with {max}");
    }
}

#[test]
fn too_large_sizes_are_rejected() {
    let backend = gpu(MatmulPrecision::Highest);
    let array = backend.array(1).unwrap();
    let large = case_size([1, 1 << 12, 1 << 10, 1 << 10, 1, 1, 1, 1, 0]);
    let error = backend.conv2d_by(Pass::Forward, Path::of(&large), [&array, &array], None, &large).unwrap_err();
    assert!(matches!(&error, Error::Argument { op: "conv2d", why } if why.contains("4294967296")), "{error}");
}

#[test]
fn convolutions_of_empty_tensors_are_empty_or_zero() {
    let backend = gpu(MatmulPrecision::Highest);
    for sizes in [
        [0, 2, 4, 4, 3, 3, 3, 1, 1],
        [1, 0, 4, 4, 3, 3, 3, 1, 1],
        [1, 2, 4, 4, 0, 3, 3, 1, 1],
        [2, 0, 4, 4, 3, 1, 1, 1, 0],
    ] {
        let case = case(&sizes);
        let got = case.computed(&backend, Path::of(&case.size)).unwrap();
        case.check("empty", &got, &case.exact(|v| v, false), single);
        let ids = backend.upload_ids(case.ids.clone()).unwrap();
        let grad = backend.upload(case.grad.clone()).unwrap();
        let grad = backend.compute(&Conv2dIdsGradWeight { size: case.size }, (&ids, &grad)).unwrap();
        assert_eq!(backend.download(&grad).unwrap(), vec![0.0; case.size.weight().count()]);
    }
}
