//! `asap compare`: input · each generator's output · real, with the time per image, as in the paper's figures 3 to 9.

mod differences;
mod inputs;
mod page;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use asap_model::checkpoint::{atomic, load_keys};
use asap_model::data::write_rgb;
use asap_model::evaluation::measures::Confusion;
use asap_model::{Config, Error};
use asap_tensor::Backend;
use indicatif::HumanCount;
use serde_json::json;

use super::segmenter::{fitting, note_size};
use super::{network_config, shown, translator, usage};
use crate::args::{Common, Compare};
use crate::device::{Task, on_device};
use crate::memory;
use crate::output::Output;
use crate::report::number::fixed;
use crate::report::palette::with_legend;
use crate::report::sheet::{self, Column};
use differences::{Difference, differences, incomparable};
use inputs::{Generated, Inputs};

/// What to do if there is not enough memory.
const SMALLER: &str = "compare smaller images with --size";

/// Runs every generator on the same inputs, and writes the images, the page and the sheet.
pub fn run(args: Compare, common: &Common, output: &Output) -> Result<ExitCode> {
    let generators = named(&args.checkpoints)?;
    if !args.force && args.out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let problem =
            format!("{} is not empty: choose another folder, or overwrite it with --force", args.out.display());
        return Err(usage("--out", problem).into());
    }
    let configs = generators.iter().map(|named| named.config(common)).collect::<asap_model::Result<Vec<_>>>()?;
    for (named, config) in generators.iter().zip(&configs) {
        if let Some(problem) = incomparable(&config.data, &configs[0].data) {
            return Err(usage(&named.checkpoint.display().to_string(), problem).into());
        }
    }
    if common.seed.is_some() && args.data.is_some() && !configs.iter().any(|config| config.generator.has_noise()) {
        output.say("warning: --seed has no effect on compare: no network has noise (generator.noise)");
    }
    let differences = differences(&configs);
    for difference in &differences {
        let value = |(place, named): (usize, &Named)| format!("{} {}", named.name, difference.text(place));
        let values: Vec<String> = generators.iter().enumerate().map(value).collect();
        output.say(format_args!("differs: {}: {}", difference.key, values.join(", ")));
    }
    on_device(common, output, Comparison { args: &args, generators, configs, differences, common, output })?;
    Ok(ExitCode::SUCCESS)
}

/// A checkpoint, the configuration if it has none embedded, and the name of its column.
struct Named {
    checkpoint: PathBuf,
    config: Option<String>,
    name: String,
}

impl Named {
    /// The configuration, without loading the weights.
    fn config(&self, common: &Common) -> asap_model::Result<Config> {
        network_config(&load_keys(&self.checkpoint, &|_| false)?, self.config.as_deref(), common)
    }
}

/// `PATH`, or `PATH=CONFIG` if no file has the whole name. Equal names are numbered.
fn named(arguments: &[String]) -> asap_model::Result<Vec<Named>> {
    let mut all: Vec<Named> = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let (checkpoint, config) = match argument.rsplit_once('=') {
            Some((checkpoint, config)) if !Path::new(argument).exists() => (checkpoint, Some(config.to_owned())),
            _ => (argument.as_str(), None),
        };
        let Some(stem) = column_name(Path::new(checkpoint)) else {
            return Err(usage(argument, "not a checkpoint: pass PATH, or PATH=CONFIG for a published one"));
        };
        let taken = |name: &str| [INPUT, REAL].contains(&name) || all.iter().any(|other| other.name == name);
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let name = std::iter::once(stem.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(stem);
        all.push(Named { checkpoint: checkpoint.into(), config, name });
    }
    Ok(all)
}

/// The name of a column: of a run its folder, whose name may have dots; of a file its stem.
fn column_name(checkpoint: &Path) -> Option<String> {
    let name = match checkpoint.canonicalize() {
        Ok(folder) if folder.is_dir() => folder.file_name().map(OsStr::to_owned),
        _ => checkpoint.file_stem().map(OsStr::to_owned),
    };
    name.map(|name| name.to_string_lossy().into_owned())
}

/// The folders of the first and the last column.
const INPUT: &str = "input";
const REAL: &str = "real";

struct Comparison<'a> {
    args: &'a Compare,
    generators: Vec<Named>,
    configs: Vec<Config>,
    differences: Vec<Difference>,
    common: &'a Common,
    output: &'a Output,
}

