//! The images that arguments name.

use std::path::PathBuf;

use asap_model::Error;
use asap_model::data::image_files;

/// An image that an argument names, itself or by its folder.
pub struct Found {
    /// Its path below the folder, or its file name; without the extension.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

/// Files as they are given; the images of a folder and of its sub-folders in order of their names.
pub fn images(paths: &[PathBuf]) -> asap_model::Result<Vec<Found>> {
    let mut all = Vec::new();
    for path in paths {
        let files = if path.is_dir() { image_files(path, None)? } else { vec![path.clone()] };
        if files.is_empty() {
            return Err(Error::Data { file: path.clone(), problem: "the folder has no .png or .jpg files".into() });
        }
        for file in files {
            let name = match file.strip_prefix(path) {
                Ok(below) if !below.as_os_str().is_empty() => below.with_extension(""),
                _ => file.file_stem().unwrap_or_default().into(),
            };
            all.push(Found { name: name.to_string_lossy().into_owned(), file });
        }
    }
    Ok(all)
}
