//! Random numbers of a forward pass.

use asap_tensor::random::stream;
use rand::Rng;

/// What the random streams of a forward pass are named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    /// The run's seed.
    pub seed: u64,
    /// The network that the pass trains, the step from 1 and, of discriminators, the update in it.
    pub pass: String,
}

impl Random {
    /// The streams of a pass of that name.
    pub fn new(seed: u64, pass: impl Into<String>) -> Self {
        Random { seed, pass: pass.into() }
    }

    /// The name of the stream of a use, such as dropout, and of a layer or an image in it.
    pub fn name(&self, usage: &str, part: &str) -> String {
        let Random { pass, .. } = self;
        if part.is_empty() { format!("{usage}.{pass}") } else { format!("{usage}.{pass}.{part}") }
    }

    /// The stream of a use, and of a part of it.
    pub fn stream(&self, usage: &str, part: &str) -> impl Rng + use<> {
        stream(self.seed, &self.name(usage, part))
    }
}
