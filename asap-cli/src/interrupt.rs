//! Ctrl-C: the first stops training after the current step, the second at once.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::exit::INTERRUPTED;
use crate::output::Output;

/// Whether the user, or the system shutting down, asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches for Ctrl-C, and for SIGTERM and SIGHUP where there are such signals, as long as the program runs.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn watch(output: &Output) -> Result<Self> {
        let interrupt = Interrupt::default();
        let (asked, output) = (interrupt.0.clone(), *output);
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                // No file is ever half written, so there is nothing to clean up.
                exit(INTERRUPTED.into());
            }
            output.say("stopping after this step, then saving; press again to stop at once");
        })
        .context("cannot watch for Ctrl-C")?;
        Ok(interrupt)
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
