//! `asap train`.

use asap_model::data::{Plane, write_labels};
use serde_json::Value;

use crate::support::{TINY, Workspace};

#[test]
fn dry_run_leaves_nothing_behind() {
    let here = Workspace::new();
    let ran = here.done(&format!("train --dry-run {TINY}"));
    assert!(ran.stdout.contains("dry run: 2 steps"), "{}", ran.stdout);
    assert!(here.names(".").is_empty(), "{:?}", here.names("."));
}

#[test]
fn json_events_and_run_folder_are_complete() {
    let here = Workspace::new();
    let objects = here.done(&format!("train --steps 3 --json {TINY}")).objects();
    let event = |object: &serde_json::Map<String, Value>| object["event"].as_str().expect("an event").to_owned();
    let events: Vec<String> = objects.iter().map(event).collect();
    assert_eq!(events, ["started", "step", "step", "step", "validation", "samples", "checkpoint", "finished"]);
    for (index, object) in objects[1..4].iter().enumerate() {
        assert_eq!(object["step"], index + 1);
        let losses = object["losses"].as_object().expect("losses");
        assert_eq!(losses.keys().collect::<Vec<_>>(), ["GAN", "GAN_Feat", "L1", "D_fake", "D_real"]);
        assert!(losses.values().all(Value::is_f64), "{losses:?}");
    }
    assert_eq!(objects[7]["dir"], "runs/quickstart");
    let (events, names): (Vec<String>, Vec<String>) =
        here.names("runs/quickstart").into_iter().partition(|name| name.starts_with("events.out.tfevents."));
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        names,
        [".lock", "checkpoints", "config.toml", "generator.safetensors", "metrics.jsonl", "report.html", "samples"]
    );
    assert_eq!(here.names("runs/quickstart/checkpoints"), ["step-000003.safetensors"]);
    assert_eq!(here.names("runs/quickstart/samples"), ["step-000003.png"]);
    let config = std::fs::read_to_string(here.path("runs/quickstart/config.toml")).unwrap();
    assert!(config.contains("max_width = 8") && config.contains("beta2 = 0.999"), "not resolved:\n{config}");
}

#[test]
fn quickstart_trains_on_any_dataset_and_suggests_commands() {
    let here = Workspace::new();
    here.done("data synth houses --count 8 --size 40");
    let line = format!("train --data houses --steps 1 {TINY}");
    let next = "asap infer --checkpoint runs/quickstart --data houses --out generated && asap eval --checkpoint runs/quickstart \
                --data houses";
    let printed = here.done(&line).stdout;
    assert!(printed.contains(next), "{printed}");
    for command in next.split(" && ") {
        here.done(command.strip_prefix("asap ").expect("the program"));
    }
    here.refused(&format!("{line} --set data.resize=none"), 3, &["40×40", "data.resize"]);
}

#[test]
fn quiet_prints_only_the_result() {
    let here = Workspace::new();
    let ran = here.done(&format!("train --steps 1 -q {TINY}"));
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("1 of 1 steps") && ran.stdout.contains("Try next: "), "{}", ran.stdout);
}

#[test]
fn existing_runs_are_never_overwritten() {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    let before = here.files("run");
    let ran = here.done(&format!("train --steps 1 --seed 9 --out run {TINY} --json"));
    assert_eq!(ran.objects()[0]["dir"], "run-2");
    assert!(here.files("run") == before);
    let generator = |run: &str| std::fs::read(here.path(run).join("generator.safetensors")).unwrap();
    assert!(generator("run") != generator("run-2"), "another seed gives another generator");
}

#[test]
fn resumed_run_ends_with_the_same_bytes() {
    let here = Workspace::new();
    let often = "--set train.save_every=2 --set train.sample_every=2";
    here.done(&format!("train --steps 8 --out whole {TINY} {often}"));
    // Step 8 is in the second epoch: the order of pairs changes after the stop.
    here.done(&format!("train --steps 4 --out parts {TINY} {often}"));
    here.done("train --steps 8 --out parts --resume --threads 1");
    for file in [
        "generator.safetensors",
        "checkpoints/step-000008.safetensors",
        "config.toml",
        "samples/step-000002.png",
        "samples/step-000008.png",
    ] {
        let bytes = |run: &str| std::fs::read(here.path(run).join(file)).unwrap();
        assert!(bytes("whole") == bytes("parts"), "{file} differs");
    }
    let metrics = |run: &str| {
        let text = std::fs::read_to_string(here.path(run).join("metrics.jsonl")).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("seconds")));
        lines
    };
    assert_eq!(metrics("whole"), metrics("parts"));
}

