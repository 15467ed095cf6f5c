//! The images that arguments name.

use std::path::{Path, PathBuf};

use asap_model::Error;
use asap_model::data::{Skipped, extensions, list_images, name_below};
use serde_json::{Value, json};

use crate::output::Output;

/// Maximum number of files that a message lists.
const LISTED: usize = 10;

/// An image that an argument names, itself or by its folder.
pub struct Found {
    /// Its path below the folder, or its file name; without the extension.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Whether it is named itself.
    pub is_given: bool,
}

/// Files as they are given; the images of a folder and of its subfolders in order of their names. And what these folders contain
/// besides.
pub fn images(paths: &[PathBuf]) -> asap_model::Result<(Vec<Found>, Skipped)> {
    let (mut all, mut skipped) = (Vec::new(), Skipped::default());
    for path in paths {
        let is_given = !path.is_dir();
        let files = if is_given {
            vec![path.clone()]
        } else {
            let listing = list_images(path, None)?;
            if listing.images.is_empty() {
                let mut problem = format!("the folder has no {} files", extensions());
                if !listing.skipped.files.is_empty() {
                    problem += &format!("; it has {}", list(&listing.skipped.files));
                }
                return Err(Error::Data { file: path.clone(), problem });
            }
            skipped.add(listing.skipped);
            listing.images
        };
        all.extend(files.into_iter().map(|file| {
            let stem = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Found { name: name_below(path, &file).unwrap_or_else(stem), file, is_given }
        }));
    }
    Ok((all, skipped))
}

/// "a.png, b.png and 3 more".
pub fn list<P: AsRef<Path>>(files: &[P]) -> String {
    let names: Vec<_> = files.iter().take(LISTED).map(|file| file.as_ref().display().to_string()).collect();
    let more = files.len().saturating_sub(LISTED);
    names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// What is not read, in one line; `None` if all is.
pub fn skipped_text(skipped: &Skipped) -> Option<String> {
    let count = |files: &[PathBuf], what: &str| match files.len() {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let texts = count(&skipped.texts, "text file");
    match (skipped.files.is_empty(), skipped.texts.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("skipped {texts}")),
        (false, no_texts) => {
            let texts = if no_texts { String::new() } else { format!("; and {texts}") };
            let (files, known) = (count(&skipped.files, "file"), extensions());
            Some(format!("skipped {files}, not {known}: {}{texts}", list(&skipped.files)))
        }
    }
}

/// What is not read, for `--json`.
pub fn skipped_json(skipped: &Skipped) -> Value {
    let files: Vec<_> = skipped.files.iter().map(|file| file.to_string_lossy()).collect();
    json!({ "files": files, "texts": skipped.texts.len() })
}

/// Reports what a command leaves out of the folders that it reads; text files alone are not worth a line.
pub fn report_skipped(skipped: &Skipped, output: &Output) {
    if let Some(text) = skipped_text(skipped).filter(|_| !skipped.files.is_empty()) {
        output.say(text);
        output.json(|| json!({ "skipped": skipped_json(skipped) }));
    }
}
