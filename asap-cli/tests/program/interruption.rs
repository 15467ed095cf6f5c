//! Ctrl-C, and a program that is killed at any moment.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::support::{TINY, TINY_FILE, Workspace};

/// How often the program is killed, unless ASAP_KILLS is set.
const KILLS: usize = 40;

/// A run that trains until it is stopped, with a checkpoint after every step.
const ENDLESS: &str = "--set train.epochs=1000000 --set train.save_every=1 --set train.sample_every=7";

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status().expect("kill");
    assert!(sent.success());
}

/// The next event of a run.
fn event(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Option<Value> {
    // A line cut off by the kill doesn't count.
    lines.next().and_then(|line| serde_json::from_str(&line.expect("a line")).ok())
}

fn events(child: &mut Child) -> impl Iterator<Item = std::io::Result<String>> + use<> {
    let stdout: ChildStdout = child.stdout.take().expect("standard output");
    BufReader::new(stdout).lines()
}

fn bytes(here: &Workspace, run: &str, step: u64) -> Vec<u8> {
    std::fs::read(here.path(run).join(format!("checkpoints/step-{step:06}.safetensors"))).expect("a checkpoint")
}

#[test]
fn ctrl_c_finishes_the_step_saves_and_exits_130() {
    for signal in ["-INT", "-TERM"] {
        let here = Workspace::new();
        let mut child = here.start(&format!("train --json --out run {TINY} --steps 100000 --set train.epochs=100000"));
        let mut lines = events(&mut child);
        while event(&mut lines).expect("training continues")["event"] != "step" {}
        send(signal, &child);
        let rest: Vec<Value> = std::iter::from_fn(|| event(&mut lines)).collect();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(stderr.contains("stopping after this step"), "{stderr}");

        let [.., checkpoint, finished] = &rest[..] else { panic!("{rest:?}") };
        assert_eq!((&checkpoint["event"], &finished["event"]), (&"checkpoint".into(), &"finished".into()));
        assert_eq!(finished["stopped"], true);
        let step = finished["steps"].as_u64().unwrap();
        assert_eq!(checkpoint["step"], step);

        here.done(&format!("train --out run --resume --threads 1 --steps {}", step + 2));
        here.done(&format!("train --out whole {TINY} --set train.epochs=100000 --steps {}", step + 2));
        // The number of steps is part of the configuration, and was changed.
        let config = |run: &str| std::fs::read_to_string(here.path(run).join("config.toml")).unwrap();
        assert_eq!(config("run"), config("whole"));
        assert!(bytes(&here, "run", step + 2) == bytes(&here, "whole", step + 2));
    }
}

#[test]
fn ctrl_c_stops_a_sweep_after_the_current_step() {
    let here = Workspace::new();
    for name in ["a", "b"] {
        here.write(&format!("{name}.toml"), format!("{TINY_FILE}[loss]\nlambda_vgg = 0.0\n[train]\nepochs = 100000\n"));
    }
    let mut child = here.start("sweep a.toml b.toml --out all --threads 1 --json");
    let mut lines = events(&mut child);
    while event(&mut lines).expect("training continues")["event"] != "step" {}
    send("-INT", &child);
    let rest: Vec<Value> = std::iter::from_fn(|| event(&mut lines)).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(rest.last().expect("events")["event"], "checkpoint");
    assert!(!here.path("all/b").exists() && !here.path("all/sweep.csv").exists());
}

/// A step of a network this large takes minutes: the second Ctrl-C does not wait for its end.
#[test]
fn a_second_ctrl_c_stops_at_once() {
    let here = Workspace::new();
    let large = "--set data.size=[512,512] --set generator.width=64 --set generator.max_width=512 --set data.count=2 \
        --set data.val_count=2 --device reference";
    let mut child = here.start(&format!("train --json --out run {large}"));
    let mut lines = events(&mut child);
    assert_eq!(event(&mut lines).unwrap()["event"], "started");
    send("-INT", &child);
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn killed_runs_resume_from_the_last_announced_checkpoint() {
    let kills = std::env::var("ASAP_KILLS").map_or(KILLS, |kills| kills.parse().expect("ASAP_KILLS is a number"));
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let here = Workspace::new();
    let resume = "train --json --out run --resume --threads 1";
    let mut announced = 0;
    let mut lives = [0; 3];
    for kill in 0..kills {
        let line = if kill == 0 { format!("train --json --out run {TINY} {ENDLESS}") } else { resume.to_owned() };
        let mut child = here.start(&line);
        let mut lines = events(&mut child);
        // How far this life got: nowhere, to its start, to a checkpoint.
        let mut life = 0;
        let mut note = |life: &mut usize, event: Value| match event["event"].as_str() {
            Some("started") => {
                let done = event["steps_done"].as_u64().expect("steps");
                assert!(done >= announced, "seed {seed}, kill {kill}: back at {done}, but {announced} was announced");
                *life = 1;
            }
            Some("checkpoint") => {
                announced = event["step"].as_u64().expect("a step");
                *life = 2;
            }
            Some("warning") => panic!("seed {seed}, kill {kill}: {event}"),
            _ => {}
        };
        // Some lives end before they start, while reading or cleaning up.
        let patience = random.random_range(0..4) * random.random_range(1..5);
        let mut seen = 0;
        while seen < patience || (kill == 0 && life < 2) {
            let event = event(&mut lines).unwrap_or_else(|| panic!("seed {seed}, kill {kill}: it ended by itself"));
            note(&mut life, event);
            seen += 1;
        }
        std::thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
        child.kill().expect("a kill");
        while let Some(event) = event(&mut lines) {
            note(&mut life, event);
        }
        lives[life] += 1;
        let status = child.wait().expect("an end");
        assert_eq!(status.code(), None, "seed {seed}, kill {kill}: it ended by itself");
    }
    eprintln!(
        "seed {seed}: {kills} kills, {} before the run began, {} before a checkpoint, {} after one; {announced} steps",
        lives[0], lives[1], lives[2]
    );
    let last = announced + 3;
    here.done(&format!("{resume} --steps {last}"));
    here.done(&format!("train --out whole {TINY} {ENDLESS} --steps {last} --set train.save_every=0"));
    let tensors = |run: &str| {
        let file = here.path(run).join(format!("checkpoints/step-{last:06}.safetensors"));
        asap_model::checkpoint::safetensors::read(&file).expect("a checkpoint").0
    };
    assert!(tensors("run") == tensors("whole"), "seed {seed}: differs from a run that was never killed");
}
