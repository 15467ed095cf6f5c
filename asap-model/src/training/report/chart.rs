//! Curves as inline SVG.

use std::fmt::Write;
use std::ops::RangeInclusive;

use maud::{Markup, html};

use super::curve::Curve;
use crate::number;

/// The picture's sides, in its own units; a unit is about a pixel where three charts stand beside each other.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 190.0;
/// The plotted part: left, right, top, bottom.
const LEFT: f64 = 48.0;
const RIGHT: f64 = WIDTH - 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = HEIGHT - 24.0;
/// The most points that are marked one by one.
const DOTS: usize = 60;
/// The part of the raw values at each end that may lie outside of the axis, so that one outlier doesn't flatten all else.
const OUTLIERS: f64 = 0.01;

/// One quantity, or a few of the same kind, over rounds.
pub struct Chart<'a> {
    /// What is plotted.
    pub title: &'a str,
    /// What that means; shown where there is one curve.
    pub note: &'a str,
    /// Names and curves; the names are shown where there is more than one.
    pub curves: Vec<(&'a str, &'a Curve)>,
    /// How they are drawn.
    pub look: Look,
}

/// How curves are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A smoothed line over a faint raw one.
    Smoothed,
    /// A line, its points marked as long as they are few.
    Marked,
    /// A line over an axis that begins at 0.
    FromZero,
}

impl Chart<'_> {
    /// The figure, or nothing if there are no values. The axis of rounds ends at `last`.
    pub fn draw(&self, last: u64) -> Markup {
        let latest: Vec<(&str, u64, f64)> = self
            .curves
            .iter()
            .filter_map(|(name, curve)| curve.latest().map(|(round, value)| (*name, round, value)))
            .collect();
        if latest.is_empty() {
            return html! {};
        }
        let spoken = latest.iter().map(|(name, round, value)| {
            let name = if latest.len() > 1 { format!("{name} ") } else { String::new() };
            format!("{name}{} after round {}", number::value(*value), number::grouped(*round as f64))
        });
        let spoken = format!("{}: {}", self.title, spoken.collect::<Vec<_>>().join(", "));
        html! {
            figure.chart {
                figcaption {
                    h3 { (self.title) }
                    @if let [(_, _, value)] = latest[..] {
                        span.latest { (number::value(value)) }
                        p { (self.note) }
                    } @else {
                        p {
                            @for (place, (name, _, value)) in latest.iter().enumerate() {
                                span.named { span class={ "key k" (place) } {} (name) " " (number::value(*value)) }
                            }
                        }
                    }
                }
                (self.svg(last, &spoken))
            }
        }
    }

    fn svg(&self, last: u64, spoken: &str) -> Markup {
        let range = self.range();
        let frame = Frame { last: last.max(1) as f64, low: *range.start(), high: *range.end() };
        let (values, value_step) = number::ticks(frame.low, frame.high, 5);
        let (rounds, round_step) = number::ticks(0.0, frame.last, 5);
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(spoken) {
                g.grid {
                    @for value in &values {
                        @let y = frame.y(*value);
                        path d={ "M" (LEFT) " " (y) "H" (RIGHT) } {}
                        text.value x=(LEFT - 6.0) y=(y + 3.5) { (number::tick(*value, value_step)) }
                    }
                    @for round in rounds.iter().filter(|round| round.fract() == 0.0) {
                        @let x = frame.x(*round);
                        path d={ "M" (x) " " (BOTTOM) "v4" } {}
                        @let near_end = x > RIGHT - 12.0;
                        text class=(if near_end { "round end" } else { "round" })
                            x=(if near_end { RIGHT } else { x }) y=(BOTTOM + 16.0) {
                            (number::round(*round, round_step))
                        }
                    }
                }
                @for (place, (_, curve)) in self.curves.iter().enumerate() {
                    g class={ "curve k" (place) } { (self.lines(&frame, curve)) }
                }
            }
        }
    }

    fn lines(&self, frame: &Frame, curve: &Curve) -> Markup {
        let buckets = curve.buckets();
        let means = || buckets.iter().map(|bucket| (bucket.round(), bucket.mean()));
        let smooth = (self.look == Look::Smoothed).then(|| curve.smooth()).flatten();
        match smooth {
            Some(smooth) => {
                let raw = buckets.iter().flat_map(|bucket| {
                    let ends = [bucket.low, bucket.high];
                    // Of a single round there is one value.
                    let count = if bucket.low == bucket.high { 1 } else { 2 };
                    ends.into_iter().take(count).map(|value| (bucket.round(), value))
                });
                let smooth = buckets.iter().map(|bucket| bucket.round()).zip(smooth);
                html! {
                    path.raw d=(frame.path(raw)) {}
                    path.line d=(frame.path(smooth)) {}
                }
            }
            None => html! {
                path.line d=(frame.path(means())) {}
                @if self.look != Look::FromZero && buckets.len() <= DOTS {
                    @for (round, value) in means() {
                        circle cx=(frame.x(round)) cy=(frame.y(value)) r="2.2" {}
                    }
                }
            },
        }
    }

    /// The least and the greatest value shown, with some room.
    fn range(&self) -> RangeInclusive<f64> {
        let mut values: Vec<f64> =
            self.curves.iter().flat_map(|(_, curve)| curve.buckets()).flat_map(|b| [b.low, b.high]).collect();
        values.sort_by(f64::total_cmp);
        let spared = match self.look {
            Look::Smoothed => (OUTLIERS * values.len() as f64) as usize,
            Look::Marked | Look::FromZero => 0,
        };
        let (mut low, mut high) = (values[spared], values[values.len() - 1 - spared]);
        if self.look == Look::Smoothed {
            for value in self.curves.iter().filter_map(|(_, curve)| curve.smooth()).flatten() {
                (low, high) = (low.min(value), high.max(value));
            }
        }
        if self.look == Look::FromZero {
            low = 0.0;
        }
        // A constant needs some range too.
        let room = match (high - low) * 0.06 {
            room if room > 0.0 => room,
            _ => (high.abs() * 0.1).max(1e-9),
        };
        (if self.look == Look::FromZero { 0.0 } else { low - room })..=(high + room)
    }
}

