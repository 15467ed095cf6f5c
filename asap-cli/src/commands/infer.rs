//! `asap infer`: label maps (or RGB images) to pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use anyhow::{Result, anyhow};
use asap_model::config::{DataConfig, DepthScale};
use asap_model::data::{
    InputFiles, InstanceMap, Picture, RawInput, Split, depth_colors, detect_layout, discover_inputs, is_split,
    read_input, read_instances, write_gray8, write_gray16, write_rgb,
};
use asap_model::{Config, Error};
use asap_tensor::Backend;
use serde_json::json;

use super::files::{Found, pictures};
use super::{shown, translator, usage};
use crate::args::{Common, Infer};
use crate::device::{Task, on_device};
use crate::exit::DATA;
use crate::memory;
use crate::output::Output;

/// Pictures that are read ahead of the network, and that wait to be written.
const READY: usize = 2;

/// What to do with an input that is too large.
const SMALLER: &str = "draw it in parts, or smaller with --resize";

/// The most failed inputs that the last message lists: each was named before.
const LISTED: usize = 10;

/// Draws every input into the folder; exit code 3 if some could not be drawn.
pub fn run(args: Infer, common: &Common, output: &Output) -> Result<ExitCode> {
    on_device(common, output, Draw { args, common, output })
}

struct Draw<'a> {
    args: Infer,
    common: &'a Common,
    output: &'a Output,
}

/// An input as it is read.
type Read = asap_model::Result<(RawInput, Option<InstanceMap>)>;

/// A drawn picture, and the seconds that it took.
type Drawn<'a> = (&'a InputFiles, Picture, f64);

