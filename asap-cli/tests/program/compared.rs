//! The paper's baselines in every command; sweeps; `asap compare`.

use asap_model::config::FileFormat;
use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Image, Plane, write_image, write_instances, write_labels, write_rgb};
use serde_json::{Value, json};

use crate::support::{TINY, TINY_FILE, Workspace};

/// A configuration file of the tiny network with another generator.
fn write_kind(here: &Workspace, name: &str, kind: &str, size: usize) {
    let generator = format!("[generator]\nkind = \"{kind}\"\nwidth_factor = 0.03125\n[discriminator]");
    let (before, _) = TINY_FILE.split_once("[generator]").expect("a section");
    let (_, after) = TINY_FILE.split_once("[discriminator]").expect("a section");
    let text = format!("{before}{generator}{after}").replace("[32, 32]", &format!("[{size}, {size}]"));
    here.write(name, text + FEW_PAIRS);
}

/// No perceptual loss: it needs a file of weights.
const FEW_PAIRS: &str = "[loss]\nlambda_vgg = 0.0\n[train]\nsample_every = 0\n";

#[test]
fn baseline_works_in_every_command() {
    let here = Workspace::new();
    write_kind(&here, "hd.toml", "pix2pixhd", 32);
    let few = "--set data.count=4 --set data.val_count=2 --threads 1";
    here.done(&format!("train --config hd.toml --steps 2 --out run {few}"));
    here.done("train --out run --resume --steps 3 --threads 1");
    here.done("data synth houses --count 10 --size 40");
    here.done("infer --checkpoint run --data houses --out generated");
    assert_eq!(here.names("generated").len(), 2, "the validation pairs");
    here.done("infer --checkpoint run/checkpoints/step-000003.safetensors --data houses --out of_state");
    let images = |folder: &str| here.files(folder).into_values().collect::<Vec<_>>();
    assert!(images("generated") == images("of_state"), "a checkpoint contains the generator");
    let found = here.done("eval --checkpoint run --data houses --set data.resize=fixed --json").objects();
    assert!(found[0]["l1"].is_number(), "{found:?}");
    let timed = here.done("bench --preset hd.toml --train --runs 1 --json --threads 1").objects();
    assert!(timed[0]["median_s"].as_f64().expect("a time") > 0.0);
    here.done(&format!("train --config hd.toml --dry-run {few}"));
}

#[test]
fn wrong_values_of_baselines_are_refused() {
    let here = Workspace::new();
    write_kind(&here, "spade.toml", "spade", 128);
    for (set, parts) in [
        ("data.size=[128,96]", ["the width 96 must be a multiple of 2^doublings = 64", "128"]),
        ("generator.doublings=4", ["generator.doublings = 4", "from 5 to 7"]),
        ("generator.blocks=3", ["generator.blocks belongs to kind = \"pix2pix-resnet\"", "spade has width_factor"]),
        ("generator.width_factor=0", ["generator.width_factor = 0", "from 0.015625 to 8"]),
        ("generator.kind=spad", ["generator.kind", "expected asap, pix2pix-unet"]),
    ] {
        here.refused(&format!("profile --preset spade.toml --set {set}"), 2, &parts);
    }
}

#[test]
fn profile_table_lists_generators() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    let objects = here.done("profile --preset tiny.toml --table --json --threads 1").objects();
    let names: Vec<&Value> = objects.iter().map(|object| &object["generator"]).collect();
    assert_eq!(names[0], "asap");
    assert!(names.len() >= 6, "{names:?}");
    let of = |name: &str| objects.iter().find(|object| object["generator"] == name).expect("a line");
    let why = of("pix2pix-unet")["left_out"].as_str().expect("a reason");
    assert!(why.contains("multiple of 2^halvings = 256"), "{why}");
    assert_eq!(of("pix2pixhd")["parameters"], 182_546_755 - 23 * 49 * 64);
    let chosen = here.done("profile --preset tiny.toml --table --baseline pix2pixhd --threads 1").stdout;
    assert!(chosen.lines().count() == 4 && chosen.contains("pix2pixhd"), "{chosen}");
}

