//! TensorBoard's event files: losses, learning rates and validations as scalars, pictures of samples as images.
//!
//! | file | holds |
//! |---|---|
//! | `mod` | [`EventFile`]: which event becomes which record, and into which file it goes |
//! | `message` | the few protobuf messages, as bytes |
//! | `frame` | the records of a TFRecord file, with their checksums |

mod frame;
mod message;

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::observer::{Event, RoundReport};
use super::preview::Preview;
use super::recorder::{End, Recorder};
use crate::sweep::Measure;
use crate::{Error, Result};
use message::{Image, Value};

/// What the name of every event file begins with; TensorBoard finds them by it.
const PREFIX: &str = "events.out.tfevents.";
/// The most bytes of one picture in an event file; a larger one is shrunk.
const IMAGE_BYTES: usize = 2 << 20;

/// Writes the event file of a session: of a run from its start, or from where it was resumed, to its end.
///
/// The file begins with a session start at the first round that will be played. TensorBoard then drops what older files
/// have of that round and later ones, so that a resumed run is one curve. Each record reaches the system at once.
pub(super) struct EventFile {
    dir: PathBuf,
    /// The first round of this session.
    first: u64,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: File,
    /// Bytes of whole records. What lies behind them is half a record, of a write that failed.
    whole: u64,
}

impl EventFile {
    /// Of a run in `dir`. The file is made with the first record.
    pub fn new(dir: &Path) -> Self {
        EventFile { dir: dir.into(), first: 1, open: None }
    }

    fn summary(&mut self, round: u64, values: &[Value<'_>]) -> Result<()> {
        self.append(&message::summary(now(), round, values))
    }

    fn append(&mut self, event: &[u8]) -> Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        let written = open.append(event);
        self.open.insert(open).named(written)
    }

    fn create(&self) -> Result<Open> {
        let path = self.dir.join(format!("{PREFIX}{:010}.asap", next_number(&self.dir)?));
        let created = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = created.map_err(|source| Error::Io { file: path.clone(), action: "create it", source })?;
        let mut open = Open { path, file, whole: 0 };
        let written =
            open.append(&message::version(now())).and_then(|()| open.append(&message::start(now(), self.first)));
        if written.is_err() {
            // Without its head a file is nothing; the next attempt begins another.
            let _ = fs::remove_file(&open.path);
        }
        open.named(written)?;
        Ok(open)
    }
}

impl Open {
    /// Adds a whole record, in place of what an earlier failure has left behind the last one.
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

impl Recorder for EventFile {
    fn record(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started(started) => {
                self.first = started.rounds_played + 1;
                Ok(())
            }
            Event::Round(report) => self.summary(report.round, &scalars(report)),
            Event::Validation { round, scores } => {
                let scalar =
                    |(measure, value): (Measure, f64)| Value::scalar(format!("validation/{}", measure.label()), value);
                self.summary(*round, &scores.named().into_iter().map(scalar).collect::<Vec<_>>())
            }
            Event::Sheet { round, path } => {
                let preview = Preview::of_file(path, IMAGE_BYTES)?;
                let Preview { height, width, bytes, .. } = &preview;
                self.summary(*round, &[Value::image("samples", Image { height: *height, width: *width, bytes })])
            }
            Event::Checkpoint { .. } | Event::Warning(_) => Ok(()),
        }
    }

    fn end(&mut self, _: &End<'_>) -> Result<()> {
        Ok(())
    }
}

/// The losses and learning rates of a round.
fn scalars(report: &RoundReport) -> Vec<Value<'static>> {
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

/// The time in seconds, but more than the number of every event file that is there: TensorBoard reads them in the order
/// of their names.
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
    use super::*;
    use crate::training::Scores;

    const SCORES: Scores = Scores { l1: 0.5, depth: None };

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn each_session_has_a_file_that_is_read_after_the_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("{PREFIX}{:010}.asap", now() as u64 + 1000);
        fs::write(folder.path().join(&name), b"").unwrap();
        for _ in 0..2 {
            let mut events = EventFile::new(folder.path());
            assert!(events.open.is_none(), "a session that does nothing leaves no file");
            events.record(&Event::Validation { round: 1, scores: SCORES }).unwrap();
        }
        let files = files(folder.path());
        assert_eq!(files.len(), 3);
        assert!(files[0].ends_with(name) && files[1].metadata().unwrap().len() > 0);
    }

    #[test]
    fn half_a_record_is_replaced_and_a_folder_that_was_gone_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let mut events = EventFile::new(&dir);
        let validation = |round| Event::Validation { round, scores: SCORES };
        let error = events.record(&validation(1)).unwrap_err();
        assert!(matches!(error, Error::Io { file, .. } if file == dir));
        fs::create_dir(&dir).unwrap();
        events.record(&validation(2)).unwrap();
        let path = files(&dir).remove(0);
        let whole = fs::read(&path).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half").unwrap();
        events.record(&validation(3)).unwrap();
        let after = fs::read(&path).unwrap();
        assert!(after.starts_with(&whole));
        let records = frame::read(&after);
        assert_eq!(records.len(), 4, "version, session start, rounds 2 and 3");
        assert_eq!(records.iter().map(Vec::len).sum::<usize>() + 4 * 16, after.len());
    }
}
