//! Refusing a safetensors header with a key twice, of which `serde_json` silently keeps the last.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// The header's key for strings.
pub(super) const RESERVED: &str = "__metadata__";

/// A header whose tensors have different keys, and its strings too.
pub(super) struct DistinctKeys;

impl<'de> Deserialize<'de> for DistinctKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object { header: true })?;
        Ok(DistinctKeys)
    }
}

/// The strings of a header.
struct Strings;

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object { header: false })?;
        Ok(Strings)
    }
}

struct Object {
    header: bool,
}

impl<'de> Visitor<'de> for Object {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.header && key == RESERVED {
                map.next_value::<Strings>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format!("the key {key:?} is there twice")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(header: &str) -> Option<String> {
        serde_json::from_str::<DistinctKeys>(header).err().map(|error| error.to_string())
    }

    #[test]
    fn a_key_twice_is_named() {
        assert_eq!(problem(r#"{"a": [{}], "b": {}, "__metadata__": {"a": "b"}}"#), None);
        for twice in [r#"{"a": 1, "b": 2, "a": 3}"#, r#"{"a": 1, "__metadata__": {"a": "x", "a": "y"}}"#] {
            let problem = problem(twice).expect("an error");
            assert!(problem.contains(r#"the key "a" is there twice"#), "{problem}");
        }
        assert!(problem("[1]").is_some() && problem("{").is_some());
    }
}