/// From rounds and values to the picture's units, to a tenth.
struct Frame {
    last: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn x(&self, round: f64) -> f64 {
        tenth(LEFT + (RIGHT - LEFT) * (round / self.last).clamp(0.0, 1.0))
    }

    /// What lies outside of the axis is drawn at its end.
    fn y(&self, value: f64) -> f64 {
        tenth(BOTTOM - (BOTTOM - TOP) * ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    /// A line through points; a single one is a dot, as its ends are round.
    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (round, value) in points {
            let pen = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{pen}{} {}", self.x(round), self.y(value));
        }
        if !path.contains('L') {
            path.push_str("h0");
        }
        path
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: impl IntoIterator<Item = f64>) -> Curve {
        let mut curve = Curve::default();
        values.into_iter().enumerate().for_each(|(place, value)| curve.push(place as u64 + 1, value));
        curve
    }

    fn drawn(curve: &Curve, look: Look) -> String {
        Chart { title: "A<B", note: "", curves: vec![("one", curve)], look }.draw(100).into_string()
    }

    /// The points of a path of a class.
    fn points(svg: &str, class: &str) -> Vec<(f64, f64)> {
        let start = format!("<path class=\"{class}\" d=\"M");
        let path = svg.split(&start).nth(1).unwrap_or_else(|| panic!("no {class} in {svg}")).split('"').next().unwrap();
        let point = |point: &str| {
            let (x, y) = point.split_once(' ').unwrap();
            (x.parse().unwrap(), y.trim_end_matches("h0").parse().unwrap())
        };
        path.split('L').map(point).collect()
    }

    #[test]
    fn every_round_of_a_short_curve_has_a_point_and_a_smoothed_line_lies_over_it() {
        let few = drawn(&curve([3.0, 1.0, 2.0]), Look::Smoothed);
        let line = points(&few, "line");
        assert_eq!(line.len(), 3);
        assert!(line[0].1 < line[2].1 && line[2].1 < line[1].1, "greater is higher: {line:?}");
        assert_eq!(few.matches("<circle").count(), 3);
        let many = drawn(&curve((0..100).map(|i| f64::from(i % 7))), Look::Smoothed);
        assert_eq!((points(&many, "raw").len(), points(&many, "line").len()), (100, 100));
        assert_eq!(points(&drawn(&curve([5.0]), Look::Marked), "line").len(), 1);
    }

    #[test]
    fn one_outlier_does_not_flatten_the_rest_and_stays_in_the_picture() {
        let chart =
            drawn(&curve((0..500).map(|i| if i == 250 { 1e9 } else { (f64::from(i) / 9.0).sin() })), Look::Smoothed);
        let raw = points(&chart, "raw");
        assert!(raw.iter().all(|(x, y)| (LEFT..=RIGHT).contains(x) && (TOP..=BOTTOM).contains(y)));
        let constant = drawn(&curve([2.0; 4]), Look::Marked);
        assert!(points(&constant, "line").iter().all(|(_, y)| (TOP..=BOTTOM).contains(y)), "{constant}");
    }

    #[test]
    fn names_are_escaped_and_nothing_is_drawn_of_nothing() {
        let chart = drawn(&curve([1.0]), Look::FromZero);
        assert!(chart.contains("A&lt;B") && !chart.contains("A<B"), "{chart}");
        assert_eq!(drawn(&Curve::default(), Look::Marked), "");
    }
}
