//! Values and times as text.

use std::time::Duration;

use indicatif::{FormattedDuration, HumanCount};

/// About four digits: 0.0734, 12.35, 4,322, 2.50e-5.
pub fn value(value: f64) -> String {
    let size = value.abs();
    minus(match size {
        0.0 => "0".into(),
        0.001..10.0 => format!("{value:.4}"),
        10.0..1e3 => format!("{value:.2}"),
        1e3..1e9 => format!("{}{}", if value < 0.0 { "-" } else { "" }, HumanCount(size.round() as u64)),
        _ => format!("{value:.2e}"),
    })
}

/// A value with so many decimals; never a negative zero.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

/// A number with a minus sign in place of a leading hyphen.
pub fn minus(text: String) -> String {
    text.strip_prefix('-').map(|rest| format!("−{rest}")).unwrap_or(text)
}

/// A count of things: 1 thread, 2 threads.
pub fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A time: 85 ms, 2.4 s, 00:04:05.
pub fn time(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds if seconds < 0.9995 => format!("{:.0} ms", 1e3 * seconds),
        seconds if seconds < 59.95 => format!("{seconds:.1} s"),
        seconds => FormattedDuration(Duration::from_secs_f64(seconds.min(1e12))).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        let values = [0.0, 0.07341, -1.5, 12.345, 4321.9, -4321.9, 2.5e-5].map(value);
        assert_eq!(values, ["0", "0.0734", "−1.5000", "12.35", "4,322", "−4,322", "2.50e-5"]);
    }

    #[test]
    fn zero_has_no_sign() {
        let values = [-0.0, -0.004, 0.004, -0.006, -1.0, f64::NAN].map(|value| fixed(value, 2));
        assert_eq!(values, ["0.00", "0.00", "0.00", "-0.01", "-1.00", "NaN"]);
        assert_eq!(fixed(-0.4, 0), "0");
    }

    #[test]
    fn times_are_short() {
        let times = [0.0849, 2.44, 245.0, 187_200.0].map(time);
        assert_eq!(times, ["85 ms", "2.4 s", "00:04:05", "2d 04:00:00"]);
    }
}
