use std::collections::BTreeSet;

use super::*;
use crate::Config;
use crate::config::classes::palettes_with;

fn with(assignments: &[&str]) -> Config {
    let mut config = Config::default();
    assignments.iter().for_each(|assignment| config.set(assignment).unwrap());
    config
}

#[test]
fn names_and_colors_come_from_lists_or_palettes() {
    let own = with(&["data.classes=2", r#"data.names=["sky", "Straße"]"#, r##"data.colors=["#FFffff", [1, 2, 3]]"##]);
    own.validate().unwrap();
    assert_eq!(own.data.class_names(), ["sky", "Straße"]);
    assert_eq!(own.data.class_colors(), [[255; 3], [1, 2, 3]]);
    assert_eq!(Config::parse(&own.to_toml().unwrap(), "run.toml").unwrap(), own);

    let names = with(&["data.names=cmp"]);
    assert_eq!((names.data.class_names()[12].as_str(), names.data.class_colors()[12]), ("shop", [170, 0, 0]));
    let colors = with(&["data.classes=19", "data.colors=cityscapes-train-ids"]);
    assert_eq!((colors.data.class_names()[18].as_str(), colors.data.class_colors()[18]), ("bicycle", [119, 11, 32]));
    assert!(colors.data.color_ids().unwrap().contains(&([0; 3], 255)), "black marks what is ignored");
}

#[test]
fn unset_names_are_ids() {
    let unset = Config::default().data;
    assert_eq!((unset.class_names()[3].as_str(), unset.has_class_names(), unset.color_ids()), ("3", false, None));
    let synthetic = with(&["data.layout=synthetic", "data.classes=14"]).data;
    assert_eq!([&synthetic.class_names()[3], &synthetic.class_names()[13]], ["window", "13"]);
}

#[test]
fn names_and_colors_must_fit_the_classes() {
    for (assignments, parts) in [
        (&["data.names=[\"a\", \"b\"]"][..], &["data.names", "has 2", "data.classes = 13"][..]),
        (&["data.names=ade20k"], &["data.names = \"ade20k\"", "151 or 150 classes", "data.classes = 13"]),
        (&["data.colors=coco-stuff"], &["data.colors", "182 classes"]),
        (&["data.classes=2", "data.names=[\"a\", \" \"]"], &["name of class 1 is empty"]),
        (&["data.classes=3", "data.names=[\"a\", \"b\", \"a\"]"], &["classes 0 and 2 are both a"]),
        (&["data.classes=2", "data.colors=[\"#00ff00\", [0, 255, 0]]"], &["classes 0 and 1 are both #00ff00"]),
        (&["data.layout=pairs", "data.input=image", "data.names=cmp"], &["data.names", "only for label maps"]),
    ] {
        let error = with(assignments).validate().unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{assignments:?}: {error}, without {part}");
        }
    }
    for value in ["maps", "[1, 2]", "[\"#12345\"]", "[[0, 0, 256]]", "[\"ff0000\"]", "[\"#+12345\"]"] {
        let error = Config::default().set(&format!("data.colors={value}")).unwrap_err().to_string();
        assert!(error.contains("cityscapes-train-ids") && error.contains("#rrggbb"), "{value}: {error}");
    }
}

#[test]
fn palettes_are_found_by_their_colors() {
    let road_and_sky = [[128, 64, 128], [70, 130, 180]];
    assert_eq!(palettes_with(&road_and_sky, 13), [Palette::Cityscapes, Palette::CityscapesTrainIds]);
    assert_eq!(palettes_with(&road_and_sky, 19), [Palette::CityscapesTrainIds, Palette::Cityscapes]);
    assert_eq!(palettes_with(&[[1, 2, 3]], 13), []);
}

#[test]
fn classes_have_distinct_colors() {
    for classes in [2, 13, 35, 256] {
        let colors = distinct_colors(classes);
        assert_eq!(colors.len(), classes);
        assert_eq!(colors.iter().collect::<BTreeSet<_>>().len(), classes, "{classes}");
    }
}

#[test]
fn neighboring_ids_differ_clearly() {
    let colors = distinct_colors(35);
    for pair in colors[1..].windows(2) {
        let distance: u32 = (0..3).map(|c| u32::from(pair[0][c].abs_diff(pair[1][c]))).sum();
        assert!(distance > 100, "{pair:?}");
    }
}