impl Task for Draw<'_> {
    type Output = ExitCode;

    fn run<B: Backend>(self, backend: B) -> Result<ExitCode> {
        let Draw { args, common, output } = self;
        let translator = translator(&backend, &args.checkpoint, args.config.as_deref(), common)?;
        let files = files(&args, translator.config())?;
        let data = translator.config().data.clone();
        let places = Places { out: &args.out, colours: colours(&args, &data)? };
        places.refuse_equal()?;
        refuse_overwriting(&files, &places, args.force)?;
        places.folders().try_for_each(|(_, folder)| make_folder(folder))?;
        // Only of folders that are there do all names lead to one.
        places.refuse_equal()?;
        let mut failed = Vec::new();
        // One thread reads ahead and one writes behind, while the network works in this one.
        std::thread::scope(|scope| {
            let (to_draw, inputs) = sync_channel::<(&InputFiles, Read)>(READY);
            let (to_write, pictures) = sync_channel::<Drawn>(READY);
            let names = &files;
            scope.spawn(move || names.iter().map(|file| (file, read(file, &data))).try_for_each(|r| to_draw.send(r)));
            let writer = scope.spawn(move || pictures.iter().try_for_each(|picture| write(picture, &places, output)));
            for (file, input) in inputs {
                let fits = |(input, instances): (RawInput, _)| {
                    let size = if args.resize { translator.config().data.size } else { input.size() };
                    match memory::image_problem(translator.config(), size, SMALLER, common)? {
                        Some(problem) => Err(Error::Data { file: file.input.clone(), problem }),
                        None => Ok((input, instances)),
                    }
                };
                let mut seconds = 0.0;
                let draw = |(input, instances): (RawInput, Option<InstanceMap>)| {
                    let start = Instant::now();
                    let picture = translator.translate(&input, instances.as_ref(), args.resize);
                    seconds = start.elapsed().as_secs_f64();
                    picture.map_err(|error| of_file(error, &file.input))
                };
                let picture = match input.and_then(fits).and_then(draw) {
                    Ok(picture) => picture,
                    Err(error) if files.len() == 1 => return Err(error.into()),
                    Err(error) => {
                        output.problem(format_args!("not drawn: {error}"));
                        output.json(|| json!({ "input": shown(&file.input), "error": error.to_string() }));
                        failed.push(shown(&file.input));
                        continue;
                    }
                };
                // It fails where the writer has stopped, which says why below.
                if to_write.send((file, picture, seconds)).is_err() {
                    break;
                }
            }
            drop(to_write);
            match writer.join() {
                Ok(written) => Ok(written?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
        .map(|()| summary(&failed, files.len(), output))
    }
}

/// A device's error with the input that it could not draw.
fn of_file(error: Error, file: &Path) -> Error {
    match error {
        Error::Tensor(asap_tensor::Error::Device { device, why }) => {
            Error::Tensor(asap_tensor::Error::Device { device, why: format!("{}: {why}", file.display()) })
        }
        other => other,
    }
}

/// Says how many inputs failed, and which.
fn summary(failed: &[String], count: usize, output: &Output) -> ExitCode {
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    let names = failed.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if failed.len() > LISTED { " and others" } else { "" };
    output.error(&anyhow!("{} of {count} inputs could not be drawn: {names}{more}", failed.len()));
    ExitCode::from(DATA)
}

/// Reads an input and its instance map.
fn read(file: &InputFiles, data: &DataConfig) -> Read {
    let input = read_input(&file.input, data)?;
    let instances = file.instances.as_deref().map(read_instances).transpose()?;
    if let (Some(map), Some(file_of_map)) = (&instances, &file.instances) {
        require_equal_sizes(file, input.size(), file_of_map, [map.height, map.width])?;
    }
    Ok((input, instances))
}

/// Writes a picture, and its colours where they are asked for, and says so.
fn write((file, picture, seconds): Drawn, places: &Places, output: &Output) -> asap_model::Result<()> {
    let path = picture_of(file, places.out);
    make_parent(&path)?;
    match &picture {
        Picture::Rgb(image) => write_rgb(&path, image),
        Picture::Gray8(image) => write_gray8(&path, image),
        Picture::Gray16(image) => write_gray16(&path, image),
    }?;
    let coloured = places.colours.map(|(folder, scale)| (picture_of(file, folder), scale));
    if let (Some((path, scale)), Some((levels, most))) = (&coloured, picture.levels()) {
        make_parent(path)?;
        let [height, width] = picture.size();
        let part = |level: u16| scale.depth(level.into(), most.into()) / scale.max;
        write_rgb(path, &depth_colors(height, width, |x, y| Some(part(levels[y * width + x]))))?;
    }
    let coloured = coloured.map(|(path, _)| path);
    let [height, width] = picture.size();
    output.result(
        || {
            let (input, output) = (shown(&file.input), shown(&path));
            let mut object =
                json!({ "input": input, "output": output, "height": height, "width": width, "seconds": seconds });
            if let Some(coloured) = &coloured {
                object["colors"] = json!(shown(coloured));
            }
            object
        },
        || format!("{}  {width}×{height}  {seconds:.3} s", path.display()),
    );
    Ok(())
}

/// Where pictures go.
struct Places<'a> {
    out: &'a Path,
    /// The folder for depth maps in colours, and their scale.
    colours: Option<(&'a Path, DepthScale)>,
}

impl<'a> Places<'a> {
    /// Each folder with the argument that names it.
    fn folders(&self) -> impl Iterator<Item = (&'static str, &'a Path)> {
        [("--out", self.out)].into_iter().chain(self.colours.map(|(folder, _)| ("--colors", folder)))
    }

    /// Refuses one folder for both, where pictures have the same names.
    fn refuse_equal(&self) -> asap_model::Result<()> {
        let Some((colours, _)) = self.colours else { return Ok(()) };
        let [out, colours] = [self.out, colours].map(|folder| {
            folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
        });
        if out == colours {
            return Err(usage(
                "--colors",
                "it is the folder of --out, where the maps go by the same names: name another",
            ));
        }
        Ok(())
    }
}

/// The folder for colours, of a network that draws depths.
fn colours<'a>(args: &'a Infer, data: &DataConfig) -> asap_model::Result<Option<(&'a Path, DepthScale)>> {
    let Some(folder) = args.colors.as_deref() else { return Ok(None) };
    let Some(scale) = data.depth() else {
        return Err(usage("--colors", "this network draws colours, not depths (data.output): leave it out"));
    };
    Ok(Some((folder, scale)))
}

fn make_parent(path: &Path) -> asap_model::Result<()> {
    path.parent().map_or(Ok(()), make_folder)
}

fn make_folder(folder: &Path) -> asap_model::Result<()> {
    let failed = |source| Error::Io { file: folder.into(), action: "make the folder for the pictures", source };
    std::fs::create_dir_all(folder).map_err(failed)
}

/// Where the picture of an input goes.
fn picture_of(file: &InputFiles, out: &Path) -> PathBuf {
    out.join(format!("{}.png", file.name))
}

/// Refuses to draw over an input or an instance map, as with `--input DIR --out DIR`, and over pictures that are there
/// already, unless with `--force`.
fn refuse_overwriting(files: &[InputFiles], places: &Places, force: bool) -> asap_model::Result<()> {
    let inputs = files.iter().flat_map(|file| std::iter::once(&file.input).chain(&file.instances));
    let inputs: BTreeSet<PathBuf> = inputs.filter_map(|input| input.canonicalize().ok()).collect();
    for (argument, folder) in places.folders() {
        let mut existing = Vec::new();
        for path in files.iter().map(|file| picture_of(file, folder)) {
            if path.canonicalize().is_ok_and(|place| inputs.contains(&place)) {
                let problem = format!("{} is an input and would be drawn over: give another folder", path.display());
                return Err(usage(argument, problem));
            }
            if path.symlink_metadata().is_ok() {
                existing.push(path);
            }
        }
        if let Some(first) = existing.first().filter(|_| !force) {
            let others = if existing.len() > 1 { format!(" (and {} more)", existing.len() - 1) } else { String::new() };
            let problem =
                format!("{}{others} exists already: give another folder, or --force to draw over it", first.display());
            return Err(usage(argument, problem));
        }
    }
    Ok(())
}

fn require_equal_sizes(
    file: &InputFiles,
    [height, width]: [usize; 2],
    instances: &Path,
    [rows, columns]: [usize; 2],
) -> asap_model::Result<()> {
    if [height, width] == [rows, columns] {
        return Ok(());
    }
    let problem = format!(
        "the instance map is {columns}×{rows} pixels, but its input {} is {width}×{height}; they must be equal",
        file.input.display()
    );
    Err(Error::Data { file: instances.into(), problem })
}

/// The inputs, each with its instance map where the network sees one.
fn files(args: &Infer, config: &Config) -> asap_model::Result<Vec<InputFiles>> {
    if let Some(dir) = &args.data {
        let mut data = config.data.clone();
        data.layout = detect_layout(dir)?;
        let split = if is_split(dir, data.layout) { Split::Val } else { Split::Train };
        return discover_inputs(dir, &data, split);
    }
    let inputs = pictures(&args.input)?;
    let instances = pictures(&args.instances)?;
    if config.data.instances && instances.len() != inputs.len() {
        let problem = format!(
            "this network sees instance edges, so each of the {} inputs needs an instance map, in the same order; there \
             are {}",
            inputs.len(),
            instances.len()
        );
        return Err(usage("--instances", problem));
    }
    let mut instances = instances.into_iter();
    let mut drawn: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut files: Vec<InputFiles> = Vec::with_capacity(inputs.len());
    for Found { name, file: input } in inputs {
        if let Some(other) = drawn.insert(name.clone(), input.clone()) {
            let problem = format!(
                "{} and {} would both be drawn as {name}.png: draw them into different folders",
                other.display(),
                input.display()
            );
            return Err(usage("--input", problem));
        }
        files.push(InputFiles { name, input, instances: instances.next().map(|found| found.file) });
    }
    Ok(files)
}
