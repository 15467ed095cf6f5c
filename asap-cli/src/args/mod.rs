//! Command-line arguments: [`common`] flags and their `effect` on each command, the commands that evaluate in [`measuring`], and
//! the others; errors about `unknown` arguments.

pub mod common;
mod effect;
pub mod measuring;
mod unknown;

use std::path::PathBuf;

use asap_model::config::GeneratorConfig;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use common::Common;
use common::{Suggested, presets};
pub use measuring::{Compare, Eval, Measuring, Segmenter, Sweep};
use measuring::{Size, square_or_sides};
pub use unknown::parse;

/// Train and run ASAP-Net: fast image translation with spatially-adaptive pixelwise networks.
#[derive(Debug, Parser)]
#[command(name = "asap", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  asap train\n  asap infer --checkpoint runs/quickstart --input labels.png --out output\n  \
                        asap COMMAND --help"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network; without arguments, the quickstart preset in runs/quickstart
    Train(Train),
    /// Generate images from label maps or RGB images
    Infer(Infer),
    /// Train a network on the images of a slower one
    Distill(Distill),
    /// Evaluate generated images against real ones
    Eval(Eval),
    /// Run several generators on the same inputs, side by side
    Compare(Compare),
    /// Train and evaluate a list of configurations, and plot time against quality
    Sweep(Sweep),
    /// Train a segmentation network, by which eval measures generated images
    Segmenter(Segmenter),
    /// Recompute reference cases and print the errors
    Verify(Verify),
    /// Time a forward pass or a training step
    Bench(Bench),
    /// Show parameters, multiply-accumulates, bytes and time per layer
    Profile(Profile),
    /// Check a dataset, or write a synthetic one
    #[command(subcommand)]
    Data(Data),
    /// Convert a checkpoint between .pth and .safetensors
    Convert(Convert),
    /// Write a commented configuration that trains as it is
    Init(Init),
    /// Show hardware and library support
    #[command(after_help = "Examples:\n  asap doctor\n  asap doctor --json")]
    Doctor,
    /// Print shell completions for commands, flags, presets and configuration keys
    Completions(Completions),
}

/// The baselines of the paper.
fn baselines() -> PossibleValuesParser {
    PossibleValuesParser::new(
        GeneratorConfig::KINDS[1..].iter().map(|(name, what)| PossibleValue::new(*name).help(*what)),
    )
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap train\n  asap train --config facades-small --data cmp-facades\n  \
                        asap train --init runs/facades-small --data my-houses\n  \
                        asap train --out runs/quickstart --resume")]
pub struct Train {
    /// Configuration file or preset
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    pub config: Option<String>,
    /// Dataset folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Run folder; if it exists, the next free name is used [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Resume the run in --out (or runs/NAME) from its newest checkpoint
    #[arg(long)]
    pub resume: bool,
    /// Start from the weights of a run folder, .safetensors or .pth, as far as they fit; without --config, with its
    /// configuration
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "resume")]
    pub init: Option<PathBuf>,
    /// Epochs (train.epochs)
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// Total training steps (train.steps)
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Batch size (train.batch)
    #[arg(long, value_name = "N")]
    batch: Option<u64>,
    /// Learning rate of the generator (train.lr_generator); that of the discriminators changes by the same factor, so that a
    /// configuration with the published ratio keeps 4 (train.lr_discriminator)
    #[arg(long, value_name = "RATE")]
    pub lr: Option<f64>,
    /// Training size in pixels (data.size); one number for a square
    #[arg(long, value_name = "N|WIDTHxHEIGHT", value_parser = square_or_sides)]
    size: Option<Size>,
    /// Skip reading every image of the dataset before training
    #[arg(long)]
    pub skip_check: bool,
    /// Train two steps in a temporary folder, and read back and compare everything that a run writes
    #[arg(long)]
    pub dry_run: bool,
}

impl Train {
    /// Flags with the configuration key that each stands for.
    pub const SHORTHANDS: [(&str, &str); 5] = [
        ("--epochs", "train.epochs"),
        ("--steps", "train.steps"),
        ("--batch", "train.batch"),
        ("--lr", "train.lr_generator"),
        ("--size", "data.size"),
    ];

    /// The flags that stand for a configuration key: flag, key and value, for those that are given.
    pub fn shorthands(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let values = [
            self.epochs.map(|epochs| epochs.to_string()),
            self.steps.map(|steps| steps.to_string()),
            self.batch.map(|batch| batch.to_string()),
            self.lr.map(|rate| format!("{rate:?}")),
            self.size.map(|size| format!("[{}, {}]", size.height, size.width)),
        ];
        Self::SHORTHANDS.into_iter().zip(values).filter_map(|((flag, key), value)| Some((flag, key, value?)))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap distill --teacher runs/spade --data cmp-facades --config facades-small\n  \
                        asap distill --teacher rendered --data label-maps")]
pub struct Distill {
    /// The slower network: a run folder, .safetensors or .pth; or a folder of its images, by the names of their inputs
    #[arg(long, value_name = "CHECKPOINT|DIR")]
    pub teacher: PathBuf,
    /// Folder for the inputs and the teacher's images, a dataset; an interrupted command continues there [default: that of
    /// --out with -pairs]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub pairs: Option<PathBuf>,
    #[command(flatten)]
    pub train: Train,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap infer --checkpoint runs/quickstart --input labels.png --out output\n  \
                        asap infer --checkpoint latest_net_G.pth --config facades-512 --data cmp-facades --out output")]
pub struct Infer {
    /// Run folder, .safetensors, or published .pth (with --config)
    #[arg(long, value_name = "PATH")]
    pub checkpoint: PathBuf,
    /// Label maps or RGB images: files, or folders with their subfolders
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "data", conflicts_with = "data")]
    pub input: Vec<PathBuf>,
    /// Instance maps of the inputs: files, or folders with their subfolders. One file each is a pair; otherwise they are
    /// paired by their names below these folders, which may differ by Cityscapes' endings or by a word that all have
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "input")]
    pub instances: Vec<PathBuf>,
    /// Dataset: uses its validation inputs; photos are not needed
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Output folder; existing files are kept unless --force. Depth maps have 16 bits and the scale of the training
    /// data
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Configuration file or preset that describes a published checkpoint's network
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    pub config: Option<String>,
    /// Resize inputs to data.size first, as the published test script does
    #[arg(long)]
    pub resize: bool,
    /// Also write color images of the depth maps to this folder: yellow is depth 0, violet data.depth_max
    #[arg(long, value_name = "DIR")]
    pub colors: Option<PathBuf>,
    /// Images of each input, NAME_1, NAME_2, …; the generator must have noise (generator.noise), which depends on --seed,
    /// the name of the input and the number of the image
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10000))]
    pub variants: u16,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap verify tests/fixtures/published")]
