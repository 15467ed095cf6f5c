use std::fs;
use std::path::Path;

use super::*;
use crate::Error;
use crate::data::{Plane, write_rgb};
use crate::round::{Losses, Rates};
use crate::training::metrics::MetricsLog;
use crate::training::observer::{RoundReport, Started};
use crate::training::{DepthScores, Scores};

fn machine() -> Machine {
    let (processor, system) = ("Fast & <Co>".to_string(), "Linux".to_string());
    Machine { device: "cpu".into(), threads: 2, processor, system, version: "1.2.3" }
}

fn started(dir: &Path, rounds_played: u64, rounds_total: u64) -> Event<'_> {
    Event::Started(Started {
        dir,
        rounds_played,
        rounds_total,
        rounds_per_epoch: 5,
        training_pairs: 400,
        validation_pairs: 16,
        generator_parameters: 1234567,
        discriminator_parameters: 89,
    })
}

fn round(round: u64) -> RoundReport {
    let wave = (round as f64 / 10.0).sin() + (round % 7) as f64;
    RoundReport {
        round,
        rounds_total: 100_000,
        epoch: 1,
        losses: Losses { gan: wave, feat: Some(2.0 * wave), fake: 1.0, real: 0.5, ..Losses::default() },
        rates: Rates { generator: 1e-4, discriminator: 4e-4 },
        time: Duration::from_millis(100),
        time_left: Duration::from_secs(125),
    }
}

fn colours(l1: f64) -> Scores {
    Scores { l1, depth: None }
}

/// A run folder under a name, with a report that has begun.
fn begin(parent: &Path, name: &str, config: Config, total: u64) -> (RunFolder, Report) {
    let folder = RunFolder::create(&parent.join(name)).unwrap();
    let mut report = Report::new(folder.clone(), config, machine());
    report.record(&started(folder.dir(), 0, total)).unwrap();
    (folder, report)
}

fn page(folder: &RunFolder) -> String {
    fs::read_to_string(folder.report_file()).unwrap()
}

/// Points of the first line below a heading.
fn points(page: &str, title: &str) -> usize {
    let chart = page.split(&format!("<h3>{title}</h3>")).nth(1).unwrap_or_else(|| panic!("no chart {title}"));
    let line = chart.split("<path class=\"line\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    line.matches(['M', 'L']).count()
}

#[test]
fn the_page_is_there_from_the_start_and_follows_the_run_to_its_end() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut report) = begin(parent.path(), "run", Config::default(), 12);
    assert!(page(&folder).contains("No round is played yet"));
    for number in 1..=10 {
        report.record(&Event::Round(round(number))).unwrap();
    }
    assert!(page(&folder).contains("No round is played yet"), "a page is not written for every round");
    let path = folder.checkpoint_file(10);
    report.record(&Event::Checkpoint { round: 10, path: &path }).unwrap();
    let going = page(&folder);
    for part in ["training", "of 12", "1,234,567 parameters", "2 min 05 s", "100 ms", "round 10", "asap 1.2.3"] {
        assert!(going.contains(part), "no {part} in {going}");
    }
    for chart in ["GAN", "GAN_Feat", "D_Fake", "D_real", "Learning rates"] {
        assert_eq!(points(&going, chart), 10, "{chart}");
    }
    report.end(&End::Finished).unwrap();
    assert!(page(&folder).contains("finished") && !page(&folder).contains("Time left"));
    let error = Error::Data { file: "a<b>.png".into(), problem: "is cut off".into() };
    report.end(&End::Failed(&error)).unwrap();
    assert!(page(&folder).contains("a&lt;b&gt;.png: is cut off") && page(&folder).contains("train --resume"));
    let error = Error::Diverged { round: 11, what: "the loss GAN".into(), value: f64::NAN, layer: None };
    report.end(&End::Failed(&error)).unwrap();
    assert!(
        page(&folder).contains("the loss GAN is NaN") && !page(&folder).contains("--resume"),
        "it would do so again"
    );
}

#[test]
fn an_old_page_is_written_again_at_the_next_round() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut report) = begin(parent.path(), "run", Config::default(), 12);
    report.attempted -= WRITE_EVERY;
    report.record(&Event::Round(round(1))).unwrap();
    assert_eq!(points(&page(&folder), "GAN"), 1);
}

