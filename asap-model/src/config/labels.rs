//! From the ids of label maps to classes: what is remapped, and what is ignored.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::schema::{Value, choices};

choices! {
    /// What pixels with an ignored label are.
    pub enum IgnoreAs {
        /// A class of their own, which the losses count.
        Class = "class",
        /// A class of their own in the input; no loss and no measure counts them.
        Mask = "mask",
    }
}

/// Ids of label maps: one, or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMore", into = "OneOrMore")]
pub struct IdList(pub Vec<u32>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(u32),
    More(Vec<u32>),
}

impl From<OneOrMore> for IdList {
    fn from(ids: OneOrMore) -> Self {
        match ids {
            OneOrMore::One(id) => IdList(vec![id]),
            OneOrMore::More(ids) => IdList(ids),
        }
    }
}

impl From<IdList> for OneOrMore {
    fn from(IdList(ids): IdList) -> Self {
        match ids[..] {
            [id] => OneOrMore::One(id),
            _ => OneOrMore::More(ids),
        }
    }
}

impl Value for IdList {
    type Item = u32;
    fn expected() -> String {
        "an id, or a list of ids, each".into()
    }
    fn items(&self) -> &[u32] {
        &self.0
    }
}

/// Pairs of ids: in the file, and instead of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Remap(pub Vec<[u32; 2]>);

impl Value for Remap {
    type Item = u32;
    fn expected() -> String {
        "a list of pairs [id in the file, id instead], as in [[255, 1], [7, 0]], of ids".into()
    }
    fn items(&self) -> &[u32] {
        self.0.as_flattened()
    }
}

/// The classes of a label map's ids. From a number of classes: ids are classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelIds {
    /// The number of classes, without that of ignored ids.
    pub classes: usize,
    pub(super) remap: BTreeMap<u16, u16>,
    pub(super) ignore: BTreeSet<u16>,
}

impl From<usize> for LabelIds {
    fn from(classes: usize) -> Self {
        LabelIds { classes, remap: BTreeMap::new(), ignore: BTreeSet::new() }
    }
}

impl LabelIds {
    /// The id that stands for `raw`, by `data.remap`.
    pub fn remapped(&self, raw: u16) -> u16 {
        self.remap.get(&raw).copied().unwrap_or(raw)
    }

    /// The class of an id of a file: with `data.ignore`, `classes` for those ids. `None`: it is out of range.
    pub fn class(&self, raw: u16) -> Option<u8> {
        let id = self.remapped(raw);
        let class = if self.ignore.contains(&id) { self.classes } else { id.into() };
        let is_valid = class < self.classes || self.ignore.contains(&id);
        u8::try_from(class).ok().filter(|_| is_valid)
    }
}
