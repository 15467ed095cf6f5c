//! Sections whose key `kind` decides which other keys they have.

use toml::Value as Toml;

use super::schema::{Key, Section, either};

/// A section with several kinds, each of which has keys of its own.
pub(super) trait Kinds: Sized {
    /// The section's name.
    const SECTION: &'static str;
    /// The help of the key `kind`.
    const HELP: &'static [&'static str];
    /// Name and description of every kind; the first is the default.
    const NAMES: &'static [(&'static str, &'static str)];

    /// The section of that kind with its defaults.
    fn named(name: &str) -> Option<Self>;

    /// The name of its kind.
    fn name(&self) -> &'static str;

    /// The keys of its kind.
    fn own(&self) -> &dyn Section;

    /// The keys of its kind, to change.
    fn own_mut(&mut self) -> &mut dyn Section;

    /// Every kind with its defaults.
    fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().filter_map(|(name, _)| Self::named(name))
    }

    /// The names of the kinds that have a key.
    fn with_key(key: &str) -> Vec<&'static str> {
        let has = |kind: &Self| kind.own().keys().iter().any(|own| own.name == key);
        Self::all().filter(has).map(|kind| kind.name()).collect()
    }
}

impl<K: Kinds> Section for K {
    fn keys(&self) -> Vec<Key> {
        let values = [K::NAMES[0].0, self.name()].map(str::to_owned);
        let mut kind = Key::new([K::SECTION, "kind"], K::HELP, None, values.each_ref(), None);
        kind.expected = either(&K::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        std::iter::once(kind).chain(self.own().keys()).collect()
    }

    /// Another kind keeps the values of keys that both kinds have, where they are not the defaults.
    fn set(&mut self, name: &str, value: Option<&Toml>) -> bool {
        if name != "kind" {
            return self.own_mut().set(name, value);
        }
        let kind = value.map_or(Some(K::NAMES[0].0), Toml::as_str);
        let Some(mut other) = kind.and_then(K::named) else { return false };
        if other.name() != self.name() {
            for key in self.own().keys().iter().filter(|key| key.value.is_some() && key.value != key.default) {
                other.own_mut().set(key.name, key.value.as_ref());
            }
            *self = other;
        }
        true
    }
}
