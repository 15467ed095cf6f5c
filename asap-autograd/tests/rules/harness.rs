//! One check for every rule: it passes as it is, and fails with each mistake planted in each input.

use asap_autograd::check::{self, Double, Mistake, Settings};
use asap_autograd::{Tape, Var};
use asap_tensor::{Result, Shape, Tensor};

/// Bounds the relative error of a correct gradient.
pub const TOLERANCE: f64 = 1e-6;
/// The seed of all inputs and directions.
pub const SEED: u64 = 20_210_403;

/// Standard normal values; equal names give equal values.
pub fn normal(name: &str, shape: impl Into<Shape>) -> Tensor<Double> {
    check::normal(SEED, name, shape).expect("random values")
}

/// [`normal`], at least 0.1 from zero: for divisors and functions with a kink.
pub fn off_zero(name: &str, shape: impl Into<Shape>) -> Tensor<Double> {
    check::away_from_zero(&normal(name, shape), 0.1).expect("shifted values")
}

/// Asserts that the gradients of `f` are correct for every input, and that each mistake planted in an input is found
/// there and nowhere else.
pub fn assert_rule(name: &str, inputs: &[Tensor<Double>], f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>) {
    assert_rule_with(Settings::default(), name, inputs, f);
}

/// [`assert_rule`] with other settings.
pub fn assert_rule_with(
    settings: Settings,
    name: &str,
    inputs: &[Tensor<Double>],
    f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>,
) {
    let report = check::gradient_with(settings, SEED, inputs, &f).unwrap_or_else(|e| panic!("{name}: {e}"));
    println!("{name:<60} {:.1e}", report.relative_error);
    assert!(report.relative_error < TOLERANCE, "{name}: {report:?}");

    let uniform = uniform_gradients(inputs, &f).unwrap_or_else(|e| panic!("{name}: {e}"));
    for i in 0..inputs.len() {
        for mistake in Mistake::ALL {
            if mistake == Mistake::Rolled && uniform[i] {
                continue;
            }
            let planted = |vars: &[Var<Double>]| {
                let mut vars = vars.to_vec();
                vars[i] = check::plant(mistake, &vars[i])?;
                f(&vars)
            };
            let report =
                check::gradient_with(settings, SEED, inputs, planted).unwrap_or_else(|e| panic!("{name}: {e}"));
            for (j, &error) in report.inputs.iter().enumerate() {
                let found = error >= TOLERANCE;
                assert_eq!(found, i == j, "{name}: {mistake:?} planted in input {i}, error {error:e} in input {j}");
            }
        }
    }
}

/// For each input, whether its gradient has the same value everywhere, so that rolling it changes nothing.
fn uniform_gradients(
    inputs: &[Tensor<Double>],
    f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>,
) -> Result<Vec<bool>> {
    let tape = Tape::new();
    let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let y = f(&leaves)?;
    let gradients = tape.backward_from(&[(&y, normal("g", y.shape()))])?;
    let uniform = |leaf| {
        let Some(gradient) = gradients.of(leaf) else { return Ok(true) };
        let values = gradient.to_f64()?;
        Ok(values.iter().all(|&g| g == values[0]))
    };
    leaves.iter().map(uniform).collect()
}

/// Asserts that the checker finds the gradient of `f` wrong for the inputs `wrong`, and only there. Each family tests a
/// typical mistake with it.
pub fn assert_found(
    name: &str,
    inputs: &[Tensor<Double>],
    wrong: &[usize],
    f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>,
) {
    let report = check::gradient(SEED, inputs, f).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (i, &error) in report.inputs.iter().enumerate() {
        assert_eq!(error >= TOLERANCE, wrong.contains(&i), "{name}: error {error:e} in input {i}");
    }
}

/// An op of one input with the given value and gradient.
pub fn with_gradient(
    x: &Var<Double>,
    y: Tensor<Double>,
    grad: impl FnOnce(&Tensor<Double>) -> Result<Tensor<Double>> + 'static,
) -> Result<Var<Double>> {
    Var::record(y, [x], move |g, _| Ok([Some(grad(g)?)]))
}
