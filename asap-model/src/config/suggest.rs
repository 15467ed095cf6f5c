//! The nearest known name to a misspelled one.

use super::foreign::keys_meant_by;
use toml::Value as Toml;

use super::discriminator::DiscriminatorConfig;
use super::generator::GeneratorConfig;
use super::kinds::Kinds;
use super::schema::{Key, either};

/// What is wrong with a key, or a section, that does not exist. `own` are the keys of this configuration.
pub(super) fn unknown_key(section: &str, name: &str, own: &[Key]) -> String {
    let names: Vec<&str> = own.iter().filter(|key| key.section == section).map(|key| key.name).collect();
    if names.is_empty() {
        let mut sections: Vec<&str> = own.iter().map(|key| key.section).collect();
        sections.dedup();
        // A key at the place of a section lacks its own section.
        let section_near = nearest_name(section, &sections);
        let meant = if name.is_empty() { Vec::new() } else { keys_meant_by(name, own) };
        let suggestion = match (own.iter().find(|key| key.name == section), section_near) {
            (Some(key), _) => format!("; the key is {}", key.path()),
            (None, _) if !meant.is_empty() => format!("; did you mean {}?", meant.join(" and ")),
            (None, near) => near.map_or(String::new(), |name| format!("; did you mean [{name}]?")),
        };
        return format!("there is no section [{section}], only [{}]{suggestion}", sections.join("], ["));
    }
    let kinds: Vec<String> = match section {
        "generator" => GeneratorConfig::with_key(name),
        "discriminator" => DiscriminatorConfig::with_key(name),
        _ => Vec::new(),
    }
    .into_iter()
    .map(|kind| format!("\"{kind}\""))
    .collect();
    if let Some(kind) = own.iter().find(|key| (key.section, key.name) == (section, "kind"))
        && !kinds.is_empty()
    {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        let (kind, names) = (kind.value.as_ref().and_then(Toml::as_str).unwrap_or_default(), names[1..].join(", "));
        return format!("{section}.{name} belongs to kind = {}; {kind} has {names}", either(&kinds));
    }
    let meant = Some(keys_meant_by(&format!("{section}.{name}"), own)).filter(|meant| !meant.is_empty());
    let near = || nearest_name(name, &names).map(|known| format!("{section}.{known}"));
    match meant.map(|meant| meant.join(" and ")).or_else(near).or_else(|| nearest(name, own).map(Key::path)) {
        Some(known) => format!("there is no key {section}.{name}; did you mean {known}?"),
        None => format!("there is no key {section}.{name}; [{section}] has {}", names.join(", ")),
    }
}

/// The key whose name is nearest to `wrong`, of any section.
pub(super) fn nearest<'a>(wrong: &str, keys: &'a [Key]) -> Option<&'a Key> {
    let name = nearest_name(wrong, &keys.iter().map(|key| key.name).collect::<Vec<_>>())?;
    keys.iter().find(|key| key.name == name)
}

/// The name nearest to `wrong` by edit distance (insertions, deletions, replacements, swaps of neighbors), if one is near
/// enough to have been meant.
pub fn nearest_name<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
    let length = wrong.chars().count();
    // Every short name is near to some other.
    let allowed = if length < 3 { 0 } else { (length / 3).max(1) };
    let distances = names.iter().map(|name| (strsim::osa_distance(&wrong.to_lowercase(), name), *name));
    distances.filter(|(distance, _)| *distance <= allowed).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn misspelled_keys_get_the_nearest() {
        let config = Config::default();
        let keys = config.keys();
        let key = |section, name| unknown_key(section, name, &keys);
        assert!(key("generator", "tiel").contains("did you mean generator.tile?"));
        assert!(key("train", "lr_generater").contains("did you mean train.lr_generator?"));
        assert!(key("train", "tile").contains("did you mean generator.tile?"));
        assert!(key("loss", "zzzzz").contains("lambda_feat, lambda_vgg, "));
        assert!(key("trian", "").contains("did you mean [train]?"));
        assert!(key("batch", "").contains("the key is train.batch"));
        for (section, name, meant) in [
            ("train", "lr", "there is no key train.lr; did you mean train.lr_generator and train.lr_discriminator?"),
            ("train", "batch_size", "did you mean train.batch?"),
            ("data", "root", "did you mean data.dir?"),
            ("loss", "l1", "did you mean loss.lambda_l1?"),
            ("optimizer", "learning_rate", "did you mean train.lr_generator and train.lr_discriminator?"),
            ("model", "tile", "did you mean generator.tile?"),
            ("train", "qz", "there is no key train.qz; [train] has epochs, "),
        ] {
            let message = key(section, name);
            assert!(message.contains(meant), "{section}.{name}: {message}");
        }
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
