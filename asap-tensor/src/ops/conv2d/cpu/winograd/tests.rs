use super::{forward, grad_input};
use crate::cpu::Cpu;
use crate::cpu::simd::Level;
use crate::ops::conv2d::Conv2dSize;
use crate::random::uniform_by_name;
use crate::shape::Shape;

/// N, I, H, W, O, padding.
const CASES: [[usize; 6]; 10] = [
    [1, 1, 4, 4, 1, 1],
    [1, 1, 3, 3, 1, 0],
    [1, 3, 5, 7, 3, 1],
    [2, 16, 16, 16, 37, 1],
    [1, 37, 17, 33, 16, 0],
    [2, 70, 17, 33, 70, 1],
    [1, 3, 7, 5, 16, 2],
    [2, 37, 33, 17, 3, 2],
    [1, 70, 12, 300, 3, 1],
    [1, 3, 130, 20, 130, 0],
];

struct Case {
    size: Conv2dSize,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    grad: Vec<f32>,
}

fn case([n, i, h, w, o, padding]: [usize; 6]) -> Case {
    let size = Conv2dSize::new("test", Shape::from([n, i, h, w]), Shape::from([o, i, 3, 3]), 1, padding)
        .expect("sizes that fit");
    let draw = |name: &str, count: usize| uniform_by_name(&format!("{size:?} {name}"), count);
    Case {
        x: draw("x", size.input().count()),
        weight: draw("weight", size.weight().count()),
        bias: draw("bias", o),
        grad: draw("grad", size.output().count()),
        size,
    }
}

type Square<const N: usize> = [[f64; N]; N];

/// L·X·Lᵀ.
fn both_sides<const FROM: usize, const TO: usize>(l: &[[f64; FROM]; TO], x: &Square<FROM>) -> Square<TO> {
    std::array::from_fn(|a| {
        std::array::from_fn(|b| {
            (0..FROM).flat_map(|i| (0..FROM).map(move |j| (i, j))).map(|(i, j)| l[a][i] * x[i][j] * l[b][j]).sum()
        })
    })
}

/// The sizes of the numbers of Bᵀ, G and Aᵀ.
const B: [[f64; 6]; 6] = [
    [4.0, 0.0, 5.0, 0.0, 1.0, 0.0],
    [0.0, 4.0, 4.0, 1.0, 1.0, 0.0],
    [0.0, 4.0, 4.0, 1.0, 1.0, 0.0],
    [0.0, 2.0, 1.0, 2.0, 1.0, 0.0],
    [0.0, 2.0, 1.0, 2.0, 1.0, 0.0],
    [0.0, 4.0, 0.0, 5.0, 0.0, 1.0],
];
const G: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0],
    [1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];
const A: [[f64; 6]; 4] = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, 1.0, 2.0, 2.0, 0.0],
    [0.0, 1.0, 1.0, 4.0, 4.0, 0.0],
    [0.0, 1.0, 1.0, 8.0, 8.0, 1.0],
];

/// A convolution as the tests see it: x (N, I, H, W) and `weight(o, i, r, s)`.
struct Sums<'a> {
    sizes: [usize; 6],
    x: &'a [f32],
    weight: &'a dyn Fn(usize, usize, usize, usize) -> f32,
}

