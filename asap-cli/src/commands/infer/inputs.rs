//! The inputs of `asap infer`, each with its instance map if the network takes one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use asap_model::Config;
use asap_model::config::InputKind;
use asap_model::data::{ExampleFiles, Naming, Role, Split, discover_inputs, layout_for, matching_names, naming};
use serde_json::json;

use crate::args::Infer;
use crate::commands::files::{Found, images, list, report_skipped};
use crate::commands::{shown, usage};
use crate::output::Output;

/// The files that the arguments name, in the order in which they are processed.
pub fn inputs(args: &Infer, config: &Config, output: &Output) -> asap_model::Result<Vec<ExampleFiles>> {
    if let Some(dir) = &args.data {
        let mut data = config.data.clone();
        data.layout = layout_for(dir, data.layout)?;
        let found = discover_inputs(dir, &data, Split::Val)?;
        report_skipped(&found.skipped, output);
        return Ok(found.examples);
    }
    let (inputs, mut skipped) = images(&args.input)?;
    let (instances, more) = images(&args.instances)?;
    skipped.add(more);
    report_skipped(&skipped, output);
    let examples = match (config.data.instances, instances.is_empty()) {
        (true, true) => {
            let problem = format!(
                "this network takes instance edges: each of the {} inputs needs an instance map of its name; there are 0",
                inputs.len()
            );
            return Err(usage("--instances", problem));
        }
        (true, false) if is_one_pair(args) => as_given(inputs, instances),
        (true, false) => by_name(inputs, instances)?,
        (false, _) if config.data.input == InputKind::Labels => label_maps(inputs, output),
        (false, _) => as_given(inputs, Vec::new()),
    };
    let extension = config.data.output_format().extension();
    let mut names: BTreeMap<&str, &PathBuf> = BTreeMap::new();
    for ExampleFiles { name, input, .. } in &examples {
        if let Some(other) = names.insert(name, input) {
            let problem = format!(
                "the outputs of {} and {} would both be {name}.{extension}: use a different --out for each",
                other.display(),
                input.display()
            );
            return Err(usage("--input", problem));
        }
    }
    Ok(examples)
}

/// Whether one file each was named, which then belong together whatever their names.
fn is_one_pair(args: &Infer) -> bool {
    [&args.input, &args.instances].iter().all(|paths| paths.len() == 1 && !paths[0].is_dir())
}

fn example(Found { name, file: input, .. }: Found, instances: Option<PathBuf>) -> ExampleFiles {
    ExampleFiles { name, input, instances, target: None, halves: None }
}

fn as_given(inputs: Vec<Found>, instances: Vec<Found>) -> Vec<ExampleFiles> {
    let mut instances = instances.into_iter();
    inputs.into_iter().map(|input| example(input, instances.next().map(|found| found.file))).collect()
}

/// The label maps among the inputs: a folder of Cityscapes also has instance maps and color images.
fn label_maps(inputs: Vec<Found>, output: &Output) -> Vec<ExampleFiles> {
    let names = names(&inputs);
    let keys = matching_names(&names, Role::Input, naming(&[(Role::Input, &names)]));
    let (maps, others): (Vec<_>, Vec<_>) =
        inputs.into_iter().zip(keys).partition(|(found, key)| key.is_some() || found.is_given);
    if !others.is_empty() {
        let others: Vec<PathBuf> = others.into_iter().map(|(found, _)| found.file).collect();
        output.say(format_args!("skipped {} files that are not label maps: {}", others.len(), list(&others)));
        output.json(|| json!({ "skipped": { "files": others.iter().map(|file| shown(file)).collect::<Vec<_>>() } }));
    }
    maps.into_iter().map(|(found, _)| example(found, None)).collect()
}

fn names(files: &[Found]) -> Vec<String> {
    files.iter().map(|found| found.name.clone()).collect()
}

/// Files with the names that they are matched by, without the files of other roles in the same folders.
fn keyed(files: Vec<Found>, names: &[String], role: Role, naming: Naming) -> Vec<(&str, Found)> {
    let all = files.into_iter().zip(names).zip(matching_names(names, role, naming));
    all.filter_map(|((found, name), key)| Some((key.or(found.is_given.then_some(name))?, found))).collect()
}

/// Each input with the instance map of its name.
fn by_name(inputs: Vec<Found>, instances: Vec<Found>) -> asap_model::Result<Vec<ExampleFiles>> {
    let (input_names, map_names) = (names(&inputs), names(&instances));
    let naming = naming(&[(Role::Input, &input_names), (Role::Instances, &map_names)]);
    let inputs = keyed(inputs, &input_names, Role::Input, naming);
    let mut maps: BTreeMap<&str, PathBuf> = BTreeMap::new();
    for (key, Found { file, .. }) in keyed(instances, &map_names, Role::Instances, naming) {
        if let Some(other) = maps.insert(key, file.clone()) {
            let problem = format!("{} and {} have the same name: give one of them", other.display(), file.display());
            return Err(usage("--instances", problem));
        }
    }
    let keys: BTreeSet<&str> = inputs.iter().map(|(key, _)| *key).collect();
    let lone: Vec<&PathBuf> =
        inputs.iter().filter(|(key, _)| !maps.contains_key(key)).map(|(_, found)| &found.file).collect();
    let extra: Vec<&PathBuf> = maps.iter().filter(|(key, _)| !keys.contains(*key)).map(|(_, file)| file).collect();
    if !lone.is_empty() || !extra.is_empty() {
        return Err(usage("--instances", unmatched(&lone, &extra, [inputs.len(), maps.len()], naming)));
    }
    Ok(inputs.into_iter().map(|(key, found)| example(found, maps.get(key).cloned())).collect())
}

fn unmatched(lone: &[&PathBuf], extra: &[&PathBuf], [inputs, maps]: [usize; 2], naming: Naming) -> String {
    let mut problem = format!(
        "this network takes instance edges: each of the {inputs} inputs needs an instance map of its name, and there are {maps}"
    );
    if !lone.is_empty() {
        problem += &format!("; without an instance map: {}", list(lone));
    }
    if !extra.is_empty() {
        problem += &format!("; without an input: {}", list(extra));
    }
    if naming == Naming::Cityscapes {
        problem += "; the names of Cityscapes differ in their endings, _labelIds and _instanceIds";
    }
    problem
}
