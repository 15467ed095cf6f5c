//! Image files in folders.

use std::path::{Path, PathBuf};

use super::decode::EXTENSIONS;
use crate::{Error, Result};

/// The visible image files of a folder and of its sub-folders, ordered by path. With a maximum `depth` of sub-folders, links to
/// folders are followed; without one they are not, as they may lead back.
pub fn image_files(dir: &Path, depth: Option<usize>) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::Io { file: dir.into(), action: "list the folder", source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            let enter = match depth {
                Some(depth) => depth > 0,
                None => !entry.file_type().map_err(failed)?.is_symlink(),
            };
            if enter {
                files.extend(image_files(&path, depth.map(|depth| depth - 1))?);
            }
        } else if path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end.eq_ignore_ascii_case(known))) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
