//! Flags: shorthands of configuration keys, and those that would have no effect.

use asap_model::Config;
use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, write_labels};

use crate::support::{TINY, TINY_FILE, Workspace};

/// The learning rates of generator and discriminators in a run's configuration.
fn rates(here: &Workspace, run: &str) -> [f64; 2] {
    let train = Config::load(&here.path(run).join("config.toml").to_string_lossy()).unwrap().train;
    [train.lr_generator, train.lr_discriminator]
}

#[test]
fn lr_keeps_the_ratio_of_the_discriminators() {
    let here = Workspace::new();
    here.write("published.toml", format!("{TINY_FILE}[loss]\nlambda_vgg = 0.0\n"));
    here.done("train --config published.toml --steps 1 --lr 2e-4 --out published --threads 1 --set data.count=2");
    assert_eq!(rates(&here, "published"), [0.0002, 0.0008]);
    // The quickstart has a tenth.
    here.done(&format!("train --steps 1 --lr 4e-4 --out a {TINY}"));
    assert_eq!(rates(&here, "a")[0], 0.0004);
    assert!((rates(&here, "a")[1] - 0.00004).abs() < 1e-12);
    here.done(&format!("train --steps 1 --lr 2e-4 --out b {TINY} --set train.lr_discriminator=3e-4"));
    assert_eq!(rates(&here, "b"), [0.0002, 0.0003]);
    here.refused("train --lr 0", 2, &["--lr", "train.lr_generator = 0"]);
}

#[test]
fn flags_without_effect_are_warnings() {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    write_labels(&here.path("map.png"), &Plane::from_fn(9, 8, |x, _| x as u8), &PALETTE).unwrap();
    let line = "infer --checkpoint run --input map.png --out generated --force --threads 1";
    for (flags, warning) in [
        ("--seed 4", "--seed has no effect on infer"),
        ("--set train.batch=3", "--set train.batch has no effect on infer"),
        ("--instances map.png", "--instances has no effect"),
        ("--resize --set data.resize=crop", "--resize changes the scale"),
    ] {
        let ran = here.done(&format!("{line} {flags} --json"));
        assert!(ran.stderr.contains(&format!("warning: {warning}")), "{flags}: {}", ran.stderr);
        assert_eq!(ran.objects().len(), 1);
        assert_eq!(here.done(&format!("{line} {flags} -q")).stderr, "", "{flags}");
    }
    let ran = here.done("eval --checkpoint run --invalid 3 --threads 1");
    assert!(ran.stderr.contains("warning: --invalid has no effect on color images"), "{}", ran.stderr);
    assert!(!here.done(line).stderr.contains("warning"));
}

#[test]
fn keys_of_another_kind_are_errors_or_warnings() {
    let here = Workspace::new();
    here.write("spade.toml", "[generator]\nkind = \"spade\"\nwidth = 8\n");
    here.refused(
        "profile --preset spade.toml",
        2,
        &["spade.toml:3", "generator.width belongs to kind = \"asap\"", "spade has width_factor"],
    );
    for order in ["generator.kind=spade --set generator.width=8", "generator.width=8 --set generator.kind=spade"] {
        here.refused(
            &format!("init a.toml --set {order}"),
            2,
            &["generator.width belongs to kind = \"asap\"", "spade has"],
        );
    }
    here.write("asap.toml", "[generator]\nwidth = 8\ndepth = 7\n");
    let parts = ["warning: generator.kind = spade does not use generator.width, which", "spade has width_factor, "];
    let ran = here
        .asap("profile --preset asap.toml --set generator.kind=spade --set generator.width_factor=0.03125 --threads 1");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);

    here.write("patch.toml", "[discriminator]\nscales = 3\nwidth = 8\n");
    let parts =
        ["warning: discriminator.kind = oasis does not use discriminator.scales, which", "oasis has levels, width"];
    let ran = here.asap("init b.toml --set discriminator.kind=oasis --set discriminator.levels=5");
    assert_eq!((ran.code, ran.stderr.contains("warning")), (0, false), "{}", ran.stderr);
    let ran = here.asap("init c.toml --set discriminator.kind=oasis --set discriminator.scales=2");
    assert!(ran.code == 2 && ran.stderr.contains("belongs to kind = \"patch\"; oasis has levels"), "{}", ran.stderr);
    let line = "train --config patch.toml --set discriminator.kind=oasis --set loss.lambda_vgg=0 --dry-run";
    let ran = here.asap(&format!("{line} --set data.layout=pairs --data nowhere"));
    assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
}