impl Sums<'_> {
    fn x(&self, n: usize, i: usize, y: isize, x: isize) -> f64 {
        let [_, inputs, h, w, ..] = self.sizes;
        let inside = (0..h as isize).contains(&y) && (0..w as isize).contains(&x);
        if inside { f64::from(self.x[((n * inputs + i) * h + y as usize) * w + x as usize]) } else { 0.0 }
    }

    /// Each sum in double precision, by the definition, and that of the sizes of all terms of Winograd's algorithm.
    fn all(&self) -> Vec<(f64, f64)> {
        let [batch, inputs, h, w, outputs, padding] = self.sizes;
        let (p_end, q_end) = (h + 2 * padding - 2, w + 2 * padding - 2);
        let mut sums = vec![(0.0, 0.0); batch * outputs * p_end * q_end];
        let weights: Vec<(Square<3>, Square<6>)> = (0..outputs * inputs)
            .map(|at| {
                let (o, i) = (at / inputs, at % inputs);
                let w = std::array::from_fn(|r| std::array::from_fn(|s| f64::from((self.weight)(o, i, r, s))));
                let sizes: Square<3> = w.map(|row: [f64; 3]| row.map(f64::abs));
                (w, both_sides(&G, &sizes))
            })
            .collect();
        for n in 0..batch {
            for ty in (0..p_end).step_by(4) {
                for tx in (0..q_end).step_by(4) {
                    let tiles: Vec<(Square<6>, Square<6>)> = (0..inputs)
                        .map(|i| {
                            let tile: Square<6> = std::array::from_fn(|y| {
                                std::array::from_fn(|x| {
                                    let shift = padding as isize;
                                    self.x(n, i, (ty + y) as isize - shift, (tx + x) as isize - shift)
                                })
                            });
                            (tile, both_sides(&B, &tile.map(|row| row.map(f64::abs))))
                        })
                        .collect();
                    for o in 0..outputs {
                        let mut sizes = [[0.0; 6]; 6];
                        for (i, (_, tile)) in tiles.iter().enumerate() {
                            let weight = &weights[o * inputs + i].1;
                            for f in 0..36 {
                                sizes[f / 6][f % 6] += weight[f / 6][f % 6] * tile[f / 6][f % 6];
                            }
                        }
                        let sizes = both_sides(&A, &sizes);
                        for p in ty..(ty + 4).min(p_end) {
                            for q in tx..(tx + 4).min(q_end) {
                                let mut sum = 0.0;
                                for (i, (tile, _)) in tiles.iter().enumerate() {
                                    let weight = &weights[o * inputs + i].0;
                                    for tap in 0..9 {
                                        let (r, s) = (tap / 3, tap % 3);
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
}

/// Holds `actual` to 16·ε·√k·Σ|terms of the algorithm|.
fn assert_close(what: &str, actual: &[f32], sums: &[(f64, f64)], terms: usize) {
    assert_eq!(actual.len(), sums.len(), "{what}");
    let bound = 16.0 * f64::from(f32::EPSILON) * (terms as f64).sqrt();
    for (at, (&a, &(sum, magnitude))) in actual.iter().zip(sums).enumerate() {
        let distance = (f64::from(a) - sum).abs();
        assert!(distance <= bound * magnitude, "{what} [{at}]: {a} is not {sum}");
    }
}

#[test]
fn a_convolution_and_its_gradient_in_x_are_the_sums_of_their_definition() {
    let backends: Vec<Cpu> =
        Level::available().into_iter().map(|level| Cpu::at(level, Some(2)).expect("threads")).collect();
    for sizes in CASES {
        let Case { size, x, weight, bias, grad } = &case(sizes);
        let [n, i, h, w, o, padding] = sizes;
        let at = |o: usize, i: usize, r: usize, s: usize| weight[((o * size.in_channels + i) * 3 + r) * 3 + s];
        let mut y = Sums { sizes: [n, i, h, w, o, padding], x, weight: &at }.all();
        let plane = size.out_height * size.out_width;
        for (at, y) in y.iter_mut().enumerate() {
            let bias = f64::from(bias[at / plane % o]);
            *y = (y.0 + bias, y.1 + bias.abs());
        }
        let flipped = |i: usize, o: usize, r: usize, s: usize| at(o, i, 2 - r, 2 - s);
        let sizes = [n, o, size.out_height, size.out_width, i, 2 - padding];
        let grad_x = Sums { sizes, x: grad, weight: &flipped }.all();
        for cpu in &backends {
            let what = |result: &str| format!("{result} {size:?} at {:?}", cpu.level());
            let result = cpu.run(|| forward(cpu, x, weight, Some(bias), size));
            assert_close(&what("y"), &result, &y, size.patch() + 1);
            let result = cpu.run(|| grad_input(cpu, grad, weight, size));
            assert_close(&what("grad_input"), &result, &grad_x, o * 9);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let backends = [1, 2, 4].map(|threads| Cpu::new(Some(threads)).expect("threads"));
    for sizes in CASES {
        let Case { size, x, weight, bias, grad } = &case(sizes);
        let results = backends
            .each_ref()
            .map(|cpu| cpu.run(|| [forward(cpu, x, weight, Some(bias), size), grad_input(cpu, grad, weight, size)]));
        assert!(results.iter().all(|r| r == &results[0]), "{size:?}");
    }
}

#[test]
fn a_layer_of_a_network_is_as_exact_as_single_precision_lets_it_be() {
    let cpu = Cpu::new(None).expect("threads");
    let Case { size, x, weight, .. } = &case([1, 64, 20, 40, 64, 1]);
    let at = |o: usize, i: usize, r: usize, s: usize| weight[((o * 64 + i) * 3 + r) * 3 + s];
    let exact = Sums { sizes: [1, 64, 20, 40, 64, 1], x, weight: &at }.all();
    let y = cpu.run(|| forward(&cpu, x, weight, None, size));
    let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|a| a * a).sum::<f64>().sqrt();
    let distance = norm(&mut y.iter().zip(&exact).map(|(&a, b)| f64::from(a) - b.0));
    let error = distance / norm(&mut exact.iter().map(|b| b.0));
    assert!(error < 5e-6, "{error}");
}
