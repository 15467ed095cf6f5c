//! Which configuration keys make classes of the ids that label maps have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::config::LabelIds;

/// Maximum number of pairs of a proposed `data.remap`.
const MAX_PAIRS: usize = 40;

/// Ids that fill less than this share of their range are levels or codes, not classes.
const SPARSE: usize = 4;

/// Values that mark unlabeled pixels in maps of 8 and 16 bits.
const UNLABELED: [u16; 2] = [u8::MAX as u16, u16::MAX];

/// Keys with which every id is a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelHint {
    /// What the ids look like.
    pub about: String,
    /// The keys, as `--set` accepts them; empty if no keys help.
    pub assignments: Vec<String>,
}

impl LabelHint {
    /// For all ids that the label maps of a dataset have; `None` if each is a class.
    pub fn new(raw: impl IntoIterator<Item = u16>, ids: &LabelIds) -> Option<LabelHint> {
        let raw: BTreeSet<u16> = raw.into_iter().collect();
        if raw.iter().all(|&id| ids.class(id).is_some()) {
            return None;
        }
        // Ignored ids, the last class, stay as they are.
        let ignored = |id: &u16| ids.class(*id).is_some_and(|class| usize::from(class) == ids.classes);
        let (kept, open): (Vec<u16>, Vec<u16>) = raw.iter().partition(|id| ignored(id));
        let found: BTreeSet<u16> = open.iter().map(|&id| ids.remapped(id)).collect();
        let largest = found.last().copied().unwrap_or(0);
        let unlabeled = Some(largest).filter(|id| UNLABELED.contains(id) && !found.contains(&(id - 1)));
        let others = || found.iter().copied().filter(|&id| Some(id) != unlabeled);
        let needed = |ids: &mut dyn Iterator<Item = u16>| ids.max().map_or(2, |id| (usize::from(id) + 1).max(2));

        if let (Some(mark), true) = (unlabeled, others().all(|id| id == 0)) {
            let about = format!("masks of 0 and {mark} have two classes");
            return Some(Self::remap(about, &raw, &kept, ids, &BTreeMap::from([(0, 0), (mark, 1)])));
        }
        let is_sparse = |count: usize| count * SPARSE <= needed(&mut others());
        let fits = needed(&mut others()) <= ids.classes;
        if let (Some(mark), true) = (unlabeled, fits || !is_sparse(others().count())) {
            let classes = if fits { ids.classes } else { needed(&mut others()) };
            if classes < 256 {
                let marked = if kept.is_empty() {
                    mark.to_string()
                } else {
                    format!("{kept:?}").replace(']', &format!(", {mark}]"))
                };
                let mut assignments = vec![format!("data.ignore={marked}")];
                assignments.extend((!fits).then(|| format!("data.classes={classes}")));
                let about = format!("{mark} often marks unlabeled pixels: data.ignore gives them their own class");
                return Some(LabelHint { about, assignments });
            }
        }
        let classes = needed(&mut found.iter().copied());
        let limit = if kept.is_empty() { 256 } else { 255 };
        let is_sparse = found.len() * SPARSE <= classes;
        if classes <= limit && !is_sparse {
            let about = format!("the ids run up to {largest}");
            return Some(LabelHint { about, assignments: vec![format!("data.classes={classes}")] });
        }
        if found.len() <= MAX_PAIRS {
            let about = format!("the {} ids are far apart, up to {largest}: data.remap numbers them", found.len());
            let numbered = found.iter().zip(0..).map(|(&id, class)| (id, class)).collect();
            return Some(Self::remap(about, &raw, &kept, ids, &numbered));
        }
        if classes <= limit {
            let about = format!("the ids run up to {largest}");
            return Some(LabelHint { about, assignments: vec![format!("data.classes={classes}")] });
        }
        let count = found.len();
        let about = format!(
            "there are {count} different ids, up to {largest}, too many for classes: these may be instance maps, depth maps \
             or photos"
        );
        Some(LabelHint { about, assignments: Vec::new() })
    }

