//! Finds the files of a dataset, and what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::direction::direction;
use super::files::{Skipped, extensions, list_images, possible_names};
use super::layout::{ExampleFiles, Sides, Split, names_of_layouts, rules};
use super::names::{Naming, Role, matching_names, name_below, naming};
use super::problem::Problem;
use crate::config::{DataConfig, Direction, InputKind, Layout, OutputKind};
use crate::{Error, Result};

/// What a split's folders contain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files of each example, ordered by name.
    pub examples: Vec<ExampleFiles>,
    /// Files that are not read.
    pub skipped: Skipped,
}

/// The input files of one split, ordered by name; targets may be missing.
pub fn discover_inputs(dir: &Path, data: &DataConfig, split: Split) -> Result<Found> {
    discover(dir, data, split, false)
}

/// The files of one split, ordered by name; the first problem is an error.
pub(crate) fn discover(dir: &Path, data: &DataConfig, split: Split, targets: bool) -> Result<Found> {
    let (found, problems) = scan(dir, data, split, targets)?;
    match problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(found),
    }
}

/// The files of one split, and all problems.
///
/// # Errors
/// [`Error::Config`] for a configuration that can't be read from a folder.
pub(crate) fn scan(dir: &Path, data: &DataConfig, split: Split, targets: bool) -> Result<(Found, Vec<Problem>)> {
    data.validate()?;
    let Some(rules) = rules(data.layout) else {
        let problem =
            format!("data.layout = \"synthetic\" is not read from a folder: set it to {}", names_of_layouts());
        return Err(Error::Config { origin: "configuration".into(), problem });
    };
    let input = if data.input == InputKind::Labels { "label map" } else { "input image" };
    let target = if data.output == OutputKind::Image { "photo" } else { "depth map" };
    let direction = direction(dir, data);
    let sides = Sides { input: data.input, direction: direction.unwrap_or(Direction::AtoB) };
    let [inputs, images, instances] = rules.split(dir, split, targets, sides);
    let halves = direction.filter(|_| data.layout == Layout::SideBySide);
    // Pairs side by side in the dataset's own folder: what is in others is something else.
    let depth = (inputs == dir).then_some(0);
    let mut wanted = vec![(Role::Input, input, inputs)];
    wanted.extend((targets && halves.is_none()).then_some((Role::Target, target, images)));
    wanted.extend(data.instances.then_some((Role::Instances, "instance map", instances)));

    let mut problems = Vec::new();
    let mut skipped = Skipped::default();
    let mut list = |(role, what, dir)| Files::list(role, what, (dir, depth), &mut skipped, &mut problems);
    let files: Vec<Files> = wanted.into_iter().map(&mut list).collect();
    // A missing folder is one problem, not one for each of its files.
    let folders_exist = problems.is_empty();
    let naming = if rules.cityscapes_names {
        Naming::Cityscapes
    } else {
        naming(&files.iter().map(|files| (files.role, &files.names[..])).collect::<Vec<_>>())
    };
    let kinds: Vec<Kind> =
        files.into_iter().map(|files| files.by_name(naming, rules.cityscapes_names, &mut problems)).collect();

    if let Some(problem) = unpaired(&kinds).filter(|_| data.layout == Layout::Ab) {
        return Ok((Found { examples: Vec::new(), skipped }, vec![problem]));
    }
    let names: BTreeSet<&String> = kinds.iter().flat_map(|kind| kind.files.keys()).collect();
    let mut examples = Vec::new();
    for name in &names {
        if let Some(missing) = kinds.iter().find(|kind| !kind.files.contains_key(*name)) {
            let file = kinds.iter().find_map(|kind| kind.files.get(*name));
            problems.extend(file.filter(|_| folders_exist).map(|file| missing.problem(file, name, &skipped)));
            continue;
        }
        let of = |role| kinds.iter().find(|kind| kind.role == role).map(|kind| kind.files[*name].clone());
        if let Some(input) = of(Role::Input) {
            let target = if halves.is_some() { Some(input.clone()) } else { of(Role::Target) };
            examples.push(ExampleFiles {
                name: (*name).clone(),
                input,
                instances: of(Role::Instances),
                target,
                halves,
            });
        }
    }
    if let (true, true, Some(inputs)) = (names.is_empty(), problems.is_empty(), kinds.first()) {
        problems.push(Problem::new(
            &inputs.dir,
            format!("contains no {}{}", inputs.what, other_formats(&inputs.dir, &skipped)),
        ));
    }
    Ok((Found { examples, skipped }, problems))
}

