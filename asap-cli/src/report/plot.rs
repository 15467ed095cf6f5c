//! Axes, grid and lines as SVG, for line charts and scatter plots.

use std::fmt::Write;

use indicatif::HumanCount;
use maud::{Markup, html};

use super::number;

/// An axis: a range of values, where they lie in the image, and the ticks.
pub struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Pixels of the range's ends.
    pixels: [f64; 2],
    /// Values with their text.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A linear axis with about so many ticks.
    pub fn linear([low, high]: [f64; 2], pixels: [f64; 2], ticks: usize) -> Self {
        Axis { low, high, logarithmic: false, pixels, ticks: linear_ticks(low, high, ticks) }
    }

    /// A logarithmic axis for positive values, with ticks at 1, 2 and 5 times powers of ten; over more than three decades
    /// at powers of ten; where fewer than two of them lie in the range, at equal steps.
    pub fn logarithmic([low, high]: [f64; 2], pixels: [f64; 2]) -> Self {
        let factors: &[f64] = if high / low > 1e3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
        let ticks = decades.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
        let ticks: Vec<f64> = ticks.filter(|tick| (low..=high).contains(tick)).collect();
        let ticks = match ticks.len() {
            0..2 => linear_ticks(low, high, 5),
            _ => ticks.into_iter().map(|tick| (tick, tick_text(tick, tick))).collect(),
        };
        Axis { low, high, logarithmic: true, pixels, ticks }
    }

    /// The pixel of a value, to a tenth. Values out of range lie at the end.
    pub fn at(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.logarithmic { value.log10() } else { value };
        let share = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low));
        let [start, end] = self.pixels;
        tenth(start + (end - start) * share.clamp(0.0, 1.0))
    }
}

pub struct Plot {
    pub x: Axis,
    pub y: Axis,
}

impl Plot {
    /// Lines and text of the ticks.
    pub fn grid(&self) -> Markup {
        let ([left, right], [bottom, _]) = (self.x.pixels, self.y.pixels);
        html! {
            g.grid {
                @for (value, text) in &self.y.ticks {
                    @let y = self.y.at(*value);
                    path d={ "M" (left) " " (y) "H" (right) } {}
                    text x=(left - 6.0) y=(tenth(y + 3.5)) text-anchor="end" { (text) }
                }
                @for (value, text) in &self.x.ticks {
                    @let x = self.x.at(*value);
                    @let near_end = x > right - 12.0;
                    path d={ "M" (x) " " (bottom) "v4" } {}
                    text x=(if near_end { right } else { x }) y=(bottom + 16.0)
                        text-anchor=(if near_end { "end" } else { "middle" }) { (text) }
                }
            }
        }
    }

    /// The path of a line. A single point becomes a dot where line ends are round.
    pub fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (x, y) in points {
            let pen = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{pen}{} {}", self.x.at(x), self.y.at(y));
        }
        if !path.contains('L') {
            path.push_str("h0");
        }
        path
    }
}

/// A range extended by a share of its length at both ends; an empty range by a tenth of its value.
pub fn padded([low, high]: [f64; 2], share: f64) -> [f64; 2] {
    let room = match share * (high - low) {
        room if room > 0.0 => room,
        _ => (0.1 * high.abs()).max(1e-9),
    };
    [low - room, high + room]
}

/// To a tenth of a pixel.
pub fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// About `count` ticks at multiples of 1, 2 or 5 times a power of ten. None for an empty range.
fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / count as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return Vec::new();
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.8);
    let step = step.unwrap_or(rough);
    // Some slack, for an end of the range that is a tick but for rounding.
    let (first, last) = ((low / step - 1e-6).ceil() as i64, (high / step + 1e-6).floor() as i64);
    (first..=last).map(|tick| tick as f64 * step).map(|tick| (tick, tick_text(tick, step))).collect()
}

/// A tick with the digits that the step between ticks needs.
fn tick_text(value: f64, step: f64) -> String {
    let digits = |of: f64| (of.abs().log10().floor() - step.log10().floor()).max(0.0) as usize;
    number::minus(match step {
        _ if value == 0.0 => "0".into(),
        step if step < 1.5e-4 => format!("{value:.*e}", digits(value)),
        step if step < 1.0 => format!("{value:.*}", digits(1.0)),
        _ => format!("{}{}", if value < 0.0 { "-" } else { "" }, HumanCount(value.abs().round() as u64)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(low: f64, high: f64) -> Vec<String> {
        linear_ticks(low, high, 4).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(ticks(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(ticks(-1.3, 2.1), ["−1", "0", "1", "2"]);
        assert_eq!(ticks(0.0, 4e-4), ["0", "1e-4", "2e-4", "3e-4", "4e-4"]);
        assert_eq!(ticks(0.0, 6e-5), ["0", "2e-5", "4e-5", "6e-5"]);
        assert_eq!(ticks(0.071, 0.098), ["0.08", "0.09"]);
        assert_eq!(ticks(900.0, 3100.0), ["1,000", "1,500", "2,000", "2,500", "3,000"]);
        assert!(ticks(1.0, 1.0).is_empty() && ticks(0.0, f64::NAN).is_empty());
    }

    #[test]
    fn logarithmic_axes_always_have_ticks() {
        for range in [[24.0, 38.0], [20.7, 24.4], [0.02, 0.04], [6990.0, 7110.0], [0.2, 5e6]] {
            let axis = Axis::logarithmic(range, [0.0, 100.0]);
            assert!((2..=9).contains(&axis.ticks.len()), "{range:?}: {:?}", axis.ticks);
            assert!(axis.ticks.iter().all(|(tick, _)| (range[0]..=range[1]).contains(tick)));
        }
        let axis = Axis::logarithmic([0.05, 20.0], [0.0, 100.0]);
        let texts: Vec<&str> = axis.ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]);
        assert_eq!([axis.at(0.05), axis.at(1.0), axis.at(400.0)], [0.0, 50.0, 100.0]);
    }
}
