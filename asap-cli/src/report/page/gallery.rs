//! Which samples are shown.

use std::collections::BTreeMap;
use std::path::PathBuf;

use asap_model::Result;

use crate::report::preview::{self, Preview};
use crate::report::samples;

/// Maximum number of sheets shown over time, the newest aside.
const MAXIMUM: usize = 12;
/// Maximum size of the newest sheet.
const NEWEST_BYTES: usize = 3 << 20;
/// Maximum size of the outputs of an older one.
const OLDER_BYTES: usize = 160 << 10;

/// The newest sheet without its legend, which the page has itself, and the outputs alone of older ones, evenly spaced: inputs and real images are the same in each.
pub struct Gallery {
    /// [height, width] of an image in a sheet.
    size: [usize; 2],
    /// Steps with their files, in order.
    pub sheets: Vec<(u64, PathBuf)>,
    pub newest: Option<(u64, Preview)>,
    /// The generator's outputs, by step.
    pub over_time: BTreeMap<u64, Preview>,
}

impl Gallery {
    pub fn new(size: [usize; 2]) -> Self {
        Gallery { size, sheets: Vec::new(), newest: None, over_time: BTreeMap::new() }
    }

    /// Reads the images that are to be shown. Those that can't be read are left out from now on; the first one's error is
    /// returned.
    pub fn refresh(&mut self) -> Result<()> {
        let mut result = Ok(());
        let mut missing = Vec::new();
        let chosen = self.chosen();
        self.over_time.retain(|step, _| chosen.iter().any(|(chosen, _)| chosen == step));
        let newest = self.sheets.last().map(|(step, _)| *step);
        for (step, path) in chosen {
            let mut show = || {
                if newest == Some(step) && self.newest.as_ref().is_none_or(|(shown, _)| *shown != step) {
                    let sheet = preview::read(&path)?;
                    let images = samples::without_legend(&sheet, self.size);
                    let whole = images.height == sheet.height;
                    let preview = if whole {
                        Preview::of_file(&path, NEWEST_BYTES)
                    } else {
                        Preview::lossless(&images, NEWEST_BYTES)
                    };
                    self.newest = Some((step, preview?));
                }
                if !self.over_time.contains_key(&step) {
                    let outputs = samples::outputs(&preview::read(&path)?, self.size);
                    self.over_time.insert(step, Preview::of_image(&outputs, OLDER_BYTES)?);
                }
                Ok(())
            };
            if let Err(error) = show() {
                missing.push(step);
                result = result.and(Err(error));
            }
        }
        self.sheets.retain(|(step, _)| !missing.contains(step));
        result
    }

    /// Every 2^k-th sheet, with the smallest k that leaves at most [`MAXIMUM`], and the last. Later sheets drop some of
    /// these, but bring no older one back.
    fn chosen(&self) -> Vec<(u64, PathBuf)> {
        let step = self.sheets.len().div_ceil(MAXIMUM).next_power_of_two();
        let last = self.sheets.len().saturating_sub(1);
        let places = (0..self.sheets.len()).filter(|place| place % step == 0 || *place == last);
        places.map(|place| self.sheets[place].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use asap_model::data::{Plane, write_rgb};

    use super::*;

    #[test]
    fn shown_sheets_are_few_and_evenly_spaced() {
        let mut gallery = Gallery::new([1, 1]);
        for count in 1..=500_u64 {
            gallery.sheets.push((count * 10, "sheet".into()));
            let steps: Vec<u64> = gallery.chosen().iter().map(|(step, _)| *step).collect();
            assert!(steps.len() <= MAXIMUM + 1 && (steps[0], *steps.last().unwrap()) == (10, count * 10));
            let gaps: Vec<u64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps[..gaps.len().saturating_sub(1)].windows(2).all(|pair| pair[0] == pair[1]), "{steps:?}");
            assert!(count <= 12 || steps.len() > MAXIMUM / 2);
        }
    }

    #[test]
    fn missing_sheets_are_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |step: u64| folder.path().join(format!("{step}.png"));
        let mut gallery = Gallery::new([2, 2]);
        for step in [1, 2, 3] {
            let color = [step as u8 * 50; 3];
            write_rgb(&path(step), &Plane::from_fn(2, 14, |x, _| if x < 6 { [255; 3] } else { color })).unwrap();
            gallery.sheets.push((step, path(step)));
        }
        std::fs::remove_file(path(2)).unwrap();
        let error = gallery.refresh().unwrap_err().to_string();
        assert!(error.contains("2.png"), "{error}");
        gallery.refresh().unwrap();
        let shown: Vec<_> = gallery.over_time.iter().map(|(step, preview)| (*step, preview.width)).collect();
        assert_eq!(shown, [(1, 2), (3, 2)], "of a sheet 14 wide, the 2 columns of the output");
        assert_eq!(gallery.newest.as_ref().map(|(step, preview)| (*step, preview.width)), Some((3, 14)));
    }
}
