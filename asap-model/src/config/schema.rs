//! What a configuration key is: a field with a type, a default, a range and a doc comment.
//!
//! `section!` and `choices!` derive everything else from it: defaults, help texts, range checks, reading, writing.

use std::fmt::Display;
use std::ops::{Range, RangeFrom, RangeInclusive};
use std::path::PathBuf;

use toml::Value as Toml;

/// A key whose value can't be used, and why.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The key with its section: `train.batch`.
    pub path: String,
    /// The whole message.
    pub problem: String,
}

impl Fault {
    pub(super) fn new(path: &str, problem: impl Into<String>) -> Self {
        Fault { path: path.into(), problem: problem.into() }
    }
}

/// One key of a configuration.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its section.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    /// The lines of its doc comment.
    pub(super) docs: &'static [&'static str],
    /// Its default, if it has one.
    pub default: Option<Toml>,
    /// Type and range in words: "a whole number from 1 to 4096".
    pub expected: String,
}

impl Key {
    /// The key with its section: `train.batch`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// What the key means: the first paragraph of its doc comment.
    pub fn help(&self) -> String {
        let lines: Vec<&str> = self.docs.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
        lines.join(" ").trim_end_matches('.').replace('`', "")
    }

    /// Why `value` can't be the key's.
    pub(super) fn refuse(&self, value: &Toml) -> Fault {
        let path = self.path();
        Fault { problem: format!("{path} = {value}: expected {}", self.expected), path }
    }
}

/// The keys of one section, with their values.
pub trait Section {
    /// Every key, in the order of a configuration file.
    fn keys(&self) -> Vec<Key>;
    /// The value of a key; `None` if it is not set or there is no such key.
    fn get(&self, name: &str) -> Option<Toml>;
    /// Sets a key, to its default without a value. False, and no change, if the value is not what the key expects.
    fn set(&mut self, name: &str, value: Option<&Toml>) -> bool;
    /// The first key whose value is out of range.
    fn out_of_range(&self) -> Option<&'static str>;

    /// Checks the range of every value.
    fn check_ranges(&self) -> Result<(), Fault> {
        let Some(name) = self.out_of_range() else { return Ok(()) };
        let key = self.keys().into_iter().find(|key| key.name == name);
        key.map_or(Ok(()), |key| Err(key.refuse(&self.get(name).unwrap_or_else(|| Toml::String(String::new())))))
    }
}

/// The type of a key's value.
pub trait Value: Sized {
    /// What a range applies to.
    type Number: Copy;
    /// The type in words: "a whole number".
    fn expected() -> String;
    /// Reads TOML; `None` for another type.
    fn from_toml(value: &Toml) -> Option<Self>;
    /// Writes TOML; `None` for an optional key that is not set.
    fn to_toml(&self) -> Option<Toml>;
    /// The numbers that must be in range.
    fn numbers(&self) -> Vec<Self::Number> {
        Vec::new()
    }
    /// Whether TOML can hold the value.
    fn is_writable(&self) -> bool {
        true
    }
}

macro_rules! whole_numbers {
    ($($ty:ty),*) => { $(impl Value for $ty {
        type Number = $ty;
        fn expected() -> String {
            "a whole number".into()
        }
        fn from_toml(value: &Toml) -> Option<Self> {
            value.as_integer()?.try_into().ok()
        }
        fn to_toml(&self) -> Option<Toml> {
            Some(Toml::Integer(i64::try_from(*self).unwrap_or(i64::MAX)))
        }
        fn numbers(&self) -> Vec<$ty> {
            vec![*self]
        }
        fn is_writable(&self) -> bool {
            i64::try_from(*self).is_ok()
        }
    })* };
}
whole_numbers!(usize, u32, u64);

impl Value for f64 {
    type Number = f64;
    fn expected() -> String {
        "a number".into()
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
    }
    fn to_toml(&self) -> Option<Toml> {
        Some(Toml::Float(*self))
    }
    fn numbers(&self) -> Vec<f64> {
        vec![*self]
    }
}

impl Value for bool {
    type Number = bool;
    fn expected() -> String {
        "true or false".into()
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        value.as_bool()
    }
    fn to_toml(&self) -> Option<Toml> {
        Some(Toml::Boolean(*self))
    }
}

impl Value for PathBuf {
    type Number = bool;
    fn expected() -> String {
        "a path, in Unicode".into()
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        value.as_str().map(PathBuf::from)
    }
    fn to_toml(&self) -> Option<Toml> {
        Some(Toml::String(self.to_string_lossy().into_owned()))
    }
    fn is_writable(&self) -> bool {
        self.to_str().is_some()
    }
}

/// Height and width in pixels; one number means a square.
impl Value for [usize; 2] {
    type Number = usize;
    fn expected() -> String {
        "[height, width], or one number for a square, with sides".into()
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        let side = |value: &Toml| usize::from_toml(value);
        match value.as_array().map(Vec::as_slice) {
            Some([height, width]) => Some([side(height)?, side(width)?]),
            Some(_) => None,
            None => side(value).map(|side| [side; 2]),
        }
    }
    fn to_toml(&self) -> Option<Toml> {
        Some(Toml::Array(self.iter().filter_map(Value::to_toml).collect()))
    }
    fn numbers(&self) -> Vec<usize> {
        self.to_vec()
    }
}

