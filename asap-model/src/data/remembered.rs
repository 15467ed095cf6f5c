//! What earlier checks found, so that files that did not change since are not read again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::facts::Facts;
use super::layout::ExampleFiles;
use crate::Result;
use crate::checkpoint::atomic;
use crate::config::{Config, DataConfig};

/// Changes with the meaning of what is remembered.
const VERSION: &str = "2";

/// Keys of `[data]` that do not change what files contain.
const WITHOUT_EFFECT: [&str; 16] = [
    "dir",
    "layout",
    "classes",
    // What they mean together is added.
    "names",
    "colors",
    "remap",
    "ignore",
    "ignore_as",
    "size",
    "load_size",
    "load_jitter",
    "resize",
    "flip",
    "workers",
    "count",
    "val_count",
];

/// When a file was last changed: its length, and the times of its content and its entry in nanoseconds.
pub(super) type Stamp = [u64; 3];

/// A pair whose files could be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    stamps: Vec<Stamp>,
    facts: Facts,
}

/// What earlier checks of a dataset found, by the path of each pair's input.
pub(super) struct Remembered {
    dir: PathBuf,
    file: PathBuf,
    entries: HashMap<String, Entry>,
}

impl Remembered {
    /// Reads what was found in `dir`; nothing if the file in `folder` is missing, damaged or of another version.
    pub fn read(folder: &Path, dir: &Path, data: &DataConfig) -> Remembered {
        let mut keys = Config { data: data.clone(), ..Config::default() }.keys();
        keys.retain(|key| key.section == "data" && !WITHOUT_EFFECT.contains(&key.name));
        let keys = keys.iter().map(|key| format!("{} = {:?}\n", key.name, key.value));
        let absolute = fs::canonicalize(dir).unwrap_or_else(|_| dir.into());
        let keys: String = keys.chain([format!("{:?}", data.color_ids())]).collect();
        let identity = format!("{VERSION} {} {}\n{keys}", env!("CARGO_PKG_VERSION"), absolute.display());
        let digits: String = Sha256::digest(identity).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = folder.join(format!("{digits}.json"));
        let read = |file: &Path| serde_json::from_reader(BufReader::new(File::open(file).ok()?)).ok();
        Remembered { dir: dir.into(), entries: read(&file).unwrap_or_default(), file }
    }

    /// What was found in files with these stamps.
    pub fn get(&self, files: &ExampleFiles, stamps: &[Stamp]) -> Option<&Facts> {
        self.entries.get(&self.key(files)).filter(|entry| entry.stamps == stamps).map(|entry| &entry.facts)
    }

    /// Replaces everything by what was found now. A folder that can't be written to costs time only.
    pub fn write<'a>(
        mut self,
        found: impl Iterator<Item = (&'a ExampleFiles, &'a Vec<Stamp>, &'a Facts)>,
    ) -> Result<()> {
        let usable = found.filter(|(_, stamps, facts)| !stamps.is_empty() && facts.unusable.is_empty());
        let entry = |(files, stamps, facts): (&ExampleFiles, &Vec<Stamp>, &Facts)| {
            (self.key(files), Entry { stamps: stamps.clone(), facts: facts.clone() })
        };
        self.entries = usable.map(entry).collect();
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder).map_err(crate::Error::io(folder, "create the folder"))?;
            atomic::remove_unfinished(folder);
        }
        let text = serde_json::to_vec(&self.entries).unwrap_or_default();
        atomic::write(&self.file, |file| file.write_all(&text))
    }

    /// The input's path below the dataset's folder.
    fn key(&self, files: &ExampleFiles) -> String {
        files.input.strip_prefix(&self.dir).unwrap_or(&files.input).to_string_lossy().into_owned()
    }
}

/// The stamps of all files of a pair; none if one can't be found.
pub(super) fn stamps(files: &ExampleFiles) -> Vec<Stamp> {
    files.all().map(stamp).collect::<std::io::Result<_>>().unwrap_or_default()
}

fn stamp(file: &Path) -> std::io::Result<Stamp> {
    let metadata = fs::metadata(file)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    Ok([metadata.len(), changed, entry_changed(&metadata)])
}

/// When a file was renamed, replaced or written, which a copied modification time does not hide.
#[cfg(unix)]
fn entry_changed(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    (metadata.ctime() as u64).wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec() as u64)
}

#[cfg(not(unix))]
fn entry_changed(_: &fs::Metadata) -> u64 {
    0
}
