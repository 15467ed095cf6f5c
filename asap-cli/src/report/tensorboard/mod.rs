//! TensorBoard's event files: losses, learning rates and validations as scalars, sheets of samples as images.
//!
//! | file | holds |
//! |---|---|
//! | `message` | the few protobuf messages, as bytes |
//! | `frame` | the records of a TFRecord file, with their checksums |

mod frame;
mod message;

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use asap_model::training::{Event, Observer, RunFolder, StepReport};
use asap_model::{Error, Result};

use super::preview::Preview;
use message::{Image, Value};

/// Prefix of every event file's name; TensorBoard finds the files by it.
const PREFIX: &str = "events.out.tfevents.";
/// Maximum size of an image in an event file.
const IMAGE_BYTES: usize = 2 << 20;

/// Writes the event file of a session: a run from its start, or from where it resumed, to its end.
///
/// The file begins with a session start at its first step. TensorBoard then drops what older files have of that step and
/// later ones, so a resumed run is one curve. Each record is written at once.
#[derive(Default)]
pub struct EventFile {
    /// The run folder and the first step of this session.
    session: Option<(RunFolder, u64)>,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: File,
    /// Bytes of whole records. A failed write may leave part of a record after them.
    whole: u64,
}

impl EventFile {
    fn append(&mut self, event: &[u8]) -> Result<()> {
        let Some((folder, first)) = &self.session else { return Ok(()) };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::create(folder.dir(), *first)?,
        };
        let written = open.append(event);
        self.open.insert(open).named(written)
    }
}

impl Open {
    /// Creates a file with its head. It sorts after every event file in the folder.
    fn create(dir: &Path, first: u64) -> Result<Open> {
        let path = dir.join(format!("{PREFIX}{:010}.asap", next_number(dir)?));
        let created = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = created.map_err(|source| Error::Io { file: path.clone(), action: "create it", source })?;
        let mut open = Open { path, file, whole: 0 };
        let written = open.append(&message::version(now())).and_then(|()| open.append(&message::start(now(), first)));
        if written.is_err() {
            // Without its head the file is useless; the next attempt creates another.
            let _ = fs::remove_file(&open.path);
        }
        open.named(written)?;
        Ok(open)
    }

    /// Appends a record, over what a failed write may have left after the last one.
    fn append(&mut self, event: &[u8]) -> std::io::Result<()> {
        if self.file.seek(SeekFrom::End(0))? != self.whole {
            self.file.set_len(self.whole)?;
            self.file.seek(SeekFrom::Start(self.whole))?;
        }
        let record = frame::record(event);
        self.file.write_all(&record)?;
        self.whole += record.len() as u64;
        Ok(())
    }

    fn named(&self, written: std::io::Result<()>) -> Result<()> {
        written.map_err(|source| Error::Io { file: self.path.clone(), action: "write it", source })
    }
}

impl Observer for EventFile {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started(started) => self.session = Some((started.folder.clone(), started.steps_done + 1)),
            Event::Step(report) => self.append(&message::summary(now(), report.step, &scalars(report)))?,
            Event::Validation { step, scores, .. } => {
                let scores = scores.named().into_iter();
                let scalars =
                    scores.map(|(measure, value)| Value::scalar(format!("validation/{}", measure.label()), value));
                self.append(&message::summary(now(), *step, &scalars.collect::<Vec<_>>()))?;
                let sheet = self.session.as_ref().map(|(folder, _)| folder.sheet_file(*step));
                if let Some(sheet) = sheet.filter(|sheet| sheet.is_file()) {
                    let Preview { height, width, bytes, .. } = &Preview::of_file(&sheet, IMAGE_BYTES)?;
                    let image = Value::image("samples", Image { height: *height, width: *width, bytes });
                    self.append(&message::summary(now(), *step, &[image]))?;
                }
            }
            Event::Checkpoint { .. } | Event::Warning(_) | Event::Finished(_) => {}
        }
        Ok(())
    }
}

/// The losses and learning rates of a step.
fn scalars(report: &StepReport) -> Vec<Value<'static>> {
    let losses = report.losses.named().into_iter().map(|(name, value)| Value::scalar(format!("loss/{name}"), value));
    let rates = [
        Value::scalar("learning_rate/generator", report.rates.generator),
        Value::scalar("learning_rate/discriminator", report.rates.discriminator),
    ];
    losses.chain(rates).collect()
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The time in seconds, but greater than the number of every event file in the folder: TensorBoard reads them in order of
/// their names.
fn next_number(dir: &Path) -> Result<u64> {
    let failed = |source| Error::Io { file: dir.into(), action: "list the folder", source };
    let mut next = now() as u64;
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_string_lossy().strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()?.parse().ok());
        next = next.max(number.map_or(0, |number: u64| number.saturating_add(1)));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use asap_model::training::Scores;

    use super::*;

    fn validation(step: u64) -> Event<'static> {
        Event::Validation { step, scores: Scores { l1: 0.5, depth: None }, samples: &[] }
    }

    fn session(dir: &Path) -> (RunFolder, EventFile) {
        let folder = RunFolder::create(&dir.join("run")).unwrap();
        (folder.clone(), EventFile { session: Some((folder, 1)), open: None })
    }

    fn files(folder: &RunFolder) -> Vec<PathBuf> {
        let paths = fs::read_dir(folder.dir()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
        files.sort();
        files
    }

    #[test]
    fn later_sessions_sort_after_earlier_ones() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, _) = session(parent.path());
        let name = format!("{PREFIX}{:010}.asap", now() as u64 + 1000);
        fs::write(folder.dir().join(&name), b"").unwrap();
        for _ in 0..2 {
            let mut events = EventFile { session: Some((folder.clone(), 1)), open: None };
            assert!(events.open.is_none(), "a session without steps leaves no file");
            events.observe(&validation(1)).unwrap();
        }
        let files = files(&folder);
        assert_eq!(files.len(), 3);
        assert!(files[0].ends_with(name) && files[1].metadata().unwrap().len() > 0);
    }

    #[test]
    fn partial_records_are_replaced_and_missing_folders_retried() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, mut events) = session(parent.path());
        fs::remove_dir_all(folder.dir()).unwrap();
        let error = events.observe(&validation(1)).unwrap_err();
        assert!(matches!(error, Error::Io { file, .. } if file == folder.dir()));
        fs::create_dir(folder.dir()).unwrap();
        events.observe(&validation(2)).unwrap();
        let path = files(&folder).remove(0);
        let whole = fs::read(&path).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half").unwrap();
        events.observe(&validation(3)).unwrap();
        let after = fs::read(&path).unwrap();
        assert!(after.starts_with(&whole));
        let records = frame::read(&after);
        assert_eq!(records.len(), 4, "version, session start, steps 2 and 3");
        assert_eq!(records.iter().map(Vec::len).sum::<usize>() + 4 * 16, after.len());
    }
}
