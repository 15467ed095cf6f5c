//! How far a result in single precision may be from the same in double.

/// One result of an op, with the number of terms that each of its values sums.
#[derive(Clone, Debug)]
pub struct Output {
    /// Which result: `y`, `grad_x` …
    pub name: &'static str,
    /// The values.
    pub values: Vec<f64>,
    /// k, the number of terms added; 0 if values are only copied and must be equal.
    pub terms: usize,
}

/// The largest of some nonnegative distances; infinite if one is NaN.
pub fn largest(distances: impl Iterator<Item = f64>) -> f64 {
    distances.fold(0.0, |largest, distance| if distance.is_nan() { f64::INFINITY } else { largest.max(distance) })
}

/// Whether `got` is within 16·ε·√k·Σ|terms| of `exact`, elementwise: rounding errors of k sums mostly cancel, so
/// they grow as √k; ε is the distance from 1 to the next single-precision number.
///
/// # Errors
/// A description of the first value out of bounds.
pub fn within_bound(got: &Output, exact: &Output, magnitudes: &[f64]) -> Result<(), String> {
    let counts = [got.values.len(), exact.values.len(), magnitudes.len()];
    if counts.iter().any(|&count| count != counts[0]) {
        return Err(format!("{}: {counts:?} values were computed, expected and bounded", got.name));
    }
    let unit = 16.0 * f64::from(f32::EPSILON) * (exact.terms as f64).sqrt();
    for (i, ((&got_value, &exact_value), &magnitude)) in
        got.values.iter().zip(&exact.values).zip(magnitudes).enumerate()
    {
        let bound = if exact.terms == 0 { 0.0 } else { unit * magnitude + f64::from(f32::MIN_POSITIVE) };
        let error = (got_value - exact_value).abs();
        if error.is_nan() || error > bound {
            return Err(format!(
                "{}[{i}] is {got_value:e} instead of {exact_value:e}: off by {error:e}, {bound:e} allowed for {} terms",
                got.name, exact.terms
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(values: &[f64], terms: usize) -> Output {
        Output { name: "y", values: values.to_vec(), terms }
    }

    #[test]
    fn bound_is_tight() {
        let exact = output(&[3.0, -5.0], 4);
        let bound = 16.0 * f64::from(f32::EPSILON) * 2.0 * 7.0;
        let check = |error: f64| within_bound(&output(&[3.0, -5.0 + error], 4), &exact, &[7.0, 7.0]);
        assert_eq!(check(0.99 * bound), Ok(()));
        assert!(check(1.01 * bound).is_err());
        assert!(check(-1.01 * bound).is_err());
    }

    #[test]
    fn moved_values_must_be_equal() {
        assert!(within_bound(&output(&[1.0 + f64::EPSILON], 0), &output(&[1.0], 0), &[1.0]).is_err());
    }

    #[test]
    fn nan_is_the_largest_distance() {
        assert_eq!(largest([1.0, 3.0, 2.0].into_iter()), 3.0);
        assert_eq!(largest([1.0, f64::NAN, 2.0].into_iter()), f64::INFINITY);
    }

    #[test]
    fn nan_and_missing_values_fail() {
        let exact = output(&[1.0], 1);
        assert!(within_bound(&output(&[f64::NAN], 1), &exact, &[1.0]).is_err());
        assert!(within_bound(&output(&[], 1), &exact, &[1.0]).is_err());
    }
}
