//! The device cuda, over the emulator: a GPU that works, and everything that can be missing.

use std::path::Path;

use asap_model::data::read_photo;
use serde_json::json;

use crate::support::{Output, TINY, TINY_FILE, Workspace, published};

/// A place where the program finds the emulator's libraries, and with them a GPU.
struct Machine {
    here: Workspace,
    variables: Vec<(&'static str, String)>,
}

impl Machine {
    fn new() -> Self {
        Self::with_libraries(cuda_emulator::library_folder())
    }

    /// A machine whose loader finds the libraries in that folder.
    fn with_libraries(folder: &Path) -> Self {
        Machine { here: Workspace::new(), variables: vec![("LD_LIBRARY_PATH", folder.display().to_string())] }
    }

    fn with(mut self, variable: &'static str, value: impl ToString) -> Self {
        self.variables.push((variable, value.to_string()));
        self
    }

    fn asap(&self, line: &str) -> Output {
        self.here.asap_with(&self.variables, line)
    }

    fn done(&self, line: &str) -> Output {
        let ran = self.asap(line);
        assert_eq!(ran.code, 0, "asap {line}\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// The GPU can't be used: exit code 4 and one message with all these words, but `auto` continues on the CPU.
    fn refuses(&self, words: &[&str]) {
        let line = format!("train --steps 1 {TINY}");
        let ran = self.asap(&format!("{line} --device cuda"));
        assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "no {word:?} in\n{}", ran.stderr);
        }
        let auto = self.done(&line);
        assert!(auto.stderr.contains("device: cpu with 1 thread"), "{}", auto.stderr);
    }
}

#[test]
fn dry_run_on_gpu() {
    let machine = Machine::new();
    for precision in ["highest", "high", "medium"] {
        machine.done(&format!("train --dry-run --device cuda --matmul-precision {precision} {TINY}"));
    }
    machine.done(&format!("train --dry-run --device cuda {TINY} --set train.batch=2 --set generator.positions=false"));
}

#[test]
fn verify_on_gpu() {
    let machine = Machine::new();
    let index: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(published("index.json")).unwrap()).unwrap();
    std::fs::create_dir(machine.here.path("cases")).unwrap();
    for file in ["gen_zero_pad.safetensors", "gen_zero_pad_net_G.pth", "cc_fpse.safetensors"] {
        std::fs::copy(published(file), machine.here.path("cases").join(file)).unwrap();
    }
    let cases = json!({ "gen_zero_pad": index["gen_zero_pad"], "cc_fpse": index["cc_fpse"] });
    machine.here.write("cases/index.json", cases.to_string());
    let objects = machine.done("verify cases --json --device cuda").objects();
    assert!(objects.len() > 20 && objects.iter().all(|object| object["ok"] == true), "{objects:?}");
}

#[test]
fn auto_selects_gpu_and_matches_cpu() {
    let machine = Machine::new();
    let ran = machine.done(&format!("train --steps 2 --out run {TINY}"));
    assert!(ran.stderr.contains("device: cuda:0 (CUDA emulator"), "{}", ran.stderr);
    machine.done("data synth houses --count 2 --size 32");
    for device in ["cuda --matmul-precision highest", "cpu"] {
        let out = device.split(' ').next().unwrap();
        machine.done(&format!("infer --checkpoint run --data houses --out {out} --device {device}"));
    }
    let names = machine.here.names("cpu");
    assert!(!names.is_empty());
    for name in names {
        let [cuda, cpu] = ["cuda", "cpu"].map(|device| read_photo(&machine.here.path(device).join(&name)).unwrap());
        let far =
            cuda.data.iter().flatten().zip(cpu.data.iter().flatten()).filter(|(a, b)| a.abs_diff(**b) > 1).count();
        assert_eq!(far, 0, "{name}");
    }
}