#[test]
fn sweep_measures_and_resumes() {
    let here = Workspace::new();
    here.write("asap.toml", format!("{TINY_FILE}{FEW_PAIRS}"));
    write_kind(&here, "hd.toml", "pix2pixhd", 32);
    let line = "sweep asap.toml hd.toml --steps 2 --out all --runs 2 --at 64x32 --threads 1 --json \
                --set data.count=4 --set data.val_count=2";
    let first = here.done(line).objects();
    let measured = |objects: &[serde_json::Map<String, Value>]| -> Vec<serde_json::Map<String, Value>> {
        objects.iter().filter(|object| object.get("event") == Some(&json!("measured"))).cloned().collect()
    };
    let lines = measured(&first);
    assert_eq!(lines.len(), 2);
    for (line, name) in lines.iter().zip(["asap", "hd"]) {
        assert_eq!((&line["name"], &line["steps"]), (&json!(name), &json!(2)));
        assert_eq!((&line["width"], &line["height"]), (&json!(64), &json!(32)));
        assert!(line["l1"].is_number() && line["fid"].is_null(), "{line:?}");
    }
    let table = std::fs::read_to_string(here.path("all/sweep.csv")).unwrap();
    assert_eq!(table.lines().count(), 3);
    let figure = std::fs::read_to_string(here.path("all/sweep.svg")).unwrap();
    assert_eq!(figure.matches("<circle").count(), 2);

    let again = here.done(line).objects();
    assert!(again.iter().all(|object| object.get("event") != Some(&json!("step"))), "nothing was left to train");
    let l1 = |lines: &[serde_json::Map<String, Value>]| lines.iter().map(|line| line["l1"].clone()).collect::<Vec<_>>();
    assert_eq!(l1(&lines), l1(&measured(&again)));
    here.refused("sweep asap.toml other/asap.toml --out all", 2, &["other/asap.toml"]);
    here.refused("sweep asap.toml asap.toml --out all", 2, &["two configurations named asap"]);
}

#[test]
fn sweep_varies_each_configuration() {
    let here = Workspace::new();
    here.write("asap.toml", format!("{TINY_FILE}{FEW_PAIRS}"));
    let line = "sweep asap.toml --steps 2 --out all --runs 1 --threads 1 --json --set data.count=4 \
                --set data.val_count=2 --vary train.beta1=0.5";
    here.done(&format!("{line} --vary train.ema=0.5+data.size=[64,64]"));
    let runs = [
        ("asap", 0.0, 0.0, [32, 32]),
        ("asap+beta1=0.5", 0.5, 0.0, [32, 32]),
        ("asap+ema=0.5+size=64,64", 0.0, 0.5, [64, 64]),
    ];
    for (name, beta1, ema, size) in runs {
        let text = std::fs::read_to_string(here.path(&format!("all/{name}/config.toml"))).unwrap();
        let config = asap_model::Config::parse(&text, name).unwrap();
        assert_eq!((config.train.beta1, config.train.ema, config.data.size), (beta1, ema, size), "{name}");
        assert_eq!(config.data.count, 4, "--set applies to all");
    }
    assert_eq!(std::fs::read_to_string(here.path("all/sweep.csv")).unwrap().lines().count(), 4);

    here.refused(&format!("{line} --vary train.beta1=0.5"), 2, &["two configurations named asap+beta1=0.5"]);
    here.refused(&format!("{line} --vary train.betal=0.5"), 2, &["betal"]);
    here.refused(&format!("{line} --vary train.ema=2"), 2, &["--vary train.ema=2", "ema"]);
}

