//! Invalid configurations: files by `asap train --config`, keys by `--set`.

use super::{Expected, run_all};
use crate::support::{TINY, Workspace};

#[test]
fn invalid_configuration_names_line_key_and_value() {
    let here = Workspace::new();
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("unknown-key", b"[generator]\ntiel = 8".into(), &[":2: ", "generator.tiel", "did you mean generator.tile?"]),
        (
            "unknown-key-of-another-section",
            b"[train]\nlambda_vgg = 8".into(),
            &[":2: ", "did you mean loss.lambda_vgg?"],
        ),
        ("unknown-section", b"[trian]\nbatch = 8".into(), &[":1: ", "did you mean [train]?"]),
        ("key-without-section", b"batch = 8".into(), &[":1: ", "the key is train.batch"]),
        ("section-that-is-a-number", b"train = 8".into(), &[":1: ", "write [train]"]),
        ("section-that-is-a-list", b"[[train]]\nbatch = 8".into(), &["train"]),
        ("section-twice", b"[train]\n[train]".into(), &[":2: "]),
        ("key-twice", b"[train]\nbatch = 1\nbatch = 2".into(), &[":3: "]),
        (
            "words-for-a-number",
            b"[train]\nbatch = \"four\"".into(),
            &[":2: ", "train.batch", "four", "expected a whole number"],
        ),
        ("a-number-for-words", b"[data]\nlayout = 4".into(), &["data.layout"]),
        ("a-fraction-for-a-number", b"[train]\nbatch = 1.5".into(), &["train.batch", "1.5"]),
        ("a-word-for-yes-or-no", b"[data]\nflip = \"yes\"".into(), &["data.flip", "yes"]),
        ("a-date", b"[train]\nseed = 2020-01-01".into(), &["train.seed"]),
        (
            "a-layout-that-is-none",
            b"[data]\nlayout = \"zip\"".into(),
            &[":2: ", "data.layout", "zip", "facades", "pairs"],
        ),
        (
            "size-of-a-billion",
            b"[data]\nsize = [1000000000, 1000000000]".into(),
            &[":2: ", "data.size", "1000000000", "16384"],
        ),
        ("size-beyond-64-bits", b"[data]\nsize = 99999999999999999999".into(), &[":2: "]),
        ("size-below-zero", b"[data]\nsize = [-256, 256]".into(), &["data.size", "-256"]),
        ("size-of-three", b"[data]\nsize = [1, 2, 3]".into(), &[":2: ", "data.size", "[height, width]"]),
        ("size-of-one-in-a-list", b"[data]\nsize = [256]".into(), &["data.size", "[height, width]"]),
        (
            "size-of-no-whole-tiles",
            b"[data]\nsize = [256, 250]".into(),
            &[":2: ", "width 250", "multiple of generator.tile = 16"],
        ),
        ("size-of-one-tile", b"[data]\nsize = 16".into(), &[":2: ", "height 16", "at least 32"]),
        (
            "size-below-its-crop",
            b"[data]\nload_size = 200".into(),
            &[":2: ", "data.load_size = [200, 200]", "[256, 256]"],
        ),
        ("width-of-a-billion", b"[generator]\nwidth = 1000000000".into(), &["generator.width = 1000000000", "8192"]),
        ("depth-of-a-billion", b"[generator]\ndepth = 1000000000".into(), &["generator.depth = 1000000000", "64"]),
        ("tile-of-none", b"[generator]\ntile = 0".into(), &["generator.tile = 0", "power of two"]),
        (
            "tile-of-12",
            b"[generator]\ntile = 12".into(),
            &[":2: ", "generator.tile = 12", "power of two from 2 to 1024"],
        ),
        (
            "factor-beyond-the-tile",
            b"[generator]\ntile = 8".into(),
            &[":2: ", "generator.tile = 8", "learned_factor = 16"],
        ),
        ("classes-of-none", b"[data]\nclasses = 0".into(), &["data.classes = 0", "from 2 to 256"]),
        ("classes-of-257", b"[data]\nclasses = 257".into(), &[":2: ", "data.classes = 257", "from 2 to 256"]),
        ("classes-below-none", b"[data]\nclasses = -1".into(), &[":2: ", "data.classes", "-1"]),
        ("batch-of-none", b"[train]\nbatch = 0".into(), &["train.batch = 0", "from 1"]),
        ("epochs-of-none", b"[train]\nepochs = 0\ndecay_epochs = 0".into(), &["train.epochs = 0"]),
        (
            "decay-longer-than-all",
            b"[train]\nepochs = 10\ndecay_epochs = 11".into(),
            &["train.decay_epochs = 11", "10"],
        ),
        ("rate-that-is-none", b"[train]\nlr_generator = nan".into(), &[":2: ", "train.lr_generator = nan", "above 0"]),
        ("rate-without-end", b"[train]\nlr_discriminator = inf".into(), &["train.lr_discriminator = inf"]),
        ("rate-below-zero", b"[train]\nlr_generator = -1e-4".into(), &["train.lr_generator = -0.0001"]),
        ("beta-of-one", b"[train]\nbeta1 = 1.0".into(), &[":2: ", "train.beta1 = 1", "below 1"]),
        ("weight-that-is-none", b"[loss]\nlambda_feat = nan".into(), &["loss.lambda_feat = nan"]),
        ("seed-below-zero", b"[train]\nseed = -1".into(), &["train.seed", "-1"]),
        ("scales-of-none", b"[discriminator]\nscales = 0".into(), &[":2: ", "discriminator.scales = 0"]),
        ("no-end", b"[train]\nbatch = [".into(), &[":2: "]),
        ("not-utf-8", b"[train]\nbatch = \xff\xfe".into(), &["byte 16 is not UTF-8"]),
        ("utf-16", b"\xff\xfe[\0t\0]\0".into(), &["byte 0 is not UTF-8"]),
        ("zeros", vec![0; 1000], &[":1: "]),
        ("deep-lists", format!("[train]\nbatch = {}", "[".repeat(200_000)).into_bytes(), &[":2: "]),
        ("deep-tables", format!("[train]\nbatch = {}", "{a=".repeat(200_000)).into_bytes(), &[":2: "]),
        ("deep-keys", format!("train{} = 1", ".a".repeat(200_000)).into_bytes(), &[]),
        ("long", [&b"#"[..], &vec![b'x'; 2 << 20]].concat(), &["1048576 bytes"]),
    ];
    let mut lines: Vec<(String, String, Expected)> = Vec::new();
    let parts: Vec<Vec<&str>> = cases.iter().map(|case| [&[case.0], case.2].concat()).collect();
    for ((name, bytes, _), parts) in cases.iter().zip(&parts) {
        here.write(&format!("{name}.toml"), bytes);
        lines.push(((*name).into(), format!("train --dry-run --threads 1 --config {name}.toml"), (2, parts)));
    }
    // A sparse file of 100 MB.
    std::fs::File::create(here.path("sparse.toml")).unwrap().set_len(100_000_000).unwrap();
    lines.push(("sparse".into(), "train --config sparse.toml".into(), (2, &["sparse.toml", "1048576 bytes"])));
    lines.push(("not there".into(), "train --config gone.toml".into(), (2, &["gone.toml"])));
    run_all(&here, &lines);
}

