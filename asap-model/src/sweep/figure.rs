//! Time against quality, as an SVG picture.

use maud::{Markup, html};

use super::{Entry, Measure};
use crate::number;

/// The picture's sides, in pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 480.0;
/// The plotted part: left, right, top, bottom.
const LEFT: f64 = 84.0;
const RIGHT: f64 = WIDTH - 28.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = HEIGHT - 60.0;
/// The room around the points, as a part of the axis.
const ROOM: f64 = 0.12;
/// The height of a name, and about the width of its letters.
const LETTER: [f64; 2] = [16.0, 7.2];

/// A colour for each kind of generator, told apart also by people who don't see all colours (Okabe & Ito).
const COLOURS: [&str; 7] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333"];

/// The entries that have the measure: the time of a picture, on a logarithmic axis, against quality. `None` if there are
/// none.
pub fn figure(entries: &[Entry], measure: Measure) -> Option<String> {
    let points: Vec<Point<'_>> = entries
        .iter()
        .filter_map(|entry| Some(Point { entry, value: entry.value(measure)?, ms: 1e3 * entry.seconds }))
        .filter(|point| point.value.is_finite() && point.ms > 0.0)
        .collect();
    let first = points.first()?;
    let values = Axis::around(points.iter().map(|point| point.value));
    let times = Axis::around(points.iter().map(|point| point.ms.log10()));
    let mut kinds: Vec<&str> = Vec::new();
    for point in &points {
        if !kinds.contains(&point.entry.kind.as_str()) {
            kinds.push(&point.entry.kind);
        }
    }
    let colour = |kind: &str| COLOURS[kinds.iter().position(|other| *other == kind).unwrap_or(0) % COLOURS.len()];
    let places: Vec<[f64; 2]> = points
        .iter()
        .map(|point| {
            [LEFT + (RIGHT - LEFT) * times.share(point.ms.log10()), BOTTOM - (BOTTOM - TOP) * values.share(point.value)]
        })
        .collect();
    let names = names(&points, &places);
    let [height, width] = first.entry.size;
    let one_size = points.iter().all(|point| point.entry.size == first.entry.size);
    let what = if one_size { format!("a picture of {width}×{height}, ms") } else { "a picture, ms".into() };
    let better = if measure.falls() { "lower is better" } else { "higher is better" };
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT)
            font-family="sans-serif" font-size="13" role="img" aria-label={ "time against " (measure.title()) } {
            rect width=(WIDTH) height=(HEIGHT) fill="#ffffff" {}
            (grid(&times, &values))
            text x=(LEFT) y="24" font-size="15" font-weight="bold" { "Time against quality" }
            text x=(LEFT) y="42" fill="#555555" { (measure.title()) ": " (better) }
            text x=(f64::midpoint(LEFT, RIGHT)) y=(HEIGHT - 16.0) text-anchor="middle" { (what) }
            @for ((point, [x, y]), name) in points.iter().zip(&places).zip(&names) {
                circle cx=(tenth(*x)) cy=(tenth(*y)) r="6" fill=(colour(&point.entry.kind)) {
                    title {
                        (point.entry.name) ": " (number::value(point.ms)) " ms, " (number::value(point.value)) ", "
                        (number::grouped(point.entry.parameters as f64)) " parameters"
                    }
                }
                text x=(tenth(name.x)) y=(tenth(name.y)) text-anchor=(name.anchor) { (point.entry.name) }
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

/// From the least to the greatest of some values, with some room.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        // Equal values need some room too.
        let room = match ROOM * (high - low) {
            room if room > 0.0 => room,
            _ => (0.1 * high.abs()).max(0.1),
        };
        Axis { low: low - room, high: high + room }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The ticks of an axis of logarithms, with their texts: 1, 2 and 5 times the powers of ten, whole powers alone where these
/// are many. Where two don't lie within it, ticks of equal steps.
fn time_ticks(axis: &Axis) -> Vec<(f64, String)> {
    let factors: &[f64] = if axis.high - axis.low > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let tens = (axis.low.floor() as i32)..=(axis.high.ceil() as i32);
    let ticks = tens.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
    let ticks: Vec<f64> = ticks.filter(|tick| (axis.low..=axis.high).contains(&tick.log10())).collect();
    if ticks.len() >= 2 {
        return ticks.into_iter().map(|tick| (tick, plain(tick))).collect();
    }
    let (ticks, step) = number::ticks(10f64.powf(axis.low), 10f64.powf(axis.high), 5);
    ticks.into_iter().map(|tick| (tick, number::tick(tick, step))).collect()
}

fn grid(times: &Axis, values: &Axis) -> Markup {
    let (ticks, step) = number::ticks(values.low, values.high, 6);
    let time_ticks = time_ticks(times);
    html! {
        g stroke="#dddddd" {
            @for tick in &ticks {
                @let y = tenth(BOTTOM - (BOTTOM - TOP) * values.share(*tick));
                path d={ "M" (LEFT) " " (y) "H" (RIGHT) } {}
            }
            @for (tick, _) in &time_ticks {
                @let x = tenth(LEFT + (RIGHT - LEFT) * times.share(tick.log10()));
                path d={ "M" (x) " " (TOP) "V" (BOTTOM) } {}
            }
        }
        path d={ "M" (LEFT) " " (TOP) "V" (BOTTOM) "H" (RIGHT) } fill="none" stroke="#555555" {}
        g fill="#333333" {
            @for tick in &ticks {
                text x=(LEFT - 8.0) y=(tenth(BOTTOM - (BOTTOM - TOP) * values.share(*tick) + 4.5)) text-anchor="end" {
                    (number::tick(*tick, step))
                }
            }
            @for (tick, written) in &time_ticks {
                text x=(tenth(LEFT + (RIGHT - LEFT) * times.share(tick.log10()))) y=(BOTTOM + 20.0) text-anchor="middle" {
                    (written)
                }
            }
        }
    }
}

/// 0.05, 2, 1,000.
fn plain(tick: f64) -> String {
    if tick >= 1.0 { number::grouped(tick) } else { format!("{tick:.*}", (-tick.log10()).ceil().max(0.0) as usize) }
}

/// Where a name stands.
struct Name {
    x: f64,
    y: f64,
    anchor: &'static str,
}

/// Names beside their points: at the right, or at the left where the picture ends; moved down where one stands already.
fn names(points: &[Point<'_>], places: &[[f64; 2]]) -> Vec<Name> {
    let mut taken: Vec<[f64; 4]> = Vec::new();
    let mut names = Vec::with_capacity(points.len());
    for (point, &[x, y]) in points.iter().zip(places) {
        let width = LETTER[1] * point.entry.name.chars().count() as f64;
        let right = x + 10.0 + width <= WIDTH - 4.0;
        let left = if right { x + 10.0 } else { x - 10.0 - width };
        let mut top = y - LETTER[0] / 2.0;
        let meets = |top: f64, [l, t, r, b]: [f64; 4]| left < r && left + width > l && top < b && top + LETTER[0] > t;
        while let Some(other) = taken.iter().find(|other| meets(top, **other)) {
            top = other[3];
        }
        taken.push([left, top, left + width, top + LETTER[0]]);
        let (x, anchor) = if right { (left, "start") } else { (left + width, "end") };
        names.push(Name { x, y: top + LETTER[0] - 4.0, anchor });
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    /// The attributes of every element of that name.
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
    fn slower_is_further_right_by_the_logarithm_and_more_is_higher() {
        let entries = [entry("fast", 0.4, 0.001), entry("middle", 0.3, 0.01), entry("slow", 0.2, 0.1)];
        let svg = figure(&entries, Measure::L1).unwrap();
        let (x, y) = (attributes(&svg, "circle", "cx"), attributes(&svg, "circle", "cy"));
        assert!(x[0] < x[1] && (x[1] - x[0] - (x[2] - x[1])).abs() < 0.2, "{x:?}");
        assert!(y[0] < y[1] && y[1] < y[2], "{y:?}");
        for name in ["fast", "middle", "slow", "lower is better", "16×8", ">10<"] {
            assert!(svg.contains(name), "no {name} in {svg}");
        }
        assert!(figure(&entries, Measure::Fid).is_none(), "none of them has it");
    }

    #[test]
    fn the_axis_of_times_has_ticks_wherever_the_points_lie() {
        for times in [&[0.03][..], &[0.021, 0.024], &[0.000_031], &[7.0, 7.1], &[0.001, 1000.0]] {
            let entries: Vec<Entry> = times.iter().map(|time| entry("a", 0.4, *time)).collect();
            let axis = Axis::around(times.iter().map(|time: &f64| (1e3 * time).log10()));
            let ticks = time_ticks(&axis);
            assert!((2..=9).contains(&ticks.len()), "{times:?}: {ticks:?}");
            let svg = figure(&entries, Measure::L1).unwrap();
            for (tick, written) in ticks {
                let lies_within = (axis.low..=axis.high).contains(&tick.log10());
                assert!(lies_within && svg.contains(&format!(">{written}<")), "{times:?}: {written}");
            }
        }
    }

    #[test]
    fn names_of_equal_points_stand_below_each_other_and_special_letters_are_escaped() {
        let svg = figure(&[entry("a<b", 0.4, 0.001), entry("c", 0.4, 0.001)], Measure::L1).unwrap();
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
        let names: Vec<f64> = ["a&lt;b</text>", "c</text>"]
            .into_iter()
            .map(|name| {
                let before = svg.split(name).next().unwrap();
                let at = before.rsplit("y=\"").next().unwrap();
                at.split('"').next().unwrap().parse().unwrap()
            })
            .collect();
        assert!(names[1] - names[0] >= LETTER[0] - 0.1, "{names:?}");
    }
}
