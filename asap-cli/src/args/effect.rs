//! Which of the flags that all commands share have an effect on which command.

use std::path::Path;

use super::common::Device;
use super::{Arguments, Command, Common, Data};

/// What a command uses.
struct Uses {
    name: &'static str,
    /// Whether a device computes something.
    device: bool,
    /// Whether it works in threads besides those of the device.
    threads: bool,
    /// Whether it uses random values that depend on the seed.
    seed: bool,
    /// Whether it checks that memory suffices.
    memory: bool,
    /// The keys that it uses start so.
    keys: &'static [&'static str],
}

/// Every key.
const ALL: &[&str] = &[""];
/// What inputs and a generator depend on.
const NETWORK: &[&str] = &["data.", "generator."];
/// And synthetic data.
const SEEDED_NETWORK: &[&str] = &["data.", "generator.", "train.seed"];

impl Command {
    fn uses(&self) -> Uses {
        let nothing = Uses { name: "", device: false, threads: false, seed: false, memory: false, keys: &[] };
        let network = Uses { device: true, memory: true, keys: NETWORK, ..nothing };
        match self {
            Command::Train(_) => Uses { name: "train", threads: true, seed: true, keys: ALL, ..network },
            Command::Distill(_) => Uses { name: "distill", threads: true, seed: true, keys: ALL, ..network },
            Command::Sweep(_) => Uses { name: "sweep", threads: true, seed: true, keys: ALL, ..network },
            Command::Infer(_) => Uses { name: "infer", seed: true, ..network },
            Command::Eval(eval) if eval.checkpoint.is_some() => {
                Uses { name: "eval", threads: true, seed: true, keys: SEEDED_NETWORK, ..network }
            }
            Command::Eval(eval) => {
                let device = eval.measuring.inception.is_some();
                Uses { name: "eval of folders", device, threads: true, seed: true, ..nothing }
            }
            // Without a folder, the dataset may be synthetic.
            Command::Compare(compare) => match compare.data {
                None => Uses { name: "compare", seed: true, keys: SEEDED_NETWORK, ..network },
                Some(_) => Uses { name: "compare", seed: true, ..network },
            },
            Command::Segmenter(_) => {
                Uses { name: "segmenter", threads: true, seed: true, keys: SEEDED_NETWORK, memory: false, ..network }
            }
            Command::Verify(_) => Uses { name: "verify", device: true, ..nothing },
            Command::Bench(bench) => Uses { name: "bench", keys: if bench.train { ALL } else { NETWORK }, ..network },
            Command::Profile(_) => Uses { name: "profile", keys: ALL, ..network },
            Command::Data(Data::Check(_)) => Uses { name: "data check", threads: true, keys: NETWORK, ..nothing },
            Command::Data(Data::Preview(_)) => {
                Uses { name: "data preview", threads: true, seed: true, keys: SEEDED_NETWORK, ..nothing }
            }
            Command::Data(Data::Synth(_)) => Uses { name: "data synth", threads: true, seed: true, ..nothing },
            Command::Convert(convert) if has_extension(&convert.to, "pth") => {
                Uses { name: "convert to .pth", ..nothing }
            }
            Command::Convert(_) => Uses { name: "convert", seed: true, keys: ALL, ..nothing },
            Command::Init(init) => {
                let looks = init.data.is_some();
                Uses { name: "init", device: looks, threads: looks, seed: true, keys: ALL, ..nothing }
            }
            Command::Doctor => Uses { name: "doctor", threads: true, ..nothing },
            Command::Completions(_) => Uses { name: "completions", ..nothing },
        }
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own == extension)
}

impl Arguments {
    /// Whether the command works in threads besides those of the device.
    pub fn uses_threads(&self) -> bool {
        self.command.uses().threads
    }

    /// Warnings about flags that have no effect on this command or device.
    pub fn without_effect(&self) -> Vec<String> {
        let Common { device, threads, seed, matmul_precision, assignments, ignore_memory, .. } = &self.common;
        let uses = self.command.uses();
        let on_cpu = matches!(device, Device::Auto | Device::Cpu);
        let flags = [
            ("--device", *device != Device::Auto && !uses.device),
            ("--threads", threads.is_some() && !uses.threads && !(uses.device && on_cpu)),
            ("--seed", seed.is_some() && !uses.seed),
            ("--matmul-precision", matmul_precision.is_some() && (!uses.device || uses.name == "verify")),
            ("--ignore-memory", *ignore_memory && !uses.memory),
        ];
        let no_effect = |flag: &str| format!("{flag} has no effect on {}", uses.name);
        let flags = flags.into_iter().filter(|(_, is_ignored)| *is_ignored).map(|(flag, _)| match flag {
            "--threads" if uses.device => format!("{} on this device", no_effect(flag)),
            "--matmul-precision" if uses.name == "verify" => format!("{}, which always uses highest", no_effect(flag)),
            flag => no_effect(flag),
        });
        let is_used = |key: &str| uses.keys.iter().any(|start| key.starts_with(start));
        let keys = assignments.iter().map(|assignment| assignment.split('=').next().unwrap_or_default().trim());
        let keys = keys.filter(|key| !is_used(key)).map(|key| no_effect(&format!("--set {key}")));
        let is_cuda = matches!(device, Device::Auto | Device::Cuda(_));
        let precision = (matmul_precision.is_some() && uses.device && uses.name != "verify" && !is_cuda)
            .then(|| "--matmul-precision has no effect: only CUDA devices have lower precisions".to_owned());
        flags.chain(keys).chain(precision).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn warnings(line: &str) -> Vec<String> {
        Arguments::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{error}")).without_effect()
    }

    #[test]
    fn flags_without_effect_are_named() {
        for (line, flag) in [
            ("asap bench --seed 4", "--seed"),
            (
                "asap verify a --matmul-precision high",
                "--matmul-precision has no effect on verify, which always uses highest",
            ),
            ("asap data check a --matmul-precision high", "--matmul-precision"),
            ("asap verify a --set train.batch=4", "--set train.batch"),
            (
                "asap infer --checkpoint a --input b --out c --set train.batch=4",
                "--set train.batch has no effect on infer",
            ),
            ("asap convert a b.pth --set data.size=4", "--set data.size has no effect on convert to .pth"),
            ("asap data check a --device cpu", "--device"),
            (
                "asap infer --checkpoint a --input b --out c --threads 4 --device cuda",
                "--threads has no effect on infer on this",
            ),
            ("asap init a --threads 4", "--threads"),
            ("asap eval --generated a --real b --ignore-memory", "--ignore-memory has no effect on eval of folders"),
            ("asap train --device cpu --matmul-precision high", "--matmul-precision has no effect: only CUDA"),
        ] {
            let found = warnings(line);
            assert!(found.len() == 1 && found[0].starts_with(flag), "{line}: {found:?}");
        }
    }

    #[test]
    fn flags_with_an_effect_are_not() {
        for line in [
            "asap train --seed 4 --threads 1 --device cuda --matmul-precision high --set train.batch=4 --ignore-memory",
            "asap eval --checkpoint a --seed 4 --threads 1 --device cuda --set train.seed=3",
            "asap compare a --seed 4",
            "asap infer --checkpoint a --input b --out c --threads 1 --device cpu --set generator.width=4",
            "asap data synth a --seed 4 --threads 2",
            "asap convert a b.safetensors --set data.size=4",
        ] {
            assert_eq!(warnings(line), [] as [&str; 0], "{line}");
        }
    }
}
