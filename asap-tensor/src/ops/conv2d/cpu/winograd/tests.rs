use super::{forward, grad_input, grad_weight};
use crate::cpu::Cpu;
use crate::cpu::level::Level;
use crate::ops::conv2d::{Conv2d, Conv2dSize};
use crate::random::uniform_by_name;
use crate::shape::Shape;

/// N, I, H, W, O, padding, rows and columns of the kernel.
const CASES: [[usize; 7]; 17] = [
    [1, 1, 4, 4, 1, 1, 3],
    [1, 1, 3, 3, 1, 0, 3],
    [1, 3, 5, 7, 3, 1, 3],
    [2, 16, 16, 16, 37, 1, 3],
    [1, 37, 17, 33, 16, 0, 3],
    [2, 70, 17, 33, 70, 1, 3],
    [1, 3, 7, 5, 16, 2, 3],
    [2, 37, 33, 17, 3, 2, 3],
    [1, 70, 12, 300, 3, 1, 3],
    [1, 3, 130, 20, 130, 0, 3],
    [1, 1, 4, 4, 1, 0, 4],
    [1, 1, 3, 3, 1, 3, 4],
    [1, 3, 5, 7, 3, 2, 4],
    [2, 16, 13, 16, 37, 2, 4],
    [1, 37, 17, 33, 16, 1, 4],
    [2, 70, 9, 31, 70, 2, 4],
    [1, 3, 100, 20, 130, 0, 4],
];

struct Case {
    size: Conv2dSize,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    grad: Vec<f32>,
}

fn case([n, i, h, w, o, padding, taps]: [usize; 7]) -> Case {
    let size =
        Conv2dSize::new("test", Shape::from([n, i, h, w]), Shape::from([o, i, taps, taps]), Conv2d::padded(padding))
            .expect("sizes that fit");
    let values = |name: &str, count: usize| uniform_by_name(&format!("{size:?} {name}"), count);
    Case {
        x: values("x", size.input().count()),
        weight: values("weight", size.weight().count()),
        bias: values("bias", o),
        grad: values("grad", size.output().count()),
        size,
    }
}

/// A matrix.
type Lines = Vec<Vec<f64>>;

/// L·X·Lᵀ.
fn both_sides(l: &Lines, x: &Lines) -> Lines {
    let sum = |a: &[f64], b: &[f64]| {
        let terms = a.iter().zip(x).flat_map(|(a, row)| row.iter().zip(b).map(move |(x, b)| a * x * b));
        terms.sum()
    };
    l.iter().map(|a| l.iter().map(|b| sum(a, b)).collect()).collect()
}

fn transposed(l: &Lines) -> Lines {
    (0..l[0].len()).map(|j| l.iter().map(|row| row[j]).collect()).collect()
}

/// The absolute values of Bᵀ; and of G and Aᵀ, from the points 0, ±1, ±2 and ∞.
struct Sizes {
    b: Lines,
    g: Lines,
    a: Lines,
}

impl Sizes {
    fn of(taps: usize) -> Sizes {
        let b = [
            [4.0, 0.0, 5.0, 0.0, 1.0, 0.0],
            [0.0, 4.0, 4.0, 1.0, 1.0, 0.0],
            [0.0, 4.0, 4.0, 1.0, 1.0, 0.0],
            [0.0, 2.0, 1.0, 2.0, 1.0, 0.0],
            [0.0, 2.0, 1.0, 2.0, 1.0, 0.0],
            [0.0, 4.0, 0.0, 5.0, 0.0, 1.0],
        ];
        let powers = |count: usize| -> Lines {
            let point = |x: f64| (0..count).map(|power| x.powi(power as i32)).collect();
            let infinity = (0..count).map(|power| if power + 1 == count { 1.0 } else { 0.0 }).collect();
            vec![point(0.0), point(1.0), point(1.0), point(2.0), point(2.0), infinity]
        };
        let scales = [1.0 / 4.0, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 24.0, 1.0];
        let g = powers(taps).into_iter().zip(scales).map(|(row, scale)| row.iter().map(|x| x * scale).collect());
        Sizes { b: b.map(Vec::from).into(), g: g.collect(), a: transposed(&powers(7 - taps)) }
    }
}

fn sizes_of(x: &Lines) -> Lines {
    x.iter().map(|row| row.iter().map(|x| x.abs()).collect()).collect()
}

/// Adds the elementwise products.
fn add_products(sum: &mut Lines, a: &Lines, b: &Lines) {
    for (sum, (a, b)) in sum.iter_mut().zip(a.iter().zip(b)) {
        sum.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
}

/// A convolution by its definition: of x (N, I, H, W) and `weight(o, i, r, s)`.
struct Sums<'a> {
    sizes: [usize; 7],
    x: &'a [f32],
    weight: &'a dyn Fn(usize, usize, usize, usize) -> f32,
}

