//! Reports of a run: `report.html` in a browser, event files in TensorBoard's own reader.
//!
//! Without Chromium, or without Python with TensorBoard, a test prints that and checks nothing; with the environment
//! variable `CI` set it fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use asap_model::data::read_photo;
use serde_json::{Map, Value};

use crate::support::{TINY, Workspace};

/// A program that a test needs; `None`, and a message, without it.
fn needed(what: &str, candidates: &[PathBuf], check: &[&str]) -> Option<PathBuf> {
    let works = |program: &&PathBuf| Command::new(program).args(check).output().is_ok_and(|ran| ran.status.success());
    let found = candidates.iter().find(works).cloned();
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no {what}");
        eprintln!("skipped: there is no {what}");
    }
    found
}

/// Appended to a page: adds measurements of the rendered page to it.
const MEASURE: &str = "<script>addEventListener('load', () => {
    const lines = [...document.querySelectorAll('path.line')].map(path => {
        const box = path.getBBox();
        return { points: path.getAttribute('d').split(/[ML]/).length - 1, length: path.getTotalLength(),
            width: box.width, height: box.height, color: getComputedStyle(path).stroke };
    });
    const images = [...document.images].map(image => [image.naturalWidth, image.naturalHeight, image.alt]);
    const loaded = performance.getEntriesByType('resource').map(entry => entry.name);
    const page = document.documentElement;
    const measured = document.createElement('pre');
    measured.textContent = JSON.stringify({ title: document.title, lines, images,
        outside: loaded.filter(name => !name.startsWith('data:')), overflow: page.scrollWidth - page.clientWidth });
    measured.id = 'measured';
    document.body.append(measured);
})</script>";

/// Measurements of a page rendered at a width.
fn measured(here: &Workspace, page: &Path, width: usize) -> Option<Map<String, Value>> {
    let names = ["chromium", "chromium-browser", "google-chrome"].map(PathBuf::from);
    let browser = needed("browser (chromium)", &names, &["--version"])?;
    here.write("measured.html", std::fs::read_to_string(page).expect("a page") + MEASURE);
    let output = Command::new(browser)
        .args("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split(' '))
        .args("--disable-background-networking --disable-component-update --disable-sync --dump-dom".split(' '))
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", here.path(&format!("browser-{width}")).display()))
        .arg(format!("file://{}", here.path("measured.html").display()))
        .output()
        .expect("the browser starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let json = text.split("<pre id=\"measured\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let json = json.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    Some(serde_json::from_str(json).expect("what was measured"))
}

#[test]
fn browser_shows_curves_and_samples() {
    let here = Workspace::new();
    here.done(&format!("train --steps 36 --out run {TINY} --set train.sample_every=9"));
    for width in [1280, 500] {
        let Some(measured) = measured(&here, &here.path("run/report.html"), width) else { return };
        assert_eq!(measured["title"], "run · finished");
        let lines = measured["lines"].as_array().expect("lines");
        // L1 and seams of the validations, five losses, two learning rates.
        assert_eq!(lines.len(), 9, "{measured:?}");
        for (place, line) in lines.iter().enumerate() {
            let number = |key: &str| line[key].as_f64().expect("a number");
            assert_eq!(number("points"), if place < 2 { 4.0 } else { 36.0 }, "{line}");
            // The first validation is after a quarter of the steps.
            assert!(number("width") > if place < 2 { 200.0 } else { 280.0 }, "{line}");
            assert!(number("length") >= number("width") && line["color"] != "none", "{line}");
            assert!(number("height") > 1.0, "losses vary, and the learning rates decay: {line}");
        }
        let images = measured["images"].as_array().expect("images");
        let sizes: Vec<(u64, u64)> =
            images.iter().map(|image| (image[0].as_u64().unwrap(), image[1].as_u64().unwrap())).collect();
        // Two validation pairs of 32×32: three columns, of which the outputs are shown over time.
        assert_eq!(sizes, [[(104, 68)].as_slice(), &[(32, 68); 4]].concat());
        assert!(images.iter().all(|image| image[2].as_str().is_some_and(|alt| alt.contains("at step"))));
        assert_eq!(measured["outside"], Value::Array(Vec::new()), "only the page is loaded");
        assert_eq!(measured["overflow"], 0, "at a width of {width}, the page scrolls sideways");
    }
}

/// Prints what TensorBoard's reader finds in a folder as JSON: tags, each with steps and values.
const READ: &str = "
import base64, json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0}).Reload()
scalars = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}
picture = lambda e: [e.step, e.width, e.height, base64.b16encode(e.encoded_image_string).decode()]
images = {tag: [picture(e) for e in events.Images(tag)] for tag in events.Tags()['images']}
print(json.dumps({'scalars': scalars, 'images': images}))
";

