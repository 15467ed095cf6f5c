//! The gradient checker: the tape's gradients against central differences.
//!
//! For random vectors v and directions u, a correct gradient satisfies
//!
//! ⟨v, J·u⟩ = ⟨Jᵀ·v, u⟩,
//!
//! where J is the Jacobian of f at the inputs. The tape computes Jᵀ·v. The left side needs no tape: it is the
//! derivative of φ(t) = ⟨v, f(x + t·u)⟩ at 0, which four values of φ give to fourth order in the step h:
//!
//! φ′(0) ≈ (8·(φ(h) − φ(−h)) − (φ(2h) − φ(−2h))) / 12h.
//!
//! One direction tests every element of the gradient at once, whatever its size. u has standard normal elements, so
//! ⟨e, u⟩ has standard deviation ‖e‖ for an error e of the gradient; divided by the norm of the gradient it estimates
//! the relative error. Everything runs in double precision on the reference backend.

use asap_tensor::{Reference, Result, Shape, Tensor, ops, random};

use crate::tape::{Tape, Var};

/// The backend of the checker.
pub type Double = Reference<f64>;

/// How thoroughly to check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Random pairs (v, u) for each input.
    pub directions: usize,
    /// h: each input element moves by up to 2·h times a standard normal value. With inputs and outputs of order 1, 1e-5
    /// leaves relative errors near 1e-10. Kinks must be farther away than an input moves.
    pub step: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { directions: 3, step: 1e-5 }
    }
}

/// How far the tape's gradients are from central differences.
#[derive(Clone, Debug)]
pub struct Report {
    /// The maximum relative error over all inputs and directions; infinite if any value was NaN.
    pub relative_error: f64,
    /// The maximum relative error over all directions, for each input.
    pub inputs: Vec<f64>,
    /// The seed of v and u.
    pub seed: u64,
}

/// Checks the gradient of `f` with respect to each of `inputs`, with the default [`Settings`]. To check several
/// outputs, concatenate them.
///
/// ```
/// use asap_autograd::check;
///
/// let x = check::normal(1, "x", [2, 3])?;
/// let report = check::gradient(1, &[x], |vars| vars[0].tanh())?;
/// assert!(report.relative_error < 1e-6, "{report:?}");
/// # Ok::<(), asap_tensor::Error>(())
/// ```
pub fn gradient(
    seed: u64,
    inputs: &[Tensor<Double>],
    f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>,
) -> Result<Report> {
    gradient_with(Settings::default(), seed, inputs, f)
}

/// [`gradient`] with other settings.
pub fn gradient_with(
    settings: Settings,
    seed: u64,
    inputs: &[Tensor<Double>],
    f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>,
) -> Result<Report> {
    let mut errors = vec![0.0_f64; inputs.len()];
    for direction in 0..settings.directions {
        let tape = Tape::new();
        let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
        let y = f(&leaves)?;
        let v = normal(seed, &format!("v {direction}"), y.shape())?;
        // An output on no tape depends on no input: its gradients are zero.
        let gradients = if y.is_recorded() { Some(tape.backward_from(&[(&y, v.clone())])?) } else { None };
        for (i, x) in inputs.iter().enumerate() {
            let u = normal(seed, &format!("u {direction} of input {i}"), x.shape())?;
            let phi = |t: f64| {
                let mut moved: Vec<_> = inputs.iter().map(|x| Var::constant(x.clone())).collect();
                moved[i] = Var::constant(step_along(x, &u, t)?);
                dot(&v, f(&moved)?.value())
            };
            let h = settings.step;
            let differences = (8.0 * (phi(h)? - phi(-h)?) - (phi(2.0 * h)? - phi(-2.0 * h)?)) / (12.0 * h);
            let (recorded, norm) = match gradients.as_ref().and_then(|gradients| gradients.of(&leaves[i])) {
                Some(gradient) => (dot(gradient, &u)?, dot(gradient, gradient)?.sqrt()),
                None => (0.0, 0.0),
            };
            errors[i] = errors[i].max(relative(differences - recorded, norm.max(differences.abs())));
        }
    }
    let relative_error = errors.iter().copied().fold(0.0, f64::max);
    Ok(Report { relative_error, inputs: errors, seed })
}

/// |difference| / scale: 0 for 0 / 0, infinite for NaN.
fn relative(difference: f64, scale: f64) -> f64 {
    match (difference / scale).abs() {
        _ if difference == 0.0 => 0.0,
        error if error.is_nan() => f64::INFINITY,
        error => error,
    }
}

/// x + t·u.
fn step_along(x: &Tensor<Double>, u: &Tensor<Double>, t: f64) -> Result<Tensor<Double>> {
    ops::add(x, &ops::unary(ops::Unary::Affine { scale: t, shift: 0.0 }, u)?)
}

fn dot(a: &Tensor<Double>, b: &Tensor<Double>) -> Result<f64> {
    ops::sum(&ops::mul(a, b)?)?.item()
}

/// Standard normal values; seed and name choose the random stream.
pub fn normal(seed: u64, name: &str, shape: impl Into<Shape>) -> Result<Tensor<Double>> {
    let shape = shape.into();
    Tensor::from_f32(&Double::new(), shape, &random::normal(seed, name, shape.count(), 1.0))
}

/// x with every element moved away from zero by `margin`, so that no step crosses the kink of |x| or ReLU.
pub fn away_from_zero(x: &Tensor<Double>, margin: f64) -> Result<Tensor<Double>> {
    let moved: Vec<f64> = x.to_f64()?.iter().map(|&v| v + margin.copysign(v)).collect();
    Tensor::from_f64(x.backend(), x.shape(), &moved)
}

/// Values in random order, any two at least `gap` apart, so that no step changes which is the maximum.
pub fn apart(seed: u64, name: &str, shape: impl Into<Shape>, gap: f64) -> Result<Tensor<Double>> {
    let shape = shape.into();
    let samples = random::normal(seed, name, shape.count(), 1.0);
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.sort_by(|&a, &b| samples[a].total_cmp(&samples[b]));
    let mut values = vec![0.0; samples.len()];
    for (rank, &i) in order.iter().enumerate() {
        values[i] = (rank as f64 - 0.5 * samples.len() as f64) * gap;
    }
    Tensor::from_f64(&Double::new(), shape, &values)
}

/// A mistake in a gradient that the checker must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// All elements 0.1% too large.
    Scaled,
    /// Every element moved by one position, as by a wrong stride or transpose.
    Rolled,
    /// The largest element zero, as by a loop that ends too early.
    ElementLost,
    /// No gradient at all.
    Missing,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Mistake; 4] = [Mistake::Scaled, Mistake::Rolled, Mistake::ElementLost, Mistake::Missing];

    /// The gradient with this mistake in it.
    fn apply(self, grad: &Tensor<Double>) -> Result<Option<Tensor<Double>>> {
        let mut values = grad.to_f64()?;
        match self {
            Mistake::Scaled => values.iter_mut().for_each(|g| *g *= 1.001),
            Mistake::Rolled => values.rotate_right(1),
            Mistake::ElementLost => {
                if let Some(largest) = values.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs())) {
                    *largest = 0.0;
                }
            }
            Mistake::Missing => return Ok(None),
        }
        Tensor::from_f64(grad.backend(), grad.shape(), &values).map(Some)
    }
}

/// x, with a mistake in its backward pass: an op applied to it has a wrong gradient for this input, which [`gradient`]
/// must find.
pub fn plant(mistake: Mistake, x: &Var<Double>) -> Result<Var<Double>> {
    Var::record(x.value().clone(), [x], move |g, _| Ok([mistake.apply(g)?]))
}