#[test]
fn names_are_escaped_and_nothing_comes_from_outside() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.set("data.dir=/data/\"><script>alert(1)</script>").unwrap();
    let (folder, mut report) = begin(parent.path(), "<img src=x onerror=alert(1)>&", config, 3);
    report.record(&Event::Round(round(1))).unwrap();
    report.end(&End::Stopped).unwrap();
    let page = page(&folder);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&amp;"));
    assert!(page.contains("Fast &amp; &lt;Co&gt;") && page.contains("&lt;script&gt;"));
    for outside in ["<script", "<img src=x", "http:", "https:", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_hundred_thousand_rounds_and_large_pictures_stay_a_small_page() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut report) = begin(parent.path(), "run", Config::default(), 100_000);
    for number in 1..=100_000 {
        report.record(&Event::Round(round(number))).unwrap();
        if number % 1000 == 0 {
            report.record(&Event::Validation { round: number, scores: colours(0.5) }).unwrap();
        }
    }
    report.end(&End::Finished).unwrap();
    assert!((500..=1000).contains(&points(&page(&folder), "GAN")));
    assert_eq!(points(&page(&folder), "Validation L1"), 100);
    assert!(page(&folder).len() < 1 << 20, "{} bytes of curves", page(&folder).len());

    // Noise can hardly be compressed.
    let mut state = 1_u32;
    let noise = Plane::from_fn(1000, 1200, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[..3].try_into().unwrap()
    });
    let path = folder.sheet_file(1);
    write_rgb(&path, &noise).unwrap();
    (1..=40).for_each(|number| report.run.gallery.add(number, &path));
    report.end(&End::Finished).unwrap();
    let page = page(&folder);
    assert!((2 << 20..15 << 20).contains(&page.len()), "{} bytes", page.len());
    assert_eq!(page.matches("<img ").count(), 1 + 11);
}

#[test]
fn going_on_shows_what_was_before_and_nothing_from_after_the_checkpoint() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, _) = begin(parent.path(), "run", Config::default(), 40);
    let mut log = MetricsLog::open(&folder.metrics_file(), 0).unwrap();
    for number in 1..=30 {
        log.round(&round(number)).unwrap();
        if number % 10 == 0 {
            log.validation(number, &colours(1.0 / number as f64)).unwrap();
            write_rgb(&folder.sheet_file(number), &Plane::from_fn(8, 8, |_, _| [0; 3])).unwrap();
        }
    }
    let mut report = Report::new(folder.clone(), Config::default(), machine());
    report.record(&started(folder.dir(), 25, 40)).unwrap();
    report.record(&Event::Round(round(26))).unwrap();
    report.end(&End::Stopped).unwrap();
    let page = page(&folder);
    assert_eq!((points(&page, "D_real"), points(&page, "Validation L1")), (26, 2));
    assert_eq!(page.matches("<img ").count(), 1 + 2);
    assert!(page.contains("Samples after round 20") && page.contains("least 0.0500 after round 20"));
    assert!(page.contains("asap train --resume --out"));
}

#[test]
fn a_run_of_depths_shows_their_errors_and_what_the_colours_mean() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.set("data.output=depth").unwrap();
    config.set("data.depth_max=12.5").unwrap();
    let (folder, mut report) = begin(parent.path(), "run", config, 40);
    for (number, rmse) in [(10, 2.0), (20, 3.0)] {
        report.record(&Event::Round(round(number))).unwrap();
        let depth = Some(DepthScores { rmse, abs_rel: 0.25, delta1: rmse / 10.0 });
        report.record(&Event::Validation { round: number, scores: Scores { l1: 0.1, depth } }).unwrap();
        write_rgb(&folder.sheet_file(number), &Plane::from_fn(8, 8, |_, _| [0; 3])).unwrap();
        report.record(&Event::Sheet { round: number, path: &folder.sheet_file(number) }).unwrap();
    }
    let page = page(&folder);
    for chart in ["L1", "RMSE", "AbsRel", "delta1"] {
        assert_eq!(points(&page, &format!("Validation {chart}")), 2, "{chart}");
    }
    for part in ["least 2.0000 after round 10", "greatest 0.3000 after round 20", "violet at 12.50"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_until_it_can() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut report) = begin(parent.path(), "run", Config::default(), 12);
    fs::remove_dir_all(folder.dir()).unwrap();
    let path = folder.checkpoint_file(1);
    let error = report.record(&Event::Checkpoint { round: 1, path: &path }).unwrap_err();
    assert!(matches!(error, Error::Io { file, .. } if file == folder.report_file()));
    report.record(&Event::Round(round(2))).unwrap();
    fs::create_dir(folder.dir()).unwrap();
    report.record(&Event::Checkpoint { round: 2, path: &path }).unwrap();
    assert_eq!(points(&page(&folder), "GAN"), 1);
}
