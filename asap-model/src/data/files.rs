//! Image files in folders.

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use super::decode::EXTENSIONS;
use crate::config::schema::either;
use crate::{Error, Result};

/// Extensions of text files, which people keep beside images: notes, annotations, file lists.
const TEXTS: [&str; 14] =
    ["txt", "json", "jsonl", "xml", "csv", "tsv", "md", "yaml", "yml", "toml", "html", "log", "lst", "license"];

/// Files and folders that operating systems leave behind.
const LEFT_BEHIND: [&str; 5] = ["thumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r"];

/// What a folder and its subfolders contain, without hidden files and those that operating systems leave behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The image files, ordered by path.
    pub images: Vec<PathBuf>,
    /// The other files.
    pub skipped: Skipped,
}

/// Files that are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Files of other formats, ordered by path.
    pub files: Vec<PathBuf>,
    /// Text files, as annotations beside the images; ordered by path.
    pub texts: Vec<PathBuf>,
}

impl Skipped {
    /// Adds those of another folder. A file is in the list once.
    pub fn add(&mut self, other: Skipped) {
        for (all, more) in [(&mut self.files, other.files), (&mut self.texts, other.texts)] {
            all.extend(more);
            all.sort();
            all.dedup();
        }
    }

    /// Whether nothing was skipped.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.texts.is_empty()
    }
}

/// Lists a folder and its subfolders, `depth` levels of them if given.
///
/// Links to files and folders are followed. A folder that several links lead to is listed once, at its own place if that is
/// in `dir`; a link to a folder above it is not followed, as it would lead back.
pub fn list_images(dir: &Path, depth: Option<usize>) -> Result<Listing> {
    let mut walk = Walk::default();
    walk.enter(dir, depth)?;
    while !walk.links.is_empty() {
        let mut links = std::mem::take(&mut walk.links);
        links.sort();
        for (link, depth) in links {
            walk.follow(&link, depth)?;
        }
    }
    let mut listing = walk.listing;
    listing.images.sort();
    listing.skipped.files.sort();
    listing.skipped.texts.sort();
    Ok(listing)
}

/// The image files that [`list_images`] finds.
pub fn image_files(dir: &Path, depth: Option<usize>) -> Result<Vec<PathBuf>> {
    list_images(dir, depth).map(|listing| listing.images)
}

/// The extensions of image files in words: ".png, .jpg or .jpeg".
pub fn extensions() -> String {
    let dotted: Vec<String> = EXTENSIONS.iter().map(|extension| format!(".{extension}")).collect();
    either(&dotted.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The file names that an image of this name may have: "a.png (or .jpg, .jpeg)".
pub fn possible_names(name: &str) -> String {
    let others: Vec<String> = EXTENSIONS[1..].iter().map(|extension| format!(".{extension}")).collect();
    format!("{name}.{} (or {})", EXTENSIONS[0], others.join(", "))
}

#[derive(Default)]
struct Walk {
    /// Canonical paths of the folders listed so far.
    visited: BTreeSet<PathBuf>,
    /// Links to folders, followed after all real folders, and the depth of subfolders to list there.
    links: Vec<(PathBuf, Option<usize>)>,
    listing: Listing,
}

impl Walk {
    fn enter(&mut self, dir: &Path, depth: Option<usize>) -> Result<()> {
        let failed = |source| Error::Io { file: dir.into(), action: "list the folder", source };
        if !self.visited.insert(dir.canonicalize().map_err(failed)?) {
            return Ok(());
        }
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if is_hidden(&entry) {
                continue;
            }
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            // A link that leads nowhere counts as a file, whose error then names it.
            let metadata = kind.is_symlink().then(|| path.metadata().ok()).flatten();
            let is_folder = metadata.as_ref().map_or(kind.is_dir(), std::fs::Metadata::is_dir);
            if is_folder && depth == Some(0) {
                continue;
            }
            let below = depth.map(|depth| depth - usize::from(is_folder));
            match (is_folder, kind.is_symlink()) {
                (true, true) => self.links.push((path, below)),
                (true, false) => self.enter(&path, below)?,
                (false, _) => {
                    let is_file = metadata.as_ref().map_or(kind.is_file() || kind.is_symlink(), |data| data.is_file());
                    self.add(path, is_file);
                }
            }
        }
        Ok(())
    }

    fn follow(&mut self, link: &Path, depth: Option<usize>) -> Result<()> {
        let failed = |source| Error::Io { file: link.into(), action: "follow the link", source };
        let target = link.canonicalize().map_err(failed)?;
        let place = link.parent().unwrap_or(link).canonicalize().map_err(failed)?;
        if place.starts_with(&target) { Ok(()) } else { self.enter(link, depth) }
    }

    fn add(&mut self, path: PathBuf, is_file: bool) {
        let has_one_of = |known: &[&str]| {
            path.extension().is_some_and(|end| known.iter().any(|known| end.eq_ignore_ascii_case(known)))
        };
        let list = match (is_file, has_one_of(&EXTENSIONS), has_one_of(&TEXTS)) {
            (true, true, _) => &mut self.listing.images,
            (true, _, true) => &mut self.listing.skipped.texts,
            _ => &mut self.listing.skipped.files,
        };
        list.push(path);
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name.to_string_lossy().starts_with('.') || LEFT_BEHIND.iter().any(|known| name.eq_ignore_ascii_case(known))
}
