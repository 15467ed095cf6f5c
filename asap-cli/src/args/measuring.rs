//! Arguments of `eval`, `compare` and `sweep`.

use std::path::PathBuf;

use asap_model::data::MAX_SIDE;
use asap_model::evaluation::Measure;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::PresetOrFile;

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
    /// Resize the pictures of both folders first, bicubic; depth maps nearest
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
    /// Draw over what --out holds already
    #[arg(long)]
    pub force: bool,
}

/// `asap sweep`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap sweep configs/ablations/*.toml --data cityscapes --out runs/ablations\n  \
                        asap sweep configs/baselines/*.toml --data cmp-facades --minutes 20 --out runs/compared\n\n\
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
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
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
