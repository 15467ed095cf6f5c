//! What a training run shows: observers of its events, and the charts and sheets of other commands.
//!
//! | file | contents |
//! |---|---|
//! | `progress` | a progress bar, log lines, JSON lines |
//! | `samples` | sheets of samples: input · output · real |
//! | `html`, `style.css` | what pages share: head, light and dark style, images |
//! | `page` | `report.html` |
//! | `pairs` | the page of `asap data preview` |
//! | `tensorboard` | TensorBoard's event files |
//! | `plot` | axes, grid and lines as SVG |
//! | `chart`, `curve` | line charts of a quantity by step |
//! | `sheet` | several images in one |
//! | `preview` | images compressed to a number of bytes |
//! | `palette` | labels in the colors of their classes, and legends of their names |
//! | `number` | values and times as text |

pub mod chart;
pub mod curve;
pub mod html;
pub mod number;
pub mod page;
pub mod pairs;
pub mod palette;
pub mod plot;
pub mod preview;
pub mod progress;
pub mod samples;
pub mod sheet;
pub mod tensorboard;

use asap_model::training::Observer;

use crate::interrupt::Interrupt;
use crate::output::Output;
use page::Page;
use progress::Progress;
use samples::Samples;
use tensorboard::EventFile;

pub struct Reports<'a> {
    samples: Samples,
    progress: Progress<'a>,
    events: EventFile,
    page: Page,
}

impl<'a> Reports<'a> {
    /// Reports that stop the run on an interrupt.
    pub fn new(output: &'a Output, interrupt: Interrupt) -> Self {
        Reports {
            samples: Samples::default(),
            progress: Progress::new(output, interrupt),
            events: EventFile::default(),
            page: Page::default(),
        }
    }

    /// The observers. Samples come first: the others show their sheets.
    pub fn observers(&mut self) -> [&mut dyn Observer; 4] {
        [&mut self.samples, &mut self.progress, &mut self.events, &mut self.page]
    }
}
