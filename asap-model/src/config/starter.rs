//! A configuration to begin with: every key, explained.

use std::fmt::Write;

use super::{Config, keys};
use crate::Result;

impl Config {
    /// TOML with every key, its value and what it means; keys without a value stand as comments.
    ///
    /// # Errors
    /// As [`Config::to_toml`].
    pub fn starter(&self) -> Result<String> {
        let values: toml::Table = toml::from_str(&self.to_toml()?).unwrap_or_default();
        let mut text = String::from(
            "# A configuration of asap. Every key stands here; what you leave out has its default, the paper's for facades\n\
             # at 256x256.\n",
        );
        for (section, known) in keys::SECTIONS {
            let _ = write!(text, "\n[{section}]\n");
            for (key, meaning) in known {
                let value = values.get(section).and_then(|section| section.get(*key));
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
    fn the_starter_is_its_configuration_and_names_every_key() {
        let text = Config::default().starter().unwrap();
        assert_eq!(Config::parse(&text, "starter").unwrap(), Config::default());
        let mut other = Config::default();
        other.set("train.batch=4").unwrap();
        assert_eq!(Config::parse(&other.starter().unwrap(), "starter").unwrap(), other);
        for key in keys::SECTIONS.iter().flat_map(|(_, known)| known.iter().map(|(key, _)| key)) {
            assert!(text.contains(&format!("{key} =")), "{key} is missing from\n{text}");
        }
    }
}
