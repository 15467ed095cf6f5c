//! What a configuration key is: a field with a type, a default, a range and a doc comment.
//!
//! `section!` and `choices!` derive the rest: help texts, range checks, reading and writing. Serde converts the values.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Bound, RangeBounds, RangeInclusive};
use std::path::{Path, PathBuf};
use std::slice;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value as Toml};

use super::home::expand_home;

/// A key whose value can't be used.
#[derive(Clone, Debug)]
pub struct KeyError {
    /// The key with its section: `train.batch`.
    pub key: String,
    /// The whole message.
    pub message: String,
}

/// One key of a configuration.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its section.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    docs: &'static [&'static str],
    /// The published code's option with the same values, if there is one.
    pub(super) published: Option<&'static str>,
    /// Its default, if it has one.
    pub default: Option<Toml>,
    /// Its value, if it is set.
    pub value: Option<Toml>,
    /// Type and range in words: "a whole number from 1 to 4096".
    pub expected: String,
    is_valid: bool,
}

impl Key {
    pub(super) fn new<V: Value>(
        [section, name]: [&'static str; 2],
        docs: &'static [&'static str],
        published: Option<&'static str>,
        [default, value]: [&V; 2],
        range: Option<&dyn Range<V::Item>>,
    ) -> Key {
        let expected = range.map_or_else(V::expected, |range| range.describe(&V::expected()));
        let (default, written) = (to_toml(default).unwrap_or_default(), to_toml(value));
        let is_valid = written.is_ok() && is_in(range, value);
        Key { section, name, docs, published, default, value: written.unwrap_or_default(), expected, is_valid }
    }

    /// The key with its section: `train.batch`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The help text: the first paragraph of the doc comment.
    pub fn help(&self) -> String {
        let lines: Vec<&str> = self.docs.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
        lines.join(" ").trim_end_matches('.').replace('`', "")
    }

    pub(super) fn error(&self, value: Option<&Toml>, problem: &str) -> KeyError {
        let value = value.map_or_else(String::new, |value| format!(" = {value}"));
        KeyError { key: self.path(), message: format!("{}{value}: {problem}", self.path()) }
    }
}

/// The keys of one section, with their values.
pub trait Section {
    /// Every key, in the order of a configuration file.
    fn keys(&self) -> Vec<Key>;

    /// Sets a key, to its default without a value. False, and no change, if the value is not what the key expects.
    fn set(&mut self, name: &str, value: Option<&Toml>) -> bool;

    /// Checks the range of every value.
    fn check_ranges(&self) -> Result<(), KeyError> {
        let wrong = self.keys().into_iter().find(|key| !key.is_valid);
        wrong.map_or(Ok(()), |key| Err(key.error(key.value.as_ref(), &format!("expected {}", key.expected))))
    }

    /// The error of a key whose value does not agree with others.
    fn conflict(&self, name: &str, problem: &str) -> KeyError {
        match self.keys().into_iter().find(|key| key.name == name) {
            Some(key) => key.error(key.value.as_ref(), problem),
            None => KeyError { key: name.into(), message: problem.into() },
        }
    }
}

/// The type of a key's value.
pub trait Value: Serialize + DeserializeOwned {
    /// What a range applies to.
    type Item;
    /// The type in words: "a whole number".
    fn expected() -> String;
    /// The parts that must be in range.
    fn items(&self) -> &[Self::Item];
    /// Reads TOML; `None` for another type.
    fn from_toml(value: &Toml) -> Option<Self> {
        value.clone().try_into().ok()
    }
}

macro_rules! values {
    ($($ty:ty: $expected:literal),*) => { $(impl Value for $ty {
        type Item = $ty;
        fn expected() -> String {
            $expected.into()
        }
        fn items(&self) -> &[$ty] {
            slice::from_ref(self)
        }
    })* };
}
values! {
    usize: "a whole number", u32: "a whole number", u64: "a whole number", f64: "a number", bool: "true or false",
    String: "a string"
}

impl Value for PathBuf {
    type Item = PathBuf;
    fn expected() -> String {
        "a path in Unicode; ~/ is the home folder, ./~ a name".into()
    }
    fn items(&self) -> &[PathBuf] {
        slice::from_ref(self)
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        expand_home(Path::new(value.as_str()?)).ok()
    }
}

/// Height and width in pixels; one number means a square.
impl Value for [usize; 2] {
    type Item = usize;
    fn expected() -> String {
        "[height, width], or one number for a square, with sides".into()
    }
    fn items(&self) -> &[usize] {
        self
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        if value.is_integer() { usize::from_toml(value).map(|side| [side; 2]) } else { value.clone().try_into().ok() }
    }
}