#[test]
fn resuming_needs_a_run_and_its_networks() {
    let here = Workspace::new();
    here.refused("train --resume --out nowhere", 5, &["nowhere", "not a run folder"]);
    here.done(&format!("train --steps 1 --out run {TINY}"));
    let before = here.files("run");
    here.refused(
        "train --resume --out run --set generator.width=8",
        2,
        &["generator.width (8, was 4)", "start a new run"],
    );
    here.refused("train --resume --out run --dry-run", 2, &["--dry-run"]);
    assert!(here.files("run") == before, "a refused run is unchanged");
}

#[test]
fn perceptual_loss_needs_its_weights() {
    let here = Workspace::new();
    let line = format!("train --steps 1 --set loss.lambda_vgg=10 {TINY}");
    here.refused(&line, 2, &["loss.vgg_weights", "loss.lambda_vgg=0"]);
    here.refused(&format!("{line} --set loss.vgg_weights=vgg.pth"), 5, &["vgg.pth"]);
    assert!(here.names(".").is_empty(), "no folder is made for a run that can't start");
}

#[test]
fn misspelled_presets_and_keys_get_suggestions() {
    let here = Workspace::new();
    here.refused("train --dry-run --config facades-521", 2, &["facades-521", "did you mean facades-512?"]);
    here.refused("train --dry-run --set generator.tiel=8", 2, &["generator.tiel", "did you mean generator.tile?"]);
    here.refused("train --dry-run --set trian.batch=8", 2, &["did you mean train.batch?"]);
    here.write("mine.toml", "[data]\n\nclases = 3\n");
    here.refused("train --dry-run --config mine.toml", 2, &["mine.toml:3: ", "did you mean data.classes?"]);
    std::fs::create_dir(here.path("folder")).unwrap();
    here.refused("train --dry-run --config folder", 2, &["folder: "]);
    here.refused("train --steps 0", 2, &["train.steps = 0"]);
    assert_eq!(here.names("."), ["folder", "mine.toml"]);
}

#[test]
fn divergence_names_the_keys_to_lower() {
    let here = Workspace::new();
    here.refused(
        &format!("train --steps 30 --set train.lr_generator=1e30 {TINY}"),
        6,
        &["diverged at step", "train.lr_generator"],
    );
}

#[test]
fn unreadable_pair_is_named_after_saving() {
    let here = Workspace::new();
    here.done("data synth houses --count 4 --size 32");
    here.write("houses/train_img/synth_00001.jpg", b"no picture");
    let tiny = TINY.replace("--set data.workers=1", "--set data.workers=0");
    here.refused(
        &format!("train --data houses --out run --steps 3 --skip-check {tiny}"),
        3,
        &["houses/train_img/synth_00001.jpg"],
    );
    let saved = std::fs::read_to_string(here.path("run/metrics.jsonl")).unwrap().lines().count();
    let checkpoints = here.names("run/checkpoints");
    assert_eq!(checkpoints.len(), usize::from(saved > 0), "{saved} steps, {checkpoints:?}");
}

#[test]
fn bad_images_are_named_before_a_folder_is_made() {
    let here = Workspace::new();
    here.done("data synth houses --count 12 --size 32");
    let line = format!("train --data houses --out run --steps 1 {TINY}");
    let label = here.names("houses/train_label").pop().unwrap();
    let path = here.path("houses/train_label").join(&label);
    write_labels(&path, &Plane { height: 32, width: 32, data: vec![77; 32 * 32] }, &[[0; 3]; 78]).unwrap();
    here.refused(&line, 3, &[&label, "label 77", "(0, 0)"]);
    let photo = here.names("houses/val_img").pop().unwrap();
    std::fs::write(here.path("houses/val_img").join(photo), "no picture").unwrap();
    here.refused(&line, 3, &[&label, "first of 2 problems"]);
    assert_eq!(here.names("."), ["houses"]);
    // The one step uses another pair.
    here.done(&format!("{line} --skip-check --set train.validate_count=1"));
}
