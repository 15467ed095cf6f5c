//! `asap compare`: label · each generator's picture · real, with the time of a picture beneath, as in the paper's figures 3
//! to 9.
//!
//! | file | holds |
//! |---|---|
//! | `page` | the HTML page |
//! | `sheet` | one picture of all of them |

mod page;
mod sheet;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::config::{Config, DataConfig, Input};
use asap_model::data::{
    Picture, Plane, Raw, RawInput, RgbImage, depth_colours, resize_labels, resize_nearest, resize_picture, write_rgb,
};
use asap_model::training::palette;
use asap_model::{Error, Translator, atomic};
use asap_tensor::Backend;
use serde_json::json;

use super::eval::validation;
use super::workload::median;
use super::{shown, translator, usage};
use crate::args::{Common, Compare};
use crate::device::{Task, on_device};
use crate::memory;
use crate::output::Output;
use crate::progress::thousands;

/// What to do where a picture is too large to be drawn.
const SMALLER: &str = "compare smaller pictures with --size";

/// Draws the same inputs by every generator, and writes the pictures, the page and the sheet.
pub fn run(args: Compare, common: &Common, output: &Output) -> Result<ExitCode> {
    let generators = named(&args.checkpoints)?;
    if !args.force && args.out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let problem =
            format!("{} holds something already: give another folder, or --force to draw over it", args.out.display());
        return Err(usage("--out", problem).into());
    }
    on_device(common, output, Drawing { args: &args, generators, common, output })?;
    Ok(ExitCode::SUCCESS)
}

/// A checkpoint, what describes its network if that is not in it, and what it is called.
struct Named {
    checkpoint: PathBuf,
    config: Option<String>,
    name: String,
}

/// `PATH`, or `PATH=CONFIG` where there is no file of the whole name. Equal names are numbered.
fn named(arguments: &[String]) -> asap_model::Result<Vec<Named>> {
    let mut all: Vec<Named> = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let (checkpoint, config) = match argument.rsplit_once('=') {
            Some((checkpoint, config)) if !Path::new(argument).exists() => (checkpoint, Some(config.to_owned())),
            _ => (argument.as_str(), None),
        };
        let Some(stem) = column_name(Path::new(checkpoint)) else {
            return Err(usage(argument, "it names no checkpoint: give PATH, or PATH=CONFIG for a published one"));
        };
        let taken = |name: &str| [INPUT, REAL].contains(&name) || all.iter().any(|other| other.name == name);
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let name = std::iter::once(stem.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(stem);
        all.push(Named { checkpoint: checkpoint.into(), config, name });
    }
    Ok(all)
}

/// What a column is called: a run as its folder, whose name may have dots; a file without its ending.
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

/// One column: the pictures of a generator, or inputs, or real ones.
struct Column {
    name: String,
    /// What is said beneath it.
    caption: String,
    pictures: Vec<RgbImage>,
}

struct Drawing<'a> {
    args: &'a Compare,
    generators: Vec<Named>,
    common: &'a Common,
    output: &'a Output,
}

