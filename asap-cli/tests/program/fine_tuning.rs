//! `asap train --init`.

use crate::support::{TINY, Workspace};

#[test]
fn init_trains_from_a_run_with_other_classes() {
    let here = Workspace::new();
    here.done(&format!("train --steps 2 --out run {TINY}"));
    // The checkpoint's own configuration.
    let ran = here.done("train --init run --steps 2 --threads 1 --json");
    let objects = ran.objects();
    assert_eq!(objects[0]["event"], "init");
    for network in ["generator", "discriminator"] {
        assert_eq!(objects[0][network]["taken"], objects[0][network]["tensors"], "{network}");
    }
    assert_eq!((&objects[1]["dir"], &objects[1]["steps_done"]), (&"runs/fine-tuned".into(), &0.into()));

    let ran =
        here.done(&format!("train --init run --config quickstart --steps 2 --out other {TINY} --set data.classes=14"));
    for part in [
        "lowres_stream.model.1.0.weight: new, [4, 14, 3, 3]; the checkpoint's is [4, 13, 3, 3]",
        "discriminator_0.model0.0.bias [4]: new, as its layer's weight is",
        "discriminators: 22 of 26 tensors from run/checkpoints/step-000002.safetensors",
    ] {
        assert!(ran.stderr.contains(part), "{part:?} is missing:\n{}", ran.stderr);
    }
    here.done("train --init run --dry-run --threads 1");
}

#[test]
fn init_needs_a_checkpoint_that_fits() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    here.copy_published("train_city_net_D.pth");
    let init = "train --steps 1 --out run --init";
    here.refused(&format!("{init} missing"), 5, &["missing"]);
    here.refused(&format!("{init} gen_city_net_G.pth"), 2, &["--init", "gen_city_net_G.pth", "--config"]);
    here.refused(&format!("{init} train_city_net_D.pth --config quickstart"), 5, &["those of discriminators"]);
    here.refused(
        &format!("{init} gen_city_net_G.pth --config quickstart --set generator.padding=zero"),
        5,
        &["padding"],
    );
    let ran = here.asap(&format!("{init} gen_city_net_G.pth --resume"));
    assert!(ran.code == 2 && ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
    assert_eq!(here.names("."), ["gen_city_net_G.pth", "train_city_net_D.pth"]);
}