    /// A remap of all ids but ignored ones; `class` is by what an id now stands for.
    fn remap(
        about: String,
        raw: &BTreeSet<u16>,
        kept: &[u16],
        ids: &LabelIds,
        class: &BTreeMap<u16, u16>,
    ) -> LabelHint {
        let to = |id: u16| if kept.contains(&id) { ids.remapped(id) } else { class[&ids.remapped(id)] };
        let pairs = raw.iter().map(|&id| [id, to(id)]).filter(|[from, to]| from != to);
        let pairs: Vec<String> = pairs.map(|[from, to]| format!("[{from},{to}]")).collect();
        let classes = class.len().max(2);
        let mut assignments = vec![format!("data.remap=[{}]", pairs.join(","))];
        assignments.extend((classes != ids.classes).then(|| format!("data.classes={classes}")));
        LabelHint { about, assignments }
    }

    /// The keys as arguments: `--set data.ignore=255 --set data.classes=19`.
    pub fn arguments(&self) -> String {
        self.assignments.iter().map(|assignment| format!("--set {assignment}")).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for LabelHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.about)?;
        if !self.assignments.is_empty() {
            write!(f, ": {}", self.arguments())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    /// The proposed keys for ids, with data of so many classes; with them, every id must be a class.
    fn hint(raw: impl IntoIterator<Item = u16> + Clone, set: &[&str]) -> Vec<String> {
        let mut config = Config::default();
        set.iter().for_each(|key| config.set(&format!("data.{key}")).unwrap());
        let hint = LabelHint::new(raw.clone(), &config.data.label_ids()).expect("an id out of range");
        hint.assignments.iter().for_each(|assignment| config.set(assignment).unwrap());
        config.validate().unwrap();
        if !hint.assignments.is_empty() {
            assert_eq!(LabelHint::new(raw, &config.data.label_ids()), None, "{hint}");
        }
        hint.assignments
    }

    #[test]
    fn hints_name_the_keys_that_help() {
        let coco = (0..=181).chain([255]);
        assert_eq!(hint(coco.clone(), &["classes=182"]), ["data.ignore=255"]);
        assert_eq!(hint(coco, &[]), ["data.ignore=255", "data.classes=182"]);
        assert_eq!(hint([0, 5, 255], &["classes=182"]), ["data.ignore=255"]);
        assert_eq!(hint([0, 255], &[]), ["data.remap=[[255,1]]", "data.classes=2"]);
        assert_eq!(hint([255], &["classes=2"]), ["data.remap=[[255,1]]"]);
        assert_eq!(hint([0, 65535], &["classes=2"]), ["data.remap=[[65535,1]]"]);
        assert_eq!(hint([0, 1, 255], &["classes=2"]), ["data.ignore=255"]);
        assert_eq!(hint(0..=33, &["classes=19"]), ["data.classes=34"]);
        assert_eq!(hint((0..=18).chain([65535]), &["classes=19"]), ["data.ignore=65535"]);
        assert_eq!(hint([0, 127, 255], &["classes=3"]), ["data.remap=[[127,1],[255,2]]"]);
        assert_eq!(
            hint([0, 1000, 2000, 3000], &["classes=2"]),
            ["data.remap=[[1000,1],[2000,2],[3000,3]]", "data.classes=4"]
        );
        assert_eq!(hint(0..=255, &["classes=19"]), ["data.classes=256"]);
        assert_eq!(hint(0..=300, &[]), Vec::<String>::new(), "instances, not classes");
    }

    #[test]
    fn hints_keep_what_is_set() {
        assert_eq!(hint([0, 18, 254, 255], &["classes=19", "ignore=254"]), ["data.ignore=[254, 255]"]);
        assert_eq!(hint([0, 7, 26, 255], &["classes=2", "remap=[[7, 0]]"]).len(), 2);
        assert_eq!(hint((0..=40).chain([255]), &["ignore=255"]), ["data.classes=41"]);
    }

    #[test]
    fn valid_ids_need_no_hint() {
        assert_eq!(LabelHint::new([0, 12], &13.into()), None);
        assert_eq!(LabelHint::new([], &13.into()), None);
    }
}
