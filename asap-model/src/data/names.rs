//! Names by which the files of a pair are matched.

use std::collections::BTreeSet;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;

/// What a file is in a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A label map or input image.
    Input,
    /// The image to generate.
    Target,
    /// An instance map.
    Instances,
}

/// What follows CITY_SEQUENCE_FRAME in the names of Cityscapes' inputs, photos and instance maps.
const ENDINGS: [&[&str]; 3] = [
    &["_gtFine_labelIds", "_gtCoarse_labelIds", "_labelIds"],
    &["_leftImg8bit"],
    &["_gtFine_instanceIds", "_gtCoarse_instanceIds", "_instanceIds"],
];

/// The endings of Cityscapes' other files.
const OTHERS: [&str; 4] = ["_color", "_labelTrainIds", "_instanceTrainIds", "_labelLevel3Ids"];

/// How the names of a pair's files differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Not at all, except for the extension.
    Equal,
    /// By Cityscapes' endings. A file must have one of its role's endings, or none at all.
    Cityscapes,
    /// By a word that all files of one role start or end with: `a_label`, `b_label` and `a_inst`, `b_inst`.
    Affixes,
}

impl Role {
    fn endings(self) -> &'static [&'static str] {
        ENDINGS[self as usize]
    }

    /// The ending of this role's files.
    pub(crate) fn ending(self, naming: Naming) -> &'static str {
        if naming == Naming::Cityscapes { self.endings()[0] } else { "" }
    }
}

/// The name of a file below a folder: its path there, without the extension, in Unicode's composed form (NFC), so that it does not
/// depend on the file system. `None` if it is not valid Unicode.
pub fn name_below(dir: &Path, file: &Path) -> Option<String> {
    let below = file.strip_prefix(dir).ok().filter(|below| !below.as_os_str().is_empty());
    let below = below.unwrap_or_else(|| file.file_name().map_or(file, Path::new)).with_extension("");
    let parts = below.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>()?;
    Some(parts.join("/").nfc().collect())
}

/// How the names of these files differ, each kind with its role.
pub fn naming(kinds: &[(Role, &[String])]) -> Naming {
    let has_endings = |(role, names): &(Role, &[String])| names.iter().any(|name| stem(name, *role).1);
    if kinds.iter().all(has_endings) {
        return Naming::Cityscapes;
    }
    let [(_, first), others @ ..] = kinds else { return Naming::Equal };
    let first: BTreeSet<&str> = first.iter().map(String::as_str).collect();
    let is_shared = others.iter().flat_map(|(_, names)| *names).any(|name| first.contains(name.as_str()));
    if is_shared || others.is_empty() {
        return Naming::Equal;
    }
    let cut: Vec<Vec<&str>> = kinds.iter().map(|(_, names)| without_affixes(names)).collect();
    let sets: Vec<BTreeSet<&str>> = cut.iter().map(|names| names.iter().copied().collect()).collect();
    let are_unique = cut.iter().zip(&sets).all(|(names, set)| names.len() == set.len() && names.len() > 1);
    if are_unique && sets.iter().all(|set| *set == sets[0]) { Naming::Affixes } else { Naming::Equal }
}

/// The names by which files of one kind are matched; `None` for files of another kind.
pub fn matching_names(names: &[String], role: Role, naming: Naming) -> Vec<Option<&str>> {
    match naming {
        Naming::Equal => names.iter().map(|name| Some(name.as_str())).collect(),
        Naming::Affixes => without_affixes(names).into_iter().map(Some).collect(),
        Naming::Cityscapes => names.iter().map(|name| stem(name, role).0).collect(),
    }
}

/// Whether a name has an ending of Cityscapes for this role.
pub(crate) fn has_ending(name: &str, role: Role) -> bool {
    stem(name, role).1
}

/// A name without its role's ending, and whether it had one; `None` if it has another ending.
fn stem(name: &str, role: Role) -> (Option<&str>, bool) {
    match role.endings().iter().find_map(|ending| name.strip_suffix(ending)) {
        Some(stem) => (Some(stem), true),
        None if ENDINGS.into_iter().flatten().chain(&OTHERS).any(|ending| name.ends_with(ending)) => (None, false),
        None => (Some(name), false),
    }
}

