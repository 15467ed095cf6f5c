//! What keeps a record of a run to look at, and never stops it.

use super::events::EventFile;
use super::folder::RunFolder;
use super::machine::Machine;
use super::observer::{Event, Observer};
use super::report::Report;
use super::trainer::Summary;
use crate::config::Config;
use crate::{Error, Result};

/// Keeps a record of a run from its events.
pub(super) trait Recorder {
    /// Takes in an event.
    ///
    /// # Errors
    /// If the record can't be written now. The run goes on, and so do the recorder's later events.
    fn record(&mut self, event: &Event<'_>) -> Result<()>;

    /// Takes in how the run ended. No event follows.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    fn end(&mut self, end: &End<'_>) -> Result<()>;
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    /// All rounds are played.
    Finished,
    /// The observer asked to stop.
    Stopped,
    /// By an error.
    Failed(&'a Error),
}

/// An observer with recorders beside it: they see the same events. A recorder's first failure becomes an
/// [`Event::Warning`]; nothing of it reaches the run.
pub(super) struct Recorded<'a> {
    observer: &'a mut dyn Observer,
    recorders: Vec<(Box<dyn Recorder>, Told)>,
}

/// Whether a recorder's failure was told.
type Told = bool;

impl<'a> Recorded<'a> {
    /// All recorders of a run.
    pub fn of_run(observer: &'a mut dyn Observer, folder: &RunFolder, config: &Config, machine: Machine) -> Self {
        let report = Report::new(folder.clone(), config.clone(), machine);
        Recorded::new(observer, vec![Box::new(report), Box::new(EventFile::new(folder.dir()))])
    }

    fn new(observer: &'a mut dyn Observer, recorders: Vec<Box<dyn Recorder>>) -> Self {
        Recorded { observer, recorders: recorders.into_iter().map(|recorder| (recorder, false)).collect() }
    }

    /// Tells the recorders how the run ended.
    pub fn end(&mut self, result: &Result<Summary>) {
        let end = match result {
            Ok(summary) if summary.stopped => End::Stopped,
            Ok(_) => End::Finished,
            Err(error) => End::Failed(error),
        };
        self.each(|recorder| recorder.end(&end));
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Recorder) -> Result<()>) {
        for (recorder, told) in &mut self.recorders {
            if let Err(error) = tell(&mut **recorder)
                && !std::mem::replace(told, true)
            {
                let message = format!("{error}; training goes on, and this is tried again as it does");
                self.observer.observe(&Event::Warning(&message));
            }
        }
    }
}

impl Observer for Recorded<'_> {
    fn observe(&mut self, event: &Event<'_>) {
        self.observer.observe(event);
        self.each(|recorder| recorder.record(event));
    }

    fn stop_requested(&self) -> bool {
        self.observer.stop_requested()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::training::Scores;

    /// Notes the rounds of validations that reach it, and fails at all but the last.
    struct Failing(Rc<RefCell<Vec<u64>>>);

    impl Recorder for Failing {
        fn record(&mut self, event: &Event<'_>) -> Result<()> {
            let Event::Validation { round, .. } = event else { return Ok(()) };
            self.0.borrow_mut().push(*round);
            let source = std::io::Error::other("the disk is full");
            if *round < 3 { Err(Error::Io { file: "page".into(), action: "write it", source }) } else { Ok(()) }
        }

        fn end(&mut self, _: &End<'_>) -> Result<()> {
            Err(Error::Io { file: "page".into(), action: "write it", source: std::io::Error::other("gone") })
        }
    }

    #[derive(Default)]
    struct Warnings(Vec<String>, usize);

    impl Observer for Warnings {
        fn observe(&mut self, event: &Event<'_>) {
            match event {
                Event::Warning(text) => self.0.push((*text).into()),
                _ => self.1 += 1,
            }
        }
    }

    #[test]
    fn a_recorder_that_fails_is_told_of_once_and_asked_again() {
        let seen: [Rc<RefCell<Vec<u64>>>; 2] = Default::default();
        let mut warnings = Warnings::default();
        let recorders = seen.iter().map(|seen| Box::new(Failing(seen.clone())) as Box<dyn Recorder>);
        let mut recorded = Recorded::new(&mut warnings, recorders.collect());
        for round in 1..=3 {
            recorded.observe(&Event::Validation { round, scores: Scores { l1: 0.5, depth: None } });
        }
        recorded.end(&Err(Error::Data { file: "photo.jpg".into(), problem: "is cut off".into() }));
        assert_eq!(warnings.1, 3, "the observer itself sees every event");
        assert_eq!(warnings.0.len(), 2, "once for each recorder: {:?}", warnings.0);
        assert!(warnings.0[0].starts_with("page: cannot write it: the disk is full"), "{:?}", warnings.0);
        assert!(seen.iter().all(|seen| *seen.borrow() == [1, 2, 3]));
    }
}
