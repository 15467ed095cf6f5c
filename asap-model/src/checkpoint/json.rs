//! Refuses a safetensors header with a repeated key: `serde_json` silently keeps the last one.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// A header whose objects, its strings and tensors, have distinct keys.
pub(super) type DistinctKeys = Distinct<Distinct<IgnoredAny>>;

/// An object with distinct keys; its values are checked as `V`.
pub(super) struct Distinct<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Distinct<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Distinct(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Distinct<V> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, _)) = map.next_entry::<String, V>()? {
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format!("the key {key:?} is repeated")));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(header: &str) -> Option<String> {
        serde_json::from_str::<DistinctKeys>(header).err().map(|error| error.to_string())
    }

    #[test]
    fn repeated_keys_are_refused() {
        assert_eq!(problem(r#"{"a": {"x": [{}]}, "b": {}, "__metadata__": {"a": "b"}}"#), None);
        for twice in [r#"{"a": {}, "b": {}, "a": {}}"#, r#"{"a": {}, "__metadata__": {"a": "x", "a": "y"}}"#] {
            let problem = problem(twice).expect("an error");
            assert!(problem.contains(r#"the key "a" is repeated"#), "{problem}");
        }
        assert!(problem("[1]").is_some() && problem("{").is_some());
    }
}
