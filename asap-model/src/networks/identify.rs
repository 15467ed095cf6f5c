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

/// The network that a checkpoint's keys belong to, by their names alone: the generator that has most of them, or else the
/// discriminators or VGG19. At least a third of the network's keys, or of the file's, must be the same.
pub fn identify(checkpoint: &Checkpoint) -> Result<Option<Known>> {
    let plan = Plan::new(1);
    let count = |expected: Vec<(String, Vec<usize>)>| {
        let count = checkpoint.count_keys(&expected);
        if 3 * count >= expected.len().min(checkpoint.weights.len()) { count } else { 0 }
    };
    let mut best = (0, None);
    for (kind, _) in GeneratorConfig::KINDS {
        if let Some(config) = GeneratorConfig::of_kind(kind) {
            let generator = Generator::new(&plan, &config, &DataConfig::default(), &mut Blank)?;
            let count = count(generator.params.expected());
            if count > best.0 {
                best = (count, Some(Known::Generator(kind)));
            }
        }
    }
    if best.1.is_some() {
        return Ok(best.1);
    }
    for config in DiscriminatorConfig::kinds() {
        let discriminator = Discriminator::new(&plan, &config, &DataConfig::default(), &mut Blank)?;
        if count(discriminator.params.expected()) > 0 {
            return Ok(Some(Known::Discriminator));
        }
    }
    Ok((count(Vgg19::new(&plan, &mut Blank)?.expected()) > 0).then_some(Known::Vgg19))
}
