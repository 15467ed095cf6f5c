//! The arguments, as people type them; those of the commands that measure or compare generators are in `measuring`.

mod measuring;

use std::path::PathBuf;

use asap_model::Config;
use asap_model::config::GeneratorConfig;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::device::Device;
pub use measuring::{Compare, Eval, Measuring, Sweep};

/// Train and run ASAP-Net: fast image translation with spatially-adaptive pixelwise networks.
#[derive(Debug, Parser)]
#[command(name = "asap", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  asap train\n  asap infer --checkpoint runs/quickstart --input labels.png --out drawn\n  \
                        asap COMMAND --help"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command understands.
    #[command(flatten)]
    pub common: Common,
}

/// What every command understands.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// auto, cpu, cuda, cuda:N, reference or reference64
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub device: Device,
    /// Threads of the cpu device [default: one for each core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of everything random; wins over train.seed
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// Precision of matrix products on CUDA: f32, TF32 or bf16; the other devices always compute at highest
    #[arg(long, global = true, value_enum, default_value_t = Precision::High)]
    pub matmul_precision: Precision,
    /// Sets a configuration key, as in --set train.batch=4; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub assignments: Vec<String>,
    /// Go on where memory will not suffice
    #[arg(long, global = true)]
    pub ignore_memory: bool,
    /// One JSON object a line on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Errors and results only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More detail
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// Precision of matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// Single precision.
    Highest,
    /// TF32.
    High,
    /// bf16 with sums in single precision.
    Medium,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network; without arguments the quickstart, in runs/quickstart
    Train(Train),
    /// Turn label maps (or RGB images) into pictures
    Infer(Infer),
    /// Measure how near a generator's pictures come to real ones
    Eval(Eval),
    /// Draw the same inputs by several generators, beside each other
    Compare(Compare),
    /// Train and measure a list of configurations, and draw time against quality
    Sweep(Sweep),
    /// Recompute a folder of reference cases and print the distances
    Verify(Verify),
    /// Time a forward pass, or a round of training, on this machine
    Bench(Bench),
    /// Count parameters, multiply-accumulates, bytes and time, layer by layer
    Profile(Profile),
    /// Check a data set, or write a synthetic one
    #[command(subcommand)]
    Data(Data),
    /// Convert a checkpoint between .pth and .safetensors
    Convert(Convert),
    /// Write a configuration with every key explained
    Init(Init),
    /// Tell what this machine offers: devices, CUDA's libraries, threads, SIMD, memory, disk
    #[command(after_help = "Examples:\n  asap doctor\n  asap doctor --json")]
    Doctor,
    /// Write a shell's completions of commands, flags and presets
    Completions(Completions),
}

/// A preset's name or a file: any text, of which shells complete the presets.
#[derive(Clone, Debug)]
struct PresetOrFile;

impl TypedValueParser for PresetOrFile {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Config::presets().map(|(name, what)| PossibleValue::new(name).help(what))))
    }
}

/// The name of a generator that the paper compares with.
#[derive(Clone, Debug)]
struct ComparedName;

impl TypedValueParser for ComparedName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        let names: Vec<&str> = GeneratorConfig::KINDS[1..].iter().map(|(name, _)| *name).collect();
        PossibleValuesParser::new(names).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = GeneratorConfig::KINDS[1..].iter();
        Some(Box::new(all.map(|(name, what)| PossibleValue::new(*name).help(*what))))
    }
}

/// `asap train`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap train\n  asap train --config facades-small --data cmp-facades\n  \
                        asap train --out runs/quickstart --resume")]
pub struct Train {
    /// A configuration file, or the name of a preset
    #[arg(long, value_name = "FILE|PRESET", value_parser = PresetOrFile, hide_possible_values = true)]
    pub config: Option<String>,
    /// The data set's folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The run folder; a run that exists is never written into: the next free name is taken [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the run in --out (or runs/NAME) from its newest checkpoint
    #[arg(long)]
    pub resume: bool,
    /// Stop after this round
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Begin without reading every picture of the data set first
    #[arg(long)]
    pub skip_check: bool,
    /// Two rounds in a temporary folder, with everything that a run writes, read back and compared
    #[arg(long)]
    pub dry_run: bool,
}

/// `asap infer`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap infer --checkpoint runs/quickstart --input labels.png --out drawn\n  \
                        asap infer --checkpoint latest_net_G.pth --config facades-512 --data cmp-facades --out drawn")]
