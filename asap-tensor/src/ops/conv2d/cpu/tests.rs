use std::sync::Arc;

use super::super::{Conv2d, Conv2dSize, Conv2dStack};
use super::ids::Stack;
use super::{dense, few, ids, memory};
use crate::cpu::Cpu;
use crate::cpu::level::Level;
use crate::op::Kernel;
use crate::random::uniform_by_name;
use crate::shape::Shape;

/// N, I, H, W, O, R, S, stride, padding.
const CASES: [[usize; 9]; 16] = [
    [1, 1, 1, 1, 1, 1, 1, 1, 0],
    [2, 3, 5, 7, 4, 3, 3, 1, 1],
    [1, 2, 3, 4, 3, 3, 2, 2, 4],
    [2, 5, 17, 13, 7, 3, 3, 2, 0],
    [1, 3, 9, 8, 5, 4, 4, 2, 2],
    [2, 4, 6, 5, 3, 4, 4, 1, 2],
    [3, 37, 11, 29, 131, 1, 1, 1, 0],
    [1, 2, 7, 6, 3, 2, 3, 3, 1],
    [1, 33, 18, 34, 40, 3, 3, 1, 0],
    [2, 6, 61, 67, 5, 3, 3, 1, 1],
    [1, 35, 70, 130, 9, 3, 3, 1, 0],
    [1, 40, 67, 70, 12, 4, 4, 2, 2],
    [2, 3, 4, 4, 2, 1, 1, 2, 1],
    [1, 3, 2, 200, 2, 2, 5, 1, 0],
    [2, 70, 19, 67, 1, 4, 4, 1, 2],
    [1, 9, 40, 150, 15, 3, 3, 1, 1],
];

#[derive(Clone)]
struct Case {
    size: Conv2dSize,
    x: Vec<f32>,
    ids: Vec<u8>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    grad: Vec<f32>,
}

fn cases() -> impl Iterator<Item = Case> {
    CASES.iter().map(|&sizes| case(sizes))
}

fn case([n, i, h, w, o, r, s, stride, padding]: [usize; 9]) -> Case {
    let size =
        Conv2dSize::new("test", Shape::from([n, i, h, w]), Shape::from([o, i, r, s]), Conv2d { stride, padding })
            .expect("sizes that fit");
    let values = |name: &str, count: usize| uniform_by_name(&format!("{size:?} {name}"), count);
    // Some ids lie outside the classes.
    let ids = values("ids", n * h * w).iter().map(|u| ((u + 1.0) / 2.0 * (i as f32 + 1.5)) as u8).collect();
    Case {
        x: values("x", size.input().count()),
        ids,
        weight: values("weight", size.weight().count()),
        bias: values("bias", o),
        grad: values("grad", size.output().count()),
        size,
    }
}

