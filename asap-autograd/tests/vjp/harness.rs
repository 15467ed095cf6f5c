//! One check for every op: right as it is, wrong with each mistake planted in each input.

use asap_autograd::check::{self, Double, Mistake, Settings};
use asap_autograd::{Tape, Var};
use asap_tensor::{Result, Shape, Tensor};

/// The largest relative error of a right gradient.
pub const TOLERANCE: f64 = 1e-6;
/// What all inputs and directions are drawn from.
pub const SEED: u64 = 20_210_403;

/// Standard normal numbers; equal names give equal numbers.
pub fn normal(name: &str, shape: impl Into<Shape>) -> Tensor<Double> {
    check::normal(SEED, name, shape).expect("drawing numbers")
}

/// As [`normal`], at least 0.1 from zero: x where kinks are, divisors.
pub fn off_zero(name: &str, shape: impl Into<Shape>) -> Tensor<Double> {
    check::away_from_zero(&normal(name, shape), 0.1).expect("moving numbers")
}

/// Asserts that the gradients of `f` are right in every input, and that each mistake planted in each input is found,
/// there and nowhere else.
pub fn assert_vjp(name: &str, inputs: &[Tensor<Double>], f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>) {
    assert_vjp_with(Settings::default(), name, inputs, f);
}

/// [`assert_vjp`] with other settings.
pub fn assert_vjp_with(
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

/// Which inputs' gradients are the same number everywhere, so that moving the numbers about changes nothing.
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
        let numbers = gradient.to_f64()?;
        Ok(numbers.iter().all(|&g| g == numbers[0]))
    };
    leaves.iter().map(uniform).collect()
}