impl Sums<'_> {
    /// `side`² values of x, from row `y` and column `x` on.
    fn square(&self, n: usize, i: usize, y: usize, x: usize, side: usize) -> Lines {
        let [_, inputs, h, w, _, padding, _] = self.sizes;
        let value = |y: usize, x: usize| {
            let (Some(y), Some(x)) = (y.checked_sub(padding), x.checked_sub(padding)) else { return 0.0 };
            if y < h && x < w { f64::from(self.x[((n * inputs + i) * h + y) * w + x]) } else { 0.0 }
        };
        (y..y + side).map(|y| (x..x + side).map(|x| value(y, x)).collect()).collect()
    }

    /// Each sum in double precision, by the definition, and the sum of the absolute values of all terms of Winograd's
    /// algorithm.
    fn all(&self) -> Vec<(f64, f64)> {
        let [batch, inputs, h, w, outputs, padding, taps] = self.sizes;
        let (matrices, out) = (Sizes::of(taps), 7 - taps);
        let (p_end, q_end) = (h + 2 * padding + 1 - taps, w + 2 * padding + 1 - taps);
        let mut sums = vec![(0.0, 0.0); batch * outputs * p_end * q_end];
        let weights: Vec<(Lines, Lines)> = (0..outputs * inputs)
            .map(|at| {
                let value = |r, s| f64::from((self.weight)(at / inputs, at % inputs, r, s));
                let w = (0..taps).map(|r| (0..taps).map(|s| value(r, s)).collect()).collect();
                let sizes = both_sides(&matrices.g, &sizes_of(&w));
                (w, sizes)
            })
            .collect();
        for n in 0..batch {
            for ty in (0..p_end).step_by(out) {
                for tx in (0..q_end).step_by(out) {
                    let tiles: Vec<(Lines, Lines)> = (0..inputs)
                        .map(|i| {
                            let tile = self.square(n, i, ty, tx, 6);
                            let sizes = both_sides(&matrices.b, &sizes_of(&tile));
                            (tile, sizes)
                        })
                        .collect();
                    for o in 0..outputs {
                        let mut sizes = vec![vec![0.0; 6]; 6];
                        for (i, (_, tile)) in tiles.iter().enumerate() {
                            add_products(&mut sizes, &weights[o * inputs + i].1, tile);
                        }
                        let sizes = both_sides(&matrices.a, &sizes);
                        for p in ty..(ty + out).min(p_end) {
                            for q in tx..(tx + out).min(q_end) {
                                let mut sum = 0.0;
                                for (i, (tile, _)) in tiles.iter().enumerate() {
                                    let weight = &weights[o * inputs + i].0;
                                    for tap in 0..taps * taps {
                                        let (r, s) = (tap / taps, tap % taps);
                                        sum += weight[r][s] * tile[p - ty + r][q - tx + s];
                                    }
                                }
                                sums[((n * outputs + o) * p_end + p) * q_end + q] = (sum, sizes[p - ty][q - tx]);
                            }
                        }
                    }
                }
            }
        }
        sums
    }

    /// The gradient in the weight, likewise.
    fn weight_grad(&self, grad: &[f32]) -> Vec<(f64, f64)> {
        let [batch, inputs, h, w, outputs, padding, taps] = self.sizes;
        let (matrices, out) = (Sizes::of(taps), 7 - taps);
        let (p_end, q_end) = (h + 2 * padding + 1 - taps, w + 2 * padding + 1 - taps);
        let grads = Sums { sizes: [batch, outputs, p_end, q_end, 0, 0, 0], x: grad, weight: self.weight };
        let places: Vec<[usize; 3]> = (0..batch)
            .flat_map(|n| (0..p_end).step_by(out).map(move |ty| (n, ty)))
            .flat_map(|(n, ty)| (0..q_end).step_by(out).map(move |tx| [n, ty, tx]))
            .collect();
        // For each channel and tile: the values, and the absolute values of their transform.
        let tiles = |sums: &Sums<'_>, channels: usize, side: usize, matrix: &Lines| -> Vec<Vec<(Lines, Lines)>> {
            let tile = |channel, &[n, y, x]: &[usize; 3]| {
                let tile = sums.square(n, channel, y, x, side);
                let sizes = both_sides(matrix, &sizes_of(&tile));
                (tile, sizes)
            };
            (0..channels).map(|channel| places.iter().map(|place| tile(channel, place)).collect()).collect()
        };
        let x = tiles(self, inputs, 6, &matrices.b);
        let grad = tiles(&grads, outputs, out, &transposed(&matrices.a));
        let mut sums = Vec::with_capacity(outputs * inputs * taps * taps);
        for grad in &grad {
            for x in &x {
                let mut sizes = vec![vec![0.0; 6]; 6];
                grad.iter().zip(x).for_each(|(grad, x)| add_products(&mut sizes, &grad.1, &x.1));
                let sizes = both_sides(&transposed(&matrices.g), &sizes);
                for tap in 0..taps * taps {
                    let (r, s) = (tap / taps, tap % taps);
                    let mut sum = 0.0;
                    for ((grad, _), (x, _)) in grad.iter().zip(x) {
                        for (p, row) in grad.iter().enumerate() {
                            sum += row.iter().enumerate().map(|(q, g)| g * x[p + r][q + s]).sum::<f64>();
                        }
                    }
                    sums.push((sum, sizes[r][s]));
                }
            }
        }
        sums
    }
}

