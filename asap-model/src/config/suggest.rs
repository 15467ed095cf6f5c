//! The nearest known name to a misspelled one.

use super::generator::GeneratorConfig;
use super::schema::{Key, Section, either};

/// What is wrong with a section that does not exist.
pub(super) fn unknown_section(section: &str, keys: &[Key]) -> String {
    let mut names: Vec<&str> = keys.iter().map(|key| key.section).collect();
    names.dedup();
    // The name of a key: its section is missing.
    let suggestion = match keys.iter().find(|key| key.name == section) {
        Some(key) => format!("; the key is {}", key.path()),
        None => match nearest(section, names.iter().copied()) {
            Some(name) => format!("; did you mean [{name}]?"),
            None => String::new(),
        },
    };
    format!("there is no section [{section}], only [{}]{suggestion}", names.join("], ["))
}

/// What is wrong with a key that its section does not have; `own` are the keys of this configuration.
pub(super) fn unknown_key(section: &str, name: &str, generator: &GeneratorConfig, own: &[Key]) -> String {
    let names: Vec<&str> = own.iter().filter(|key| key.section == section).map(|key| key.name).collect();
    let kinds: Vec<String> = GeneratorConfig::all()
        .filter(|kind| section == "generator" && kind.keys().iter().any(|key| key.name == name))
        .map(|kind| format!("\"{}\"", kind.kind()))
        .collect();
    if !kinds.is_empty() {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        let (kind, names) = (generator.kind(), names[1..].join(", "));
        return format!("generator.{name} belongs to kind = {}; {kind} has {names}", either(&kinds));
    }
    if let Some(known) = nearest(name, names.iter().copied()) {
        return format!("there is no key {section}.{name}; did you mean {section}.{known}?");
    }
    match nearest(name, own.iter().map(|key| key.name)).and_then(|known| own.iter().find(|key| key.name == known)) {
        Some(known) => format!("there is no key {section}.{name}; did you mean {}?", known.path()),
        None => format!("there is no key {section}.{name}; [{section}] has {}", names.join(", ")),
    }
}

/// The candidate nearest to `wrong` by edit distance (insertions, deletions, replacements, exchanges of neighbors), if one
/// is near enough to have been meant.
pub(super) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (wrong.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::osa_distance(&wrong.to_lowercase(), candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn misspelled_keys_get_the_nearest() {
        let config = Config::default();
        let keys = config.keys();
        let key = |section, name| unknown_key(section, name, &config.generator, &keys);
        assert!(key("generator", "tiel").contains("did you mean generator.tile?"));
        assert!(key("train", "lr_generater").contains("did you mean train.lr_generator?"));
        assert!(key("train", "tile").contains("did you mean generator.tile?"));
        assert!(key("loss", "zzzzz").contains("lambda_feat, lambda_vgg, lambda_l1, vgg_weights"));
        assert!(unknown_section("trian", &keys).contains("did you mean [train]?"));
        assert!(unknown_section("batch", &keys).contains("the key is train.batch"));
    }

    #[test]
    fn keys_of_another_kind_name_that_kind() {
        let mut config = Config::default();
        let error = config.set("generator.doublings=5").unwrap_err().to_string();
        assert!(error.contains("belongs to kind = \"spade\" or \"cc-fpse\"; asap has tile, learned_factor"), "{error}");
        config.set("generator.kind=spade").unwrap();
        let error = config.set("generator.tile=8").unwrap_err().to_string();
        assert!(
            error.contains("belongs to kind = \"asap\"; spade has width_factor, channels, hidden, doublings"),
            "{error}"
        );
    }
}