pub struct Verify {
    /// Folder with index.json
    pub dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap bench --preset cityscapes-256 --preset facades-512 --runs 5")]
pub struct Bench {
    /// Presets or configuration files
    #[arg(long = "preset", value_name = "NAME", default_value = "cityscapes-256")]
    #[arg(value_parser = Suggested(presets), hide_possible_values = true)]
    pub presets: Vec<String>,
    /// Time training steps with the configuration's losses; VGG weights are random
    #[arg(long)]
    pub train: bool,
    /// Batch size
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    /// Timed runs (after one warm-up)
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: u16,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap profile --preset facades-512 --set generator.max_width=512\n  \
                        asap profile --preset facades-512 --roofline --train\n\n\
                        --roofline shows, for every op and size, the share of the device's peak: of memory bandwidth \
                        (measured by scaling or summing a large array) or of arithmetic (by a large matrix \
                        multiplication), whichever is the limit. The device is synchronized after each op, so on a GPU \
                        small ops mostly take their launch time. An op whose arrays stay in cache can exceed the memory \
                        bandwidth.")]
pub struct Profile {
    /// Presets or configuration files
    #[arg(long = "preset", value_name = "NAME", default_value = "cityscapes-256")]
    #[arg(value_parser = Suggested(presets), hide_possible_values = true)]
    pub presets: Vec<String>,
    /// Baselines at their published sizes on the preset's inputs, instead of the preset's generator
    #[arg(long = "baseline", value_name = "NAME", value_parser = baselines(), conflicts_with = "roofline")]
    pub baselines: Vec<String>,
    /// One line for the preset's generator and for each baseline (all, or those of --baseline), beside the paper's
    /// figures
    #[arg(long, conflicts_with = "roofline")]
    pub table: bool,
    /// Per op: bytes, operations, time and share of the device's peak
    #[arg(long)]
    pub roofline: bool,
    /// With --roofline: a training step with the configuration's losses; VGG weights are random
    #[arg(long, requires = "roofline")]
    pub train: bool,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  asap data check cmp-facades\n  asap data synth facades --count 200")]
pub enum Data {
    /// Report every problem in a dataset
    Check(DataCheck),
    /// Write a page of pairs as the network sees them
    Preview(DataPreview),
    /// Write a synthetic dataset: facades in the published layout, or scenes with depth maps
    Synth(DataSynth),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asap data check cmp-facades\n  asap data check streets --config cityscapes-256 --json"
)]
pub struct DataCheck {
    /// Dataset folder
    pub dir: PathBuf,
    /// Configuration file or preset that the data is for [default: as asap train --data]
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    pub config: Option<String>,
    /// Read every file again, also those that have not changed since an earlier check
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap data preview cmp-facades --set data.names=cmp\n  \
                        asap data preview streets --config cityscapes-256 --count 20 --out streets.html")]
pub struct DataPreview {
    /// Dataset folder
    pub dir: PathBuf,
    /// Configuration file or preset that the data is for [default: detected from the folder names]
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    pub config: Option<String>,
    /// Page to write, replaced if it exists
    #[arg(long, value_name = "FILE.html", default_value = "preview.html")]
    pub out: PathBuf,
    /// Number of pairs of each split, evenly spaced
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub count: u16,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap data synth facades --count 200 --size 256 --seed 7\n  \
                        asap data synth scenes --kind depth")]
pub struct DataSynth {
    /// Folder to create
    pub dir: PathBuf,
    /// What to generate
    #[arg(long, value_enum, default_value_t = SynthKind::Facades)]
    pub kind: SynthKind,
    /// Number of pairs; 15% of them are for validation
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: usize,
    /// Height and width in pixels
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub size: usize,
}

/// What synthetic data shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SynthKind {
    /// Houses: label maps and photos, like the CMP facades.
    Facades,
    /// Courtyards: RGB images, and 16-bit depth maps in millimeters, 0 where nothing was measured.
    Depth,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap convert latest_net_G.pth generator.safetensors --config facades-512")]
pub struct Convert {
    /// Checkpoint to read
    pub from: PathBuf,
    /// File to write; .pth or .safetensors
    pub to: PathBuf,
    /// Configuration file or preset to embed in the header of a .safetensors; the generator must be its own
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    pub config: Option<String>,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap init mine.toml && asap train --config mine.toml\n  \
                        asap init mine.toml --data cmp-facades")]
pub struct Init {
    /// File to write; it must not exist
    pub file: PathBuf,
    /// Dataset folder to choose the configuration for [default: synthetic facades]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  asap completions bash > ~/.local/share/bash-completion/completions/asap")]
pub struct Completions {
    /// Shell
    pub shell: clap_complete::Shell,
}