impl Task for Comparison<'_> {
    type Output = ();

    fn run<B: Backend>(self, backend: B) -> Result<()> {
        let Comparison { args, generators, configs, differences, common, output } = self;
        let mut columns: Vec<Column> = Vec::with_capacity(generators.len() + 2);
        let inputs = Inputs::read(args, &configs)?;
        let [smallest, largest] = inputs.sizes();
        let [height, width] = [0, 1].map(|side| (smallest[side] == largest[side]).then_some(largest[side]));
        let segmenter = args.segmenter.as_deref().map(|file| fitting(&backend, file, &configs[0].data)).transpose()?;
        if let (Some(segmenter), Some(file)) = (&segmenter, &args.segmenter) {
            note_size(segmenter, file, largest, output);
        }
        for (place, Named { checkpoint, config, name }) in generators.into_iter().enumerate() {
            // One at a time, so that the largest has memory.
            let translator = translator(&backend, &checkpoint, config.as_deref(), common)?;
            if let Some(problem) = memory::image_problem(translator.config(), largest, SMALLER, common)? {
                return Err(usage(&checkpoint.display().to_string(), problem).into());
            }
            let generated = inputs.generate(&translator, common.evaluation_seed(), segmenter.as_ref())?;
            let Generated { images, seconds, labels } = generated;
            let kind = translator.config().generator.kind();
            let parameters = translator.parameters();
            output.result(
                || {
                    let mut object = json!({
                        "name": name, "checkpoint": shown(&checkpoint), "generator": kind, "parameters": parameters,
                        "height": height, "width": width, "images": images.len(), "seconds": seconds,
                        "differences": differences::to_json(&differences, place),
                    });
                    if let Some(labels) = &labels {
                        object["miou"] = json!(labels.mean_iou());
                        object["pixel_accuracy"] = json!(labels.pixel_accuracy());
                        object["dice"] = json!(labels.dice());
                    }
                    object
                },
                || {
                    format!(
                        "{name} ({kind}, {} parameters): {} in {:.1} ms{}",
                        HumanCount(parameters as u64),
                        inputs.described(),
                        1e3 * seconds,
                        recognized(labels.as_ref(), ", ")
                    )
                },
            );
            let caption = format!("{:.1} ms{}", 1e3 * seconds, recognized(labels.as_ref(), ", "));
            columns.push(Column { name, caption, images });
        }
        columns.insert(0, Column { name: INPUT.into(), caption: String::new(), images: inputs.shown() });
        let labels = segmenter.as_ref().map(|segmenter| inputs.real_labels(segmenter)).transpose()?;
        let caption = recognized(labels.as_ref(), "");
        columns.push(Column { name: REAL.into(), caption, images: inputs.real() });
        write(&args.out, &inputs, &columns, &differences, &backend.device(), output)?;
        Ok(())
    }
}

/// How well a segmentation network recognizes labels, after other text; empty without one.
fn recognized(labels: Option<&Confusion>, before: &str) -> String {
    let miou = labels.and_then(Confusion::mean_iou);
    miou.map_or_else(String::new, |miou| format!("{before}mIoU {}", fixed(miou, 3)))
}

/// Writes every image, the sheet and the page.
fn write(
    out: &Path,
    inputs: &Inputs,
    columns: &[Column],
    differences: &[Difference],
    device: &str,
    output: &Output,
) -> asap_model::Result<()> {
    for column in columns {
        for (example, image) in inputs.examples.iter().zip(&column.images) {
            let file = out.join(page::file(&column.name, &example.input.name));
            let folder = file.parent().unwrap_or(out);
            std::fs::create_dir_all(folder).map_err(Error::io(folder, "create the folder"))?;
            write_rgb(&file, image)?;
        }
    }
    let sheet = out.join("sheet.png");
    write_rgb(&sheet, &with_legend(&sheet::captioned(columns), &inputs.classes()))?;
    let text = page::page(inputs, columns, differences, device);
    let page = out.join("index.html");
    atomic::write(&page, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    output.say(format_args!("page: {}\nsheet: {}", page.display(), sheet.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_configurations_are_parsed() {
        let arguments = ["runs/a", "others/a/", "b.pth=facades-512", "c=d.pth=e=f.toml", "real"].map(str::to_owned);
        let all = named(&arguments).unwrap();
        let names: Vec<&str> = all.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["a", "a-2", "b", "c=d", "real-2"]);
        assert_eq!(all[2].config.as_deref(), Some("facades-512"));
        assert_eq!((all[2].checkpoint.to_str(), &all[0].config), (Some("b.pth"), &None));
        assert!(named(&["=x".to_owned()]).is_err());
    }

    #[test]
    fn runs_are_named_after_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("lr-0.001");
        std::fs::create_dir_all(run.join("checkpoints")).unwrap();
        for path in [run.clone(), run.join(""), run.join("checkpoints/.."), run.join(".")] {
            let name = named(&[path.to_string_lossy().into_owned()]).unwrap().remove(0).name;
            assert_eq!(name, "lr-0.001", "{}", path.display());
        }
        assert!(named(&["/".to_owned()]).is_err());
    }
}
