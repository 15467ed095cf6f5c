//! The files of a run.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::checkpoint::atomic;
use crate::checkpoint::load::GENERATOR_FILE;
use crate::config::Config;
use crate::{Error, Result};

/// How many checkpoints of the whole state are kept.
const KEPT: usize = 3;

/// Prefix of checkpoint and sample file names; the step follows.
const STEP: &str = "step-";

/// Suffix given to a checkpoint that can't be read.
const DAMAGED: &str = ".damaged";

/// A run folder. The trainer writes `config.toml`, `checkpoints/`, `generator.safetensors`, `best.safetensors` and
/// `metrics.jsonl`; observers may add `samples/`, `report.html` and TensorBoard's event files.
#[derive(Clone, Debug)]
pub struct RunFolder {
    dir: PathBuf,
}

/// A checkpoint that can't be read, and why.
pub(super) type Damaged = (PathBuf, String);

/// Renames a damaged checkpoint, so that it no longer counts as one. Returns a warning.
pub(super) fn set_aside((file, problem): &Damaged) -> Result<String> {
    let mut name = file.clone().into_os_string();
    name.push(DAMAGED);
    fs::rename(file, &name).map_err(Error::io(file, "rename it"))?;
    let (file, name) = (file.display(), name.display());
    Ok(format!("{file}: {problem}; resuming from an earlier checkpoint; this one is now {name}"))
}

/// `dir`, or if it is taken, the first free one of `dir-2`, `dir-3`, ... An empty folder is free.
pub fn next_free(dir: &Path) -> PathBuf {
    candidates(dir).find(|candidate| is_free(candidate)).unwrap_or_else(|| dir.into())
}

fn candidates(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = (2u64..).map(|number| {
        let mut name = dir.file_name().unwrap_or_default().to_os_string();
        name.push(format!("-{number}"));
        dir.with_file_name(name)
    });
    std::iter::once(dir.to_path_buf()).chain(numbered)
}