/// A sweep of two tiny networks, with so many steps.
fn two_runs(here: &Workspace, steps: usize) -> String {
    here.write("a.toml", format!("{TINY_FILE}{FEW_PAIRS}"));
    here.write("b.toml", format!("{TINY_FILE}{FEW_PAIRS}").replace("mlp_depth = 3", "mlp_depth = 2"));
    format!(
        "sweep a.toml b.toml --steps {steps} --out all --runs 1 --threads 1 --json --set data.count=4 --set data.val_count=2"
    )
}

/// The steps that a sweep reported, by run.
fn steps(objects: &[serde_json::Map<String, Value>]) -> Vec<Vec<u64>> {
    let mut runs: Vec<Vec<u64>> = Vec::new();
    for object in objects {
        match object.get("event").and_then(Value::as_str) {
            Some("started") => runs.push(Vec::new()),
            Some("step") => runs.last_mut().expect("a run").push(object["step"].as_u64().expect("a number")),
            _ => {}
        }
    }
    runs
}

#[test]
fn sweep_resumes_interrupted_runs() {
    let here = Workspace::new();
    here.done(&two_runs(&here, 1));
    assert_eq!(steps(&here.done(&two_runs(&here, 3)).objects()), [[2, 3], [2, 3]]);
    for checkpoint in here.names("all/a/checkpoints") {
        std::fs::remove_file(here.path("all/a/checkpoints").join(checkpoint)).unwrap();
    }
    assert_eq!(steps(&here.done(&two_runs(&here, 3)).objects()), [vec![1, 2, 3], vec![]]);
}

#[test]
fn sweep_skips_a_failing_run() {
    let here = Workspace::new();
    here.done(&two_runs(&here, 1));
    let line = two_runs(&here, 2);
    here.write("a.toml", format!("{TINY_FILE}{FEW_PAIRS}lr_generator = 1.0\n"));
    let ran = here.asap(&line);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    for part in ["a is left out", "train.lr_generator (1.0, was 0.0001)"] {
        assert!(ran.stderr.contains(part), "no {part} in {}", ran.stderr);
    }
    assert_eq!(steps(&ran.objects()), [[2]]);
    // Table and figure keep earlier results: of this run, and of runs that are not named again.
    let table = std::fs::read_to_string(here.path("all/sweep.csv")).unwrap();
    let of = |table: &str| -> Vec<[String; 2]> {
        let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        table.lines().skip(1).map(|line| [fields(line)[0].clone(), fields(line)[8].clone()]).collect()
    };
    assert_eq!(of(&table), [["a", "1"], ["b", "2"]]);
    here.done("sweep b.toml --steps 3 --out all --runs 1 --threads 1 --set data.count=4 --set data.val_count=2");
    assert_eq!(of(&std::fs::read_to_string(here.path("all/sweep.csv")).unwrap()), [["a", "1"], ["b", "3"]]);
    assert_eq!(std::fs::read_to_string(here.path("all/sweep.svg")).unwrap().matches("<circle").count(), 2);
}

#[test]
fn sweep_rejects_bad_arguments_before_training() {
    let here = Workspace::new();
    let line = two_runs(&here, 1);
    for (more, code, parts) in [
        ("--measure fid", 2, &["--measure", "fid needs", "--inception"][..]),
        ("--measure rmse", 2, &["--measure", "rmse measures depth", "generate color"]),
        ("--inception none.pth", 5, &["none.pth"]),
        ("--at 30x32", 2, &["a.toml --at", "30"]),
        ("--set loss.lambda_vgg=1", 2, &["a.toml", "loss.lambda_vgg"]),
    ] {
        here.refused(&format!("{line} {more}"), code, parts);
        assert!(!here.path("all").exists(), "{more}");
    }
    std::fs::create_dir_all(here.path("all/b")).unwrap();
    here.write("all/sweep.csv", "name,generator\nx,asap\n");
    here.refused(&line, 3, &["sweep.csv", "line 2 has no height"]);
    here.write("all/b/notes.txt", "mine");
    here.refused(&line, 2, &["b.toml", "exists and is not a run folder"]);
    assert!(!here.path("all/a").exists());
}

