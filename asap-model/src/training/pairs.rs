//! The pairs of a run, and what changed in them while it was stopped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::checkpoint::atomic;
use crate::data::{PairPrint, Survey};
use crate::error::shown;

/// Maximum number of pairs that a warning names.
const NAMED: usize = 3;

/// What identifies the pairs that a run is trained on and validated with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    training: Vec<PairPrint>,
    validation: Vec<PairPrint>,
}

impl From<&Survey> for Pairs {
    fn from(survey: &Survey) -> Self {
        let [training, validation] = survey.prints();
        Pairs { training, validation }
    }
}

impl Pairs {
    /// What a run's file says; `None` if there is none, as before the first one was written, or it is damaged.
    pub(super) fn read(file: &Path) -> Option<Pairs> {
        serde_json::from_reader(BufReader::new(File::open(file).ok()?)).ok()
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        atomic::write(file, |to| to.write_all(&text))
    }

    /// What differs from these pairs to those of `now`; `None` if nothing does. Where the files are does not matter.
    pub(super) fn changes(&self, now: &Pairs) -> Option<String> {
        let splits = [("training", &self.training, &now.training), ("validation", &self.validation, &now.validation)];
        let changes: Vec<String> =
            splits.into_iter().flat_map(|(split, before, now)| split_changes(split, before, now)).collect();
        (!changes.is_empty()).then(|| {
            format!(
                "the dataset has changed since this run stopped: {}. Training continues with what is there now, so it will not \
                 end as without the stop; for that, restore the files and resume again",
                changes.join("; ")
            )
        })
    }
}

fn split_changes(split: &str, before: &[PairPrint], now: &[PairPrint]) -> Vec<String> {
    let by_name = |pairs: &[PairPrint]| -> BTreeMap<String, PairPrint> {
        pairs.iter().map(|pair| (pair.name.clone(), pair.clone())).collect()
    };
    let (before, now) = (by_name(before), by_name(now));
    let digests = |pair: &PairPrint| pair.files.iter().map(|(_, digest)| *digest).collect::<Vec<_>>();
    let replaced = now.iter().filter_map(|(name, pair)| {
        let old = digests(before.get(name)?);
        let mut changed = pair.files.iter().enumerate().filter(|(place, (_, digest))| old.get(*place) != Some(digest));
        changed.next().map(|(_, (file, _))| file.display().to_string())
    });
    let only = |these: &BTreeMap<String, PairPrint>, others: &BTreeMap<String, PairPrint>| -> Vec<String> {
        these.keys().filter(|name| !others.contains_key(*name)).cloned().collect()
    };
    [(replaced.collect(), "with other files"), (only(&now, &before), "new"), (only(&before, &now), "gone")]
        .into_iter()
        .filter(|(names, _): &(Vec<String>, &str)| !names.is_empty())
        .map(|(names, what)| {
            let (count, plural) = (names.len(), if names.len() == 1 { "" } else { "s" });
            let mut list: Vec<String> = names.iter().take(NAMED).map(shown).collect();
            list.extend((count > NAMED).then(|| format!("{} more", count - NAMED)));
            format!("{count} {split} pair{plural} {what} ({})", list.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(training: &[(&str, u64)]) -> Pairs {
        let print = |&(name, digest): &(&str, u64)| PairPrint {
            name: name.into(),
            files: vec![(format!("labels/{name}.png").into(), 7), (format!("images/{name}.png").into(), digest)],
        };
        Pairs { training: training.iter().map(print).collect(), validation: Vec::new() }
    }

    #[test]
    fn swapped_and_replaced_pairs_are_named() {
        let before = pairs(&[("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(before.changes(&before.clone()), None);
        let text = before.changes(&pairs(&[("a", 2), ("b", 1), ("c", 3)])).unwrap();
        assert!(text.contains("2 training pairs with other files (images/a.png, images/b.png)"), "{text}");
        let text = before.changes(&pairs(&[("a", 1), ("d", 2), ("c", 3)])).unwrap();
        assert!(text.contains("1 training pair new (d); 1 training pair gone (b)"), "{text}");
    }

    #[test]
    fn pairs_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pairs.json");
        assert_eq!(Pairs::read(&file), None);
        let pairs = pairs(&[("a", u64::MAX)]);
        pairs.write(&file).unwrap();
        assert_eq!(Pairs::read(&file), Some(pairs));
        std::fs::write(&file, "{").unwrap();
        assert_eq!(Pairs::read(&file), None);
    }
}
