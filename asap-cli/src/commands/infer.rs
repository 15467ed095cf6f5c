//! `asap infer`: label maps (or RGB images) to pictures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::data::{
    InputFiles, Picture, Split, detect_layout, discover_inputs, is_split, read_input, read_instances, write_gray8,
    write_gray16, write_rgb,
};
use asap_model::{Config, Error, Translator};
use asap_tensor::Backend;
use serde_json::json;

use super::{adjust, configuration, usage};
use crate::args::{Common, Infer};
use crate::device::{Task, on_device};
use crate::memory;
use crate::output::Output;

/// Draws every input into the folder.
pub fn run(args: Infer, common: &Common, output: &Output) -> Result<ExitCode> {
    on_device(common, output, Draw { args, common, output })?;
    Ok(ExitCode::SUCCESS)
}

struct Draw<'a> {
    args: Infer,
    common: &'a Common,
    output: &'a Output,
}

impl Task for Draw<'_> {
    type Output = ();

    fn run<B: Backend>(self, backend: B) -> Result<()> {
        let Draw { args, common, output } = self;
        let translator = translator(&backend, &args, common)?;
        let files = files(&args, translator.config())?;
        let out = &args.out;
        std::fs::create_dir_all(out).map_err(|source| Error::Io {
            file: out.clone(),
            action: "make the folder for the pictures",
            source,
        })?;
        for file in &files {
            refuse_overwriting(file, &files, out)?;
        }
        for file in &files {
            let input = read_input(&file.input, &translator.config().data)?;
            let instances = file.instances.as_deref().map(read_instances).transpose()?;
            if let (Some(map), Some(file_of_map)) = (&instances, &file.instances) {
                require_equal_sizes(file, input.size(), file_of_map, [map.height, map.width])?;
            }
            let size = if args.resize { translator.config().data.size } else { input.size() };
            memory::check_picture(translator.config(), size, &file.input, common)?;
            let start = Instant::now();
            let picture = translator.translate(&input, instances.as_ref(), args.resize)?;
            let seconds = start.elapsed().as_secs_f64();
            let path = picture_of(file, out);
            write(&path, &picture)?;
            let [height, width] = picture.size();
            output.result(
                || json!({ "input": file.input, "output": path, "height": height, "width": width, "seconds": seconds }),
                || format!("{}  {width}×{height}  {seconds:.3} s", path.display()),
            );
        }
        Ok(())
    }
}

/// The generator; the configuration in the checkpoint's header, or the one given, with every `--set` applied.
fn translator<B: Backend>(backend: &B, args: &Infer, common: &Common) -> Result<Translator<B>> {
    let checkpoint = asap_model::checkpoint::load(&args.checkpoint)?;
    let config = match (&args.config, &checkpoint.config) {
        (Some(name), _) => configuration(name, common)?,
        (None, Some(config)) => {
            let mut config = config.clone();
            adjust(&mut config, common)?;
            config
        }
        (None, None) => {
            let problem = "it holds no configuration, as published checkpoints do: describe its network by --config \
                           FILE or PRESET, and --set for what differs";
            return Err(usage(&args.checkpoint.display().to_string(), problem).into());
        }
    };
    Ok(Translator::new(backend, &checkpoint, config)?)
}

/// Where the picture of an input goes.
fn picture_of(file: &InputFiles, out: &Path) -> PathBuf {
    out.join(format!("{}.png", file.name))
}

/// Refuses to draw over an input or an instance map, as with `--input DIR --out DIR`.
fn refuse_overwriting(drawn: &InputFiles, files: &[InputFiles], out: &Path) -> asap_model::Result<()> {
    let path = picture_of(drawn, out);
    // What is not there can't be overwritten.
    let Ok(place) = path.canonicalize() else { return Ok(()) };
    let mut inputs = files.iter().flat_map(|file| std::iter::once(&file.input).chain(&file.instances));
    match inputs.find(|input| input.canonicalize().is_ok_and(|input| input == place)) {
        Some(input) => {
            Err(usage("--out", format!("{} is an input and would be drawn over: give another folder", input.display())))
        }
        None => Ok(()),
    }
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

fn write(path: &Path, picture: &Picture) -> asap_model::Result<()> {
    match picture {
        Picture::Rgb(image) => write_rgb(path, image),
        Picture::Gray8(image) => write_gray8(path, image),
        Picture::Gray16(image) => write_gray16(path, image),
    }
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
    let mut files: Vec<InputFiles> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let name = input.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(other) = files.iter().find(|file| file.name == name) {
            let problem = format!(
                "{} and {} would both be drawn as {name}.png: draw them into different folders",
                other.input.display(),
                input.display()
            );
            return Err(usage("--input", problem));
        }
        files.push(InputFiles { name, input, instances: instances.next() });
    }
    Ok(files)
}

/// Files as they are given; the pictures of a folder in order of their names.
fn pictures(paths: &[PathBuf]) -> asap_model::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| Error::Io { file: path.clone(), action: "list the folder", source };
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
            if ["png", "jpg", "jpeg"].contains(&ending.as_str()) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Error::Data { file: path.clone(), problem: "the folder has no .png or .jpg files".into() });
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}
