//! What a run computes on, in words.

use std::fs;

use asap_tensor::Storage;

/// What a run computes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// The device, as the command line names it.
    pub device: String,
    /// Host threads that kernels compute on.
    pub threads: usize,
    /// The processor's model, where the system tells it, and how many threads it runs at once.
    pub processor: String,
    /// Operating system and architecture.
    pub system: String,
    /// This program's version.
    pub version: &'static str,
}

impl Machine {
    /// This machine, as far as the system tells.
    pub fn of(backend: &impl Storage) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hardware = format!("{cores} hardware thread{}", if cores == 1 { "" } else { "s" });
        let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| value(&text, "model name", ':'));
        let system = fs::read_to_string("/etc/os-release").ok().and_then(|text| value(&text, "PRETTY_NAME", '='));
        Machine {
            device: backend.device(),
            threads: backend.threads(),
            processor: model.map_or(hardware.clone(), |model| format!("{model}, {hardware}")),
            system: format!("{}, {}", system.unwrap_or(std::env::consts::OS.into()), std::env::consts::ARCH),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The value of the first line `key SEPARATOR value`, without quotation marks.
fn value(text: &str, key: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == key).then(|| value.trim().trim_matches('"').to_string())
    })
}

#[cfg(test)]
mod tests {
    use asap_tensor::Cpu;

    use super::*;

    #[test]
    fn a_machine_is_told_by_device_threads_and_system() {
        let machine = Machine::of(&Cpu::new(Some(3)).unwrap());
        assert_eq!((machine.device.as_str(), machine.threads), ("cpu", 3));
        assert!(machine.processor.contains("hardware thread") && machine.system.contains(std::env::consts::ARCH));
    }

    #[test]
    fn values_are_found_by_their_key() {
        let text = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian 12 (bookworm)\"\nmodel name\t: EPYC: 9B14\n";
        assert_eq!(value(text, "PRETTY_NAME", '='), Some("Debian 12 (bookworm)".into()));
        assert_eq!(value(text, "model name", ':'), Some("EPYC: 9B14".into()));
        assert_eq!(value(text, "model", ':'), None);
    }
}
