//! The arguments, as people type them.

use std::path::PathBuf;

use asap_model::Config;
use asap_model::config::ComparedConfig;
use asap_model::data::MAX_SIDE;
use asap_model::sweep::Measure;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::device::Device;

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
        Some(Box::new(Config::presets().iter().map(|(name, what)| PossibleValue::new(*name).help(*what))))
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
        let names: Vec<&str> = ComparedConfig::all_published().iter().map(|(name, _)| *name).collect();
        PossibleValuesParser::new(names).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = ComparedConfig::all_published().iter();
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

/// `asap eval`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap eval --checkpoint runs/facades-256 --data cmp-facades\n  \
                        asap eval --generated drawn --real cmp-facades/val_img --size 256x256\n\n\
                        Pictures are compared in 8 bits. L1 is the mean difference of values in [-1, 1]; PSNR and \
                        SSIM are scikit-image's, SSIM with Gaussian weights; SWD is the sliced Wasserstein distance of \
                        7×7 patches, times 1000; FID and KID compare Inception v3's features. Depth maps \
                        are measured by RMSE, absolute relative error, and the share of pixels whose ratio is below \
                        1.25.")]
pub struct Eval {
    /// A run folder, a .safetensors, or a published .pth (then with --config)
    #[arg(long, value_name = "PATH", required_unless_present = "generated", conflicts_with = "generated")]
    pub checkpoint: Option<PathBuf>,
    /// The data set, whose validation pairs are drawn and compared [default: the one that the checkpoint names]
    #[arg(long, value_name = "DIR", requires = "checkpoint")]
    pub data: Option<PathBuf>,
    /// What describes a published checkpoint's network: a file or the name of a preset
    #[arg(long, value_name = "FILE|PRESET", value_parser = PresetOrFile, hide_possible_values = true)]
    #[arg(requires = "checkpoint")]
    pub config: Option<String>,
    /// Draw and compare at each picture's own size, instead of data.size
    #[arg(long, requires = "checkpoint")]
    pub own_size: bool,
    /// A folder of generated pictures, and its sub-folders
    #[arg(long, value_name = "DIR", requires = "real")]
    pub generated: Option<PathBuf>,
    /// The folder of the real ones, each with the name of the one it belongs to
    #[arg(long, value_name = "DIR", requires = "generated")]
    pub real: Option<PathBuf>,
    /// The two folders are no pairs: compare them as sets only
    #[arg(long, requires = "generated")]
    pub unpaired: bool,
    /// Resize the pictures of both folders first, bicubic
    #[arg(long, value_name = "WIDTHxHEIGHT", requires = "generated", value_parser = width_and_height)]
    pub size: Option<Size>,
    /// The two folders hold depth maps
    #[arg(long, requires = "generated", conflicts_with = "unpaired")]
    pub depth: bool,
    /// How pictures are measured.
    #[command(flatten)]
    pub measuring: Measuring,
}

/// How `eval` and `sweep` measure pictures.
#[derive(Debug, Args)]
pub struct Measuring {
    /// Inception v3's weights for FID and KID: pt_inception-2015-12-05-6726825d.pth of
    /// github.com/mseitzer/pytorch-fid, or converted to .safetensors
    #[arg(long, value_name = "FILE")]
    pub inception: Option<PathBuf>,
    /// Where features of real pictures are kept for the next time [default: in the user's folder for caches]
    #[arg(long, value_name = "DIR", requires = "inception")]
    pub cache: Option<PathBuf>,
    /// Keep no features
    #[arg(long, requires = "inception", conflicts_with = "cache")]
    pub no_cache: bool,
    /// The level of real depth maps that means "not measured"; depth 0 always does [default: data.depth_invalid, else 0]
    #[arg(long, value_name = "LEVEL")]
    pub invalid: Option<u16>,
    /// The depth that the largest level stands for, in the unit that RMSE is to have; of 16 bits where the generator has
    /// data.depth_scale [default: as its data.depth_scale and data.depth_max say, else 1]
    #[arg(long, value_name = "DEPTH", value_parser = depth)]
    pub farthest: Option<f64>,
}

/// `asap compare`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asap compare runs/compared/asap runs/compared/spade-quarter --data cmp-facades\n  \
                        asap compare runs/facades-1024 latest_net_G.pth=spade.toml --data cmp-facades --size 2048x2048\n\n\
                        Every picture is a file under --out; index.html shows them beside each other and sheet.png in \
                        one picture, with the median time of a picture."
)]
pub struct Compare {
    /// A run folder, a .safetensors, or a published .pth with what describes its network: FILE.pth=CONFIG
    #[arg(required = true, value_name = "CHECKPOINT[=CONFIG]")]
    pub checkpoints: Vec<String>,
    /// The data set, whose validation pairs are drawn [default: the one that the first checkpoint names]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder for the pictures, the page and the sheet
    #[arg(long, value_name = "DIR", default_value = "comparison")]
    pub out: PathBuf,
    /// Pairs, at equal distances over the set
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..))]
    pub count: u16,
    /// Draw at this size instead of the first generator's data.size
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = width_and_height)]
    pub size: Option<Size>,
}

/// `asap sweep`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap sweep configs/ablations/*.toml --data cityscapes --out runs/ablations\n  \
                        asap sweep configs/compared/*.toml --data cmp-facades --minutes 20 --out runs/compared\n\n\
                        Each configuration is a run in a folder of its own under --out, named as its file. The same \
                        command goes on where it was stopped; runs that are done are measured only. sweep.csv and the \
                        figure, sweep.svg, are written again after each.")]
pub struct Sweep {
    /// Configuration files or presets, one for each run
    #[arg(required = true, value_name = "CONFIG", value_parser = PresetOrFile, hide_possible_values = true)]
    pub configs: Vec<String>,
    /// The data set's folder, for all runs
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The folder of all runs, the table and the figure
    #[arg(long, value_name = "DIR", default_value = "runs/sweep")]
    pub out: PathBuf,
    /// Train each this many minutes; validations and checkpoints are not counted
    #[arg(long, value_name = "M")]
    pub minutes: Option<f64>,
    /// Train each this many rounds at most
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// The measure that the figure shows [default: fid where it is taken, else l1, or rmse of depths]
    #[arg(long, value_name = "MEASURE", value_parser = measure_names().map(measure))]
    pub measure: Option<Measure>,
    /// Time pictures of this size instead of data.size
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = width_and_height)]
    pub at: Option<Size>,
    /// Pictures that the median time is taken of
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: u16,
    /// Begin without reading every picture of the data set first
    #[arg(long)]
    pub skip_check: bool,
    /// How pictures are measured.
    #[command(flatten)]
    pub measuring: Measuring,
}

/// A picture's size.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

fn width_and_height(text: &str) -> Result<Size, String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    let sides = text.split_once(['x', '×']).and_then(|(width, height)| Some((side(width)?, side(height)?)));
    let (width, height) =
        sides.ok_or_else(|| format!("a size is WIDTHxHEIGHT in pixels, each from 1 to {MAX_SIDE}, as in 512x256"))?;
    Ok(Size { width, height })
}

fn measure_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Measure::ALL.map(Measure::name))
}

/// The measure of a name that is known to be one.
fn measure(name: String) -> Measure {
    Measure::ALL.into_iter().find(|measure| measure.name() == name).unwrap_or(Measure::L1)
}

fn depth(text: &str) -> Result<f64, String> {
    let depth = text.parse().ok().filter(|depth: &f64| depth.is_finite() && *depth > 0.0);
    depth.ok_or_else(|| "it must be a number above 0".into())
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