/// Names without the words that all of them start and end with. Numbers are no such words.
fn without_affixes(names: &[String]) -> Vec<&str> {
    let Some(first) = names.first() else { return Vec::new() };
    let starts: Vec<usize> = first.char_indices().map(|(at, _)| at).collect();
    let is_prefix = |&at: &usize| names.iter().all(|name| name.starts_with(&first[..at]) && is_boundary(name, at));
    let plain = |text: &str| !text.contains(|c: char| c.is_numeric());
    let prefix = starts.iter().copied().rev().filter(|&at| plain(&first[..at])).find(is_prefix).unwrap_or(0);
    let is_suffix = |&at: &usize| {
        let suffix = &first[at..];
        let fits = |name: &String| {
            name.len() > prefix + suffix.len() && name.ends_with(suffix) && is_boundary(name, name.len() - suffix.len())
        };
        names.iter().all(fits)
    };
    let suffix = starts.iter().copied().filter(|&at| at > prefix && plain(&first[at..])).find(is_suffix);
    let suffix = suffix.map_or(0, |at| first.len() - at);
    names.iter().map(|name| &name[prefix..name.len() - suffix]).collect()
}

/// Whether a word starts at this place of a name: a run of letters, of digits, or of other characters.
fn is_boundary(name: &str, at: usize) -> bool {
    let kind = |c: char| (c.is_alphabetic(), c.is_numeric());
    let (before, after) = (name[..at].chars().next_back(), name[at..].chars().next());
    before.map(kind) != after.map(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn of(inputs: &[&str], instances: &[&str]) -> Naming {
        naming(&[(Role::Input, &owned(inputs)), (Role::Instances, &owned(instances))])
    }

    #[test]
    fn naming_is_recognized() {
        assert_eq!(of(&["a", "c", "d"], &["a", "b", "c"]), Naming::Equal);
        assert_eq!(of(&["a_labelIds", "b_color"], &["a_instanceIds"]), Naming::Cityscapes);
        assert_eq!(of(&["label0", "label1"], &["instance1", "instance0"]), Naming::Affixes);
        assert_eq!(of(&["x/a_label", "x/b_label"], &["x/a-inst", "x/b-inst"]), Naming::Affixes);
        assert_eq!(of(&["img_001", "img_012"], &["inst_001", "inst_012"]), Naming::Affixes);
    }

    /// Names that differ by more than a common word are not matched.
    #[test]
    fn affixes_are_whole_words_without_numbers() {
        for (inputs, instances) in [
            (["a1_label", "b1_label"], ["a2_inst", "b2_inst"]),
            (["frame_101", "frame_102"], ["inst_201", "inst_202"]),
            (["label0", "label2"], ["instance0", "instance1"]),
            (["apple", "apricot"], ["tuple", "turicot"]),
            (["a_label", "a_b_label"], ["a_inst", "c_inst"]),
        ] {
            assert_eq!(of(&inputs, &instances), Naming::Equal, "{inputs:?} {instances:?}");
        }
        assert_eq!(of(&["a_label"], &["b_inst"]), Naming::Equal);
        assert_eq!(without_affixes(&owned(&["img7_mask", "img8_mask"])), ["7", "8"]);
    }

    #[test]
    fn cityscapes_endings_are_cut() {
        let names = owned(&["a_gtFine_labelIds", "a_gtFine_color", "a_gtFine_instanceIds", "b"]);
        assert_eq!(matching_names(&names, Role::Input, Naming::Cityscapes), [Some("a"), None, None, Some("b")]);
        assert_eq!(matching_names(&names, Role::Instances, Naming::Cityscapes), [None, None, Some("a"), Some("b")]);
    }

    #[test]
    fn names_are_composed_relative_paths() {
        let dir = Path::new("set");
        assert_eq!(name_below(dir, Path::new("set/x/fu\u{308}r.b.png")).unwrap(), "x/f\u{fc}r.b");
        assert_eq!(name_below(Path::new("set/a.png"), Path::new("set/a.png")).unwrap(), "a");
    }
}
