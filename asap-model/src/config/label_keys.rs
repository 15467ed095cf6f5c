//! What the keys of `[data]` about label ids mean together.

use std::collections::BTreeSet;

use super::data::{DataConfig, InputKind, Layout};
use super::labels::{IgnoreAs, LabelIds};
use super::schema::{KeyError, Section};

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

    /// The number of classes that losses count: those of [`label_channels`](Self::label_channels), without the
    /// [masked one](Self::masked_class), which is behind them.
    pub fn counted_classes(&self) -> usize {
        self.label_channels() - usize::from(self.masked_class().is_some())
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
            (&["layout=pairs", "input=image", "ignore=255"], &["data.ignore = 255", "only for label maps"]),
            (&["layout=synthetic", "remap=[[255, 1]]"], &["data.remap", "synthetic"]),
        ] {
            let error = data(set).expect_err("a contradiction");
            parts.iter().for_each(|part| assert!(error.contains(part), "{set:?}: {error}"));
        }
    }
}
