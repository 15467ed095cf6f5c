//! `asap infer`: label maps (or RGB images) to images.

mod inputs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Instant;

use anyhow::{Result, anyhow};
use asap_model::config::{DataConfig, FileFormat, Resize};
use asap_model::data::{ExampleFiles, HostInput, Image, Sizing, write_image, write_rgb};
use asap_model::{Config, Error, Variant};
use asap_tensor::Backend;
use serde_json::json;

use super::{no_noise, shown, translator, usage};
use crate::args::{Common, Infer};
use crate::device::{Task, on_device};
use crate::exit::DATA;
use crate::memory;
use crate::output::Output;

/// Inputs that are read ahead of the network, and images that wait to be written.
const READY: usize = 2;

/// What to do with an input that is too large.
const SMALLER: &str = "process it in parts, or smaller with --resize";

/// Maximum number of failed inputs that the last message lists; each was reported before.
const LISTED: usize = 10;

/// Generates an image of every input; exit code 3 if some inputs failed.
pub fn run(args: Infer, common: &Common, output: &Output) -> Result<ExitCode> {
    on_device(common, output, Inference { args, common, output })
}

struct Inference<'a> {
    args: Infer,
    common: &'a Common,
    output: &'a Output,
}

impl Task for Inference<'_> {
    type Output = ExitCode;

    fn run<B: Backend>(self, backend: B) -> Result<ExitCode> {
        let Inference { args, common, output } = self;
        let translator = translator(&backend, &args.checkpoint, args.config.as_deref(), common)?;
        let config = translator.config();
        if !args.instances.is_empty() && !config.data.instances {
            output.say(
                "warning: --instances has no effect: this network takes no instance edges (data.instances = false)",
            );
        }
        if args.resize && config.data.resize == Resize::Crop {
            output.say(
                "warning: --resize changes the scale of inputs, but this network was trained on crops of the native scale \
                 (data.resize = \"crop\")",
            );
        }
        if args.variants > 1 && !translator.has_noise() {
            return Err(no_noise("this network has no noise").into());
        }
        if common.seed.is_some() && !translator.has_noise() {
            output.say("warning: --seed has no effect on infer: this network has no noise (generator.noise = 0)");
        }
        let files = inputs::inputs(&args, config, output)?;
        let folders = Folders::new(&args, config)?;
        folders.refuse_equal()?;
        folders.refuse_overwriting(&files, args.force)?;
        folders.each().try_for_each(|(_, folder, _)| make_folder(folder))?;
        // Again, as two names may lead to one folder only once it exists.
        folders.refuse_equal()?;
        let variants = 1..=usize::from(args.variants);
        let prepare = |file: &ExampleFiles, input: HostInput| {
            let size = if args.resize { config.data.size } else { input.size() };
            let sizing = if args.resize { Sizing::Resized(size) } else { Sizing::Native };
            if let Some(problem) = memory::image_problem(config, size, SMALLER, common)? {
                return Err(Error::Data { file: file.input.clone(), problem });
            }
            sizing.input(input, &config.data)
        };
        let generate = |file: &ExampleFiles, input: &HostInput, number: usize| -> asap_model::Result<_> {
            let start = Instant::now();
            let variant = Variant { seed: common.evaluation_seed(), number };
            let image = translator.translate(input, variant).map_err(|error| of_file(error, &file.input))?;
            Ok((image, start.elapsed().as_secs_f64()))
        };
        let mut failed = Vec::new();
        // One thread reads ahead and one writes, while the network works in this one.
        std::thread::scope(|scope| {
            let (to_generate, inputs) = sync_channel(READY);
            let (to_write, generated) = sync_channel(READY);
            let (files, folders) = (&files, &folders);
            start(scope, move || {
                files
                    .iter()
                    .map(|file| (file, file.read_input(&config.data)))
                    .try_for_each(|read| to_generate.send(read).map_err(drop))
            })?;
            let writer = start(scope, move || {
                generated
                    .iter()
                    .try_for_each(|(file, number, image, seconds)| folders.write(file, number, &image, seconds, output))
            })?;
            for (file, input) in inputs {
                let images = input.and_then(|input| prepare(file, input)).and_then(|input| {
                    for number in variants.clone() {
                        let (image, seconds) = generate(file, &input, number)?;
                        // This fails where the writer has stopped, which reports why below.
                        if to_write.send((file, number, image, seconds)).is_err() {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                });
                match images {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if files.len() == 1 => return Err(error.into()),
                    Err(error) => {
                        output.problem(format_args!("failed: {error}"));
                        output.json(|| json!({ "input": shown(&file.input), "error": error.to_string() }));
                        failed.push(shown(&file.input));
                    }
                }
            }
            drop(to_write);
            Ok(writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
        })
        .map(|()| summary(&failed, files.len(), output))
    }
}

fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> asap_model::Result<ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new().spawn_scoped(scope, work).map_err(Error::io(Path::new("infer"), "start a thread"))
}

/// A device's error with the input at which it failed.
fn of_file(error: Error, file: &Path) -> Error {
    match error {
        Error::Tensor(asap_tensor::Error::Device { device, why }) => {
            Error::Tensor(asap_tensor::Error::Device { device, why: format!("{}: {why}", file.display()) })
        }
        other => other,
    }
}

/// Reports how many inputs failed, and which.
fn summary(failed: &[String], count: usize, output: &Output) -> ExitCode {
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    let names = failed.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if failed.len() > LISTED { " and others" } else { "" };
    output.error(&anyhow!("{} of {count} inputs failed: {names}{more}", failed.len()));
    ExitCode::from(DATA)
}

/// Where outputs go.
struct Folders<'a> {
    out: &'a Path,
    /// Images of each input.
    variants: usize,
    /// For color images of depth maps.
    colors: Option<&'a Path>,
    /// What the outputs are. An output is always a depth, so that no level means "not measured".
    data: DataConfig,
}

