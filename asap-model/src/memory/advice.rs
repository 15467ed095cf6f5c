//! What to lower where memory is short, and what it would bring.

use super::training;
use crate::Result;
use crate::config::{Config, Layout, Resize, TrainConfig};

/// A change that brings less than this part of the whole is not worth its cost in quality.
const WORTHWHILE: u64 = 10;

/// One change of a configuration, and what training would take with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The change as `--set` takes it: `train.batch=2`.
    pub assignment: String,
    /// All bytes that training would take with it.
    pub total: u64,
}

/// Changes of one key each, by which training with that many threads takes less. Batch and picture are halved until
/// `available` bytes are enough or they can't be halved again, widths are halved once, VGG19's loss is left out.
pub fn advice(config: &Config, threads: usize, available: u64) -> Result<Vec<Advice>> {
    let now = training(config, threads)?.total();
    let mut advice = Vec::new();
    for lower in [batch, size, generator_width, discriminator_width, perceptual] {
        let mut config = config.clone();
        let mut best: Option<Advice> = None;
        while let Some((assignment, again)) = lower(&mut config) {
            // A network that the smaller picture is too small for ends the search.
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

/// A change as `--set` takes it, and whether it can be made again; `None` where there is nothing to lower.
type Lowered = Option<(String, bool)>;

fn batch(config: &mut Config) -> Lowered {
    let TrainConfig { batch, .. } = &mut config.train;
    *batch = Some(*batch / 2).filter(|half| *half > 0)?;
    Some((format!("train.batch={batch}"), true))
}

fn size(config: &mut Config) -> Lowered {
    // Pictures that are not resized have the size they have; only made ones follow the configuration.
    if config.data.resize == Resize::None && config.data.layout != Layout::Synthetic {
        return None;
    }
    let (multiple, least) = (config.generator.multiple(), config.generator.min_side());
    let half = config.data.size.map(|side| (side / 2 / multiple * multiple).max(least));
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
    let width = &mut config.discriminator.max_width;
    *width = Some(*width / 2).filter(|half| *half > 0)?;
    Some((format!("discriminator.max_width={width}"), false))
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
    fn each_key_is_lowered_until_memory_is_enough_and_the_total_is_that_of_the_changed_configuration() {
        let mut config = Config::preset("quickstart").unwrap();
        config.train.batch = 64;
        let available = training(&config, 1).unwrap().total() / 3;
        let advice = advice(&config, 1, available).unwrap();
        let keys: Vec<&str> = advice.iter().filter_map(|a| a.assignment.split('=').next()).collect();
        assert_eq!(keys, ["train.batch", "data.size"], "widths bring little where pictures are many: {advice:?}");
        for Advice { assignment, total } in &advice {
            let mut config = config.clone();
            config.set(assignment).unwrap();
            config.validate().unwrap();
            assert_eq!(training(&config, 1).unwrap().total(), *total, "{assignment}");
        }
        assert!(advice.iter().all(|advice| advice.total <= available), "{advice:?}");
    }

    #[test]
    fn wide_networks_are_made_narrower_and_a_loss_is_left_out_only_where_it_has_a_weight() {
        let assignments = |preset: &str| -> Vec<String> {
            let config = Config::preset(preset).unwrap();
            advice(&config, 1, 0).unwrap().into_iter().map(|advice| advice.assignment).collect()
        };
        // A batch of one picture can't be halved.
        assert!(assignments("facades-256").contains(&"generator.max_width=512".into()));
        assert!(assignments("cityscapes-512").contains(&"loss.lambda_vgg=0".into()));
        for assignment in [assignments("facades-256"), assignments("quickstart")].concat() {
            assert!(!assignment.starts_with("train.batch"), "{assignment}");
        }
        assert!(!assignments("quickstart").contains(&"loss.lambda_vgg=0".into()));
    }
}