impl<T: Value> Value for Option<T> {
    type Item = T::Item;
    fn expected() -> String {
        T::expected()
    }
    fn items(&self) -> &[T::Item] {
        self.as_ref().map_or(&[], Value::items)
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        T::from_toml(value).map(Some)
    }
}

/// `None` for an optional value that is not set; an error for what TOML can't represent, as a path that is not Unicode.
fn to_toml<V: Value>(value: &V) -> Result<Option<Toml>, toml::ser::Error> {
    // In a table, unlike alone, `None` is left out.
    Ok(Table::try_from(BTreeMap::from([("value", value)]))?.remove("value"))
}

/// The values that a key takes.
pub trait Range<N> {
    /// Whether this is one of them.
    fn has(&self, item: &N) -> bool;
    /// Type and range in words.
    fn describe(&self, what: &str) -> String;
}

impl<N: PartialOrd + Display, R: RangeBounds<N>> Range<N> for R {
    fn has(&self, item: &N) -> bool {
        self.contains(item)
    }
    fn describe(&self, what: &str) -> String {
        if let (Bound::Included(min), Bound::Included(max)) = (self.start_bound(), self.end_bound()) {
            return format!("{what} from {min} to {max}");
        }
        let min = match self.start_bound() {
            Bound::Included(min) => format!(" of at least {min}"),
            Bound::Excluded(min) => format!(" above {min}"),
            Bound::Unbounded => String::new(),
        };
        let max = match self.end_bound() {
            Bound::Included(max) => format!(" and at most {max}"),
            Bound::Excluded(max) => format!(" and below {max}"),
            Bound::Unbounded => String::new(),
        };
        format!("{what}{min}{max}").replace("below inf", "finite")
    }
}

/// Powers of two in a range.
pub(super) struct PowerOfTwo(pub RangeInclusive<usize>);

impl Range<usize> for PowerOfTwo {
    fn has(&self, item: &usize) -> bool {
        item.is_power_of_two() && self.0.contains(item)
    }
    fn describe(&self, _: &str) -> String {
        self.0.describe("a power of two")
    }
}

/// Finite numbers above 0.
pub(super) const POSITIVE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Excluded(f64::INFINITY));

/// Channels of a layer. The weights of a wider layer fit no memory.
pub(super) const WIDTHS: RangeInclusive<usize> = 1..=8192;

fn is_in<V: Value>(range: Option<&dyn Range<V::Item>>, value: &V) -> bool {
    range.is_none_or(|range| value.items().iter().all(|item| range.has(item)))
}

/// Sets a field. False, and no change, for a value of another type or out of range.
pub(super) fn assign<V: Value>(field: &mut V, value: &Toml, range: Option<&dyn Range<V::Item>>) -> bool {
    V::from_toml(value).filter(|value| is_in(range, value)).map(|value| *field = value).is_some()
}

/// "a, b or c".
pub(crate) fn either(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        names => names.concat(),
    }
}

/// At most one of something in a macro, as an option.
macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}
pub(crate) use optional;

/// Defines a section: each field is a key, `/// help  name: type = default, in range, published "option";`. The first
/// paragraph of the doc comment is the help text; range and published option may be missing.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident in $section:literal {
            $(
                $(#[doc = $doc:literal])*
                $field:ident: $ty:ty = $default:expr $(, in $range:expr)? $(, published $published:literal)?;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $default,)* }
            }
        }

        impl $crate::config::schema::Section for $name {
            fn keys(&self) -> Vec<$crate::config::schema::Key> {
                use $crate::config::schema::optional;
                let default = Self::default();
                vec![$($crate::config::schema::Key::new::<$ty>(
                    [$section, stringify!($field)],
                    &[$($doc),*],
                    optional!($($published)?),
                    [&default.$field, &self.$field],
                    optional!($(&$range)?),
                ),)*]
            }

            fn set(&mut self, name: &str, value: Option<&toml::Value>) -> bool {
                use $crate::config::schema::{assign, optional};
                match (name, value) {
                    $(
                        (stringify!($field), None) => self.$field = $default,
                        (stringify!($field), Some(value)) => {
                            return assign::<$ty>(&mut self.$field, value, optional!($(&$range)?));
                        }
                    )*
                    _ => return false,
                }
                true
            }
        }
    };
}
pub(crate) use section;

/// Defines the values of a key that takes one of several names.
macro_rules! choices {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[doc = $doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// The name in a configuration.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl $crate::config::schema::Value for $name {
            type Item = $name;
            fn expected() -> String {
                $crate::config::schema::either(&[$($text),*])
            }
            fn items(&self) -> &[$name] {
                std::slice::from_ref(self)
            }
        }
    };
}
pub(crate) use choices;
