use std::fs;
use std::path::Path;

use asap_model::data::{Plane, write_rgb};
use asap_model::evaluation::Measure;
use asap_model::training::losses::Losses;
use asap_model::training::metrics_log::MetricsLog;
use asap_model::training::stats::Stats;
use asap_model::training::step::Rates;
use asap_model::training::{RunFolder, Started, StepReport, Summary};
use asap_model::{Config, Result};

use super::*;

fn started(folder: &RunFolder, config: &Config, steps_done: u64, steps_total: u64) -> Started {
    Started {
        folder: folder.clone(),
        config: config.clone(),
        device: "cpu".into(),
        threads: 2,
        steps_done,
        steps_total,
        steps_per_epoch: 5,
        training_pairs: 400,
        validation_pairs: 16,
        generator_parameters: 1234567,
        discriminator_parameters: 89,
    }
}

fn step(step: u64) -> StepReport {
    let wave = (step as f64 / 10.0).sin() + (step % 7) as f64;
    StepReport {
        step,
        steps_total: 100_000,
        epoch: 1,
        losses: Losses(vec![("GAN", wave), ("GAN_Feat", 2.0 * wave), ("D_fake", 1.0), ("D_real", 0.5)]),
        stats: Stats(vec![("gradient_norm_generator", wave)]),
        rates: Rates { generator: 1e-4, discriminator: 4e-4 },
        time: Duration::from_millis(100),
        time_left: Duration::from_secs(125),
    }
}

/// A run folder with a page that has started.
fn start(parent: &Path, name: &str, config: &Config, total: u64) -> (RunFolder, Page) {
    let folder = RunFolder::create(&parent.join(name)).unwrap();
    let mut page = Page::default();
    page.observe(&Event::Started(&started(&folder, config, 0, total))).unwrap();
    (folder, page)
}

fn finish(page: &mut Page, stopped: bool) {
    let summary = Summary {
        dir: "run".into(),
        steps: 1,
        steps_total: 1,
        stopped,
        out_of_patience: None,
        time: Duration::ZERO,
        losses: None,
        training_seconds: 0.0,
        validations: Vec::new(),
        generator: "run/generator.safetensors".into(),
    };
    page.observe(&Event::Finished(&Ok(summary))).unwrap();
}

fn fail(page: &mut Page, error: Error) {
    let result: Result<Summary> = Err(error);
    page.observe(&Event::Finished(&result)).unwrap();
}

fn validate(page: &mut Page, step: u64, scores: &[(Measure, f64)]) {
    page.observe(&Event::Validation { step, scores, samples: &[] }).unwrap();
}

fn text(folder: &RunFolder) -> String {
    fs::read_to_string(folder.dir().join(FILE)).unwrap()
}

/// The number of points of the first line below a heading.
fn points(page: &str, title: &str) -> usize {
    let chart = page.split(&format!("<h3>{title}</h3>")).nth(1).unwrap_or_else(|| panic!("no chart {title}"));
    let line = chart.split("<path class=\"line\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    line.matches(['M', 'L']).count()
}

fn write_sheet(folder: &RunFolder, step: u64) {
    write_rgb(&folder.sheet_file(step), &Plane::from_fn(8, 8, |_, _| [0; 3])).unwrap();
}

#[test]
fn page_follows_the_run_to_its_end() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut page) = start(parent.path(), "run", &Config::default(), 12);
    assert!(text(&folder).contains("No steps yet"));
    for number in 1..=10 {
        page.observe(&Event::Step(&step(number))).unwrap();
    }
    assert!(text(&folder).contains("No steps yet"), "the page is not written at every step");
    page.observe(&Event::Checkpoint { step: 10, path: Path::new("checkpoint") }).unwrap();
    let during = text(&folder);
    for part in ["training", "of 12", "1,234,567 parameters", "00:02:05", "100 ms", "step 10", "http-equiv=\"refresh\""]
    {
        assert!(during.contains(part), "no {part} in {during}");
    }
    for chart in ["GAN", "GAN_Feat", "D_fake", "D_real"] {
        assert_eq!(points(&during, chart), 10, "{chart}");
    }
    assert_eq!(points(&during, "Gradient norm, generator"), 10);
    assert_eq!(points(&during, "Learning rates"), 10);
    finish(&mut page, false);
    let finished = text(&folder);
    assert!(finished.contains("finished") && !finished.contains("Time left") && !finished.contains("refresh"));
    fail(&mut page, Error::Data { file: "a<b>.png".into(), problem: "is cut off".into() });
    assert!(text(&folder).contains("a&lt;b&gt;.png: is cut off") && text(&folder).contains("train --resume"));
    fail(&mut page, Error::Diverged { step: 11, what: "the loss GAN".into(), value: f64::NAN, layer: None });
    let diverged = text(&folder);
    assert!(diverged.contains("the loss GAN is NaN") && !diverged.contains("--resume"), "it would diverge again");
}

#[test]
fn old_pages_are_rewritten_at_the_next_step() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut page) = start(parent.path(), "run", &Config::default(), 12);
    page.attempted = page.attempted.map(|time| time - WRITE_EVERY);
    page.observe(&Event::Step(&step(1))).unwrap();
    assert_eq!(points(&text(&folder), "GAN"), 1);
}

