//! Changes to a configuration that reduce memory.

use super::training;
use crate::Result;
use crate::config::{Config, Layout, Resize, TrainConfig};

/// Savings below one in this many bytes aren't worth their cost in quality.
const WORTHWHILE: u64 = 10;

/// One change to a configuration, and the memory of training with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The change, as `--set` accepts it: `train.batch=2`.
    pub assignment: String,
    /// Total bytes of training with it.
    pub total: u64,
}

/// Changes of one key each that reduce the memory of training with that many threads. Batch and image size are halved
/// until `available` bytes are enough or they can't be halved again, widths are halved once, VGG19's loss is left out.
pub fn advice(config: &Config, threads: usize, available: u64) -> Result<Vec<Advice>> {
    let now = training(config, threads)?.total();
    let mut advice = Vec::new();
    for lower in [batch, size, generator_width, discriminator_width, perceptual] {
        let mut config = config.clone();
        let mut best: Option<Advice> = None;
        while let Some((assignment, again)) = lower(&mut config) {
            // The search ends when the image is too small for a network.
            let Ok(plan) = training(&config, threads) else { break };
            best = Some(Advice { assignment, total: plan.total() });
            if plan.total() <= available || !again {
                break;
            }
        }
        advice.extend(best.filter(|best| best.total <= available || best.total < now - now / WORTHWHILE));
    }
    Ok(advice)
}

/// A change, as `--set` accepts it, and whether it can be repeated; `None` if there is nothing to lower.
type Lowered = Option<(String, bool)>;

fn batch(config: &mut Config) -> Lowered {
    let TrainConfig { batch, .. } = &mut config.train;
    *batch = Some(*batch / 2).filter(|half| *half > 0)?;
    Some((format!("train.batch={batch}"), true))
}

fn size(config: &mut Config) -> Lowered {
    // Without resizing, only synthetic images follow the configured size.
    if config.data.resize == Resize::None && config.data.layout != Layout::Synthetic {
        return None;
    }
    let (multiple, min) = (config.size_multiple(), config.generator.min_side());
    let half = config.data.size.map(|side| (side / 2 / multiple * multiple).max(min.next_multiple_of(multiple)));
    if half == config.data.size {
        return None;
    }
    config.data.size = half;
    Some((format!("data.size=[{},{}]", half[0], half[1]), true))
}

fn generator_width(config: &mut Config) -> Lowered {
    let assignment = match config.get("generator.width_factor").and_then(|factor| factor.as_float()) {
        Some(factor) => format!("generator.width_factor={}", factor / 2.0),
        None => format!("generator.max_width={}", config.generator.asap()?.max_width / 2),
    };
    config.set(&assignment).ok()?;
    Some((assignment, false))
}

fn discriminator_width(config: &mut Config) -> Lowered {
    let width = config.get("discriminator.max_width")?.as_integer()?;
    let assignment = format!("discriminator.max_width={}", width / 2);
    config.set(&assignment).ok()?;
    Some((assignment, false))
}

fn perceptual(config: &mut Config) -> Lowered {
    if config.loss.lambda_vgg == 0.0 {
        return None;
    }
    config.loss.lambda_vgg = 0.0;
    Some(("loss.lambda_vgg=0".into(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_lowers_keys_until_memory_is_enough() {
        let mut config = Config::preset("quickstart").unwrap();
        config.train.batch = 64;
        let available = training(&config, 1).unwrap().total() / 3;
        let advice = advice(&config, 1, available).unwrap();
        let keys: Vec<&str> = advice.iter().filter_map(|a| a.assignment.split('=').next()).collect();
        assert_eq!(keys, ["train.batch", "data.size"], "with many images widths save little: {advice:?}");
        for Advice { assignment, total } in &advice {
            let mut config = config.clone();
            config.set(assignment).unwrap();
            config.validate().unwrap();
            assert_eq!(training(&config, 1).unwrap().total(), *total, "{assignment}");
        }
        assert!(advice.iter().all(|advice| advice.total <= available), "{advice:?}");
    }

    #[test]
    fn advice_depends_on_the_configuration() {
        let assignments = |preset: &str, changes: &[&str]| -> Vec<String> {
            let mut config = Config::preset(preset).unwrap();
            changes.iter().for_each(|change| config.set(change).unwrap());
            advice(&config, 1, 0).unwrap().into_iter().map(|advice| advice.assignment).collect()
        };
        let (wide, narrow) = (assignments("facades-256", &[]), assignments("facades-256", &["generator.max_width=64"]));
        assert!(wide.contains(&"generator.max_width=512".into()), "{wide:?}");
        // VGG19 is a large part of the memory only beside a small generator.
        assert!(narrow.contains(&"loss.lambda_vgg=0".into()), "{narrow:?}");
        let quickstart = assignments("quickstart", &[]);
        assert!(!quickstart.contains(&"loss.lambda_vgg=0".into()), "the loss has no weight");
        // A batch of one image can't be halved.
        for assignment in [wide, quickstart].concat() {
            assert!(!assignment.starts_with("train.batch"), "{assignment}");
        }
    }
}