#[test]
fn bench_profile_and_doctor_on_gpu() {
    let machine = Machine::new();
    machine.here.write("tiny.toml", TINY_FILE);
    for precision in ["highest", "high", "medium"] {
        let bench = machine
            .done(&format!("bench --preset tiny.toml --runs 2 --json --device cuda --matmul-precision {precision}"));
        let object = &bench.objects()[0];
        assert_eq!((&object["device"], &object["precision"]), (&json!("cuda:0"), &json!(precision)));
    }
    machine.done("profile --preset tiny.toml --device cuda");
    let doctor = machine.done("doctor --json");
    let found = &doctor.objects()[0];
    let gpu = found["devices"].as_array().unwrap().iter().find(|device| device["device"] == "cuda:0").unwrap();
    assert_eq!(gpu["ok"], true, "{gpu}");
    assert!(gpu["what"].as_str().is_some_and(|what| what.contains("CUDA emulator")), "{gpu}");
    assert!(found["cuda_libraries"].as_array().unwrap().iter().all(|library| library["found"].is_string()));
}

#[test]
fn gpu_without_bf16_uses_highest_precision() {
    let machine = Machine::new().with("CUDA_EMULATOR_COMPUTE_CAPABILITY", "7.5");
    machine.here.write("tiny.toml", TINY_FILE);
    let bench = machine.done("bench --preset tiny.toml --runs 1 --json --device cuda --matmul-precision medium");
    assert_eq!(bench.objects()[0]["precision"], "highest");
    machine.done(&format!("train --dry-run --device cuda {TINY}"));
}

#[test]
fn unusable_gpu_is_reported_and_auto_uses_cpu() {
    Machine::new().with("CUDA_EMULATOR_DEVICES", 0).refuses(&["cuda:0", "driver", "nvidia-smi"]);
    Machine::new().with("CUDA_EMULATOR_INIT", 999).refuses(&["cuda:0", "driver", "CUDA_ERROR_UNKNOWN"]);
    Machine::new().with("CUDA_EMULATOR_COMPUTE_CAPABILITY", "5.2").refuses(&["5.2", "7.5", "--device cpu"]);
    let machine = Machine::new();
    let ran = machine.asap(&format!("train --steps 1 --device cuda:1 {TINY}"));
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("cuda:1: there is only one GPU, cuda:0"), "{}", ran.stderr);
}

#[test]
fn missing_cuda_library_is_reported_with_its_package() {
    for (there, missing) in [
        (&["libcuda.so", "libcublas.so"][..], &["NVRTC", "libnvrtc.so", "pip install nvidia-cuda-nvrtc"][..]),
        (&["libcuda.so", "libnvrtc.so"][..], &["cuBLAS", "libcublas.so", "pip install nvidia-cublas"][..]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for name in there {
            std::os::unix::fs::symlink(cuda_emulator::library_folder().join(name), folder.path().join(name)).unwrap();
        }
        let machine = Machine::with_libraries(folder.path());
        // A machine that has the real library somewhere finds it.
        let doctor = machine.done("doctor --json");
        let libraries = doctor.objects()[0]["cuda_libraries"].as_array().unwrap().clone();
        if libraries.iter().any(|library| library["file"] == missing[1] && library["problem"].is_null()) {
            continue;
        }
        machine.refuses(missing);
        assert!(machine.done("doctor").stdout.contains(missing[2]));
    }
}

#[test]
fn cuda_libraries_variable_sets_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let driver = folder.path().join("driver");
    std::fs::create_dir(&driver).unwrap();
    let emulator = cuda_emulator::library_folder();
    std::os::unix::fs::symlink(emulator.join("libcuda.so"), driver.join("libcuda.so")).unwrap();
    let machine = Machine::with_libraries(&driver).with("ASAP_CUDA_LIBRARIES", emulator.display());
    machine.done(&format!("train --dry-run --device cuda {TINY}"));
}

#[test]
fn gpu_out_of_memory_reports_required_memory() {
    let machine = Machine::new().with("CUDA_EMULATOR_MEMORY", 200_000);
    let ran = machine.asap(&format!("train --steps 1 --device cuda {TINY}"));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    for word in ["cuda:0", "out of memory", "MB", "--device cpu"] {
        assert!(ran.stderr.contains(word), "no {word:?} in\n{}", ran.stderr);
    }
}

#[test]
fn broken_compiler_is_reported() {
    let cache = tempfile::tempdir().unwrap();
    let machine =
        Machine::new().with("CUDA_EMULATOR_CXX", "/nowhere/g++").with("CUDA_EMULATOR_CACHE", cache.path().display());
    let ran = machine.asap(&format!("train --steps 1 --device cuda {TINY}"));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("NVRTC can't compile") && ran.stderr.contains("/nowhere/g++"), "{}", ran.stderr);
}
