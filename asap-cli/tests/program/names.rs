//! Names and colors of classes, and the page of `asap data preview`.

use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, read_labels, write_rgb};

use crate::support::{TINY, Workspace};

/// Facades in `houses`, their label maps in colors.
fn colored() -> Workspace {
    let here = Workspace::new();
    here.done("data synth houses --count 8 --size 32");
    for folder in ["houses/train_label", "houses/val_label"] {
        for name in here.names(folder) {
            let file = here.path(folder).join(name);
            let ids = read_labels(&file, 13).unwrap();
            write_rgb(&file, &Plane::from_fn(32, 32, |x, y| PALETTE[usize::from(ids.at(x, y))])).unwrap();
        }
    }
    here
}

#[test]
fn check_shows_names() {
    let here = Workspace::new();
    here.done("data synth houses --count 4 --size 32");
    let plain = here.done("data check houses").stdout;
    assert!(plain.contains("class   2: "), "{plain}");
    let named = here.done("data check houses --set data.names=cmp").stdout;
    assert!(named.contains("class   2  facade    :"), "{named}");
    let report = here.done("data check houses --json --set data.names=cmp").objects().remove(0);
    assert_eq!(report["classes"][3]["name"], "window");
    here.refused("data check houses --set data.names=[\"a\"]", 2, &["data.names", "has 1", "data.classes = 2"]);
    here.refused("data check houses --set data.names=cmpp", 2, &["data.names", "cmp, cityscapes", "list of names"]);
}

#[test]
fn color_coded_labels_are_checked_and_trained_on() {
    let here = colored();
    here.refused(&format!("train --data houses --out run --steps 1 {TINY}"), 3, &["RGB", "--set data.colors=cmp"]);
    let unset = here.asap("data check houses");
    assert_eq!(unset.code, 3);
    assert!(unset.stdout.contains("--set data.colors=cmp") && unset.stdout.contains("8 problems"), "{}", unset.stdout);
    here.done("data check houses --set data.colors=cmp");
    here.done(&format!("train --data houses --out run --steps 2 --set data.colors=cmp {TINY}"));
    here.done("infer --checkpoint run --input houses/val_label --out images");
    assert_eq!(here.names("images").len(), here.names("houses/val_label").len());
    let other = here.asap("data check houses --set data.classes=2 --set data.colors=[[0,0,170],[0,0,250]]");
    assert_eq!(other.code, 3);
    let distance = "#0000ff (and ";
    assert!(other.stdout.contains(distance) && other.stdout.contains("class 1, #0000fa, at a distance of 5.0"));
}

#[test]
fn preview_shows_pairs_as_the_network_sees_them() {
    let here = colored();
    let keys = "--set data.colors=cmp --set data.resize=resize-and-crop --set data.size=24 --set data.load_size=30";
    let ran = here.done(&format!("data preview houses --count 2 --seed 7 {keys}"));
    assert!(ran.stdout.contains("preview.html"), "{}", ran.stdout);
    let page = std::fs::read_to_string(here.path("preview.html")).unwrap();
    // Two kinds of images: of 2 training pairs once and in 3 epochs, of 1 validation pair once.
    assert_eq!(page.matches("<img ").count(), 2 * (2 * 4 + 1));
    for part in ["houses", "facade", "window", "Epoch 3", "cropped 24×24 at", "resized to 30×30", "32×32 pixels"] {
        assert!(page.contains(part), "no {part}");
    }
    for part in ["train_label/synth_00000.png", "<dd>7</dd>", "30×30, then crop", "13 classes"] {
        assert!(page.contains(part), "no {part}");
    }
    for external in ["<script", "http:", "https:", "url("] {
        assert!(!page.contains(external), "{external}");
    }
    here.done(&format!("data preview houses --count 2 --seed 7 {keys} --out again.html"));
    let again = std::fs::read_to_string(here.path("again.html")).unwrap();
    assert_eq!(page, again, "a function of dataset, configuration and seed");
    let other = here.done(&format!("data preview houses --count 2 --seed 8 {keys} --json")).objects().remove(0);
    assert_eq!((&other["pairs"], &other["failed"]), (&3.into(), &0.into()));
    assert_ne!(page, std::fs::read_to_string(here.path("preview.html")).unwrap());
}

#[test]
fn preview_shows_depth_and_what_was_not_measured() {
    let here = Workspace::new();
    here.done("data synth rooms --kind depth --count 4 --size 32");
    let keys = "--set data.size=32 --set data.depth_scale=1000 --set data.depth_max=10 --set data.depth_invalid=0";
    here.done(&format!("data preview rooms --config depth-256 {keys} --count 1 --out rooms.html"));
    let page = std::fs::read_to_string(here.path("rooms.html")).unwrap();
    assert_eq!(page.matches("<img ").count(), 3 * (4 + 1), "input, depth, mask");
    assert!(page.contains("white counts") && !page.contains("Classes"));
}

#[test]
fn preview_names_pairs_that_cannot_be_read() {
    let here = Workspace::new();
    here.done("data synth houses --count 3 --size 32");
    here.write("houses/train_img/synth_00001.jpg", "no picture");
    let ran = here.asap("data preview houses");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("synth_00001.jpg"), "{}", ran.stderr);
    let page = std::fs::read_to_string(here.path("preview.html")).unwrap();
    assert!(page.contains("role=\"alert\"") && page.contains("synth_00000"));
    here.refused("data preview houses --out houses/train_img/synth_00000.jpg", 2, &["--out", ".html"]);
    here.refused("data preview nowhere", 3, &["nowhere"]);
}
