//! Numbers and times as people read them; the ticks of an axis.

/// About `about` round numbers from `low` to `high`, and the step between them: 1, 2 or 5 times a power of ten. Empty if
/// the range is.
pub fn ticks(low: f64, high: f64, about: usize) -> (Vec<f64>, f64) {
    let rough = (high - low) / about as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return (Vec::new(), 0.0);
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.8);
    let step = step.unwrap_or(10.0 * power);
    // A hair of room, for a bound that is a tick but for rounding.
    let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    ((first..=last).map(|tick| tick as f64 * step).collect(), step)
}

/// A tick with the decimals that its step needs.
pub fn tick(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if step < 1.5e-4 {
        return scientific(value, step);
    }
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    signed(if decimals == 0 { grouped(value) } else { format!("{value:.decimals$}") })
}

/// With the digits that the step needs: 2.5e-4.
fn scientific(value: f64, step: f64) -> String {
    let digits = (value.abs().log10().floor() - step.log10().floor()).max(0.0) as usize;
    signed(format!("{value:.digits$e}"))
}

/// A round: 200, 1,500, 20k, 1.5M.
pub fn round(value: f64, step: f64) -> String {
    let decimals = |unit: f64| (-(step / unit).log10().floor()).max(0.0) as usize;
    match value {
        value if value >= 1e6 => format!("{:.*}M", decimals(1e6), value / 1e6),
        value if value >= 1e4 && step >= 1e3 => format!("{:.0}k", value / 1e3),
        value => grouped(value),
    }
}

/// Four digits or so: 0.0734, 12.35, 2.5e-5.
pub fn value(value: f64) -> String {
    signed(match value.abs() {
        0.0 => "0".into(),
        size if size < 1e-3 => format!("{value:.2e}").replacen(".00e", "e", 1).replacen("0e", "e", 1),
        size if size < 10.0 => format!("{value:.4}"),
        size if size < 1000.0 => format!("{value:.2}"),
        size if size < 1e9 => grouped(value),
        _ => format!("{value:.2e}"),
    })
}

/// A whole number in groups of three: 83,201,411.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{text}") } else { text }
}

/// A minus where a hyphen stands for one at the front.
fn signed(text: String) -> String {
    text.strip_prefix('-').map(|rest| format!("−{rest}")).unwrap_or(text)
}

/// A time in its two largest units: 85 ms, 2.4 s, 4 min 05 s, 3 h 12 min, 2 d 4 h.
pub fn time(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 if seconds < 0.9995 => format!("{:.0} ms", seconds.max(0.0) * 1e3),
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64) -> Vec<String> {
        let (ticks, step) = ticks(low, high, 4);
        ticks.into_iter().map(|value| tick(value, step)).collect()
    }

    #[test]
    fn ticks_are_round_and_readable() {
        assert_eq!(axis(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(axis(-1.3, 2.1), ["−1", "0", "1", "2"]);
        assert_eq!(axis(0.0, 4e-4), ["0", "1e-4", "2e-4", "3e-4", "4e-4"]);
        assert_eq!(axis(0.0, 6e-5), ["0", "2e-5", "4e-5", "6e-5"]);
        assert_eq!(axis(0.071, 0.098), ["0.08", "0.09"]);
        assert_eq!(axis(900.0, 3100.0), ["1,000", "1,500", "2,000", "2,500", "3,000"]);
        assert!(axis(1.0, 1.0).is_empty() && axis(0.0, f64::NAN).is_empty());
    }

    #[test]
    fn rounds_and_values_are_short() {
        let rounds = |values: &[f64], step: f64| values.iter().map(|v| round(*v, step)).collect::<Vec<_>>();
        assert_eq!(rounds(&[0.0, 500.0, 1500.0], 500.0), ["0", "500", "1,500"]);
        assert_eq!(rounds(&[20_000.0, 1e6, 1.5e6], 5e5), ["20k", "1.0M", "1.5M"]);
        assert_eq!(rounds(&[12_300.0], 100.0), ["12,300"]);
        assert_eq!(
            [0.0, 0.07341, -1.5, 12.345, 4321.9, 2.5e-5].map(value),
            ["0", "0.0734", "−1.5000", "12.35", "4,322", "2.5e-5"]
        );
    }

    #[test]
    fn times_are_told_in_two_units() {
        let times = [0.0849, 2.44, 12.4, 245.0, 11_530.0, 187_200.0].map(time);
        assert_eq!(times, ["85 ms", "2.4 s", "12 s", "4 min 05 s", "3 h 12 min", "2 d 4 h"]);
    }
}
