//! `asap segmenter`, and the measures of `asap eval --segmenter`.

use crate::support::{TINY, Workspace};

/// A run in `run` on the dataset `houses`, 20 pairs of 32×32 pixels, and a segmentation network of it in `own.safetensors`.
fn trained() -> (Workspace, String) {
    let here = Workspace::new();
    here.done("data synth houses --count 20 --size 32");
    let config = TINY.replace("--threads 1", "--threads 1 --set data.classes=13 --set data.resize=fixed");
    here.done(&format!("train --steps 1 --data houses --out run {config}"));
    let line = "segmenter --data houses --config run/config.toml --threads 1".to_owned();
    (here, line)
}

#[test]
fn generated_images_are_measured_by_their_labels() {
    let (here, line) = trained();
    let found =
        here.done(&format!("{line} --steps 40 --batch 4 --out own.safetensors --json")).objects().pop().unwrap();
    let miou = found["miou"].as_f64().unwrap();
    assert!((0.02..1.0).contains(&miou) && found["validation_pairs"] == 3 && found["steps"] == 40, "{found:?}");

    let measured = "eval --checkpoint run --data houses --segmenter own.safetensors --threads 1";
    let eval = here.done(&format!("{measured} --json")).objects().remove(0);
    let real = &eval["real_images"];
    assert_eq!(real["miou"], found["miou"], "the real images are those of validation");
    assert!(eval["miou"].as_f64().unwrap() < miou, "images of an untrained generator: {eval:?}");
    assert!(eval["pixel_accuracy"].is_number() && eval["dice"].is_null() && eval["class_iou"].is_object());
    let text = here.done(measured).stdout;
    for part in ["miou ", "pixel_accuracy ", "real images: 0.", "IoU by class: "] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let larger = here.done(&format!("{measured} --set data.size=[64,64]"));
    let note = "own.safetensors: trained at 32×32 pixels, which may not recognize as much at 64×64";
    assert!(larger.stderr.contains(note), "{}", larger.stderr);
    let compared = "compare run --data houses --segmenter own.safetensors --count 3 --threads 1 --json";
    let compared = here.done(compared).objects().remove(0);
    assert_eq!(compared["miou"], eval["miou"], "the same three pairs");
    let without = here.done("eval --checkpoint run --data houses --json").objects().remove(0);
    assert!(without["miou"].is_null() && without["not_measured"].get("miou").is_none(), "{without:?}");
}

#[test]
fn segmenter_trains_on_generated_images() {
    let (here, line) = trained();
    here.done("infer --checkpoint run --input houses/train_label --out generated");
    let ran =
        here.done(&format!("{line} --steps 2 --batch 2 --generated generated --out generated.safetensors --json"));
    let found = ran.objects().pop().unwrap();
    assert!(ran.stderr.contains("17 generated images; 0 label maps have none"), "{}", ran.stderr);
    assert_eq!((&found["training_images"], &found["validation_pairs"]), (&17.into(), &3.into()));

    // Several images of one label map, and none of others.
    std::fs::create_dir(here.path("some")).unwrap();
    let first = here.names("generated").remove(0);
    for number in 1..=8 {
        let name = first.replace(".png", &format!("_{number}.png"));
        std::fs::copy(here.path(&format!("generated/{first}")), here.path(&format!("some/{name}"))).unwrap();
    }
    let ran = here.done(&format!("{line} --steps 2 --batch 2 --generated some --out some.safetensors"));
    assert!(ran.stderr.contains("8 generated images; 16 label maps have none"), "{}", ran.stderr);
    std::fs::rename(here.path(&format!("generated/{first}")), here.path("generated/unknown.png")).unwrap();
    here.refused(
        &format!("{line} --steps 2 --batch 2 --generated generated --out x.safetensors"),
        3,
        &["generated/unknown.png", "no training pair"],
    );
    assert!(!here.path("x.safetensors").exists());
}

#[test]
fn unfit_files_and_data_are_refused() {
    let (here, line) = trained();
    let line = format!("{line} --steps 2 --batch 2");
    here.done(&format!("{line} --out own.safetensors"));
    let before = std::fs::read(here.path("own.safetensors")).unwrap();
    here.refused(&format!("{line} --out own.safetensors"), 2, &["own.safetensors", "--force"]);
    here.done(&format!("{line} --out own.safetensors --force"));
    assert!(before == std::fs::read(here.path("own.safetensors")).unwrap(), "the seed decides");
    here.refused(&format!("{line} --out own.pth"), 2, &["own.pth", ".safetensors"]);
    here.refused("segmenter --config depth-synthetic --out x.safetensors", 2, &["segmentation", "data.input"]);
    let eval = "eval --checkpoint run --data houses --threads 1";
    here.refused(
        &format!("{eval} --segmenter run/generator.safetensors"),
        5,
        &["generator.safetensors", "asap segmenter"],
    );
    here.refused(&format!("{eval} --segmenter nowhere"), 5, &["nowhere"]);
    here.done(&format!(
        "train --steps 1 --data houses --out more {TINY} --set data.classes=14 --set data.resize=fixed"
    ));
    here.refused(
        "eval --checkpoint more --data houses --segmenter own.safetensors",
        5,
        &["own.safetensors", "data.classes 13, not 14"],
    );
    here.refused(
        "eval --generated houses/val_img --real houses/val_img --segmenter own.safetensors",
        2,
        &["--segmenter", "--checkpoint"],
    );
    here.refused("sweep quickstart --steps 1 --measure miou", 2, &["--measure", "--segmenter"]);
}
