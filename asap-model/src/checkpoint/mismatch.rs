//! Tensors that a network needs and a checkpoint lacks, or the reverse.

use std::fmt;

use super::{Weights, shown};

/// The maximum number of tensors of one kind in a message: more than any network here has.
const LISTED: usize = 300;

/// How a checkpoint's tensors differ from a network's: each with its shape, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// The network has them, the checkpoint doesn't.
    pub missing: Vec<String>,
    /// The checkpoint has them, the network doesn't.
    pub unexpected: Vec<String>,
    /// Both have them, with different shapes.
    pub misshapen: Vec<String>,
}

impl Mismatch {
    /// Compares tensors with those expected, by key and shape; `None` if they are the same.
    pub(super) fn find(weights: &Weights, expected: &[(String, Vec<usize>)]) -> Option<Self> {
        let mut found = Mismatch::default();
        for (key, shape) in expected {
            match weights.get(key) {
                None => found.missing.push(format!("{key} {}", sizes(shape))),
                Some(tensor) if tensor.shape != *shape => {
                    found.misshapen.push(format!("{key} is {}, not {}", sizes(&tensor.shape), sizes(shape)));
                }
                Some(_) => {}
            }
        }
        let extra = weights.iter().filter(|(key, _)| !expected.iter().any(|(other, _)| other == *key));
        found.unexpected = extra.map(|(key, tensor)| format!("{} {}", shown(key), sizes(&tensor.shape))).collect();
        (!found.is_empty()).then_some(found)
    }

    fn is_empty(&self) -> bool {
        [&self.missing, &self.unexpected, &self.misshapen].iter().all(|list| list.is_empty())
    }
}

/// The lists, of at most 300 tensors each.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |(what, keys): (&str, &[String])| {
            let more = keys.len().saturating_sub(LISTED);
            let end = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            format!("{} {what}:\n  {}{end}", keys.len(), keys[..keys.len() - more].join("\n  "))
        };
        let Mismatch { missing, unexpected, misshapen } = self;
        let lists = [("missing", &missing[..]), ("not expected", unexpected), ("of another shape", misshapen)];
        let lists: Vec<String> = lists.into_iter().filter(|(_, keys)| !keys.is_empty()).map(list).collect();
        f.write_str(&lists.join("\n"))
    }
}

/// A shape in parentheses.
pub(super) fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}
