//! Line charts of a quantity by step.

use indicatif::HumanCount;
use maud::{Markup, html};

use super::curve::Curve;
use super::number;
use super::plot::{Axis, Plot, padded};

/// Width and height in SVG units, about pixels where three charts are side by side.
const SIZE: [f64; 2] = [360.0, 190.0];
/// The plot area, left to right and bottom to top.
const ACROSS: [f64; 2] = [48.0, SIZE[0] - 8.0];
const UP: [f64; 2] = [SIZE[1] - 24.0, 8.0];
/// Maximum number of points that get a marker.
const MARKERS: usize = 60;
/// The share of raw values at each end that may lie outside the y axis, so that an outlier doesn't flatten the rest.
const OUTLIERS: f64 = 0.01;

/// One quantity, or a few of the same kind, by step.
pub struct Chart<'a> {
    pub title: &'a str,
    /// What that means; shown if there is one curve.
    pub note: &'a str,
    /// Names and curves; the names are shown if there is more than one.
    pub curves: Vec<(&'a str, &'a Curve)>,
    pub look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A bold smoothed line over a faint raw one.
    Smoothed,
    /// A line with markers.
    Marked,
    /// A line over a y axis that starts at 0.
    FromZero,
}

impl Chart<'_> {
    /// The figure; empty without values. The x axis ends at step `last`.
    pub fn figure(&self, last: u64) -> Markup {
        let latest: Vec<(&str, u64, f64)> = self
            .curves
            .iter()
            .filter_map(|(name, curve)| curve.latest().map(|(step, value)| (*name, step, value)))
            .collect();
        if latest.is_empty() {
            return html! {};
        }
        let spoken = latest.iter().map(|(name, step, value)| {
            let name = if latest.len() > 1 { format!("{name} ") } else { String::new() };
            format!("{name}{} at step {}", number::value(*value), HumanCount(*step))
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
        let mut x = Axis::linear([0.0, last.max(1) as f64], ACROSS, 5);
        x.ticks.retain(|(step, _)| step.fract() == 0.0);
        let plot = Plot { x, y: Axis::linear(self.range(), UP, 5) };
        html! {
            svg viewBox={ "0 0 " (SIZE[0]) " " (SIZE[1]) } role="img" aria-label=(spoken) {
                (plot.grid())
                @for (place, (_, curve)) in self.curves.iter().enumerate() {
                    g class={ "curve k" (place) } { (self.lines(&plot, curve)) }
                }
            }
        }
    }

    fn lines(&self, plot: &Plot, curve: &Curve) -> Markup {
        let buckets = &curve.buckets;
        let means = || buckets.iter().map(|bucket| (bucket.step(), bucket.mean()));
        match (self.look == Look::Smoothed).then(|| curve.smooth()).flatten() {
            Some(smooth) => {
                let raw = buckets.iter().flat_map(|bucket| {
                    // A single step has one value.
                    let count = if bucket.low == bucket.high { 1 } else { 2 };
                    [bucket.low, bucket.high].into_iter().take(count).map(|value| (bucket.step(), value))
                });
                let smooth = buckets.iter().map(|bucket| bucket.step()).zip(smooth);
                html! {
                    path.raw d=(plot.path(raw)) {}
                    path.line d=(plot.path(smooth)) {}
                }
            }
            None => html! {
                path.line d=(plot.path(means())) {}
                @if self.look != Look::FromZero && buckets.len() <= MARKERS {
                    @for (step, value) in means() {
                        circle cx=(plot.x.at(step)) cy=(plot.y.at(value)) r="2.2" {}
                    }
                }
            },
        }
    }

    fn range(&self) -> [f64; 2] {
        let buckets = self.curves.iter().flat_map(|(_, curve)| &curve.buckets);
        let mut values: Vec<f64> = buckets.flat_map(|bucket| [bucket.low, bucket.high]).collect();
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
        if self.look == Look::FromZero { [0.0, padded([0.0, high], 0.06)[1]] } else { padded([low, high], 0.06) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: impl IntoIterator<Item = f64>) -> Curve {
        (1..).zip(values).collect()
    }

    fn figure(curve: &Curve, look: Look) -> String {
        Chart { title: "A<B", note: "", curves: vec![("one", curve)], look }.figure(100).into_string()
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

    fn is_inside((x, y): &(f64, f64)) -> bool {
        (ACROSS[0]..=ACROSS[1]).contains(x) && (UP[1]..=UP[0]).contains(y)
    }

    #[test]
    fn short_curves_show_every_step() {
        let few = figure(&curve([3.0, 1.0, 2.0]), Look::Smoothed);
        let line = points(&few, "line");
        assert_eq!(line.len(), 3);
        assert!(line[0].1 < line[2].1 && line[2].1 < line[1].1, "greater is higher: {line:?}");
        assert_eq!(few.matches("<circle").count(), 3);
        let many = figure(&curve((0..100).map(|i| f64::from(i % 7))), Look::Smoothed);
        assert_eq!((points(&many, "raw").len(), points(&many, "line").len()), (100, 100));
        assert_eq!(points(&figure(&curve([5.0]), Look::Marked), "line").len(), 1);
    }

    #[test]
    fn outliers_and_constants_stay_inside() {
        let outlier = curve((0..500).map(|i| if i == 250 { 1e9 } else { (f64::from(i) / 9.0).sin() }));
        assert!(points(&figure(&outlier, Look::Smoothed), "raw").iter().all(is_inside));
        let constant = figure(&curve([2.0; 4]), Look::Marked);
        assert!(points(&constant, "line").iter().all(is_inside), "{constant}");
    }

    #[test]
    fn names_are_escaped_and_empty_curves_show_nothing() {
        let chart = figure(&curve([1.0]), Look::FromZero);
        assert!(chart.contains("A&lt;B") && !chart.contains("A<B"), "{chart}");
        assert_eq!(figure(&Curve::default(), Look::Marked), "");
    }
}
