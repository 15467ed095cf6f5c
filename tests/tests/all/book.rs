//! The book includes its code from the sources: files and anchors must exist.

use std::fs;
use std::path::{Path, PathBuf};

fn chapters() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src")
}

/// The argument of each `{{#include …}}` of a chapter.
fn includes(text: &str) -> Vec<&str> {
    let rest = text.split("{{#include").skip(1);
    rest.map(|rest| rest.split_once("}}").map_or(rest, |(argument, _)| argument).trim()).collect()
}

/// Why `PATH:ANCHOR`, relative to `folder`, can't be included; `None` if it can.
fn problem(folder: &Path, include: &str) -> Option<String> {
    let Some((path, anchor)) = include.split_once(':') else {
        return Some(format!("{include} has no anchor: expected PATH:ANCHOR"));
    };
    let text = match fs::read_to_string(folder.join(path)) {
        Ok(text) => text,
        Err(error) => return Some(format!("{include}: {error}")),
    };
    let lines = |marker: &str| -> Vec<usize> {
        let marker = format!("// {marker}: {anchor}");
        text.lines().enumerate().filter(|(_, line)| line.trim() == marker).map(|(number, _)| number).collect()
    };
    match (&lines("ANCHOR")[..], &lines("ANCHOR_END")[..]) {
        ([start], [end]) if start + 1 < *end => None,
        ([], _) => Some(format!("{include}: there is no line `// ANCHOR: {anchor}`")),
        ([_], []) => Some(format!("{include}: there is no line `// ANCHOR_END: {anchor}`")),
        _ => Some(format!("{include}: the anchor must begin once, end once and contain a line")),
    }
}

#[test]
fn includes_exist() {
    let mut count = 0;
    let mut problems = Vec::new();
    for chapter in fs::read_dir(chapters()).unwrap() {
        let file = chapter.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        for include in includes(&text) {
            count += 1;
            problems.extend(problem(&chapters(), include).map(|problem| format!("{}: {problem}", file.display())));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count > 0, "no include was found");
}

#[test]
fn broken_includes_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let code = "// ANCHOR: whole\nfn f() {}\n// ANCHOR_END: whole\n// ANCHOR: open\n// ANCHOR: open_too\n";
    fs::write(folder.path().join("code.rs"), code).unwrap();
    let text = "{{#include code.rs:whole}} {{#include code.rs:who}} {{#include code.rs:open}} \
                {{#include gone.rs:whole}} {{#include code.rs}}";
    let broken: Vec<bool> =
        includes(text).into_iter().map(|include| problem(folder.path(), include).is_some()).collect();
    assert_eq!(broken, [false, true, true, true, true]);
}

#[test]
fn summary_lists_every_chapter() {
    let summary = fs::read_to_string(chapters().join("SUMMARY.md")).unwrap();
    // `[Title]()` is a planned chapter.
    let links = summary.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let mut listed: Vec<String> = links.filter(|link| !link.is_empty()).map(str::to_owned).collect();
    let files = fs::read_dir(chapters()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = files.filter(|name| name != "SUMMARY.md").collect();
    listed.sort();
    found.sort();
    assert_eq!(listed, found);
}
