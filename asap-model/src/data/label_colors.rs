//! Color-coded label maps: colors of pixels to ids, by `data.colors`.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::path::Path;

use super::array::ReadOptions;
use super::decode::{
    JPEG, MAX_BYTES, PNG, check_png_header, image_of, label_ids_of, photo_of, read_bytes, transparent,
};
use super::layout::ExampleFiles;
use super::names::Role;
use super::plane::{Plane, RgbImage};
use super::problem::Problem;
use super::whole::{check_lossless, check_whole};
use crate::config::classes::palettes_with;
use crate::config::{DataConfig, Palette, hex};
use crate::{Error, Result};

/// Maximum number of colors reported one by one; a photo read as a label map has thousands.
const REPORTED: usize = 20;

/// Maximum number of colors that a proposed `data.colors` lists.
const PROPOSED: usize = 8;

/// An RGB color.
type Color = [u8; 3];

/// The ids of a label map: raw values of a gray or palette PNG, or by `data.colors` those of an RGB PNG; with a problem for each
/// color that no class has. Only without problems is the map whole.
pub(super) fn read_label_ids(files: &ExampleFiles, data: &DataConfig) -> Result<(Plane<u16>, Vec<Problem>)> {
    let file = &files.input;
    let bytes = read_bytes(file)?;
    if bytes.starts_with(&JPEG) {
        return Err(jpeg_problem(file, &photo_of(&bytes, file)?, data).into());
    }
    check_lossless(&bytes, file)?;
    check_png_header(&bytes, file)?;
    check_whole(&bytes, file)?;
    match colors_of(&bytes, file)? {
        Some(image) => Ok(ids_by_color(file, &files.half(image, Role::Input)?, data)),
        None => Ok((files.half(label_ids_of(&bytes, file)?, Role::Input)?, Vec::new())),
    }
}

/// The pixels of a file with colors; `None` for one with raw values, gray or palette.
///
/// # Errors
/// [`Error::Data`] if it can't be decoded, or if a pixel is not opaque.
fn colors_of(bytes: &[u8], file: &Path) -> Result<Option<RgbImage>> {
    if !bytes.starts_with(PNG) {
        let image = image_of(bytes, file, &ReadOptions::ANY)?;
        return Ok(image.as_rgb().filter(|_| image != image.select(&[0; 3])));
    }
    let bad = |e: png::DecodingError| Error::from(Problem::new(file, format!("cannot be decoded as PNG: {e}")));
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: MAX_BYTES });
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().map_err(bad)?;
    if !matches!(reader.info().color_type, png::ColorType::Rgb | png::ColorType::Rgba) {
        return Ok(None);
    }
    let (height, width) = (reader.info().height as usize, reader.info().width as usize);
    let Some(size) = reader.output_buffer_size() else {
        return Problem::err(file, format!("{width}×{height} pixels do not fit in memory"));
    };
    let mut data = vec![0; size];
    reader.next_frame(&mut data).map_err(bad)?;
    // EXPAND also adds an alpha channel where the file names a transparent color.
    let data = match reader.output_color_type().0 {
        png::ColorType::Rgba => {
            let pixels = data.as_chunks::<4>().0;
            if let Some(pixel) = pixels.iter().position(|pixel| pixel[3] != u8::MAX) {
                return Err(transparent(file, [pixel % width, pixel / width], pixels[pixel][3].into()).into());
            }
            pixels.iter().map(|&[r, g, b, _]| [r, g, b]).collect()
        }
        _ => data.as_chunks::<3>().0.to_vec(),
    };
    Ok(Some(Plane { height, width, data }))
}

/// The ids of a color-coded label map, 65535 where no class has the color, and a problem for each such color with its first
/// pixel.
fn ids_by_color(file: &Path, image: &RgbImage, data: &DataConfig) -> (Plane<u16>, Vec<Problem>) {
    let Some(classes) = data.color_ids() else {
        return (no_ids(image), vec![Problem::new(file, unset_colors(image, data))]);
    };
    let mut ids = HashMap::with_capacity(classes.len());
    for (color, id) in classes {
        ids.entry(color).or_insert(id);
    }
    let mut unknown: BTreeMap<Color, (usize, usize)> = BTreeMap::new();
    let mut last = (Color::default(), None);
    let mut id_of = |(pixel, color): (usize, &Color)| {
        // Most pixels have their neighbor's color.
        if last.1.is_none() || last.0 != *color {
            last = (*color, ids.get(color).copied());
        }
        last.1.unwrap_or_else(|| {
            unknown.entry(*color).or_insert((pixel, 0)).1 += 1;
            u16::MAX
        })
    };
    let plane = Plane {
        height: image.height,
        width: image.width,
        data: image.data.iter().enumerate().map(&mut id_of).collect(),
    };
    (plane, color_problems(file, image.width, unknown, &ids, data))
}