fn is_free(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

impl RunFolder {
    /// Creates a folder for a new run: `wanted`, or the [`next_free`] one.
    pub fn create(wanted: &Path) -> Result<Self> {
        const CREATE: &str = "create the folder";
        if let Some(parent) = wanted.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(Error::io(parent, CREATE))?;
        }
        for dir in candidates(wanted).filter(|dir| is_free(dir)) {
            match fs::create_dir(&dir) {
                // Another run may have taken it in the meantime.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && !is_free(&dir) => {}
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::io(&dir, CREATE)(error)),
                _ => {
                    let folder = RunFolder { dir };
                    return folder.make_parts().map(|()| folder);
                }
            }
        }
        Err(Error::io(wanted, CREATE)(ErrorKind::AlreadyExists.into()))
    }

    /// The folder of an existing run; [`Error::Checkpoint`] if `dir` is not one.
    pub fn open(dir: &Path) -> Result<Self> {
        let folder = RunFolder { dir: dir.into() };
        if !folder.config_file().is_file() {
            let problem = "not a run folder (it has no config.toml): there is nothing to resume".to_string();
            return Err(Error::Checkpoint { file: dir.into(), problem });
        }
        Ok(folder)
    }

    /// Creates the subfolders that are missing.
    pub(super) fn make_parts(&self) -> Result<()> {
        for part in [self.checkpoints_dir(), self.samples_dir()] {
            fs::create_dir_all(&part).map_err(Error::io(&part, "create the folder"))?;
        }
        Ok(())
    }

    /// Locks the folder against other processes for as long as the result lives, and removes temporary files left by a
    /// process that was killed.
    ///
    /// # Errors
    /// [`Error::Config`] if another process trains here; [`Error::Io`] if the folder can't be written to.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.dir.join(".lock");
        let failed = Error::io(&path, "lock the run folder with it");
        let file = File::options().create(true).append(true).open(&path).map_err(&failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem =
                    "another process is training in this folder: wait for it, stop it, or choose another --out";
                return Err(Error::Config { origin: self.dir.display().to_string(), problem: problem.into() });
            }
            // Some network file systems have no locks; train without.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        for part in [self.dir.clone(), self.checkpoints_dir(), self.samples_dir()] {
            atomic::remove_unfinished(&part);
        }
        Ok(file)
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration with every value resolved.
    pub fn config_file(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// Losses and validations by step.
    pub fn metrics_file(&self) -> PathBuf {
        self.dir.join("metrics.jsonl")
    }

    /// What identifies the pairs that it was last trained on.
    pub(super) fn pairs_file(&self) -> PathBuf {
        self.dir.join("pairs.json")
    }

    /// The generator's weights, for inference: their average, if `train.ema` is not 0.
    pub fn generator_file(&self) -> PathBuf {
        self.dir.join(GENERATOR_FILE)
    }

    /// The generator's weights after the best validation by `train.best`.
    pub fn best_file(&self) -> PathBuf {
        self.dir.join("best.safetensors")
    }

    /// The sheet of samples after a step.
    pub fn sheet_file(&self, step: u64) -> PathBuf {
        self.samples_dir().join(format!("{STEP}{step:06}.png"))
    }

    /// The sheets of samples, in order of their steps.
    pub fn sheets(&self) -> Result<Vec<(u64, PathBuf)>> {
        numbered(&self.samples_dir(), ".png")
    }

    /// The whole state after a step.
    pub fn checkpoint_file(&self, step: u64) -> PathBuf {
        self.checkpoints_dir().join(format!("{STEP}{step:06}.safetensors"))
    }

    fn samples_dir(&self) -> PathBuf {
        self.dir.join("samples")
    }

    fn checkpoints_dir(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    /// The configuration that the run was last trained with.
    pub fn config(&self) -> Result<Config> {
        let file = self.config_file();
        let text = fs::read_to_string(&file).map_err(Error::io(&file, "read it"))?;
        Config::parse(&text, &file.to_string_lossy())
    }

    pub(super) fn write_config(&self, config: &Config) -> Result<()> {
        let text = config.to_toml()?;
        atomic::write(&self.config_file(), |file| file.write_all(text.as_bytes()))
    }

    /// Whether the run stopped before its first checkpoint. A damaged checkpoint counts as one.
    pub fn never_saved(&self) -> Result<bool> {
        Ok(!entries(&self.checkpoints_dir())?.iter().any(|(name, _)| name.starts_with(STEP)))
    }

    /// The checkpoints of the whole state, in order of their steps.
    pub fn checkpoints(&self) -> Result<Vec<(u64, PathBuf)>> {
        numbered(&self.checkpoints_dir(), ".safetensors")
    }

    /// Reads the newest checkpoint that is not damaged. Also returns the damaged ones after it.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if there is none; errors of `read` of any other kind.
    pub(super) fn newest_readable<T>(&self, read: impl Fn(&Path) -> Result<T>) -> Result<(T, Vec<Damaged>)> {
        let mut damaged = Vec::new();
        for (_, file) in self.checkpoints()?.into_iter().rev() {
            match read(&file) {
                Ok(found) => return Ok((found, damaged)),
                Err(Error::Checkpoint { problem, .. }) => damaged.push((file, problem)),
                Err(other) => return Err(other),
            }
        }
        let problem = match damaged.is_empty() {
            true => "no checkpoint to resume from: the run stopped before it saved one; start a new run".into(),
            false => {
                let list = damaged.iter().map(|(file, problem)| format!("\n  {}: {problem}", file.display()));
                format!("no checkpoint can be read; start a new run:{}", list.collect::<String>())
            }
        };
        Err(Error::Checkpoint { file: self.checkpoints_dir(), problem })
    }

    /// Deletes all checkpoints but the last [`KEPT`].
    pub(super) fn prune_checkpoints(&self) -> Result<()> {
        let mut all = self.checkpoints()?;
        all.truncate(all.len().saturating_sub(KEPT));
        for (_, path) in all {
            fs::remove_file(&path).map_err(Error::io(&path, "remove it"))?;
        }
        Ok(())
    }
}

/// The files `step-NUMBER` with an extension, in order of their numbers.
fn numbered(dir: &Path, extension: &str) -> Result<Vec<(u64, PathBuf)>> {
    let step = |name: &str| name.strip_prefix(STEP)?.strip_suffix(extension)?.parse().ok();
    let mut found: Vec<_> = entries(dir)?.into_iter().filter_map(|(name, path)| Some((step(&name)?, path))).collect();
    found.sort();
    Ok(found)
}

/// Names and paths of the files in a folder; none if there is no folder.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = Error::io(dir, "list the folder");
    match fs::read_dir(dir) {
        // What a broken link points to may come back.
        Err(error) if error.kind() == ErrorKind::NotFound && !dir.is_symlink() => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())))
            .collect::<std::io::Result<_>>()
            .map_err(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_runs_get_their_own_folders() {
        let parent = tempfile::tempdir().unwrap();
        let wanted = parent.path().join("runs").join("quickstart");
        assert_eq!(next_free(&wanted), wanted);
        for expected in ["quickstart", "quickstart-2", "quickstart-3"] {
            let folder = RunFolder::create(&wanted).unwrap();
            assert_eq!(folder.dir().file_name().unwrap(), expected);
        }
        fs::create_dir(wanted.with_file_name("empty")).unwrap();
        fs::write(wanted.with_file_name("file"), "").unwrap();
        assert!(next_free(&wanted.with_file_name("empty")).ends_with("empty"));
        assert!(next_free(&wanted.with_file_name("file")).ends_with("file-2"));
    }

    #[test]
    fn pruning_keeps_the_last_three_checkpoints() {
        let parent = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&parent.path().join("run")).unwrap();
        for step in [999_999, 5, 1_000_000, 1_000_001] {
            fs::write(folder.checkpoint_file(step), "").unwrap();
        }
        fs::write(folder.checkpoints_dir().join("notes.txt"), "").unwrap();
        folder.prune_checkpoints().unwrap();
        let steps: Vec<u64> = folder.checkpoints().unwrap().into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [999_999, 1_000_000, 1_000_001]);
        let (newest, damaged) = folder.newest_readable(|file| Ok(file.to_path_buf())).unwrap();
        assert_eq!((newest, damaged.len()), (folder.checkpoint_file(1_000_001), 0));
        assert!(folder.checkpoints_dir().join("notes.txt").exists());
    }

    #[test]
    fn folders_without_run_or_checkpoint_are_errors() {
        let parent = tempfile::tempdir().unwrap();
        let error = RunFolder::open(parent.path()).unwrap_err().to_string();
        assert!(error.contains("not a run folder"), "{error}");
        let folder = RunFolder::create(&parent.path().join("run")).unwrap();
        let error = folder.newest_readable(|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("start a new run"), "{error}");
    }
}
