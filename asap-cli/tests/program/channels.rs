//! Images of other channels and bits than photos have, from the dataset to the measures.

use std::path::Path;

use asap_model::Config;
use asap_model::config::{FileFormat, Ranges};
use asap_model::data::{Image, ReadOptions, Samples, read_image, write_image};

use crate::support::{TINY, Workspace};

/// Writes an image of smooth values from `low` to `high`, another in each channel and under each name.
fn image(file: &Path, channels: usize, seed: usize, [low, high]: [f64; 2], format: FileFormat) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let value = |place: usize| {
        let (pixel, channel) = (place / channels, place % channels);
        let phase = (pixel % 36) as f64 / 9.0 + (pixel / 36) as f64 / 7.0 + (channel * 3 + seed) as f64;
        low + (phase.sin() + 1.0) / 2.0 * (high - low)
    };
    let values = (0..36 * 36 * channels).map(value);
    let samples = match high {
        ..256.0 if low >= 0.0 && high > 1.0 => Samples::U8(values.map(|v| v as u8).collect()),
        256.0.. => Samples::U16(values.map(|v| v as u16).collect()),
        _ => Samples::F32(values.map(|v| v as f32).collect()),
    };
    write_image(file, &Image::new([36, 36], channels, samples), format).unwrap();
}

/// Pairs for training and validation in `set`.
fn pairs(here: &Workspace, inputs: (usize, [f64; 2], FileFormat), targets: (usize, [f64; 2], FileFormat)) {
    for split in ["train", "val"] {
        for (seed, name) in ["a", "b", "c"].into_iter().enumerate() {
            for (folder, (channels, range, format)) in [("inputs", inputs), ("images", targets)] {
                let file = here.path(&format!("set/{split}/{folder}/{name}.{}", format.extension()));
                image(&file, channels, seed, range, format);
            }
        }
    }
}

fn set(keys: &[&str]) -> String {
    keys.iter().map(|key| format!(" --set data.{key}")).collect()
}

/// Trains two steps on `set`, and returns the data keys of the run.
fn trained(here: &Workspace, keys: &[&str]) -> asap_model::config::DataConfig {
    let own = set(&["layout=pairs", "input=image", "resize=fixed"]) + &set(keys);
    here.done(&format!("data check set --config quickstart {TINY} --set data.output=image {own}"));
    here.done(&format!(
        "train --config quickstart --data set --steps 2 --out run {TINY} --set data.output=image {own} \
         --set train.sample_every=1"
    ));
    assert!(here.path("run/samples").read_dir().unwrap().count() > 0, "sheets show them");
    let text = std::fs::read_to_string(here.path("run/config.toml")).unwrap();
    Config::parse(&text, "run").unwrap().data
}

#[test]
fn six_channels_become_four() {
    let here = Workspace::new();
    pairs(&here, (6, [0.0, 4000.0], FileFormat::Npy), (4, [100.0, 60000.0], FileFormat::Tiff));
    let keys = ["input_channels=6", "output_channels=4", "input_range=[0,4095]", "output_range=[0,65535]"];
    let data = trained(&here, &keys);
    assert_eq!((data.output_format, data.output_bits), (Some(FileFormat::Tiff), Some(16)), "those of the targets");

    here.done("infer --checkpoint run --data set --out generated");
    for name in ["a", "b", "c"] {
        let generated = read_image(&here.path(&format!("generated/{name}.tif")), &ReadOptions::ANY).unwrap();
        assert_eq!((generated.size(), generated.channels(), generated.samples().bits()), ([36, 36], 4, 16));
    }
    let report = here.done("eval --checkpoint run --data set --json").objects().remove(0);
    assert!(report["l1"].as_f64().unwrap() > 0.0 && report["ssim"].is_f64(), "{report:?}");
    let folders = here.done("eval --generated set/val/images --real set/val/images --json").objects().remove(0);
    assert_eq!(folders["l1"].as_f64(), Some(0.0), "{folders:?}");
    here.done("compare run --data set --out page --count 2");
}

#[test]
fn gray_images_of_16_bits_stay_gray_with_16_bits() {
    let here = Workspace::new();
    let gray = (1, [50.0, 3000.0], FileFormat::Tiff);
    pairs(&here, gray, gray);
    let data = trained(
        &here,
        &["input_channels=1", "output_channels=1", "input_range=percentiles", "output_range=percentiles"],
    );
    let Some(Ranges::Each(ranges)) = &data.output_range else { panic!("found: {:?}", data.output_range) };
    let [[low, high]] = ranges[..] else { panic!("one channel: {ranges:?}") };
    assert!((50.0..300.0).contains(&low) && (2500.0..3001.0).contains(&high), "{low} to {high}");
    here.done("infer --checkpoint run --input set/val/inputs --out generated");
    let generated = read_image(&here.path("generated/a.tif"), &ReadOptions::ANY).unwrap();
    assert_eq!((generated.channels(), generated.samples().bits()), (1, 16));
    assert!(generated.channel(0).all(|value| (low.floor()..=high.ceil()).contains(&value)), "inside the range");
}

#[test]
fn floats_need_a_range_and_stay_floats() {
    let here = Workspace::new();
    pairs(&here, (2, [-1.0, 0.5], FileFormat::Tiff), (1, [-1.0, 0.5], FileFormat::Npy));
    let keys = ["layout=pairs", "input=image", "resize=fixed", "input_channels=2", "output_channels=1"];
    let own = set(&keys);
    let train = "train --config quickstart --data set --steps 2 --out run --set data.output=image";
    here.refused(&format!("{train} {TINY} {own} --set data.input_range="), 3, &["set data.input_range", "percentiles"]);
    // What the dataset leaves open is found in it.
    here.done("data check set");
    here.done(&format!("train --data set --dry-run {}", TINY.replace("--set data.classes=13", "")));
    let data = trained(&here, &["input_channels=2", "output_channels=1", "input_range=[-1,1]", "output_range=[-1,1]"]);
    assert_eq!((data.output_format, data.output_bits), (Some(FileFormat::Npy), Some(32)));
    here.done("infer --checkpoint run --data set --out generated");
    let generated = read_image(&here.path("generated/b.npy"), &ReadOptions::ANY).unwrap();
    assert_eq!((generated.size(), generated.samples().bits()), ([36, 36], 32));
}

#[test]
fn other_channels_than_configured_are_named() {
    let here = Workspace::new();
    pairs(&here, (6, [0.0, 200.0], FileFormat::Tiff), (3, [0.0, 200.0], FileFormat::Png));
    let own = set(&["layout=pairs", "input=image", "resize=fixed", "input_channels=4", "output=image"]);
    let checked = here.asap(&format!("data check set --config quickstart {TINY} {own}"));
    assert_eq!(checked.code, 3);
    assert!(checked.stdout.contains("has 6 channels, but 4 channels are expected"), "{}", checked.stdout);
}

#[test]
fn alpha_is_a_channel_if_it_is_kept() {
    let here = Workspace::new();
    pairs(&here, (4, [0.0, 200.0], FileFormat::Png), (4, [0.0, 200.0], FileFormat::Webp));
    let data = trained(&here, &["input_channels=4", "output_channels=4", "alpha=keep"]);
    assert_eq!(data.output_format, Some(FileFormat::Webp));
    here.done("infer --checkpoint run --data set --out generated");
    let keep = ReadOptions { alpha: asap_model::config::Alpha::Keep, ..ReadOptions::ANY };
    assert_eq!(read_image(&here.path("generated/a.webp"), &keep).unwrap().channels(), 4);
}
