//! Help and shell completions.

use crate::support::Workspace;

/// Every command and subcommand.
const COMMANDS: [&str; 19] = [
    "",
    "train",
    "infer",
    "distill",
    "eval",
    "compare",
    "sweep",
    "segmenter",
    "verify",
    "bench",
    "profile",
    "data",
    "data check",
    "data preview",
    "data synth",
    "convert",
    "init",
    "doctor",
    "completions",
];

#[test]
fn help_has_an_example_for_every_command() {
    let here = Workspace::new();
    for command in COMMANDS {
        let help = here.done(&format!("{command} --help")).stdout;
        let (_, examples) = help.split_once("Example").unwrap_or_else(|| panic!("asap {command} --help:\n{help}"));
        assert!(examples.contains(&format!("asap {command}")), "asap {command} --help:\n{help}");
    }
    let listed = here.done("--help").stdout;
    let commands = listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in commands {
        let name = line.split_whitespace().next().expect("a command");
        assert!(name == "help" || COMMANDS.contains(&name), "{name} is not among the commands that are tested");
    }
}

#[test]
fn completions_cover_commands_flags_and_presets() {
    let here = Workspace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = here.done(&format!("completions {shell}")).stdout;
        // The other shells' scripts complete no values.
        let values = ["bash", "zsh", "fish"].contains(&shell);
        for word in ["train", "checkpoint"].into_iter().chain(values.then_some("facades-512")) {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
        let objects = here.done(&format!("completions {shell} --json")).objects();
        assert_eq!((objects.len(), &objects[0]["shell"]), (1, &shell.into()));
        assert_eq!(objects[0]["script"].as_str().expect("a script").trim_end(), script.trim_end());
    }
    here.refused("completions tcsh", 2, &["tcsh", "bash"]);
}

#[test]
fn preset_accepts_a_file() {
    let here = Workspace::new();
    here.refused("profile --preset nowhere.toml", 2, &["nowhere.toml", "no such file and no such preset"]);
}
