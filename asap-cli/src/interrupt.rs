//! Ctrl-C: the first stops training after the current step, the second at once.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::exit::INTERRUPTED;
use crate::output::Output;

/// Whether a stop was requested, by the user or by the system shutting down.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches for Ctrl-C, and on Unix for SIGTERM and SIGHUP.
    pub fn watch(output: &Output) -> Result<Self> {
        let interrupt = Interrupt::default();
        let (asked, output) = (interrupt.0.clone(), *output);
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                // Files are written atomically, so there is nothing to clean up.
                exit(INTERRUPTED.into());
            }
            output.say("stopping after this step, then saving; press again to stop at once");
        })
        .context("cannot watch for Ctrl-C")?;
        Ok(interrupt)
    }

    /// Whether a stop was requested.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