impl<T: Value> Value for Option<T> {
    type Number = T::Number;
    fn expected() -> String {
        T::expected()
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        T::from_toml(value).map(Some)
    }
    fn to_toml(&self) -> Option<Toml> {
        self.as_ref()?.to_toml()
    }
    fn numbers(&self) -> Vec<T::Number> {
        self.as_ref().map(Value::numbers).unwrap_or_default()
    }
    fn is_writable(&self) -> bool {
        self.as_ref().is_none_or(Value::is_writable)
    }
}

/// Which numbers a key takes.
pub trait Allowed<N> {
    /// Whether this is one of them.
    fn allows(&self, number: N) -> bool;
    /// Type and range in words.
    fn describe(&self, what: &str) -> String;
}

impl<N: PartialOrd + Display> Allowed<N> for RangeInclusive<N> {
    fn allows(&self, number: N) -> bool {
        self.contains(&number)
    }
    fn describe(&self, what: &str) -> String {
        format!("{what} from {} to {}", self.start(), self.end())
    }
}

impl<N: PartialOrd + Display> Allowed<N> for Range<N> {
    fn allows(&self, number: N) -> bool {
        self.contains(&number)
    }
    fn describe(&self, what: &str) -> String {
        format!("{what} of at least {} and below {}", self.start, self.end)
    }
}

impl<N: PartialOrd + Display> Allowed<N> for RangeFrom<N> {
    fn allows(&self, number: N) -> bool {
        self.contains(&number)
    }
    fn describe(&self, what: &str) -> String {
        format!("{what} of at least {}", self.start)
    }
}

/// Powers of two in a range.
pub(super) struct PowerOfTwo(pub RangeInclusive<usize>);

impl Allowed<usize> for PowerOfTwo {
    fn allows(&self, number: usize) -> bool {
        number.is_power_of_two() && self.0.contains(&number)
    }
    fn describe(&self, _: &str) -> String {
        self.0.describe("a power of two")
    }
}

/// Finite numbers above 0, up to a maximum.
pub(super) struct Positive(pub f64);

/// Finite numbers above 0.
pub(super) const POSITIVE: Positive = Positive(f64::MAX);

impl Allowed<f64> for Positive {
    fn allows(&self, number: f64) -> bool {
        number > 0.0 && number <= self.0
    }
    fn describe(&self, what: &str) -> String {
        match self.0 {
            f64::MAX => format!("{what} above 0 and finite"),
            max => format!("{what} above 0 and at most {max}"),
        }
    }
}

/// Channels of a layer. The weights of a wider layer fit no memory.
pub(super) const WIDTHS: RangeInclusive<usize> = 1..=8192;

pub(super) fn in_range<V: Value>(value: &V, allowed: &impl Allowed<V::Number>) -> bool {
    value.numbers().into_iter().all(|number| allowed.allows(number))
}

pub(super) fn describe<V: Value>(allowed: &impl Allowed<V::Number>) -> String {
    allowed.describe(&V::expected())
}

/// "a, b or c".
pub(super) fn either(names: &[&str]) -> String {
    match names {
        [first @ .., before, last] => {
            first.iter().map(|name| format!("{name}, ")).collect::<String>() + before + " or " + last
        }
        names => names.concat(),
    }
}

/// Defines a section: each field is a key, `/// help  name: type = default, in range;`. The first paragraph of the doc
/// comment is the help text.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident in $section:literal {
            $($(#[doc = $doc:literal])* $field:ident: $ty:ty = $default:expr $(, in $range:expr)?;)*
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
                use $crate::config::schema::Value;
                let default = Self::default();
                vec![$({
                    #[allow(unused_mut, unused_assignments, reason = "only a key with a range replaces it")]
                    let mut expected = <$ty as Value>::expected();
                    $(expected = $crate::config::schema::describe::<$ty>(&$range);)?
                    $crate::config::schema::Key {
                        section: $section,
                        name: stringify!($field),
                        docs: &[$($doc),*],
                        default: default.$field.to_toml(),
                        expected,
                    }
                },)*]
            }

            fn get(&self, name: &str) -> Option<toml::Value> {
                match name {
                    $(stringify!($field) => $crate::config::schema::Value::to_toml(&self.$field),)*
                    _ => None,
                }
            }

            fn set(&mut self, name: &str, value: Option<&toml::Value>) -> bool {
                match name {
                    $(stringify!($field) => {
                        let read = match value {
                            Some(value) => <$ty as $crate::config::schema::Value>::from_toml(value),
                            None => Some($default),
                        };
                        $(let read = read.filter(|read| $crate::config::schema::in_range::<$ty>(read, &$range));)?
                        read.map(|read| self.$field = read).is_some()
                    })*
                    _ => false,
                }
            }

            fn out_of_range(&self) -> Option<&'static str> {
                $(
                    let writable = $crate::config::schema::Value::is_writable(&self.$field);
                    if !(writable $(&& $crate::config::schema::in_range::<$ty>(&self.$field, &$range))?) {
                        return Some(stringify!($field));
                    }
                )*
                None
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
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// The name in a configuration.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl $crate::config::schema::Value for $name {
            type Number = bool;
            fn expected() -> String {
                $crate::config::schema::either(&[$($text),*])
            }
            fn from_toml(value: &toml::Value) -> Option<Self> {
                match value.as_str()? {
                    $($text => Some($name::$variant),)*
                    _ => None,
                }
            }
            fn to_toml(&self) -> Option<toml::Value> {
                Some(toml::Value::String(self.name().into()))
            }
        }
    };
}
pub(crate) use choices;