/// Checks that errors are at most 16·ε·√k·Σ|terms of the algorithm|.
fn assert_close(what: &str, actual: &[f32], sums: &[(f64, f64)], terms: usize) {
    assert_eq!(actual.len(), sums.len(), "{what}");
    let bound = 16.0 * f64::from(f32::EPSILON) * (terms as f64).sqrt();
    for (at, (&a, &(sum, magnitude))) in actual.iter().zip(sums).enumerate() {
        let distance = (f64::from(a) - sum).abs();
        assert!(distance <= bound * magnitude, "{what} [{at}]: {a}, expected {sum}");
    }
}

#[test]
fn winograd_and_gradients_match_their_definition() {
    let backends: Vec<Cpu> =
        Level::available().into_iter().map(|level| Cpu::at(level, Some(2)).expect("threads")).collect();
    for sizes in CASES {
        let Case { size, x, weight, bias, grad } = &case(sizes);
        let [n, i, .., o, padding, taps] = sizes;
        let at = |o: usize, i: usize, r: usize, s: usize| weight[((o * size.in_channels + i) * taps + r) * taps + s];
        let sums = Sums { sizes, x, weight: &at };
        let grad_w = sums.weight_grad(grad);
        let mut y = sums.all();
        let plane = size.out_height * size.out_width;
        for (at, y) in y.iter_mut().enumerate() {
            let bias = f64::from(bias[at / plane % o]);
            *y = (y.0 + bias, y.1 + bias.abs());
        }
        let flipped = |i: usize, o: usize, r: usize, s: usize| at(o, i, taps - 1 - r, taps - 1 - s);
        let sizes = [n, o, size.out_height, size.out_width, i, taps - 1 - padding, taps];
        let grad_x = Sums { sizes, x: grad, weight: &flipped }.all();
        for cpu in &backends {
            let what = |result: &str| format!("{result} {size:?} at {:?}", cpu.level());
            let result = cpu.run(|| forward(cpu, x, weight, Some(bias), size));
            assert_close(&what("y"), &result, &y, size.patch() + 1);
            let result = cpu.run(|| grad_input(cpu, grad, weight, size));
            assert_close(&what("grad_input"), &result, &grad_x, o * taps * taps);
            let result = cpu.run(|| grad_weight(cpu, x, grad, size));
            assert_close(&what("grad_weight"), &result, &grad_w, n * size.out_height * size.out_width);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let backends = [1, 2, 4].map(|threads| Cpu::new(Some(threads)).expect("threads"));
    for sizes in CASES {
        let Case { size, x, weight, bias, grad } = &case(sizes);
        let results = backends.each_ref().map(|cpu| {
            let gradients = || [grad_input(cpu, grad, weight, size), grad_weight(cpu, x, grad, size)];
            cpu.run(|| (forward(cpu, x, weight, Some(bias), size), gradients()))
        });
        assert!(results.iter().all(|r| r == &results[0]), "{size:?}");
    }
}

#[test]
fn error_of_a_network_layer_is_small() {
    let cpu = Cpu::new(None).expect("threads");
    let Case { size, x, weight, .. } = &case([1, 64, 20, 40, 64, 1, 3]);
    let at = |o: usize, i: usize, r: usize, s: usize| weight[((o * 64 + i) * 3 + r) * 3 + s];
    let exact = Sums { sizes: [1, 64, 20, 40, 64, 1, 3], x, weight: &at }.all();
    let y = cpu.run(|| forward(&cpu, x, weight, None, size));
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|a| a * a).sum::<f64>().sqrt();
    let distance = norm(&mut y.iter().zip(&exact).map(|(&a, b)| f64::from(a) - b.0));
    let error = distance / norm(&mut exact.iter().map(|b| b.0));
    assert!(error < 5e-6, "{error}");
}