/// The problem of sides without a common name.
fn unpaired(kinds: &[Kind]) -> Option<Problem> {
    let [a, b, ..] = kinds else { return None };
    let is_unpaired =
        !a.files.is_empty() && !b.files.is_empty() && !a.files.keys().any(|name| b.files.contains_key(name));
    let problem = || {
        format!(
            "has no file name in common with {}: these are unpaired sets, as CycleGAN's; pairs need the same names",
            b.dir.display()
        )
    };
    is_unpaired.then(|| Problem::new(&a.dir, problem()))
}

/// The files of one role in a split, not matched yet.
struct Files {
    role: Role,
    what: &'static str,
    dir: PathBuf,
    /// The name of each of the files.
    names: Vec<String>,
    files: Vec<PathBuf>,
}

/// The files of one role by the names that they are matched by.
struct Kind {
    role: Role,
    what: &'static str,
    dir: PathBuf,
    ending: &'static str,
    files: BTreeMap<String, PathBuf>,
}

impl Files {
    fn list(
        role: Role,
        what: &'static str,
        (dir, depth): (PathBuf, Option<usize>),
        skipped: &mut Skipped,
        problems: &mut Vec<Problem>,
    ) -> Files {
        let listing = match dir.is_dir() {
            true => list_images(&dir, depth).map_err(|error| Problem::of(&dir, error)),
            false => Err(Problem::new(&dir, format!("does not exist; it must contain the {what} of every pair"))),
        };
        let listing = listing.unwrap_or_else(|problem| {
            problems.push(problem);
            Default::default()
        });
        skipped.add(listing.skipped);
        let (mut names, mut files) = (Vec::new(), Vec::new());
        for file in listing.images {
            match name_below(&dir, &file) {
                Some(name) => {
                    names.push(name);
                    files.push(file);
                }
                None => problems.push(Problem::new(&file, "has a name that is not valid Unicode; rename it")),
            }
        }
        Files { role, what, dir, names, files }
    }

    /// With `base_names`, without the folders that they are in.
    fn by_name(self, naming: Naming, base_names: bool, problems: &mut Vec<Problem>) -> Kind {
        let mut by_name = BTreeMap::<String, PathBuf>::new();
        for (file, name) in self.files.into_iter().zip(matching_names(&self.names, self.role, naming)) {
            let Some(name) = name else { continue };
            let name = if base_names { name.rsplit('/').next().unwrap_or(name) } else { name };
            if let Some(other) = by_name.get(name) {
                let other = other.display();
                let problem = format!("has the same name as {other}; remove the one that does not belong to the pair");
                problems.push(Problem::new(&file, problem));
            } else {
                by_name.insert(name.to_owned(), file);
            }
        }
        Kind { role: self.role, what: self.what, dir: self.dir, ending: self.role.ending(naming), files: by_name }
    }
}

impl Kind {
    /// The problem of a file without a partner of this kind.
    fn problem(&self, file: &Path, name: &str, skipped: &Skipped) -> Problem {
        let (what, dir, name) = (self.what, self.dir.display(), format!("{name}{}", self.ending));
        let unread = skipped.files.iter().find(|file| name_below(&self.dir, file).as_ref() == Some(&name));
        let unread = unread.map(|file| format!("; {} has a format that is not read: convert it", file.display()));
        let problem =
            format!("has no {what}: looked for {} in {dir}{}", possible_names(&name), unread.unwrap_or_default());
        Problem::new(file, problem)
    }
}

/// What to add to the error of a folder without images.
fn other_formats(dir: &Path, skipped: &Skipped) -> String {
    let files: Vec<&PathBuf> = skipped.files.iter().filter(|file| file.starts_with(dir)).collect();
    match files[..] {
        [] => String::new(),
        [first, ref others @ ..] => {
            let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
            format!("; {}{more} are not read: convert them to {}", first.display(), extensions())
        }
    }
}