/// Calls `visit` with the indices of x, the weight and y for every product that the convolution sums.
fn each_product(size: &Conv2dSize, mut visit: impl FnMut(usize, usize, usize)) {
    for n in 0..size.batch {
        for o in 0..size.out_channels {
            for p in 0..size.out_height {
                for q in 0..size.out_width {
                    let y = ((n * size.out_channels + o) * size.out_height + p) * size.out_width + q;
                    for i in 0..size.in_channels {
                        for r in 0..size.kernel_height {
                            for s in 0..size.kernel_width {
                                let (Some(row), Some(column)) = (size.source_row(p, r), size.source_column(q, s))
                                else {
                                    continue;
                                };
                                let x = ((n * size.in_channels + i) * size.in_height + row) * size.in_width + column;
                                let weight =
                                    ((o * size.in_channels + i) * size.kernel_height + r) * size.kernel_width + s;
                                visit(x, weight, y);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn one_hot(case: &Case) -> Vec<f32> {
    let plane = case.size.in_height * case.size.in_width;
    let mut x = vec![0.0; case.x.len()];
    for (at, &id) in case.ids.iter().enumerate() {
        if usize::from(id) < case.size.in_channels {
            x[(at / plane * case.size.in_channels + usize::from(id)) * plane + at % plane] = 1.0;
        }
    }
    x
}

/// Checks that errors are at most 16·ε·√k·Σ|terms|; `sums` has each sum in double precision, of its terms and of their
/// absolute values.
fn assert_close(what: &str, size: &Conv2dSize, actual: &[f32], sums: &[(f64, f64)], terms: usize) {
    assert_eq!(actual.len(), sums.len(), "{what} {size:?}");
    let bound = 16.0 * f64::from(f32::EPSILON) * (terms as f64).sqrt();
    for (at, (&a, &(sum, magnitude))) in actual.iter().zip(sums).enumerate() {
        let distance = (f64::from(a) - sum).abs();
        assert!(distance <= bound * magnitude, "{what} {size:?} [{at}]: {a}, expected {sum}");
    }
}

fn add(sum: &mut (f64, f64), a: f32, b: f32) {
    let term = f64::from(a) * f64::from(b);
    sum.0 += term;
    sum.1 += term.abs();
}

#[test]
fn conv2d_and_gradients_match_their_definition() {
    for (case, level) in cases().flat_map(|case| Level::available().into_iter().map(move |level| (case.clone(), level)))
    {
        let cpu = Cpu::at(level, Some(2)).expect("threads");
        let Case { size, x, weight, bias, grad, .. } = &case;
        let plane = size.out_height * size.out_width;
        let mut y: Vec<(f64, f64)> =
            (0..grad.len()).map(|at| f64::from(bias[at / plane % size.out_channels])).map(|b| (b, b.abs())).collect();
        let mut grad_x = vec![(0.0, 0.0); x.len()];
        let mut grad_weight = vec![(0.0, 0.0); weight.len()];
        each_product(size, |at_x, at_weight, at_y| {
            add(&mut y[at_y], x[at_x], weight[at_weight]);
            add(&mut grad_x[at_x], grad[at_y], weight[at_weight]);
            add(&mut grad_weight[at_weight], grad[at_y], x[at_x]);
        });
        assert_close("y", size, &dense::forward(&cpu, x, weight, Some(bias), size), &y, size.patch() + 1);
        let taps = size.out_channels * size.kernel_height * size.kernel_width;
        assert_close("grad_input", size, &dense::grad_input(&cpu, grad, weight, size), &grad_x, taps);
        let pixels = size.batch * plane;
        assert_close("grad_weight", size, &dense::grad_weight(&cpu, x, grad, size), &grad_weight, pixels);
        if few::pays(size) {
            assert_close("y", size, &few::forward(&cpu, x, weight, Some(bias), size), &y, size.patch() + 1);
            assert_close("grad_input", size, &few::grad_input(&cpu, grad, weight, size), &grad_x, taps);
            assert_close("grad_weight", size, &few::grad_weight(&cpu, x, grad, size), &grad_weight, pixels);
        }
    }
}

#[test]
fn equal_ids_are_found_at_every_place() {
    for length in 1..20 {
        for other in 0..length {
            let ids: Vec<u8> = (0..length).map(|at| if at == other { 9 } else { 200 }).collect();
            for start in 0..length {
                for count in 1..=length - start {
                    let expected = count == 1 || !(start..start + count).contains(&other);
                    assert_eq!(ids::are_equal(&ids, start, count), expected, "{ids:?}, {count} from {start}");
                }
            }
        }
    }
}

#[test]
fn ids_match_their_one_hot_form() {
    for (case, level) in cases().flat_map(|case| Level::available().into_iter().map(move |level| (case.clone(), level)))
    {
        let cpu = Cpu::at(level, Some(2)).expect("threads");
        let Case { size, weight, bias, grad, .. } = &case;
        let x = one_hot(&case);
        let mut y = vec![(0.0, 0.0); grad.len()];
        let mut grad_weight = vec![(0.0, 0.0); weight.len()];
        each_product(size, |at_x, at_weight, at_y| {
            add(&mut y[at_y], x[at_x], weight[at_weight]);
            add(&mut grad_weight[at_weight], grad[at_y], x[at_x]);
        });
        assert_close(
            "y",
            size,
            &ids::forward(&cpu, Stack::of_ids(&case.ids, size), weight, None, size),
            &y,
            size.patch(),
        );
        let pixels = size.batch * size.out_height * size.out_width;
        assert_close("grad_weight", size, &ids::grad_weight(&cpu, &case.ids, grad, size), &grad_weight, pixels);
        let plane = size.out_height * size.out_width;
        for (at, y) in y.iter_mut().enumerate() {
            add(y, bias[at / plane % size.out_channels], 1.0);
        }
        assert_close(
            "y",
            size,
            &ids::forward(&cpu, Stack::of_ids(&case.ids, size), weight, Some(bias), size),
            &y,
            size.patch() + 1,
        );
    }
}

/// A case whose first half of channels are labels: their number, the other channels, and the sums of y.
fn stacked(case: &Case) -> (usize, Vec<f32>, Vec<(f64, f64)>) {
    let Case { size, weight, bias, grad, .. } = case;
    let (plane, channels) = (size.in_height * size.in_width, size.in_channels);
    // Ids of the other channels lie outside the classes.
    let classes = channels / 2;
    let (mut x, labels) = (case.x.clone(), one_hot(case));
    for at in (0..x.len()).filter(|at| at / plane % channels < classes) {
        x[at] = labels[at];
    }
    let values = x.chunks_exact(channels * plane).flat_map(|x| x[classes * plane..].to_vec()).collect();
    let mut y = vec![(0.0, 0.0); grad.len()];
    each_product(size, |at_x, at_weight, at_y| add(&mut y[at_y], x[at_x], weight[at_weight]));
    let out_plane = size.out_height * size.out_width;
    for (at, y) in y.iter_mut().enumerate() {
        add(y, bias[at / out_plane % size.out_channels], 1.0);
    }
    (classes, values, y)
}

#[test]
fn stack_matches_its_definition() {
    for (case, level) in cases().flat_map(|case| Level::available().into_iter().map(move |level| (case.clone(), level)))
    {
        let cpu = Cpu::at(level, Some(2)).expect("threads");
        let Case { size, weight, bias, .. } = &case;
        let (classes, values, y) = stacked(&case);
        let stack = Stack { ids: &case.ids, classes, x: &values };
        assert_close("y", size, &ids::forward(&cpu, stack, weight, Some(bias), size), &y, size.patch() + 1);
    }
}

#[test]
fn stack_with_many_channels_matches_its_definition() {
    let case = case([2, 67, 19, 35, 33, 3, 3, 1, 1]);
    let Case { size, weight, bias, .. } = &case;
    let (classes, values, y) = stacked(&case);
    let op = Conv2dStack { size: *size, classes };
    assert!(memory::stack_is_apart(op.image()));
    let cpu = Cpu::new(Some(2)).expect("threads");
    let [values, weight, bias] = [&values, weight, bias].map(|values| cpu.adopt(values.clone()));
    let ids = Arc::new(case.ids.clone());
    let found = cpu.compute(&op, ((&ids, &values), &weight, Some(&bias))).expect("a result");
    assert_close("y", size, &found, &y, size.patch() + 1);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let backends = [1, 2, 4].map(|threads| Cpu::new(Some(threads)).expect("threads"));
    for case in cases() {
        let Case { size, x, ids, weight, bias, grad } = &case;
        let results = backends.each_ref().map(|cpu| {
            cpu.run(|| {
                let few = few::pays(size).then(|| {
                    [
                        few::forward(cpu, x, weight, Some(bias), size).to_vec(),
                        few::grad_input(cpu, grad, weight, size).to_vec(),
                        few::grad_weight(cpu, x, grad, size).to_vec(),
                    ]
                });
                let others = [
                    dense::forward(cpu, x, weight, Some(bias), size).to_vec(),
                    dense::grad_input(cpu, grad, weight, size).to_vec(),
                    dense::grad_weight(cpu, x, grad, size).to_vec(),
                    super::ids::forward(cpu, Stack::of_ids(ids, size), weight, Some(bias), size).to_vec(),
                    super::ids::grad_weight(cpu, ids, grad, size).to_vec(),
                ];
                (few, others)
            })
        });
        assert!(results.iter().all(|r| r == &results[0]), "{size:?}");
    }
}