/// What TensorBoard's reader finds in a run folder.
fn read_events(here: &Workspace, run: &str) -> Option<Value> {
    // The build folder is two above the program; there `.ci/run` puts a Python with TensorBoard.
    let target = Path::new(env!("CARGO_BIN_EXE_asap")).ancestors().nth(2).expect("a build folder");
    let candidates = [target.join("tensorboard/bin/python"), "python3".into()];
    let python = needed("Python with TensorBoard", &candidates, &["-c", "import tensorboard"])?;
    let output = Command::new(python).args(["-c", READ]).arg(here.path(run)).output().expect("Python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let json = serde_json::from_str(text.lines().last().unwrap_or_default());
    Some(json.unwrap_or_else(|error| panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn tensorboard_reads_a_resumed_run_as_one_curve() {
    let here = Workspace::new();
    let often = "--set train.save_every=4 --set train.sample_every=4";
    here.done(&format!("train --steps 10 --out run {TINY} {often}"));
    // As if the machine had stopped in step 11 before it saved step 10.
    std::fs::remove_file(here.path("run/checkpoints/step-000010.safetensors")).expect("a checkpoint");
    here.done("train --steps 12 --out run --resume --threads 1");
    assert_eq!(here.names("run").iter().filter(|name| name.contains("tfevents")).count(), 2);
    let Some(events) = read_events(&here, "run") else { return };

    let metrics = std::fs::read_to_string(here.path("run/metrics.jsonl")).expect("metrics");
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    let of_metrics = |value: &dyn Fn(&Value) -> Option<f64>| -> Vec<(u64, f32)> {
        let found = lines.iter().filter_map(|line| Some((line["step"].as_u64()?, value(line)? as f32)));
        found.collect()
    };
    let of_events = |tag: &str| -> Vec<(u64, f32)> {
        let points = events["scalars"][tag].as_array().unwrap_or_else(|| panic!("no {tag} in {events}"));
        points.iter().map(|point| (point[0].as_u64().unwrap(), point[1].as_f64().unwrap() as f32)).collect()
    };
    assert_eq!(of_events("loss/GAN").len(), 12);
    for loss in ["GAN", "GAN_Feat", "L1", "D_fake", "D_real"] {
        assert_eq!(of_events(&format!("loss/{loss}")), of_metrics(&|line| line["losses"][loss].as_f64()));
    }
    for rate in ["generator", "discriminator"] {
        assert_eq!(
            of_events(&format!("learning_rate/{rate}")),
            of_metrics(&|line| line[format!("lr_{rate}")].as_f64())
        );
    }
    for (tag, key) in [("validation/L1", "validation_l1"), ("validation/Seams", "validation_seams")] {
        assert_eq!(of_events(tag), of_metrics(&|line| line[key].as_f64()));
    }
    let tags = events["scalars"].as_object().map(Map::len);
    assert_eq!(tags, Some(5 + 2 + 2));

    let samples = events["images"]["samples"].as_array().expect("samples");
    let steps: Vec<u64> = samples.iter().map(|sample| sample[0].as_u64().unwrap()).collect();
    assert_eq!(steps, [4, 8, 12], "the sample of step 10 is from after the checkpoint");
    for sample in samples {
        let file = here.path(&format!("run/samples/step-{:06}.png", sample[0].as_u64().unwrap()));
        let sheet = read_photo(&file).unwrap();
        let hexadecimal: String =
            std::fs::read(&file).expect("a sample").iter().map(|byte| format!("{byte:02X}")).collect();
        let expected = (&sheet.width.into(), &sheet.height.into(), Some(hexadecimal.as_str()));
        assert!((&sample[1], &sample[2], sample[3].as_str()) == expected);
    }
}

#[test]
fn failing_reports_are_warnings() {
    let here = Workspace::new();
    here.done(&format!("train --steps 2 --out run {TINY}"));
    std::fs::remove_file(here.path("run/report.html")).expect("a report");
    std::fs::create_dir_all(here.path("run/report.html/in the way")).expect("a folder");
    // No number is left for a later event file.
    here.write(&format!("run/events.out.tfevents.{}.asap", u64::MAX), "");
    let ran = here.done("train --steps 6 --out run --resume --threads 1 --json --set train.sample_every=1");
    let objects = ran.objects();
    let texts: Vec<&str> =
        objects.iter().filter(|o| o["event"] == "warning").filter_map(|object| object["text"].as_str()).collect();
    assert_eq!(texts.len(), 2, "one for each report: {texts:?}");
    let has = |part: &str| texts.iter().any(|text| text.contains(part));
    assert!(has("report.html: cannot write it") && has("tfevents"), "{texts:?}");
    assert_eq!(ran.stderr.matches("warning: ").count(), 2, "{}", ran.stderr);
    assert_eq!(objects.last().map(|object| &object["steps"]), Some(&6.into()));

    std::fs::remove_dir_all(here.path("run/report.html")).expect("a folder");
    here.done("train --steps 7 --out run --resume --threads 1");
    let page = std::fs::read_to_string(here.path("run/report.html")).expect("a report");
    assert!(page.contains("of 7"), "the next session writes it");
}