pub struct Infer {
    /// A run folder, a .safetensors, or a published .pth (then with --config)
    #[arg(long, value_name = "PATH")]
    pub checkpoint: PathBuf,
    /// Label maps or RGB images: files, or folders of them with their sub-folders
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "data", conflicts_with = "data")]
    pub input: Vec<PathBuf>,
    /// Their instance maps, in the same order: as many files or folders
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "input")]
    pub instances: Vec<PathBuf>,
    /// A data set: its validation inputs, which need no photos
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder for the pictures; those it holds already are kept, unless --force. Depth maps have 16 bits, in the
    /// scale of the data that the network was trained on
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What describes a published checkpoint's network: a file or the name of a preset
    #[arg(long, value_name = "FILE|PRESET", value_parser = PresetOrFile, hide_possible_values = true)]
    pub config: Option<String>,
    /// Resize inputs to data.size first, as the published test does
    #[arg(long)]
    pub resize: bool,
    /// Of depth maps also pictures in colours, into this folder: from yellow, at depth 0, to violet, at data.depth_max
    #[arg(long, value_name = "DIR")]
    pub colours: Option<PathBuf>,
    /// Draw over pictures that --out and --colours hold already
    #[arg(long)]
    pub force: bool,
}

/// `asap verify`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap verify tests/fixtures/published")]
pub struct Verify {
    /// The folder with index.json
    pub dir: PathBuf,
}

/// `asap bench`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap bench --preset cityscapes-256 --preset facades-512 --runs 5")]
pub struct Bench {
    /// Presets or configuration files [default: cityscapes-256]
    #[arg(long = "preset", value_name = "NAME", value_parser = PresetOrFile, hide_possible_values = true)]
    pub presets: Vec<String>,
    /// Time whole rounds of training, with all losses and made-up VGG weights
    #[arg(long)]
    pub train: bool,
    /// Images at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    /// Timed runs, after one that is not
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: u16,
}

/// `asap profile`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap profile --preset facades-512 --set generator.max_width=512\n  \
                        asap profile --preset facades-512 --roofline --train\n\n\
                        --roofline tells for every op and size how near it comes to what the device can do: to the \
                        bandwidth of its memory (measured by scaling or summing a large array) or to its arithmetic \
                        (by a large matrix product), whichever bounds it. Each op is waited for, so on a GPU the \
                        time of a small op is mostly that of its launch. An op whose arrays stay in a cache can \
                        exceed the bandwidth of memory.")]
pub struct Profile {
    /// Presets or configuration files [default: cityscapes-256]
    #[arg(long = "preset", value_name = "NAME", value_parser = PresetOrFile, hide_possible_values = true)]
    pub presets: Vec<String>,
    /// Generators that the paper compares with, at their published sizes on the preset's inputs, instead of its own
    #[arg(long, value_name = "NAME", value_parser = ComparedName, conflicts_with = "roofline")]
    pub compared: Vec<String>,
    /// A line for the preset's own generator and for each compared one (all, or those of --compared), beside the paper's
    /// figures
    #[arg(long, conflicts_with = "roofline")]
    pub table: bool,
    /// Op by op: bytes, operations, time, and the share of what the device can do
    #[arg(long)]
    pub roofline: bool,
    /// With --roofline: a round of training, with all losses and made-up VGG weights
    #[arg(long, requires = "roofline")]
    pub train: bool,
}

/// `asap data`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  asap data check cmp-facades\n  asap data synth facades --count 200")]
pub enum Data {
    /// Read every picture of a data set and name every fault
    Check(DataCheck),
    /// Write a synthetic data set: facades in the published layout, or scenes with their depths
    Synth(DataSynth),
}

/// `asap data check`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asap data check cmp-facades\n  asap data check streets --config cityscapes-256 --json"
)]
pub struct DataCheck {
    /// The data set's folder
    pub dir: PathBuf,
    /// What the data are for: a configuration file or the name of a preset [default: by the folders' names]
    #[arg(long, value_name = "FILE|PRESET", value_parser = PresetOrFile, hide_possible_values = true)]
    pub config: Option<String>,
}

/// `asap data synth`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap data synth facades --count 200 --size 256 --seed 7\n  \
                        asap data synth scenes --kind depth")]
pub struct DataSynth {
    /// The folder to make
    pub dir: PathBuf,
    /// What the pictures show
    #[arg(long, value_enum, default_value_t = SynthKind::Facades)]
    pub kind: SynthKind,
    /// Pairs; 15% of them are for validation
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: usize,
    /// Height and width in pixels
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub size: usize,
}

/// What synthetic pictures show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SynthKind {
    /// Houses: label maps and photos, as the CMP facades.
    Facades,
    /// Courts under the sky: colours, and depths of 16 bits in millimetres, 0 where nothing was measured.
    Depth,
}

/// `asap convert`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap convert latest_net_G.pth generator.safetensors --config facades-512")]
pub struct Convert {
    /// The checkpoint to read, of either kind
    pub from: PathBuf,
    /// The file to write; its ending, .pth or .safetensors, says which kind
    pub to: PathBuf,
    /// A configuration to put into the header of a .safetensors: a file or the name of a preset
    #[arg(long, value_name = "FILE|PRESET", value_parser = PresetOrFile, hide_possible_values = true)]
    pub config: Option<String>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `asap init`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap init mine.toml && asap train --config mine.toml")]
pub struct Init {
    /// The file to write; it must not exist
    pub file: PathBuf,
}

/// `asap completions`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap completions bash > ~/.local/share/bash-completion/completions/asap")]
pub struct Completions {
    /// Which shell
    pub shell: clap_complete::Shell,
}
