//! A configuration to begin with: every key, explained, with its default.

use std::fmt::Write;

use super::{Config, keys};
use crate::Result;

impl Config {
    /// TOML with every key, what it means, and its default; keys without one stand as comments.
    ///
    /// # Errors
    /// As [`Config::to_toml`].
    pub fn starter() -> Result<String> {
        let defaults: toml::Table = toml::from_str(&Config::default().to_toml()?).unwrap_or_default();
        let mut text = String::from(
            "# A configuration of asap. Every key stands here with its default, the paper's for facades at 256x256;\n\
             # what you leave out keeps it.\n",
        );
        for (section, known) in keys::SECTIONS {
            let _ = write!(text, "\n[{section}]\n");
            for (key, meaning) in known {
                let value = defaults.get(section).and_then(|section| section.get(*key));
                let line = value.map_or_else(|| format!("# {key} ="), |value| format!("{key} = {value}"));
                let _ = write!(text, "# {meaning}\n{line}\n");
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_is_the_default_and_names_every_key() {
        let text = Config::starter().unwrap();
        assert_eq!(Config::parse(&text, "starter").unwrap(), Config::default());
        for key in keys::SECTIONS.iter().flat_map(|(_, known)| known.iter().map(|(key, _)| key)) {
            assert!(text.contains(&format!("{key} =")), "{key} is missing from\n{text}");
        }
    }
}
