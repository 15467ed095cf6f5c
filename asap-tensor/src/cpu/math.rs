//! Functions of one value, without branches or calls, so that the compiler vectorizes loops over them.

/// Where [`tanh`] switches formulas.
const NEAR_ZERO: f32 = 0.625;

/// Beyond this tanh x rounds to 1.
const SATURATED: f32 = 10.0;

/// tanh x, with an error of at most 3 ulp.
///
/// Near zero the sixth convergent of Lambert's continued fraction x/(1 + x²/(3 + x²/(5 + …))); elsewhere
/// (t − 1)/(t + 1) with t = e^(2|x|), where t − 1 cancels no digits.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let z = x * x;
    let near = (size * (10395.0 + z * (1260.0 + z * 21.0)), 10395.0 + z * (4725.0 + z * (210.0 + z)));
    // A comparison, not `min`, so that NaN stays NaN.
    let t = exp(2.0 * if size > SATURATED { SATURATED } else { size });
    let (above, below) = if size < NEAR_ZERO { near } else { (t - 1.0, t + 1.0) };
    (above / below).copysign(x)
}

/// Maximum |x| of [`exp`].
const LARGEST: f32 = 80.0;

/// 1/(1 + e⁻ˣ), with an error of at most 3 ulp; below −80 its value there, 2·10⁻³⁵.
///
/// With t = e^(−|x|) ≤ 1 it is 1/(1 + t), or t/(1 + t) for negative x.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    let size = x.abs();
    // A comparison, not `min`, so that NaN stays NaN.
    let t = exp(if size > LARGEST { -LARGEST } else { -size });
    let above = if x > 0.0 { 1.0 } else { t };
    above / (1.0 + t)
}

/// eˣ for x ≤ 0, with an error of at most 3 ulp; below −80 its value there, 2·10⁻³⁵.
#[inline(always)]
pub(crate) fn exp_negative(x: f32) -> f32 {
    // A comparison, not `max`, so that NaN stays NaN.
    exp(if x < -LARGEST { -LARGEST } else { x })
}

/// eˣ for |x| ≤ 80: 2ⁿ·eʳ with n the integer nearest to x/ln 2 and eʳ by its Taylor series.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer, in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; n times the first is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let series = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0));
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * series))));
    series * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_within_three_ulp() {
        for bits in (0..1f32.to_bits() + (5 << 23)).step_by(997) {
            let x = f32::from_bits(bits);
            let exact = f64::from(x).tanh();
            let unit = f64::from(f32::EPSILON) * exact.max(f64::from(f32::MIN_POSITIVE));
            for (x, exact) in [(x, exact), (-x, -exact)] {
                let error = (f64::from(tanh(x)) - exact).abs();
                assert!(error <= 3.0 * unit, "tanh {x}: {}, expected {exact}", tanh(x));
            }
        }
    }

    #[test]
    fn sigmoid_is_within_three_ulp() {
        for bits in (1f32.to_bits() - (40 << 23)..=LARGEST.to_bits()).step_by(997) {
            let x = f32::from_bits(bits);
            for x in [x, -x] {
                let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
                let error = (f64::from(sigmoid(x)) - exact).abs();
                assert!(
                    error <= 3.0 * f64::from(f32::EPSILON) * exact,
                    "sigmoid {x}: {}, expected {exact}",
                    sigmoid(x)
                );
            }
        }
    }

    #[test]
    fn sigmoid_of_infinities_and_nan() {
        assert_eq!((sigmoid(f32::INFINITY), sigmoid(0.0)), (1.0, 0.5));
        assert!(sigmoid(f32::NEG_INFINITY) < 2e-35);
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn tanh_of_infinities_nan_and_negative_zero() {
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!(tanh(f32::NAN).is_nan());
        assert!(tanh(-0.0).is_sign_negative());
    }
}
