//! TensorBoard's event files: losses, other quantities of steps, learning rates and validations as scalars, sheets of samples as images.
//!
//! | file | contents |
//! |---|---|
//! | `message` | the few protobuf messages, as bytes |
//! | `frame` | the records of a TFRecord file, with their checksums |

mod frame;
mod message;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use asap_model::training::{Event, Observer, RunFolder};
use asap_model::{Error, Result};

use super::preview::Preview;
use message::{Message, scalar};

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
    fn append(&mut self, event: Message) -> Result<()> {
        let Some((folder, first)) = &self.session else { return Ok(()) };
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(Open::create(folder.dir())?),
        };
        let head = (open.whole == 0).then(|| [message::version(now()), message::start(now(), *first)]);
        let records: Vec<Vec<u8>> =
            head.into_iter().flatten().chain([event]).map(|event| frame::record(&event.0)).collect();
        open.append(&records.concat()).map_err(Error::io(&open.path, "write it"))
    }
}

impl Open {
    /// Creates a file that sorts after every event file in the folder.
    fn create(dir: &Path) -> Result<Open> {
        let path = dir.join(format!("{PREFIX}{:010}.asap", next_number(dir)?));
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        Ok(Open { file: file.map_err(Error::io(&path, "create it"))?, path, whole: 0 })
    }

    fn append(&mut self, records: &[u8]) -> std::io::Result<()> {
        if self.file.metadata()?.len() != self.whole {
            self.file.set_len(self.whole)?;
        }
        self.file.write_all(records)?;
        self.whole += records.len() as u64;
        Ok(())
    }
}

impl Observer for EventFile {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started(started) => {
                self.session = Some((started.folder.clone(), started.steps_done + 1));
                Ok(())
            }
            Event::Step(report) => {
                let losses = report.losses.0.iter().map(|(name, value)| scalar(&format!("loss/{name}"), *value));
                let stats = report.stats.0.iter().map(|(name, value)| scalar(&format!("step/{name}"), *value));
                let rates = [
                    scalar("learning_rate/generator", report.rates.generator),
                    scalar("learning_rate/discriminator", report.rates.discriminator),
                ];
                self.append(message::summary(now(), report.step, losses.chain(stats).chain(rates)))
            }
            Event::Validation { step, scores, .. } => {
                let scores = scores.iter();
                let scores = scores.map(|(measure, value)| scalar(&format!("validation/{}", measure.label()), *value));
                self.append(message::summary(now(), *step, scores))?;
                let sheet = self.session.as_ref().map(|(folder, _)| folder.sheet_file(*step));
                let Some(sheet) = sheet.filter(|sheet| sheet.is_file()) else { return Ok(()) };
                let Preview { height, width, bytes, .. } = Preview::of_file(&sheet, IMAGE_BYTES)?;
                let image = message::image("samples", [height, width], &bytes);
                self.append(message::summary(now(), *step, [image]))
            }
            Event::Checkpoint { .. } | Event::Warning(_) | Event::Finished(_) => Ok(()),
        }
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The time in seconds, but greater than the number of every event file in the folder: TensorBoard reads them in order of
/// their names.
fn next_number(dir: &Path) -> Result<u64> {
    let failed = Error::io(dir, "list the folder");
    let mut next = now() as u64;
    for entry in fs::read_dir(dir).map_err(&failed)? {
        let name = entry.map_err(&failed)?.file_name();
        let number = name.to_string_lossy().strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()?.parse().ok());
        next = next.max(number.map_or(0, |number: u64| number.saturating_add(1)));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use asap_model::evaluation::Measure;

    use super::*;

    fn validation(step: u64) -> Event<'static> {
        Event::Validation { step, scores: &[(Measure::L1, 0.5)], samples: &[] }
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