#[test]
fn names_are_escaped_and_nothing_is_external() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.set("data.dir=/data/\"><script>alert(1)</script>").unwrap();
    let (folder, mut page) = start(parent.path(), "<img src=x onerror=alert(1)>&", &config, 3);
    page.run.as_mut().unwrap().processor = "Fast & <Co>".into();
    page.observe(&Event::Step(&step(1))).unwrap();
    finish(&mut page, true);
    let text = text(&folder);
    assert!(text.contains("&lt;img src=x onerror=alert(1)&gt;&amp;"));
    assert!(text.contains("Fast &amp; &lt;Co&gt;") && text.contains("&lt;script&gt;"));
    for external in ["<script", "<img src=x", "http:", "https:", "@import", "url("] {
        assert!(!text.contains(external), "{external}");
    }
}

#[test]
fn long_runs_and_large_images_stay_a_small_page() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut page) = start(parent.path(), "run", &Config::default(), 100_000);
    for number in 1..=100_000 {
        page.observe(&Event::Step(&step(number))).unwrap();
        if number % 1000 == 0 {
            validate(&mut page, number, &[(Measure::L1, 0.5)]);
        }
    }
    finish(&mut page, false);
    assert!((500..=1000).contains(&points(&text(&folder), "GAN")));
    assert_eq!(points(&text(&folder), "Validation L1"), 100);
    assert!(text(&folder).len() < 1 << 20, "{} bytes of curves", text(&folder).len());

    // Noise hardly compresses.
    let mut state = 1_u32;
    let noise = Plane::from_fn(1000, 1200, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[..3].try_into().unwrap()
    });
    fs::create_dir_all(folder.dir().join("samples")).unwrap();
    let path = folder.sheet_file(1);
    write_rgb(&path, &noise).unwrap();
    (1..=40).for_each(|number| page.run.as_mut().unwrap().gallery.sheets.push((number, path.clone())));
    finish(&mut page, false);
    let text = text(&folder);
    assert!((2 << 20..15 << 20).contains(&text.len()), "{} bytes", text.len());
    assert_eq!(text.matches("<img ").count(), 1 + 11);
}

#[test]
fn resumed_runs_show_their_history_up_to_the_checkpoint() {
    let parent = tempfile::tempdir().unwrap();
    let config = Config::default();
    let (folder, _) = start(parent.path(), "run", &config, 40);
    let mut log = MetricsLog::open(&folder.metrics_file(), 0).unwrap();
    for number in 1..=30 {
        log.step(&step(number)).unwrap();
        if number % 10 == 0 {
            log.validation(number, &[(Measure::L1, 1.0 / number as f64)]).unwrap();
            write_sheet(&folder, number);
        }
    }
    let mut page = Page::default();
    page.observe(&Event::Started(&started(&folder, &config, 25, 40))).unwrap();
    page.observe(&Event::Step(&step(26))).unwrap();
    finish(&mut page, true);
    let text = text(&folder);
    assert_eq!((points(&text, "GAN_Feat"), points(&text, "Validation L1")), (26, 2));
    assert_eq!(text.matches("<img ").count(), 1 + 2);
    assert!(text.contains("Samples at step 20") && text.contains("best 0.0500 at step 20"));
    assert!(text.contains("asap train --resume --out"));
}

#[test]
fn depth_runs_show_their_errors_and_colors() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.set("data.output=depth").unwrap();
    config.set("data.depth_max=12.5").unwrap();
    let (folder, mut page) = start(parent.path(), "run", &config, 40);
    for (number, rmse) in [(10, 2.0), (20, 3.0)] {
        page.observe(&Event::Step(&step(number))).unwrap();
        write_sheet(&folder, number);
        let [l1, abs_rel, delta1] = [(Measure::L1, 0.1), (Measure::AbsRel, 0.25), (Measure::Delta1, rmse / 10.0)];
        validate(&mut page, number, &[l1, (Measure::Rmse, rmse), abs_rel, delta1]);
    }
    let text = text(&folder);
    for chart in ["L1", "RMSE", "AbsRel", "delta1"] {
        assert_eq!(points(&text, &format!("Validation {chart}")), 2, "{chart}");
    }
    for part in ["best 2.0000 at step 10", "best 0.3000 at step 20", "violet at 12.50"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn unwritable_pages_are_errors_until_they_can_be_written() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, mut page) = start(parent.path(), "run", &Config::default(), 12);
    fs::remove_dir_all(folder.dir()).unwrap();
    let checkpoint = Event::Checkpoint { step: 1, path: Path::new("checkpoint") };
    let error = page.observe(&checkpoint).unwrap_err();
    assert!(matches!(error, Error::Io { file, .. } if file == folder.dir().join(FILE)));
    page.observe(&Event::Step(&step(2))).unwrap();
    fs::create_dir(folder.dir()).unwrap();
    page.observe(&checkpoint).unwrap();
    assert_eq!(points(&text(&folder), "GAN"), 1);
}
