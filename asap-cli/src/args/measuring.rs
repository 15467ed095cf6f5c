//! Arguments of `eval`, `compare` and `sweep`.

use std::path::PathBuf;

use asap_model::data::MAX_SIDE;
use asap_model::evaluation::Measure;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::common::{Suggested, in_home, keys, presets};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap eval --checkpoint runs/facades-256 --data cmp-facades\n  \
                        asap eval --generated output --real cmp-facades/val_img --size 256x256\n\n\
                        Images are compared in 8 bits. L1 is the mean absolute difference of values in [-1, 1]; PSNR and \
                        SSIM are scikit-image's, SSIM with Gaussian weights; SWD is the sliced Wasserstein distance of \
                        7×7 patches, times 1000; seams is the mean gradient across the borders of tiles over that inside \
                        tiles, and real images have about 1; FID and KID compare Inception v3's features; diversity is \
                        the mean L1 between the images of one input; with --segmenter, mIoU, pixel accuracy and, of \
                        two classes, Dice compare the labels with those that a segmentation network predicts. Depth maps \
                        are measured by RMSE, absolute relative error, and the share of pixels whose ratio is below \
                        1.25.")]
pub struct Eval {
    /// Run folder, .safetensors, or published .pth (with --config)
    #[arg(long, value_name = "PATH", required_unless_present = "generated", conflicts_with = "generated")]
    pub checkpoint: Option<PathBuf>,
    /// Dataset; its validation pairs are used [default: the checkpoint's data.dir]
    #[arg(long, value_name = "DIR", requires = "checkpoint")]
    pub data: Option<PathBuf>,
    /// Configuration file or preset that describes a published checkpoint's network
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    #[arg(requires = "checkpoint")]
    pub config: Option<String>,
    /// Evaluate at each image's native size instead of data.size
    #[arg(long, requires = "checkpoint")]
    pub native_size: bool,
    /// Folder of generated images, with its subfolders
    #[arg(long, value_name = "DIR", requires = "real")]
    pub generated: Option<PathBuf>,
    /// Folder of the real images, with the same file names
    #[arg(long, value_name = "DIR", requires = "generated")]
    pub real: Option<PathBuf>,
    /// The folders are not paired: compare only their distributions
    #[arg(long, requires = "generated")]
    pub unpaired: bool,
    /// Resize the images of both folders first: bicubic, depth maps by nearest neighbor
    #[arg(long, value_name = "WIDTHxHEIGHT", requires = "generated", value_parser = width_and_height)]
    pub size: Option<Size>,
    /// The folders contain depth maps
    #[arg(long, requires = "generated", conflicts_with = "unpaired")]
    pub depth: bool,
    #[command(flatten)]
    pub measuring: Measuring,
}

