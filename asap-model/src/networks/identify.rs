//! Which network a checkpoint's keys belong to, for messages about one that does not fit.

use asap_tensor::Plan;

use super::{Discriminator, Generator, Vgg19};
use crate::Result;
use crate::checkpoint::Checkpoint;
use crate::config::{DataConfig, DiscriminatorConfig, GeneratorConfig};
use crate::nn::Blank;

/// A network that the program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A generator of this kind.
    Generator(&'static str),
    /// The discriminators.
    Discriminator,
    /// VGG19.
    Vgg19,
}

/// The network that most of a checkpoint's keys belong to, by their names alone: at least half of the network's keys, or
/// half of the file's.
pub fn identify(checkpoint: &Checkpoint) -> Result<Option<Known>> {
    let plan = Plan::new(1);
    let mut best = None;
    let mut consider = |known, expected: Vec<(String, Vec<usize>)>| {
        let count = checkpoint.count_keys(&expected);
        let is_likely = count > 0 && 2 * count >= expected.len().min(checkpoint.weights.len());
        if is_likely && best.is_none_or(|(most, _)| count > most) {
            best = Some((count, known));
        }
    };
    for (kind, _) in GeneratorConfig::KINDS {
        if let Some(config) = GeneratorConfig::of_kind(kind) {
            let generator = Generator::new(&plan, &config, &DataConfig::default(), &mut Blank)?;
            consider(Known::Generator(kind), generator.params.expected());
        }
    }
    let discriminator = Discriminator::new(&plan, &DiscriminatorConfig::default(), 1, &mut Blank)?;
    consider(Known::Discriminator, discriminator.params.expected());
    consider(Known::Vgg19, Vgg19::new(&plan, &mut Blank)?.expected());
    Ok(best.map(|(_, known)| known))
}
