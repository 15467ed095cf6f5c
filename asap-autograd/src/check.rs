//! The gradient checker: what the tape says against finite differences.
//!
//! A gradient is believed when, for random vectors v and directions u,
//!
//! ⟨v, J·u⟩ = ⟨Jᵀ·v, u⟩,
//!
//! where J is the Jacobian of f at the inputs. The tape gives Jᵀ·v. The left side needs no tape: it is the derivative of
//! φ(t) = ⟨v, f(x + t·u)⟩ at 0, which four values of φ give to fourth order in the step h:
//!
//! φ′(0) ≈ (8·(φ(h) − φ(−h)) − (φ(2h) − φ(−2h))) / 12h.
//!
//! One number per direction tests every element of the gradient at once, whatever the sizes. u has standard normal
//! elements, so ⟨e, u⟩ has the standard deviation ‖e‖ for any error e of the gradient; divided by the length of the
//! gradient it tells the gradient's relative error. Everything runs in double precision on the reference backend.

use asap_tensor::{Reference, Result, Shape, Tensor, ops, random};

use crate::tape::{Tape, Var};

/// The backend that gradients are checked on.
pub type Double = Reference<f64>;

/// How thoroughly to check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Random pairs (v, u) for each input.
    pub directions: usize,
    /// h: inputs move by up to 2·h times a standard normal number. For inputs and values of order 1, 1e-5 leaves
    /// relative errors near 1e-10; kinks must be farther away than an input moves.
    pub step: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { directions: 3, step: 1e-5 }
    }
}

/// How far the tape's gradients are from finite differences.
#[derive(Clone, Debug)]
pub struct Report {
    /// The largest relative error over all inputs and directions; infinite if anything was no number.
    pub relative_error: f64,
    /// The largest relative error over all directions, for each input.
    pub inputs: Vec<f64>,
    /// The seed that v and u were drawn from.
    pub seed: u64,
}

/// Checks the gradients of `f` in each of `inputs`, with the default [`Settings`]. Several outputs are checked by
/// joining them into one.
///
/// ```
/// use asap_autograd::{check, vjp};
///
/// let x = check::normal(1, "x", [2, 3])?;
/// let report = check::gradient(1, &[x], |vars| vjp::tanh(&vars[0]))?;
/// assert!(report.relative_error < 1e-6, "{report:?}");
/// # Ok::<(), asap_tensor::Error>(())
/// ```
///
/// # Errors
/// If `f` fails.
pub fn gradient(
    seed: u64,
    inputs: &[Tensor<Double>],
    f: impl Fn(&[Var<Double>]) -> Result<Var<Double>>,
) -> Result<Report> {
    gradient_with(Settings::default(), seed, inputs, f)
}

/// [`gradient`] with other settings.
///
/// # Errors
/// If `f` fails.
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
        // An output on no tape depends on no input: its gradients are zeros.
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
            let (recorded, length) = match gradients.as_ref().and_then(|gradients| gradients.of(&leaves[i])) {
                Some(gradient) => (dot(gradient, &u)?, dot(gradient, gradient)?.sqrt()),
                None => (0.0, 0.0),
            };
            errors[i] = errors[i].max(relative(differences - recorded, length.max(differences.abs())));
        }
    }
    let relative_error = errors.iter().copied().fold(0.0, f64::max);
    Ok(Report { relative_error, inputs: errors, seed })
}

/// |difference| / scale: 0 where both are, infinite where they are no numbers.
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

/// Standard normal numbers from the stream of that name.
///
/// # Errors
/// None that a caller can cause.
pub fn normal(seed: u64, name: &str, shape: impl Into<Shape>) -> Result<Tensor<Double>> {
    let shape = shape.into();
    Tensor::from_f32(&Double::new(), shape, &random::normal(seed, name, shape.count(), 1.0))
}

/// x with every number moved away from zero by `margin`, so that a step does not cross the kink of |x| or ReLU.
///
/// # Errors
/// None that a caller can cause.
pub fn away_from_zero(x: &Tensor<Double>, margin: f64) -> Result<Tensor<Double>> {
    let moved: Vec<f64> = x.to_f64()?.iter().map(|&v| v + margin.copysign(v)).collect();
    Tensor::from_f64(x.backend(), x.shape(), &moved)
}

/// Numbers in random order, no two nearer than `gap`, so that a step does not change which of them is the largest.
///
/// # Errors
/// None that a caller can cause.
pub fn apart(seed: u64, name: &str, shape: impl Into<Shape>, gap: f64) -> Result<Tensor<Double>> {
    let shape = shape.into();
    let draws = random::normal(seed, name, shape.count(), 1.0);
    let mut order: Vec<usize> = (0..draws.len()).collect();
    order.sort_by(|&a, &b| draws[a].total_cmp(&draws[b]));
    let mut numbers = vec![0.0; draws.len()];
    for (rank, &i) in order.iter().enumerate() {
        numbers[i] = (rank as f64 - 0.5 * draws.len() as f64) * gap;
    }
    Tensor::from_f64(&Double::new(), shape, &numbers)
}

/// A mistake in a gradient that the checker must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A factor wrong by a thousandth.
    Scaled,
    /// Every element at the next one's place, as after a wrong stride or transposition.
    Rolled,
    /// The largest element missing, as after a loop that ends too early.
    ElementLost,
    /// Nothing flows back.
    Missing,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Mistake; 4] = [Mistake::Scaled, Mistake::Rolled, Mistake::ElementLost, Mistake::Missing];

    /// The gradient with this mistake in it.
    fn apply(self, grad: &Tensor<Double>) -> Result<Option<Tensor<Double>>> {
        let mut numbers = grad.to_f64()?;
        match self {
            Mistake::Scaled => numbers.iter_mut().for_each(|g| *g *= 1.001),
            Mistake::Rolled => numbers.rotate_right(1),
            Mistake::ElementLost => {
                if let Some(largest) = numbers.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs())) {
                    *largest = 0.0;
                }
            }
            Mistake::Missing => return Ok(None),
        }
        Tensor::from_f64(grad.backend(), grad.shape(), &numbers).map(Some)
    }
}

/// x itself, whose gradient gets a mistake on its way back: an op fed with it has a wrong gradient in this input, which
/// [`gradient`] must find.
///
/// # Errors
/// None that a caller can cause.
pub fn plant(mistake: Mistake, x: &Var<Double>) -> Result<Var<Double>> {
    Var::record(x.value().clone(), [x], move |g, _| Ok([mistake.apply(g)?]))
}