/// Options of the measures of `eval` and `sweep`.
#[derive(Debug, Args)]
pub struct Measuring {
    /// Inception v3 weights for FID and KID: pt_inception-2015-12-05-6726825d.pth of
    /// github.com/mseitzer/pytorch-fid, or converted to .safetensors
    #[arg(long, value_name = "FILE")]
    pub inception: Option<PathBuf>,
    /// Cache folder for the features of real images [default: in the user's cache folder]
    #[arg(long, value_name = "DIR", requires = "inception")]
    pub cache: Option<PathBuf>,
    /// Do not cache features
    #[arg(long, requires = "inception", conflicts_with = "cache")]
    pub no_cache: bool,
    /// Side in pixels of the tiles whose seams are measured [default: generator.tile, else 16]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    pub tile: Option<u16>,
    /// Images of each input, for their diversity; the generator must have noise (generator.noise)
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub variants: Option<u16>,
    /// Segmentation network of asap segmenter: measures how well it recognizes the labels of generated images, beside
    /// those of real ones
    #[arg(long, value_name = "FILE")]
    pub segmenter: Option<PathBuf>,
    /// Level of real depth maps that means "not measured", besides depth 0 [default: data.depth_invalid, else 0]
    #[arg(long, value_name = "LEVEL")]
    pub invalid: Option<u16>,
    /// Depth of the largest level, in the unit of the RMSE; with data.depth_scale, of level 65535
    /// [default: from data.depth_scale and data.depth_max, else 1]
    #[arg(long, value_name = "DEPTH", value_parser = depth)]
    pub farthest: Option<f64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  asap compare runs/baselines/asap runs/baselines/spade-quarter --data cmp-facades\n  \
                        asap compare runs/facades-1024 latest_net_G.pth=spade.toml --data cmp-facades --size 2048x2048\n\n\
                        Inputs are resized or cropped as eval does for the first generator. Every image is written \
                        under --out with the name of its input; index.html and sheet.png show them side by side, with \
                        the median time per image and the configuration keys that differ."
)]
pub struct Compare {
    /// Run folders, .safetensors, or published .pth files with their configuration: FILE.pth=CONFIG
    #[arg(required = true, value_name = "CHECKPOINT[=CONFIG]", value_parser = checkpoint_and_config)]
    pub checkpoints: Vec<String>,
    /// Dataset; its validation pairs are used [default: the first checkpoint's data.dir]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Output folder for images, page and sheet
    #[arg(long, value_name = "DIR", default_value = "comparison")]
    pub out: PathBuf,
    /// Number of pairs, evenly spaced over the dataset
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..))]
    pub count: u16,
    /// Segmentation network of asap segmenter: shows how well it recognizes the labels of these images
    #[arg(long, value_name = "FILE")]
    pub segmenter: Option<PathBuf>,
    /// Run at this size instead of the first generator's data.size
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = width_and_height)]
    pub size: Option<Size>,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap sweep configs/ablations/*.toml --data cityscapes --out runs/ablations\n  \
                        asap sweep configs/baselines/*.toml --data cmp-facades --minutes 20 --out runs/baselines\n  \
                        asap sweep small-data --data cmp-facades --vary train.ema=0 --vary generator.seams=none\n\n\
                        Each configuration has a run folder under --out, named after its file, and each variation one \
                        named after both: small-data+ema=0. The same command resumes \
                        an interrupted sweep; finished runs are only evaluated. sweep.csv and sweep.svg are updated \
                        after each run.")]
pub struct Sweep {
    /// Configuration files or presets, one per run
    #[arg(required = true, value_name = "CONFIG", value_parser = Suggested(presets), hide_possible_values = true)]
    pub configs: Vec<String>,
    /// Also train each configuration with this change; repeatable. A + joins keys that change together: --vary
    /// discriminator.kind=patch+loss.lambda_feat=2
    #[arg(long, value_name = "KEY=VALUE…", value_parser = Suggested(keys), hide_possible_values = true)]
    pub vary: Vec<String>,
    /// Dataset folder, for all runs
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Output folder for runs, table and figure
    #[arg(long, value_name = "DIR", default_value = "runs/sweep")]
    pub out: PathBuf,
    /// Training minutes per run; validation and checkpoints are not counted
    #[arg(long, value_name = "M")]
    pub minutes: Option<f64>,
    /// Total training steps per run
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Measure in the figure [default: fid with --inception, else l1; rmse for depth]
    #[arg(long, value_name = "MEASURE", value_parser = measure())]
    pub measure: Option<Measure>,
    /// Time images of this size instead of data.size
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = width_and_height)]
    pub at: Option<Size>,
    /// Timed images, for the median
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: u16,
    /// Skip reading every image of the dataset before training
    #[arg(long)]
    pub skip_check: bool,
    #[command(flatten)]
    pub measuring: Measuring,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  asap segmenter --data cmp-facades --out segmenter.safetensors\n  \
                        asap infer --checkpoint runs/nuclei --input nuclei/train/labels --out generated\n  \
                        asap segmenter --data nuclei --generated generated --out generated.safetensors\n\n\
                        Training pairs are resized, cropped and flipped as data.resize, data.size and data.flip say; give \
                        the configuration of the generator that it is to measure. Validation is on the dataset's own \
                        validation pairs.")]
pub struct Segmenter {
    /// Dataset folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// File to write, a .safetensors
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Configuration file or preset, of which the data section is used [default: small-data]
    #[arg(long, value_name = "FILE|PRESET", value_parser = Suggested(presets), hide_possible_values = true)]
    pub config: Option<String>,
    /// Train on the images of this folder instead of the dataset's, by the names of its training label maps; NAME_1, NAME_2, …
    /// are several of one
    #[arg(long, value_name = "DIR", requires = "data")]
    pub generated: Option<PathBuf>,
    /// Training steps [default: 2000, or as many as --minutes allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub steps: Option<u64>,
    /// Training minutes
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub minutes: Option<f64>,
    /// Batch size [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub batch: Option<u16>,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// Two paths, or one with `=` in its name.
fn checkpoint_and_config(text: &str) -> Result<String, String> {
    let parts = text.split('=').map(|part| in_home(part.to_owned()));
    parts.collect::<Result<Vec<_>, _>>().map(|parts| parts.join("="))
}

#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

fn width_and_height(text: &str) -> Result<Size, String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    let sides = text.split_once(['x', '×']).and_then(|(width, height)| Some((side(width)?, side(height)?)));
    let (width, height) =
        sides.ok_or_else(|| format!("expected WIDTHxHEIGHT in pixels, each from 1 to {MAX_SIDE}, as in 512x256"))?;
    Ok(Size { width, height })
}

/// One number for a square, or WIDTHxHEIGHT.
pub(super) fn square_or_sides(text: &str) -> Result<Size, String> {
    width_and_height(&if text.contains(['x', '×']) { text.to_owned() } else { format!("{text}x{text}") })
}

fn measure() -> impl TypedValueParser<Value = Measure> {
    let named = |name: String| Measure::ALL.into_iter().find(|measure| measure.name() == name);
    PossibleValuesParser::new(Measure::ALL.map(Measure::name)).map(move |name| named(name).unwrap_or(Measure::L1))
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes = text.parse().ok().filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0);
    minutes.ok_or_else(|| "expected a number above 0".into())
}

fn depth(text: &str) -> Result<f64, String> {
    let depth = text.parse().ok().filter(|depth: &f64| depth.is_finite() && *depth > 0.0);
    depth.ok_or_else(|| "expected a number above 0".into())
}