impl Task for Drawing<'_> {
    type Output = ();

    fn run<B: Backend>(self, backend: B) -> Result<()> {
        let Drawing { args, generators, common, output } = self;
        let mut columns: Vec<Column> = Vec::with_capacity(generators.len() + 2);
        let mut inputs: Option<Inputs> = None;
        for Named { checkpoint, config, name } in generators {
            // One after the other, so that there is memory for the largest.
            let translator = translator(&backend, &checkpoint, config.as_deref(), common)?;
            let inputs = match &mut inputs {
                Some(inputs) => inputs,
                none => none.insert(Inputs::read(args, translator.config())?),
            };
            inputs.check(translator.config(), &checkpoint)?;
            if let Some(problem) = memory::picture_problem(translator.config(), inputs.size, SMALLER, common)? {
                return Err(usage(&checkpoint.display().to_string(), problem).into());
            }
            let (pictures, seconds) = inputs.draw(&translator)?;
            let [height, width] = inputs.size;
            let kind = translator.config().generator.kind();
            let parameters = translator.parameters();
            output.result(
                || {
                    json!({
                        "name": name, "checkpoint": shown(&checkpoint), "generator": kind, "parameters": parameters,
                        "height": height, "width": width, "pictures": pictures.len(), "seconds": seconds,
                    })
                },
                || {
                    format!(
                        "{name} ({kind}, {} parameters): {width}×{height} in {:.1} ms",
                        thousands(parameters),
                        1e3 * seconds
                    )
                },
            );
            columns.push(Column { name, caption: format!("{:.1} ms", 1e3 * seconds), pictures });
        }
        let Some(inputs) = inputs else { return Ok(()) };
        columns.insert(0, Column { name: INPUT.into(), caption: String::new(), pictures: inputs.shown() });
        columns.push(Column { name: REAL.into(), caption: String::new(), pictures: inputs.real() });
        write(&args.out, &inputs, &columns, &backend.device(), output)?;
        Ok(())
    }
}

/// The inputs that all generators draw from, at one size.
struct Inputs {
    data: DataConfig,
    size: [usize; 2],
    raw: Vec<Raw>,
    /// The data set.
    source: String,
}

impl Inputs {
    /// The first `--count` validation pairs, or all at equal distances over the set, resized.
    fn read(args: &Compare, config: &Config) -> asap_model::Result<Self> {
        let (source, name) = validation(args.data.as_deref(), config)?;
        let size = args.size.map_or(config.data.size, |size| [size.height, size.width]);
        let count = usize::from(args.count).min(source.len());
        if count == 0 {
            return Err(Error::Data { file: name.into(), problem: "there are no validation pairs".into() });
        }
        let raw = (0..count).map(|number| Ok(resized(source.raw(number * source.len() / count)?, size)));
        Ok(Inputs { data: config.data.clone(), size, raw: raw.collect::<asap_model::Result<_>>()?, source: name })
    }

    /// Checks that a generator draws the same kind of picture from the same kind of input.
    fn check(&self, config: &Config, checkpoint: &Path) -> asap_model::Result<()> {
        // Colours have no classes.
        let classes = |data: &DataConfig| (data.input == Input::Labels).then_some(data.classes);
        let kinds = |data: &DataConfig| (data.input, data.output, data.depth(), classes(data), data.instances);
        if kinds(&config.data) == kinds(&self.data) {
            return Ok(());
        }
        let depths = |data: &DataConfig| {
            let invalid = data.depth_invalid.map(f64::from);
            let keys = [("scale", data.depth_scale), ("max", data.depth_max), ("invalid", invalid)];
            let set = keys.into_iter().filter_map(|(key, value)| Some(format!(", data.depth_{key} {}", value?)));
            set.collect::<String>()
        };
        let said = |data: &DataConfig| {
            let classes = classes(data).map_or_else(String::new, |classes| format!(", data.classes {classes}"));
            format!(
                "data.input {:?}, data.output {:?}{classes}, data.instances {}{}",
                data.input,
                data.output,
                data.instances,
                depths(data)
            )
        };
        let problem = format!(
            "it draws something else than the first generator ({}; the first: {}): compare generators of one data set",
            said(&config.data),
            said(&self.data)
        );
        Err(usage(&checkpoint.display().to_string(), problem))
    }

    /// All pictures, and the median time of one, in seconds, after one that is not timed.
    fn draw<B: Backend>(&self, translator: &Translator<B>) -> asap_model::Result<(Vec<RgbImage>, f64)> {
        let draw = |raw: &Raw| translator.translate(&raw.input, raw.instances.as_ref(), false);
        if let Some(first) = self.raw.first() {
            draw(first)?;
        }
        let (mut pictures, mut seconds) = (Vec::with_capacity(self.raw.len()), Vec::with_capacity(self.raw.len()));
        for raw in &self.raw {
            let start = Instant::now();
            let picture = draw(raw)?;
            seconds.push(start.elapsed().as_secs_f64());
            pictures.push(self.in_colours(&picture, false));
        }
        Ok((pictures, median(seconds)))
    }

