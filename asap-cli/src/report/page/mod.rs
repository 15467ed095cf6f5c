//! `report.html`: one page without scripts or external files, rewritten during training.
//!
//! | file | contents |
//! |---|---|
//! | `run` | what is known of a run, from its folder and its events |
//! | `gallery` | which samples are shown |
//! | `content` | the page |
//! | `settings` | the configuration as tables |

mod content;
mod gallery;
mod run;
mod settings;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use asap_model::checkpoint::atomic;
use asap_model::training::{Event, History, Observer};
use asap_model::{Error, Result};

use run::{Run, Status};

/// Its name in the run folder.
const FILE: &str = "report.html";
/// Maximum age of the page during training.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// Writes the page of a run: at the start, after each validation and checkpoint, every minute, at the end.
#[derive(Default)]
pub struct Page {
    run: Option<Run>,
    /// The last attempt to write.
    attempted: Option<Instant>,
}

impl Page {
    /// Writes the page, without images that can't be read.
    fn write(&mut self) -> Result<()> {
        let Some(run) = &mut self.run else { return Ok(()) };
        self.attempted = Some(Instant::now());
        let gallery = run.gallery.refresh();
        let page = content::page(run, SystemTime::now());
        atomic::write(&run.started.folder.dir().join(FILE), |file| file.write_all(page.as_bytes()))?;
        gallery
    }
}

impl Observer for Page {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        if let Event::Started(started) = event {
            let history = self.run.insert(Run::new((*started).clone())).read_history();
            return self.write().and(history);
        }
        let Some(run) = &mut self.run else { return Ok(()) };
        match event {
            Event::Step(report) => {
                run.step(report);
                if self.attempted.is_some_and(|time| time.elapsed() < WRITE_EVERY) { Ok(()) } else { self.write() }
            }
            Event::Validation { step, scores, .. } => {
                History::record(&mut run.validations, *step, scores);
                let sheet = run.started.folder.sheet_file(*step);
                if sheet.is_file() {
                    run.gallery.sheets.push((*step, sheet));
                }
                self.write()
            }
            Event::Checkpoint { step, .. } => {
                run.checkpoint = Some(*step);
                self.write()
            }
            Event::Finished(result) => {
                run.status = match result {
                    Ok(summary) if summary.stopped => Status::Stopped,
                    Ok(_) => Status::Finished,
                    Err(error @ Error::Diverged { .. }) => Status::Diverged(error.to_string()),
                    Err(error) => Status::Failed(error.to_string()),
                };
                self.write()
            }
            Event::Started(_) | Event::Warning(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