#[test]
fn invalid_set_is_rejected_early() {
    let here = Workspace::new();
    let cases: &[(&str, &[&str])] = &[
        ("generator.tiel=8", &["generator.tiel=8", "did you mean generator.tile?"]),
        ("tile=8", &["generator.tile"]),
        ("train.batch", &["KEY=VALUE"]),
        ("=", &["section", "train.batch"]),
        ("train.batch=many", &["train.batch", "many"]),
        ("data.size=[1e9,1e9]", &["data.size", "1000000000"]),
        ("data.size=[[[[[[1]]]]]]", &["data.size"]),
        ("data.classes={a=1}", &["data.classes"]),
        ("train.seed=99999999999999999999", &["train.seed"]),
        ("generator.width=1000000000", &["generator.width = 1000000000"]),
        ("train.lr_generator=nan", &["train.lr_generator = nan"]),
        ("data.workers=100000", &["data.workers = 100000"]),
        ("generator.learned_factor=3", &["generator.learned_factor = 3", "power of two"]),
        ("generator.learned_factor=32", &["generator.learned_factor = 32"]),
        ("data.size=8 --set loss.lambda_vgg=10 --set loss.vgg_weights=vgg.pth", &["data.size = [8, 8]", "16"]),
        ("loss.lambda_vgg=10", &["loss.vgg_weights"]),
        ("train.steps=0", &["train.steps = 0"]),
        ("data.dir=x\u{1b}[2J", &[]),
    ];
    let deep = format!("data.size={}", "[".repeat(60_000));
    let mut lines: Vec<(String, String, Expected)> = vec![
        ("deep".into(), format!("train --dry-run {TINY} --set {deep}"), (2, &["--set data.size=[[["])),
        ("a seed below zero".into(), format!("train --dry-run {TINY} --set train.seed=-1"), (2, &["train.seed"])),
    ];
    for (assignment, parts) in cases {
        let line = format!("train --dry-run {TINY} --set {assignment}");
        lines.push(((*assignment).into(), line, (if parts.is_empty() { 0 } else { 2 }, parts)));
    }
    run_all(&here, &lines);
}
