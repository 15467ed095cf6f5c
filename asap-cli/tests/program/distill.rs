//! `asap distill`.

use std::fs;

use asap_model::Config;
use asap_model::data::read_photo;

use crate::support::{TINY, Workspace};

/// A teacher and six training inputs with two for validation; only the inputs of one folder have photos.
fn teacher(here: &Workspace) {
    here.done("data synth houses --count 8 --size 40 --seed 3");
    here.done(&format!("train --data houses --steps 2 --out teacher {TINY}"));
    for split in ["train", "val"] {
        fs::remove_dir_all(here.path(&format!("houses/{split}_img"))).unwrap();
    }
}

#[test]
fn student_learns_the_images_of_a_checkpoint() {
    let here = Workspace::new();
    teacher(&here);
    let distill = format!("distill --teacher teacher --data houses --out student --steps 3 --seed 5 {TINY}");
    let ran = here.done(&distill);
    assert!(ran.stderr.contains("student-pairs: 8 of 8 pairs made"), "{}", ran.stderr);
    // The teacher's own images of the inputs at its training size.
    here.done("infer --checkpoint teacher --data houses --resize --out generated --threads 1");
    for name in here.names("generated") {
        let [own, made] = ["generated", "student-pairs/val/images"].map(|folder| here.path(folder).join(&name));
        assert_eq!(read_photo(&own).unwrap(), read_photo(&made).unwrap(), "{name}");
    }
    let config = fs::read_to_string(here.path("student/config.toml")).unwrap();
    let config = Config::parse(&config, "config.toml").unwrap();
    assert_eq!((config.loss.lambda_gan, config.loss.lambda_l1, config.data.classes), (0.0, 100.0, 13));
    assert_eq!((config.data.size, config.train.seed), ([32, 32], 5));
    assert!(config.data.dir.unwrap().ends_with("student-pairs"));
    let metrics = fs::read_to_string(here.path("student/metrics.jsonl")).unwrap();
    assert!(metrics.contains("\"GAN_Feat\"") && metrics.contains("\"D_real\"") && !metrics.contains("\"GAN\":"));

    // What an interrupted command has made stays.
    fs::remove_file(here.path("student-pairs/train/images/synth_00002.png")).unwrap();
    let ran = here.done(&format!("{distill} --set loss.lambda_gan=0.5"));
    assert!(ran.stderr.contains("student-pairs: 1 of 8 pairs made"), "{}", ran.stderr);
    let config = fs::read_to_string(here.path("student-2/config.toml")).unwrap();
    assert!(config.contains("lambda_gan = 0.5"), "{config}");
    here.done("distill --teacher teacher --out student --resume --steps 4 --threads 1");
}

#[test]
fn student_learns_a_folder_of_images() {
    let here = Workspace::new();
    teacher(&here);
    here.done("infer --checkpoint teacher --input houses/train_label --resize --out made --threads 1");
    let distill = "distill --teacher made --out student --steps 1 --dry-run";
    // A plain folder of inputs; ids are counted.
    let ran = here.done(&format!("{distill} --data houses/train_label {TINY}"));
    assert!(ran.stderr.contains("student-pairs: 7 of 7 pairs made"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("labels with 13 classes") || ran.stderr.contains("labels with 12 classes"),
        "{}",
        ran.stderr
    );
    here.refused(
        &format!("{distill} --data houses {TINY}"),
        2,
        &["--pairs", "student-pairs was made from another teacher or other inputs"],
    );
    here.refused(
        &format!("{distill} --data houses --pairs other {TINY}"),
        3,
        &["the teacher's folder made has no image synth_00007"],
    );
}

#[test]
fn distillation_needs_teacher_and_inputs() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    here.done("data synth houses --count 4 --size 32");
    for (line, code, parts) in [
        ("distill --teacher gen_city_net_G.pth", 2, &["--data", "inputs"][..]),
        ("distill --teacher missing --data houses", 5, &["missing"]),
        (
            "distill --teacher gen_city_net_G.pth --data houses",
            2,
            &["--teacher", "no embedded configuration", "asap convert"],
        ),
        ("distill --teacher houses/train_img --data houses --pairs houses", 2, &["--pairs", "houses has other files"]),
    ] {
        here.refused(line, code, parts);
    }
    assert_eq!(here.names("."), ["gen_city_net_G.pth", "houses"]);
}
