//! `report.html`: one page without scripts or external files, rewritten during training.
//!
//! | file | holds |
//! |---|---|
//! | `run` | what is known of a run, from its folder and its events |
//! | `gallery` | which samples are shown |
//! | `content` | the page |
//! | `settings` | the configuration as tables |
//! | `style.css` | light and dark style |

mod content;
mod gallery;
mod run;
mod settings;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use asap_model::checkpoint::atomic;
use asap_model::training::{Event, Observer};
use asap_model::{Error, Result};

use run::{Run, Status};

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
        atomic::write(&run.folder.report_file(), |file| file.write_all(page.as_bytes()))?;
        gallery
    }
}

impl Observer for Page {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        if let Event::Started(started) = event {
            let history = self.run.insert(Run::new(started)).read_history();
            return self.write().and(history);
        }
        let Some(run) = &mut self.run else { return Ok(()) };
        match event {
            Event::Step(report) => {
                run.step(report);
                if self.attempted.is_some_and(|time| time.elapsed() < WRITE_EVERY) { Ok(()) } else { self.write() }
            }
            Event::Validation { step, scores, .. } => {
                run.validations.push((*step, *scores));
                let sheet = run.folder.sheet_file(*step);
                if sheet.is_file() {
                    run.gallery.add(*step, &sheet);
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
