//! The flags that every command takes.

use std::any::TypeId;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;

use asap_model::Config;
use asap_model::config::expand_home;
use clap::builder::{PathBufValueParser, PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command, ValueEnum};

#[derive(Clone, Debug, Args)]
pub struct Common {
    /// auto (CUDA if it works, else cpu), cpu, cuda, cuda:N, reference or reference64
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub device: Device,
    /// Threads of the cpu device [default: one per core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Random seed; overrides train.seed
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// Precision of matrix multiplications on CUDA: f32, TF32 or bf16 [default: high]
    #[arg(long, global = true, value_enum)]
    pub matmul_precision: Option<Precision>,
    /// Set a configuration key, as in --set train.batch=4; repeatable
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    #[arg(value_parser = Suggested(keys), hide_possible_values = true)]
    pub assignments: Vec<String>,
    /// Run even if memory looks insufficient
    #[arg(long, global = true)]
    pub ignore_memory: bool,
    /// Print one JSON object per line on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors and results only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more detail
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

impl Common {
    /// The seed of inference and evaluation: of noise, patches and subsets.
    pub fn evaluation_seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    #[cfg(feature = "cuda")]
    pub fn precision(&self) -> Precision {
        self.matmul_precision.unwrap_or(Precision::High)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// f32.
    Highest,
    /// TF32.
    High,
    /// bf16, accumulated in f32.
    Medium,
}

/// The device that `--device` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The fastest that works.
    Auto,
    Cpu,
    /// The GPU of that number.
    Cuda(usize),
    /// The reference implementation in f32.
    Reference,
    /// The reference implementation in f64.
    Reference64,
}

impl FromStr for Device {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let unknown = || "expected auto, cpu, cuda[:N], reference or reference64".to_owned();
        Ok(match name {
            "auto" => Device::Auto,
            "cpu" => Device::Cpu,
            "cuda" => Device::Cuda(0),
            "reference" => Device::Reference,
            "reference64" => Device::Reference64,
            other => {
                let number = other.strip_prefix("cuda:").ok_or_else(unknown)?;
                Device::Cuda(number.parse().map_err(|_| unknown())?)
            }
        })
    }
}

/// Any text; shells complete these values.
#[derive(Clone, Debug)]
pub struct Suggested(pub fn() -> Vec<PossibleValue>);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().try_map(in_home).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter()))
    }
}

/// A path, preset or key; a leading `~` is the home folder.
pub fn in_home(text: String) -> Result<String, String> {
    if !text.starts_with('~') {
        return Ok(text);
    }
    expand_home(Path::new(&text)).map(|path| path.to_string_lossy().into_owned())
}

/// With `~` expanded in every argument that is a path.
pub fn with_home(command: Command) -> Command {
    let expand = |argument: Arg| match argument.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
        true => argument.value_parser(PathBufValueParser::new().try_map(|path| expand_home(&path))),
        false => argument,
    };
    command.mut_args(expand).mut_subcommands(with_home)
}

/// The presets; a file may stand in their place.
pub fn presets() -> Vec<PossibleValue> {
    Config::presets().map(|(name, what)| PossibleValue::new(name).help(what)).collect()
}

/// Every configuration key, ready for its value.
pub fn keys() -> Vec<PossibleValue> {
    static KEYS: LazyLock<Vec<[String; 2]>> =
        LazyLock::new(|| Config::all_keys().iter().map(|key| [format!("{}=", key.path()), key.help()]).collect());
    KEYS.iter().map(|[key, help]| PossibleValue::new(key.as_str()).help(help.as_str())).collect()
}