impl<'a> Folders<'a> {
    fn new(args: &'a Infer, config: &Config) -> asap_model::Result<Self> {
        if args.colors.is_some() && config.data.depth().is_none() {
            return Err(usage("--colors", "this network returns images, not depths (data.output): leave it out"));
        }
        let data = DataConfig { depth_invalid: None, ..config.data.clone() };
        Ok(Folders { out: &args.out, variants: args.variants.into(), colors: args.colors.as_deref(), data })
    }

    /// Each folder with the argument that names it, and the format of its files.
    fn each(&self) -> impl Iterator<Item = (&'static str, &'a Path, FileFormat)> {
        let colors = self.colors.map(|folder| ("--colors", folder, FileFormat::Png));
        [("--out", self.out, self.data.output_format())].into_iter().chain(colors)
    }

    /// Refuses one folder for both, where files have the same names.
    fn refuse_equal(&self) -> asap_model::Result<()> {
        let Some(colors) = self.colors else { return Ok(()) };
        let [out, colors] = [self.out, colors].map(|folder| {
            folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
        });
        if out == colors {
            return Err(usage("--colors", "it is the folder of --out, where files have the same names: name another"));
        }
        Ok(())
    }

    /// Refuses to overwrite an input or an instance map, as with `--input DIR --out DIR`, and existing files unless `--force`.
    fn refuse_overwriting(&self, files: &[ExampleFiles], force: bool) -> asap_model::Result<()> {
        let inputs = files.iter().flat_map(|file| std::iter::once(&file.input).chain(&file.instances));
        let inputs: BTreeSet<PathBuf> = inputs.filter_map(|input| input.canonicalize().ok()).collect();
        for (argument, folder, format) in self.each() {
            let outputs = files.iter().flat_map(|file| (1..=self.variants).map(move |number| (file, number)));
            let outputs: Vec<PathBuf> =
                outputs.map(|(file, number)| self.output_file(file, number, folder, format)).collect();
            if let Some(path) = outputs.iter().find(|path| path.canonicalize().is_ok_and(|path| inputs.contains(&path)))
            {
                let problem = format!("{} is an input and would be overwritten: give another folder", path.display());
                return Err(usage(argument, problem));
            }
            let existing: Vec<_> = outputs.iter().filter(|path| !force && path.symlink_metadata().is_ok()).collect();
            if let [first, others @ ..] = &existing[..] {
                let others = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
                let problem =
                    format!("{}{others} already exists: give another folder, or --force to overwrite", first.display());
                return Err(usage(argument, problem));
            }
        }
        Ok(())
    }

    /// Writes an output, and its colors if wanted, and reports it.
    fn write(
        &self,
        file: &ExampleFiles,
        number: usize,
        image: &Image,
        seconds: f64,
        output: &Output,
    ) -> asap_model::Result<()> {
        let path = self.output_file(file, number, self.out, self.data.output_format());
        path.parent().map_or(Ok(()), make_folder)?;
        write_image(&path, image, self.data.output_format())?;
        let [height, width] = image.size();
        let mut object = json!({
            "input": shown(&file.input), "output": shown(&path), "height": height, "width": width, "seconds": seconds,
        });
        if self.variants > 1 {
            object["variant"] = json!(number);
        }
        if let Some(folder) = self.colors {
            let path = self.output_file(file, number, folder, FileFormat::Png);
            path.parent().map_or(Ok(()), make_folder)?;
            write_rgb(&path, &self.data.view_target(image))?;
            object["colors"] = json!(shown(&path));
        }
        output.result(|| object, || format!("{}  {width}×{height}  {seconds:.3} s", path.display()));
        Ok(())
    }

    /// Where an image of an input goes: `NAME_1` and so on if there are several.
    fn output_file(&self, file: &ExampleFiles, number: usize, folder: &Path, format: FileFormat) -> PathBuf {
        let number = if self.variants > 1 { format!("_{number}") } else { String::new() };
        folder.join(format!("{}{number}.{}", file.name, format.extension()))
    }
}

fn make_folder(folder: &Path) -> asap_model::Result<()> {
    let failed = |source| Error::Io { file: folder.into(), action: "create the folder for the outputs", source };
    std::fs::create_dir_all(folder).map_err(failed)
}