    /// The inputs as people see them: each label in a colour of its own.
    fn shown(&self) -> Vec<RgbImage> {
        let colours = palette(self.data.classes);
        let shown = |raw: &Raw| match &raw.input {
            RawInput::Rgb(picture) => self.in_colours(picture, false),
            RawInput::Labels(map) => Plane {
                height: map.height,
                width: map.width,
                data: map.data.iter().map(|id| colours.get(usize::from(*id)).copied().unwrap_or_default()).collect(),
            },
        };
        self.raw.iter().map(shown).collect()
    }

    fn real(&self) -> Vec<RgbImage> {
        self.raw.iter().map(|raw| self.in_colours(&raw.image, true)).collect()
    }

    /// A picture for people: depths in colours, of real ones what was not measured black.
    fn in_colours(&self, picture: &Picture, real: bool) -> RgbImage {
        if let Picture::Rgb(image) = picture {
            return image.clone();
        }
        let [height, width] = picture.size();
        let (Some(scale), Some((levels, most))) = (self.data.depth(), picture.levels()) else {
            return Plane::from_fn(height, width, |_, _| [0; 3]);
        };
        let invalid = scale.invalid.filter(|_| real);
        depth_colours(height, width, |x, y| {
            let level = levels[y * width + x];
            (Some(level) != invalid).then(|| scale.depth(level.into(), most.into()) / scale.max)
        })
    }
}

/// A pair in another size: pictures bicubic, ids and depths nearest.
fn resized(raw: Raw, [height, width]: [usize; 2]) -> Raw {
    Raw {
        name: raw.name,
        input: match raw.input {
            RawInput::Labels(map) => RawInput::Labels(resize_labels(&map, height, width)),
            RawInput::Rgb(picture) => RawInput::Rgb(resize_picture(&picture, height, width)),
        },
        instances: raw.instances.map(|map| resize_labels(&map, height, width)),
        image: match &raw.image {
            Picture::Rgb(_) => resize_picture(&raw.image, height, width),
            Picture::Gray8(_) | Picture::Gray16(_) => resize_nearest(&raw.image, height, width),
        },
    }
}

/// Writes every picture, the sheet and the page.
fn write(out: &Path, inputs: &Inputs, columns: &[Column], device: &str, output: &Output) -> asap_model::Result<()> {
    for column in columns {
        let folder = out.join(&column.name);
        std::fs::create_dir_all(&folder).map_err(|source| Error::Io {
            file: folder.clone(),
            action: "make the folder for the pictures",
            source,
        })?;
        for (number, picture) in column.pictures.iter().enumerate() {
            write_rgb(&folder.join(page::file_name(number)), picture)?;
        }
    }
    let sheet = out.join("sheet.png");
    write_rgb(&sheet, &sheet::draw(columns))?;
    let text = page::page(inputs, columns, device);
    let page = out.join("index.html");
    atomic::write(&page, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    output.say(format_args!("look at {} and {}", page.display(), sheet.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_equal_names_are_numbered_and_a_configuration_stands_behind_the_last_equals_sign() {
        let arguments = ["runs/a", "others/a/", "b.pth=facades-512", "c=d.pth=e=f.toml", "real"].map(str::to_owned);
        let all = named(&arguments).unwrap();
        let names: Vec<&str> = all.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["a", "a-2", "b", "c=d", "real-2"]);
        assert_eq!(all[2].config.as_deref(), Some("facades-512"));
        assert_eq!((all[2].checkpoint.to_str(), &all[0].config), (Some("b.pth"), &None));
        assert!(named(&["=x".to_owned()]).is_err());
    }

    #[test]
    fn a_run_is_called_as_its_folder_whatever_path_leads_there() {
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
