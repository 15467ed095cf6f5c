//! Paths in arguments and configurations: `~`, and folders relative to where a run began.

use crate::support::{TINY, Workspace};

/// A dataset for `TINY` networks, in `set`.
fn data_set(here: &Workspace) {
    here.done("data synth set --count 4 --size 32");
}

#[test]
fn tilde_is_the_home_folder() {
    let here = Workspace::new();
    std::fs::create_dir(here.path("home")).unwrap();
    let home = [("HOME", here.path("home").display().to_string())];
    let done = |line: &str| {
        let ran = here.asap_with(&home, line);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.stdout, ran.stderr);
        ran
    };
    done("data synth ~/set --count 4 --size 32");
    done(&format!("train --steps 1 --out=~/runs/x --data ~/set {TINY}"));
    done("infer --checkpoint ~/runs/x --input ~/set/val_label --out ~/generated");
    done("eval --generated ~/generated --real=~/set/val_img");
    done("init ~/my.toml --set data.dir=~/set --set data.layout=facades");
    done("profile --preset ~/my.toml");
    let text = std::fs::read_to_string(here.path("home/my.toml")).unwrap();
    let dir = format!("dir = \"{}\"", here.path("home/set").display());
    assert!(text.contains(&dir), "{text}");
    here.write("config.toml", "[data]\ndir = \"~/set\"\n[loss]\nlambda_vgg = 0\n");
    let ran = here.asap_with(&home, "train --config config.toml --set data.dir=~/gone --set train.steps=1");
    assert!(ran.code == 3 && ran.stderr.contains("home/gone"), "{}", ran.stderr);
    done("init copy.toml --set data.dir=~");
    assert!(!here.path("~").exists());
    // A file of this name.
    done("data synth ./~ --count 4 --size 32");
    assert!(here.path("~/train_img").is_dir());
    for line in ["data check ~bob/set", "train --out=~bob/x", "init my.toml --set data.dir=~bob/set"] {
        let ran = here.asap_with(&home, line);
        assert_eq!(ran.code, 2, "{line}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("~bob") && ran.stderr.contains("./~"), "{line}: {}", ran.stderr);
    }
    assert_eq!(here.names("."), ["config.toml", "copy.toml", "home", "~"]);
}

#[test]
fn relative_dataset_is_found_from_other_folders() {
    let here = Workspace::new();
    data_set(&here);
    here.done(&format!("train --steps 1 --out run --data set {TINY}"));
    let config = std::fs::read_to_string(here.path("run/config.toml")).unwrap();
    let dir = here.path("set").canonicalize().unwrap();
    assert!(config.contains(&format!("dir = \"{}\"", dir.display())), "{config}");
    // From another folder.
    std::fs::create_dir(here.path("elsewhere")).unwrap();
    let from_elsewhere = |line: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_asap"));
        let ran = command.args(line.split_whitespace()).current_dir(here.path("elsewhere")).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    for line in ["train --out ../run --resume --steps 2", "eval --checkpoint ../run"] {
        let (code, stderr) = from_elsewhere(line);
        assert_eq!(code, Some(0), "{line}: {stderr}");
    }
    // A message says whose path is wrong.
    std::fs::rename(here.path("set"), here.path("moved")).unwrap();
    let shown = dir.display().to_string();
    here.refused("train --out run --resume --steps 3", 3, &[&shown, "data.dir of run/config.toml", "--data"]);
    here.refused("eval --checkpoint run", 3, &[&shown, "data.dir of the checkpoint", "--data"]);
    here.done("train --out run --resume --steps 3 --data moved");
}
