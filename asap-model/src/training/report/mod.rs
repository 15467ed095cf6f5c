//! `report.html`: one page without scripts or outside files, rewritten as training goes.
//!
//! | file | holds |
//! |---|---|
//! | `mod` | [`Report`]: when the page is written |
//! | `run` | what is known of a run, from its folder and its events |
//! | `curve` | a quantity by round, in bounded memory |
//! | `gallery` | which pictures of samples are shown |
//! | `page` | the page |
//! | `chart` | curves as inline SVG |
//! | `settings` | the configuration as tables |
//! | `style.css` | how the page looks, light and dark |

mod chart;
mod curve;
mod gallery;
mod page;
mod run;
mod settings;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use super::folder::RunFolder;
use super::machine::Machine;
use super::observer::Event;
use super::recorder::{End, Recorder};
use crate::config::Config;
use crate::{Result, atomic};
use run::{Run, Status};

/// The page is at most about this old while training goes on.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// Writes the page of a run: at the start, after each picture of samples and each checkpoint, every minute, at the end.
pub(super) struct Report {
    folder: RunFolder,
    run: Run,
    attempted: Instant,
}

impl Report {
    /// The page of a run in `folder`; what was before it is read at [`Event::Started`].
    pub fn new(folder: RunFolder, config: Config, machine: Machine) -> Self {
        let run = Run::new(folder.dir(), config, machine);
        Report { folder, run, attempted: Instant::now() }
    }

    /// Writes the page, without the pictures that can't be read.
    fn write(&mut self) -> Result<()> {
        self.attempted = Instant::now();
        let shown = self.run.gallery.refresh();
        let page = page::page(&self.run, SystemTime::now());
        atomic::write(&self.folder.report_file(), |file| file.write_all(page.as_bytes()))?;
        shown
    }
}

impl Recorder for Report {
    fn record(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started(started) => {
                let read = self.run.start(&self.folder, started);
                self.write().and(read)
            }
            Event::Round(report) => {
                self.run.round(report);
                if self.attempted.elapsed() < WRITE_EVERY { Ok(()) } else { self.write() }
            }
            Event::Validation { round, scores } => {
                self.run.validate(*round, scores);
                Ok(())
            }
            Event::Sheet { round, path } => {
                self.run.gallery.add(*round, path);
                self.write()
            }
            Event::Checkpoint { round, .. } => {
                self.run.checkpoint = Some(*round);
                self.write()
            }
            Event::Warning(_) => Ok(()),
        }
    }

    fn end(&mut self, end: &End<'_>) -> Result<()> {
        self.run.status = Status::of(end);
        self.write()
    }
}

#[cfg(test)]
mod tests;
