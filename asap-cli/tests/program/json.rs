//! With `--json`, standard output is one JSON object a line and nothing else, whatever the command.

use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, write_labels};

use crate::support::{TINY, TINY_FILE, Workspace};

#[test]
fn every_command_prints_objects_only() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    let map = Plane::from_fn(12, 9, |x, y| ((x + y) % 13) as u8);
    write_labels(&here.path("map.png"), &map, &PALETTE).expect("a label map can be written");
    let train = format!("train --steps 1 --out run {TINY}");
    let lines = [
        ("doctor", 1),
        ("completions bash", 1),
        ("init mine.toml", 1),
        ("data synth houses --count 3 --size 32", 1),
        ("data check houses", 1),
        (&train, 6),
        ("infer --checkpoint run --input map.png --out generated --force", 1),
        ("eval --checkpoint run --set data.val_count=1", 1),
        ("convert run/generator.safetensors generator.pth", 1),
        ("bench --preset tiny.toml --runs 1", 1),
        ("bench --preset tiny.toml --runs 1 --train", 1),
        ("profile --preset tiny.toml", 4),
    ];
    for (line, minimum) in lines {
        for verbosity in ["", "-q", "-v"] {
            // What writes once is repeated elsewhere.
            let line = match verbosity {
                "" => line.to_owned(),
                _ => line
                    .replace("mine.toml", &format!("mine{verbosity}.toml"))
                    .replace("generator.pth", &format!("generator{verbosity}.pth"))
                    .replace("synth houses", &format!("synth h{verbosity}")),
            };
            let count = here.done(&format!("{line} --json {verbosity}")).objects().len();
            assert!(count >= minimum, "asap {line} --json {verbosity} prints {count} objects");
        }
    }
}

#[test]
fn an_error_leaves_standard_output_empty() {
    let here = Workspace::new();
    for line in [
        "train --config nowhere.toml",
        "infer --checkpoint nowhere --input a.png --out b",
        "eval --checkpoint nowhere --data a",
        "verify nowhere",
        "bench --preset nowhere",
        "profile --preset nowhere",
        "data check nowhere",
        "convert nowhere.pth a.pth",
        "completions tcsh",
    ] {
        let ran = here.asap(&format!("{line} --json"));
        assert_ne!(ran.code, 0, "asap {line}");
        assert_eq!(ran.stdout, "", "asap {line}");
        assert!(ran.stderr.contains("error: "), "asap {line}: {}", ran.stderr);
    }
}
