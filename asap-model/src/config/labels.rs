//! From the ids of label maps to classes: what is remapped, and what is ignored.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::data::{DataConfig, InputKind, Layout};
use super::schema::{KeyError, Section, Value, choices};

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
    remap: BTreeMap<u16, u16>,
    ignore: BTreeSet<u16>,
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

impl DataConfig {
    /// From the ids of label maps to classes.
    pub fn label_ids(&self) -> LabelIds {
        let id = |id: u32| id.try_into().unwrap_or(u16::MAX);
        LabelIds {
            classes: self.classes,
            remap: self.remap.iter().flat_map(|remap| &remap.0).map(|&[from, to]| (id(from), id(to))).collect(),
            ignore: self.ignore.iter().flat_map(|ids| &ids.0).map(|&ignored| id(ignored)).collect(),
        }
    }

    /// One-hot channels of a label map: the classes, and with `data.ignore` one more.
    pub fn label_channels(&self) -> usize {
        self.classes + usize::from(self.ignore.is_some())
    }

    /// The class of pixels that neither losses nor measures count: that of ignored labels, if they are masked.
    pub fn masked_class(&self) -> Option<u8> {
        let is_masked = self.ignore.is_some() && self.ignore_as == IgnoreAs::Mask;
        u8::try_from(self.classes).ok().filter(|_| is_masked)
    }

    pub(super) fn check_labels(&self) -> Result<(), KeyError> {
        let keys = [("ignore", self.ignore.is_some()), ("remap", self.remap.is_some())];
        for (name, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
            if self.input != InputKind::Labels {
                return Err(self.conflict(name, "only for label maps; set data.input = \"labels\", or leave it out"));
            }
            if self.layout == Layout::Synthetic {
                return Err(self.conflict(name, "only for label maps in files; synthetic ones have no such ids"));
            }
        }
        if self.ignore.as_ref().is_some_and(|ids| ids.0.is_empty()) {
            return Err(self.conflict("ignore", "names no id; leave it out"));
        }
        if self.label_channels() > 256 {
            return Err(self.conflict("classes", "must be at most 255 with data.ignore, which adds a class"));
        }
        if self.ignore.is_none() && self.ignore_as == IgnoreAs::Mask {
            return Err(self.conflict("ignore_as", "needs data.ignore, the ids to mask"));
        }
        let ids = self.label_ids();
        let mut seen = BTreeSet::new();
        for &[from, to] in self.remap.iter().flat_map(|remap| &remap.0) {
            if !seen.insert(from) {
                return Err(self.conflict("remap", &format!("has two pairs for id {from}; remove one")));
            }
            if u16::try_from(from).is_ok_and(|from| ids.class(from).is_none()) {
                let problem = format!(
                    "{to} is not a class: data.classes = {} allows 0 to {}, and data.ignore is for other ids",
                    self.classes,
                    self.classes - 1
                );
                return Err(self.conflict("remap", &problem));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn data(set: &[&str]) -> Result<DataConfig, String> {
        let mut config = Config::default();
        set.iter().try_for_each(|key| config.set(&format!("data.{key}"))).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        let read = Config::parse(&config.to_toml().unwrap(), "run.toml").unwrap();
        assert_eq!(read, config, "written and read back");
        Ok(config.data)
    }

    #[test]
    fn ignored_ids_are_the_class_after_the_others() {
        let coco = data(&["classes=182", "ignore=255"]).unwrap();
        assert_eq!(
            [0, 181, 255, 182, 254].map(|id| coco.label_ids().class(id)),
            [Some(0), Some(181), Some(182), None, None]
        );
        assert_eq!((coco.input_channels(), coco.masked_class(), coco.is_masked()), (183, None, false));
        let masked = data(&["classes=19", "ignore=[255, 3]", "ignore_as=mask"]).unwrap();
        assert_eq!([3, 255, 18].map(|id| masked.label_ids().class(id)), [Some(19), Some(19), Some(18)]);
        assert_eq!((masked.masked_class(), masked.is_masked()), (Some(19), true));
        assert_eq!(data(&["classes=255", "ignore=65535"]).unwrap().label_ids().class(65535), Some(255));
    }

    #[test]
    fn remapped_ids_are_looked_up_once() {
        let ids = data(&["classes=2", "remap=[[255, 1], [1, 0]]"]).unwrap().label_ids();
        assert_eq!([0, 1, 255, 2].map(|id| ids.class(id)), [Some(0), Some(0), Some(1), None]);
        let train_ids = data(&["classes=19", "ignore=255", "remap=[[7, 0], [0, 255]]"]).unwrap().label_ids();
        assert_eq!([0, 7, 18].map(|id| train_ids.class(id)), [Some(19), Some(0), Some(18)]);
    }

    #[test]
    fn label_keys_that_contradict_are_refused() {
        for (set, parts) in [
            (&["classes=256", "ignore=255"][..], &["data.classes = 256", "at most 255"][..]),
            (&["ignore=[]"], &["data.ignore", "names no id"]),
            (&["ignore=-1"], &["data.ignore = -1", "from 0 to 65535"]),
            (&["ignore_as=mask"], &["data.ignore_as", "needs data.ignore"]),
            (&["remap=[[255, 13]]"], &["data.remap", "13 is not a class", "0 to 12"]),
            (&["remap=[[255, 1], [255, 2]]"], &["two pairs for id 255"]),
            (&["remap=[255, 1]"], &["data.remap", "a list of pairs"]),
            (&["remap=[[255, 70000]]"], &["data.remap", "from 0 to 65535"]),
            (&["layout=pairs", "input=rgb", "ignore=255"], &["data.ignore = 255", "only for label maps"]),
            (&["layout=synthetic", "remap=[[255, 1]]"], &["data.remap", "synthetic"]),
        ] {
            let error = data(set).expect_err("a contradiction");
            parts.iter().for_each(|part| assert!(error.contains(part), "{set:?}: {error}"));
        }
    }
}