#[test]
fn compare_shows_images_and_times() {
    let here = Workspace::new();
    here.write("asap.toml", format!("{TINY_FILE}{FEW_PAIRS}"));
    write_kind(&here, "hd.toml", "pix2pixhd", 32);
    let few = "--set data.count=4 --set data.val_count=2 --threads 1";
    for name in ["asap", "hd"] {
        here.done(&format!("train --config {name}.toml --steps 1 --out runs/{name} {few}"));
    }
    here.done("data synth houses --count 20 --size 40");
    let found =
        here.done("compare runs/asap runs/hd --data houses --count 2 --size 48x32 --out beside --json").objects();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|line| line["seconds"].as_f64().is_some_and(|time| time > 0.0)), "{found:?}");
    for column in ["input", "asap", "hd", "real"] {
        assert_eq!(here.names(&format!("beside/{column}")), ["synth_00017.png", "synth_00018.png"], "{column}");
    }
    let page = std::fs::read_to_string(here.path("beside/index.html")).unwrap();
    assert_eq!(page.matches("<img").count(), 8);
    assert!(page.contains(" ms</small>") && page.contains("48×32"), "{page}");
    assert!(here.path("beside/sheet.png").exists());
    let rgb = TINY_FILE.replace("classes = 13", "classes = 14");
    here.write("other.toml", format!("{rgb}{FEW_PAIRS}"));
    here.done(&format!("train --config other.toml --steps 1 --out runs/other {few}"));
    here.refused("compare runs/asap runs/other --data houses --out others", 2, &["runs/other", "data.classes 14"]);
    let again = "compare runs/asap --data houses --count 1 --size 32x32 --out beside";
    here.refused(again, 2, &["--out", "beside is not empty", "--force"]);
    here.done(&format!("{again} --force"));
}

/// The network is given the same pictures in both commands, so that outputs and measures agree.
#[test]
fn compare_sizes_inputs_as_eval_does() {
    let here = Workspace::new();
    here.write("asap.toml", format!("{TINY_FILE}{FEW_PAIRS}"));
    here.done("train --config asap.toml --steps 1 --out run --set data.count=4 --set data.val_count=2 --threads 1");
    here.done("data synth houses --count 20 --size 40");
    for resize in ["crop", "fixed", "resize-and-crop"] {
        let set = format!("--data houses --set data.resize={resize} --json --threads 1");
        here.done(&format!("compare run --out {resize} {set}"));
        let folders = format!("eval --generated {resize}/run --real {resize}/real --json");
        let [compared, evaluated] =
            [folders, format!("eval --checkpoint run {set}")].map(|line| here.done(&line).objects());
        for measure in ["l1", "ssim", "generated_count", "compared"] {
            assert_eq!(compared[0][measure], evaluated[0][measure], "{resize}: {measure}");
        }
    }
    let real = |file: &str| asap_model::data::read_photo(&here.path(file)).unwrap();
    assert_eq!(real("crop/real/synth_00018.png"), real("houses/val_img/synth_00018.jpg").crop(4, 4, 32, 32));
    here.done("compare run --out wide --data houses --set data.resize=crop --size 36x20 --threads 1");
    assert_eq!(real("wide/real/synth_00018.png"), real("houses/val_img/synth_00018.jpg").crop(2, 10, 20, 36));
    here.refused("compare run --out none --data houses", 3, &["synth_00017", "40×40", "32×32", "data.resize"]);
}