/// A map of a size without ids.
fn no_ids(image: &RgbImage) -> Plane<u16> {
    Plane { height: image.height, width: image.width, data: Vec::new() }
}

fn color_problems(
    file: &Path,
    width: usize,
    unknown: BTreeMap<Color, (usize, usize)>,
    ids: &HashMap<Color, u16>,
    data: &DataConfig,
) -> Vec<Problem> {
    let names = data.class_names();
    let mut unknown: Vec<(Color, (usize, usize))> = unknown.into_iter().collect();
    unknown.sort_by_key(|(_, (first, _))| *first);
    let others = unknown.len().saturating_sub(REPORTED);
    let problem = |(color, (first, count)): &(Color, (usize, usize))| {
        let [x, y] = [first % width, first / width];
        let more = if *count > 1 { format!(" (and {} more pixels)", count - 1) } else { String::new() };
        let nearest = ids.iter().min_by_key(|&(own, &id)| (squared_distance(*own, *color), id));
        let nearest = nearest.map_or(String::new(), |(own, id)| {
            let class = match names.get(usize::from(*id)) {
                Some(name) if *name != id.to_string() => format!("class {id} ({name})"),
                Some(_) => format!("class {id}"),
                None => "that of unlabeled pixels".into(),
            };
            let distance = f64::from(squared_distance(*own, *color)).sqrt();
            format!("; the nearest is {class}, {}, at a distance of {distance:.1}", hex(*own))
        });
        Problem {
            file: file.to_path_buf(),
            message: format!(
                "pixel ({x}, {y}) has the color {}{more}, which no class has{nearest}. Correct data.colors, or save the map \
                 without smoothed borders",
                hex(*color)
            ),
            pixel: Some([x, y]),
            value: Some(u32::from_be_bytes([0, color[0], color[1], color[2]])),
        }
    };
    let mut problems: Vec<Problem> = unknown.iter().take(REPORTED).map(problem).collect();
    if others > 0 {
        problems.push(Problem::new(file, format!("has {others} more colors that no class has")));
    }
    problems
}

/// The square of the Euclidean distance in RGB.
fn squared_distance(a: Color, b: Color) -> u32 {
    a.iter().zip(b).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// What is wrong with a color-coded label map where `data.colors` is not set, and which colors it has.
fn unset_colors(image: &RgbImage, data: &DataConfig) -> String {
    let mut colors: Vec<Color> = image.data.clone();
    colors.sort_unstable();
    colors.dedup();
    let about = "has RGB pixels where ids are expected";
    // One color alone, as black, is in most palettes.
    let palettes = if colors.len() > 1 { palettes_with(&colors, data.classes) } else { Vec::new() };
    if let Some(palette) = palettes.first() {
        return format!("{about}; its colors are those of {}: {}", palette.name(), proposal(*palette, data));
    }
    if colors.iter().all(|[r, g, b]| r == g && g == b) {
        return format!("{about}, but its channels are equal; save it as a gray PNG whose values are the ids");
    }
    let listed = match colors.len() {
        count @ ..=PROPOSED => {
            let listed: Vec<String> = colors.iter().map(|&color| hex(color)).collect();
            format!("; it has {count}: {}", listed.join(", "))
        }
        count => format!("; it has {count}"),
    };
    format!(
        "{about}; save it as a gray or palette PNG whose raw values are the ids, or list the color of every class in \
         data.colors{listed}"
    )
}

fn proposal(palette: Palette, data: &DataConfig) -> String {
    let key = format!("--set data.colors={}", palette.name());
    match palette.counts() {
        counts if counts.contains(&data.classes) => key,
        counts => format!("{key} --set data.classes={}", counts[0]),
    }
}

/// What is wrong with a label map that is a JPEG.
fn jpeg_problem(file: &Path, image: &RgbImage, data: &DataConfig) -> Problem {
    let share = data.color_ids().map(|classes| {
        let known: HashMap<Color, u16> = classes.into_iter().collect();
        let off = image.data.iter().filter(|color| !known.contains_key(*color)).count();
        format!(": {:.1}% of its pixels have a color of no class", 100.0 * off as f64 / image.data.len().max(1) as f64)
    });
    let share = share.unwrap_or_default();
    let problem = format!("is a JPEG, whose compression changes labels{share}. Export label maps again, as PNG");
    Problem::new(file, problem)
}
