//! The pictures that arguments name.

use std::path::{Path, PathBuf};

use asap_model::Error;

/// A picture that an argument names, itself or by its folder.
pub struct Found {
    /// Its path below the folder, or its file name; without the ending.
    pub name: String,
    /// The file.
    pub file: PathBuf,
}

impl Found {
    fn new(file: PathBuf, folder: Option<&Path>) -> Found {
        let below = folder.and_then(|folder| file.strip_prefix(folder).ok()).unwrap_or(&file).with_extension("");
        let name = if folder.is_some() { Some(below.as_os_str()) } else { below.file_name() };
        Found { name: name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(), file }
    }
}

/// Files as they are given; the pictures of a folder and of its sub-folders in order of their names.
pub fn pictures(paths: &[PathBuf]) -> asap_model::Result<Vec<Found>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(Found::new(path.clone(), None));
            continue;
        }
        let mut inside = Vec::new();
        walk(path, &mut inside)?;
        if inside.is_empty() {
            return Err(Error::Data { file: path.clone(), problem: "the folder has no .png or .jpg files".into() });
        }
        inside.sort();
        files.extend(inside.into_iter().map(|file| Found::new(file, Some(path))));
    }
    Ok(files)
}

/// The visible pictures of a folder and of its sub-folders; links to folders are not followed.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> asap_model::Result<()> {
    let unreadable = |source| Error::Io { file: folder.into(), action: "list the folder", source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let file = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&file, files)?;
            continue;
        }
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        if ["png", "jpg", "jpeg"].contains(&ending.as_str()) && !file.is_dir() {
            files.push(file);
        }
    }
    Ok(())
}
