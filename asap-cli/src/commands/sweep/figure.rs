//! Time against quality as an SVG file.

use asap_model::evaluation::Measure;
use indicatif::HumanCount;
use maud::{PreEscaped, html};

use super::entry::Entry;
use crate::report::number;
use crate::report::plot::{Axis, Plot, padded, tenth};

/// Width and height in pixels.
const SIZE: [f64; 2] = [760.0, 480.0];
/// The plot area, left to right and bottom to top.
const ACROSS: [f64; 2] = [84.0, SIZE[0] - 28.0];
const UP: [f64; 2] = [SIZE[1] - 60.0, 52.0];
/// The share of an axis left free at each end.
const ROOM: f64 = 0.12;
/// The height of a line of text, and about the width of a letter.
const LETTER: [f64; 2] = [16.0, 7.2];
const STYLE: &str = ".grid path { stroke: #ddd; } .grid text, .note { fill: #555; }";

/// A color for each kind of generator, distinguishable also by color-blind people (Okabe & Ito).
const COLORS: [&str; 7] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333"];

/// The time per image, on a logarithmic axis, against a measure, of the entries that have it. `None` without any.
pub fn figure(entries: &[Entry], measure: Measure) -> Option<String> {
    let points: Vec<Point<'_>> = entries
        .iter()
        .filter_map(|entry| Some(Point { entry, value: entry.value(measure)?, ms: 1e3 * entry.seconds }))
        .filter(|point| point.value.is_finite() && point.ms > 0.0)
        .collect();
    let first = points.first()?;
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        padded([low, high], ROOM)
    };
    let times = range(&mut points.iter().map(|point| point.ms.log10()));
    // At least a fifth of a decade.
    let (middle, half) = (f64::midpoint(times[0], times[1]), ((times[1] - times[0]) / 2.0).max(0.1));
    let times = [middle - half, middle + half].map(|exponent| 10f64.powf(exponent));
    let values = range(&mut points.iter().map(|point| point.value));
    let plot = Plot { x: Axis::logarithmic(times, ACROSS), y: Axis::linear(values, UP, 6) };
    let mut kinds: Vec<&str> = Vec::new();
    for point in &points {
        if !kinds.contains(&point.entry.kind.as_str()) {
            kinds.push(&point.entry.kind);
        }
    }
    let color = |kind: &str| COLORS[kinds.iter().position(|other| *other == kind).unwrap_or(0) % COLORS.len()];
    let places: Vec<[f64; 2]> = points.iter().map(|point| [plot.x.at(point.ms), plot.y.at(point.value)]).collect();
    let labels = labels(&points, &places);
    let [height, width] = first.entry.size;
    let one_size = points.iter().all(|point| point.entry.size == first.entry.size);
    let time = if one_size { format!("ms per image of {width}×{height}") } else { "ms per image".into() };
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (SIZE[0]) " " (SIZE[1]) } width=(SIZE[0]) height=(SIZE[1])
            font-family="sans-serif" font-size="13" role="img" aria-label={ "time against " (measure.axis()) } {
            style { (PreEscaped(STYLE)) }
            rect width=(SIZE[0]) height=(SIZE[1]) fill="#ffffff" {}
            (plot.grid())
            path d={ "M" (ACROSS[0]) " " (UP[1]) "V" (UP[0]) "H" (ACROSS[1]) } fill="none" stroke="#555555" {}
            text x=(ACROSS[0]) y="24" font-size="15" font-weight="bold" { "Time against quality" }
            text.note x=(ACROSS[0]) y="42" { (measure.caption()) }
            text x=(f64::midpoint(ACROSS[0], ACROSS[1])) y=(SIZE[1] - 16.0) text-anchor="middle" { (time) }
            @for ((point, [x, y]), label) in points.iter().zip(&places).zip(&labels) {
                circle cx=(x) cy=(y) r="6" fill=(color(&point.entry.kind)) {
                    title {
                        (point.entry.name) ": " (number::value(point.ms)) " ms, " (number::value(point.value)) ", "
                        (HumanCount(point.entry.parameters as u64).to_string()) " parameters"
                    }
                }
                text x=(tenth(label.x)) y=(tenth(label.y)) text-anchor=(label.anchor) { (point.entry.name) }
            }
        }
    };
    Some(svg.into_string())
}