#[test]
fn compare_keeps_depth_maps_whole_where_eval_does() {
    let here = Workspace::new();
    for folder in ["set/inputs", "set/images"] {
        std::fs::create_dir_all(here.path(folder)).unwrap();
    }
    for (name, height, width) in [("one", 40, 36), ("two #1", 32, 48)] {
        let image = Plane::from_fn(height, width, |x, y| [x as u8, y as u8, 9]);
        write_rgb(&here.path(&format!("set/inputs/{name}.png")), &image).unwrap();
        let depths = Plane::from_fn(height, width, |x, y| (1000 * x + y) as u16);
        write_image(&here.path(&format!("set/images/{name}.png")), &Image::gray16(depths), FileFormat::Png).unwrap();
    }
    let depth = "--set data.input=image --set data.output=depth --set data.layout=pairs --set data.resize=crop";
    here.done(&format!("train --steps 1 --data set --out run {TINY} {depth}"));
    let found = here.done("compare run --out beside --threads 1 --json").objects();
    assert_eq!((&found[0]["height"], &found[0]["images"]), (&Value::Null, &json!(2)), "{found:?}");
    let size = |file: &str| asap_model::data::read_photo(&here.path(file)).unwrap().size();
    assert_eq!([size("beside/run/one.png"), size("beside/real/two #1.png")], [[40, 36], [32, 48]]);
    let page = std::fs::read_to_string(here.path("beside/index.html")).unwrap();
    assert!(page.contains("src=\"run/two%20%231.png\"") && page.contains("36×32 to 48×40"), "{page}");
    here.done("compare run --out cropped --size 32x32 --threads 1");
    assert_eq!(size("cropped/run/one.png"), [32, 32]);
}

/// Runs of one dataset with other networks, sizes, losses and inputs, in either order.
#[test]
fn compare_allows_ablations_and_names_what_differs() {
    let here = Workspace::new();
    for folder in ["labels", "images", "instances"] {
        std::fs::create_dir_all(here.path(&format!("set/{folder}"))).unwrap();
    }
    for name in ["a", "b", "c"] {
        let labels = Plane::from_fn(40, 40, |x, y| ((x / 8 + y / 8) % 13) as u8);
        write_labels(&here.path(&format!("set/labels/{name}.png")), &labels, &PALETTE).unwrap();
        write_instances(&here.path(&format!("set/instances/{name}.png")), &Plane::from_fn(40, 40, |x, _| x as u32 / 9))
            .unwrap();
        write_rgb(&here.path(&format!("set/images/{name}.png")), &Plane::from_fn(40, 40, |x, y| [x as u8, y as u8, 7]))
            .unwrap();
    }
    let train = format!("train --steps 1 --data set {TINY} --set data.layout=pairs");
    here.done(&format!("{train} --set data.resize=fixed --out runs/plain"));
    let with = "--set data.instances=true --set data.resize=crop --set loss.lambda_l1=3 --set generator.width=6";
    here.done(&format!("{train} {with} --out runs/edges"));
    let ran = here.asap("compare runs/plain runs/edges --out beside --threads 1 --json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let differences = &ran.objects()[1]["differences"];
    let expected =
        json!({ "data.instances": true, "data.resize": "crop", "generator.width": 6, "loss.lambda_l1": 3.0 });
    assert_eq!((differences, &ran.objects()[0]["differences"]), (&expected, &json!({})));
    assert!(ran.stderr.contains("differs: data.instances: plain false, edges true"), "{}", ran.stderr);
    let page = std::fs::read_to_string(here.path("beside/index.html")).unwrap();
    for part in ["data.instances", "loss.lambda_l1", "<td>40.0</td><td>3.0</td>"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    // Both are given the picture of the first, here cropped.
    here.done("compare runs/edges runs/plain --out other --threads 1");
    assert_eq!(here.names("other/plain"), ["a.png", "b.png", "c.png"]);
    let shown = |file: &str| asap_model::data::read_photo(&here.path(file)).unwrap();
    assert_eq!(shown("other/real/a.png"), shown("set/images/a.png").crop(4, 4, 32, 32));
    std::fs::remove_dir_all(here.path("set/instances")).unwrap();
    here.refused("compare runs/plain runs/edges --out third", 3, &["set/instances", "instance map"]);
}
