//! Which pictures of samples are shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::training::preview::{self, Preview};
use crate::training::sheet;

/// The most sheets that are shown over time, the newest aside.
const MOST: usize = 12;
/// The most bytes of the newest sheet.
const NEWEST_BYTES: usize = 3 << 20;
/// The most bytes of an older one.
const OLDER_BYTES: usize = 160 << 10;

/// The newest sheet whole, and of it and older ones what the generator drew: labels and photos are the same in each.
/// The first is always shown, and those between at equal distances.
pub struct Gallery {
    /// [height, width] of a picture in a sheet.
    size: [usize; 2],
    sheets: Vec<(u64, PathBuf)>,
    newest: Option<(u64, Preview)>,
    over_time: BTreeMap<u64, Preview>,
}

impl Gallery {
    /// Of sheets of pictures of `size`.
    pub fn new(size: [usize; 2]) -> Self {
        Gallery { size, sheets: Vec::new(), newest: None, over_time: BTreeMap::new() }
    }

    /// Adds the sheet of a round, later than all before.
    pub fn add(&mut self, round: u64, path: &Path) {
        self.sheets.push((round, path.into()));
    }

    /// The newest sheet and its round.
    pub fn newest(&self) -> Option<&(u64, Preview)> {
        self.newest.as_ref()
    }

    /// What the generator drew, by round.
    pub fn over_time(&self) -> impl ExactSizeIterator<Item = (&u64, &Preview)> {
        self.over_time.iter()
    }

    /// How many sheets there are.
    pub fn count(&self) -> usize {
        self.sheets.len()
    }

    /// Reads the pictures that are to be shown and are not yet at hand. One that can't be read is left out from now on.
    ///
    /// # Errors
    /// The first that can't be read.
    pub fn refresh(&mut self) -> Result<()> {
        let mut result = Ok(());
        let mut missing = Vec::new();
        let chosen = self.chosen();
        self.over_time.retain(|round, _| chosen.iter().any(|(chosen, _)| chosen == round));
        let newest = self.sheets.last().map(|(round, _)| *round);
        for (round, path) in chosen {
            let mut show = || {
                if newest == Some(round) && self.newest.as_ref().is_none_or(|(shown, _)| *shown != round) {
                    self.newest = Some((round, Preview::of_file(&path, NEWEST_BYTES)?));
                }
                if !self.over_time.contains_key(&round) {
                    let drawn = sheet::drawn(&preview::read(&path)?, self.size);
                    self.over_time.insert(round, Preview::of_image(&drawn, OLDER_BYTES)?);
                }
                Ok(())
            };
            if let Err(error) = show() {
                missing.push(round);
                result = result.and(Err(error));
            }
        }
        self.sheets.retain(|(round, _)| !missing.contains(round));
        result
    }

    /// Every 2^k-th sheet, with the least k that leaves at most [`MOST`], and the last. Later sheets drop some of these,
    /// but bring no older one back.
    fn chosen(&self) -> Vec<(u64, PathBuf)> {
        let step = self.sheets.len().div_ceil(MOST).next_power_of_two();
        let last = self.sheets.len().saturating_sub(1);
        let places = (0..self.sheets.len()).filter(|place| place % step == 0 || *place == last);
        places.map(|place| self.sheets[place].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Plane, write_rgb};

    #[test]
    fn those_shown_are_few_and_even_with_the_first_and_the_last() {
        let mut gallery = Gallery::new([1, 1]);
        for count in 1..=500_u64 {
            gallery.add(count * 10, Path::new("sheet"));
            let rounds: Vec<u64> = gallery.chosen().iter().map(|(round, _)| *round).collect();
            assert!(rounds.len() <= MOST + 1 && (rounds[0], *rounds.last().unwrap()) == (10, count * 10));
            let steps: Vec<u64> = rounds.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps[..steps.len().saturating_sub(1)].windows(2).all(|pair| pair[0] == pair[1]), "{rounds:?}");
            assert!(count <= 12 || rounds.len() > MOST / 2);
        }
    }

    #[test]
    fn a_sheet_that_is_gone_is_told_once_and_the_others_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = |round: u64| folder.path().join(format!("{round}.png"));
        let mut gallery = Gallery::new([2, 2]);
        for round in [1, 2, 3] {
            let colour = [round as u8 * 50; 3];
            write_rgb(&path(round), &Plane::from_fn(2, 14, |x, _| if x < 6 { [255; 3] } else { colour })).unwrap();
            gallery.add(round, &path(round));
        }
        std::fs::remove_file(path(2)).unwrap();
        let error = gallery.refresh().unwrap_err().to_string();
        assert!(error.contains("2.png"), "{error}");
        gallery.refresh().unwrap();
        let shown: Vec<_> = gallery.over_time().map(|(round, preview)| (*round, preview.width)).collect();
        assert_eq!(shown, [(1, 2), (3, 2)], "of a sheet 14 wide, the 2 columns that were drawn");
        assert_eq!(gallery.newest().map(|(round, preview)| (*round, preview.width)), Some((3, 14)));
    }
}