struct Point<'a> {
    entry: &'a Entry,
    value: f64,
    ms: f64,
}

struct Label {
    x: f64,
    y: f64,
    anchor: &'static str,
}

/// Names beside their points: on the right, or on the left near the edge; moved down where they would overlap.
fn labels(points: &[Point<'_>], places: &[[f64; 2]]) -> Vec<Label> {
    let mut taken: Vec<[f64; 4]> = Vec::new();
    let mut labels = Vec::with_capacity(points.len());
    for (point, &[x, y]) in points.iter().zip(places) {
        let width = LETTER[1] * point.entry.name.chars().count() as f64;
        let right = x + 10.0 + width <= SIZE[0] - 4.0;
        let left = if right { x + 10.0 } else { x - 10.0 - width };
        let mut top = y - LETTER[0] / 2.0;
        let overlaps =
            |top: f64, [l, t, r, b]: [f64; 4]| left < r && left + width > l && top < b && top + LETTER[0] > t;
        while let Some(other) = taken.iter().find(|other| overlaps(top, **other)) {
            top = other[3];
        }
        taken.push([left, top, left + width, top + LETTER[0]]);
        let (x, anchor) = if right { (left, "start") } else { (left + width, "end") };
        labels.push(Label { x, y: top + LETTER[0] - 4.0, anchor });
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    /// An attribute of every element of a name.
    fn attributes(svg: &str, element: &str, attribute: &str) -> Vec<f64> {
        let start = format!("<{element} ");
        let parts = svg.split(&start).skip(1);
        let value = |part: &str| {
            let found =
                part.split(&format!("{attribute}=\"")).nth(1).unwrap_or_else(|| panic!("no {attribute}: {part}"));
            found.split('"').next().unwrap().parse().unwrap()
        };
        parts.map(value).collect()
    }

    #[test]
    fn time_goes_right_by_its_logarithm_and_values_up() {
        let entries = [entry("fast", 0.4, 0.001), entry("middle", 0.3, 0.01), entry("slow", 0.2, 0.1)];
        let svg = figure(&entries, Measure::L1).unwrap();
        let (x, y) = (attributes(&svg, "circle", "cx"), attributes(&svg, "circle", "cy"));
        assert!(x[0] < x[1] && (x[1] - x[0] - (x[2] - x[1])).abs() < 0.2, "{x:?}");
        assert!(y[0] < y[1] && y[1] < y[2], "{y:?}");
        for part in ["fast", "middle", "slow", "lower is better", "16×8", ">10<"] {
            assert!(svg.contains(part), "no {part} in {svg}");
        }
        assert!(figure(&entries, Measure::Fid).is_none(), "no entry has it");
    }

    #[test]
    fn times_always_have_ticks() {
        for times in [&[0.03][..], &[0.021, 0.024], &[0.000_031], &[0.001], &[7.0, 7.1], &[0.001, 1000.0]] {
            let entries: Vec<Entry> = times.iter().map(|time| entry("a", 0.4, *time)).collect();
            let svg = figure(&entries, Measure::L1).unwrap();
            let grid = svg.split("<g class=\"grid\">").nth(1).unwrap().split("</g>").next().unwrap();
            let ticks = grid.matches("v4\"").count();
            assert!((2..=9).contains(&ticks), "{times:?}: {ticks} in {grid}");
        }
    }

    #[test]
    fn labels_do_not_overlap_and_are_escaped() {
        let svg = figure(&[entry("a<b", 0.4, 0.001), entry("c", 0.4, 0.001)], Measure::L1).unwrap();
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
        let y = ["a&lt;b</text>", "c</text>"].map(|name| {
            let before = svg.split(name).next().unwrap();
            before.rsplit(" y=\"").next().unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
        });
        assert!(y[1] - y[0] >= LETTER[0] - 0.1, "{y:?}");
    }
}
