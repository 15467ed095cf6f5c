//! The page of `asap data preview`: pairs of a dataset as the network sees them.

use std::path::PathBuf;

use asap_model::Result;
use asap_model::data::RgbImage;
use maud::{Markup, html};

use super::html::{document, fact, image, legend};
use super::palette::Class;
use super::preview::Preview;

/// Maximum size of all images together.
const BYTES: usize = 24 << 20;
/// Images narrower than this are enlarged without smoothing.
const SMALL: usize = 200;

/// The contents of the page.
pub struct Pairs {
    /// The dataset's folder.
    pub dir: PathBuf,
    /// Names and values of the header.
    pub facts: Vec<(&'static str, String)>,
    /// The classes that occur in these pairs, with their shares of the pixels.
    pub classes: Vec<(Class, f64)>,
    /// The number of classes that there are.
    pub all_classes: usize,
    pub parts: Vec<Part>,
}

/// Pairs below a heading.
pub struct Part {
    pub heading: &'static str,
    pub note: String,
    pub pairs: Vec<Pair>,
}

/// A pair, or why it can't be shown.
pub struct Pair {
    pub name: String,
    /// What they are, and their paths in the dataset.
    pub files: Vec<(&'static str, PathBuf)>,
    /// [height, width] of the files.
    pub size: [usize; 2],
    pub versions: std::result::Result<Vec<Version>, String>,
}

/// A pair at its final size, all images of one size.
pub struct Version {
    pub title: String,
    /// How it was resized, cropped and flipped.
    pub note: String,
    pub images: Vec<(&'static str, RgbImage)>,
}

/// The page as text.
pub fn page(pairs: &Pairs) -> Result<String> {
    let name = pairs.dir.file_name().unwrap_or(pairs.dir.as_os_str()).to_string_lossy();
    let all = pairs.parts.iter().flat_map(|part| &part.pairs);
    let images: usize = all.flat_map(|pair| pair.versions.iter().flatten()).map(|version| version.images.len()).sum();
    let limit = BYTES / images.max(1);
    let parts = pairs.parts.iter().map(|Part { heading, note, pairs }| {
        let pairs = pairs.iter().map(|pair| section(pair, limit)).collect::<Result<Vec<_>>>()?;
        Ok(html! {
            @if !pairs.is_empty() {
                section {
                    h2 { (heading) }
                    p.note { (note) }
                    @for pair in pairs { (pair) }
                }
            }
        })
    });
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let body = html! {
        header {
            p.eyebrow { "asap · dataset preview" }
            h1 { (name) }
            dl.facts { @for (name, value) in &pairs.facts { (fact(name, Some(value.clone()), None)) } }
        }
        @if !pairs.classes.is_empty() { section { h2 { "Classes" } (classes(pairs)) } }
        @for part in parts { (part) }
    };
    Ok(document(&format!("{name} · preview"), None, &body))
}

fn classes(pairs: &Pairs) -> Markup {
    let missing = pairs.all_classes.saturating_sub(pairs.classes.len());
    let with_share = |(class, share): &(Class, f64)| (class.clone(), Some(format!("{:.1}%", 100.0 * share)));
    html! {
        (legend(&pairs.classes.iter().map(with_share).collect::<Vec<_>>()))
        p.note {
            "Shares of the pixels of the pairs below"
            @if missing > 0 { ", in which " (missing) " of " (pairs.all_classes) @if missing == 1 { " classes does" } @else { " classes do" } " not occur" }
            "."
        }
    }
}

fn section(pair: &Pair, limit: usize) -> Result<Markup> {
    let [height, width] = pair.size;
    let body = match &pair.versions {
        Ok(versions) => grid(&pair.name, versions, limit)?,
        Err(message) => html! { p.message role="alert" { (message) } },
    };
    Ok(html! {
        h3 { (pair.name) }
        p.note {
            @if height > 0 { (width) "×" (height) " pixels: " }
            @for (place, (what, file)) in pair.files.iter().enumerate() {
                @if place > 0 { ", " }
                (what) " " code { (file.display()) }
            }
        }
        (body)
    })
}

/// A column for each version, a row for each of its images.
fn grid(name: &str, versions: &[Version], limit: usize) -> Result<Markup> {
    let kinds = versions.first().map_or(0, |version| version.images.len());
    let is_small = versions.iter().flat_map(|version| &version.images).any(|(_, image)| image.width < SMALL);
    let mut rows = Vec::with_capacity(kinds);
    for kind in 0..kinds {
        let cells = versions.iter().filter_map(|version| Some((version, version.images.get(kind)?)));
        let cells = cells.map(|(version, (what, shown))| {
            let preview = Preview::lossless(shown, limit)?;
            Ok(html! { div { (image(&preview, &format!("{name}: {what}, {}", version.title))) small { (what) } } })
        });
        rows.push(cells.collect::<Result<Vec<_>>>()?);
    }
    Ok(html! {
        div.scroll {
            div class=(if is_small { "versions pixels" } else { "versions" }) style={ "--versions:" (versions.len()) } {
                @for version in versions { div.head { (version.title) small { (version.note) } } }
                @for row in rows { @for cell in row { (cell) } }
            }
        }
    })
}
