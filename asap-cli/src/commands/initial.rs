//! `train --init`: the configuration of a checkpoint, and what of it was taken.

use asap_model::Config;
use asap_model::training::{Initial, NotTaken, Pretrained, Taken};
use serde_json::{Value, json};

use super::dataset::Given;
use super::{adjust, shown, usage};
use crate::args::Common;
use crate::output::Output;

/// Maximum number of tensors that are listed for each network.
const LISTED: usize = 300;

/// Keys of a checkpoint's configuration that a dataset doesn't change: fewer classes in it still fit the network.
const KEPT: [&str; 3] = ["data.input", "data.output", "data.classes"];

/// The configuration of a checkpoint, with every `--set` and `--seed` applied, not checked; and the keys that a dataset
/// doesn't change, those of `flags` among them.
pub fn configuration<'a>(
    pretrained: &Pretrained,
    common: &Common,
    flags: impl Iterator<Item = &'a str>,
) -> asap_model::Result<(Config, Given)> {
    let Some(mut config) = pretrained.config().cloned() else {
        let problem = format!(
            "{} has no embedded configuration (published checkpoints don't either): describe the network to train with \
             --config FILE or PRESET",
            pretrained.file().display()
        );
        return Err(usage("--init", problem));
    };
    adjust(&mut config, common)?;
    let given = Given::new(&config, common, flags.chain(KEPT), Vec::new());
    Ok((config, given))
}

/// Prints how much of each network was taken, and every tensor that was not.
pub fn report(initial: &Initial, output: &Output) {
    initial.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
    let networks = [("generator", &initial.generator), ("discriminators", &initial.discriminator)];
    for (name, taken) in networks {
        let Taken { file, count, total, left } = taken;
        let Some(file) = file else {
            output.say(format_args!("{name}: not in the checkpoint; all {total} tensors are new"));
            continue;
        };
        output.say(format_args!("{name}: {count} of {total} tensors from {}", file.display()));
        left.iter().take(LISTED).for_each(|left| output.say(format_args!("  {}", describe(left))));
        if left.len() > LISTED {
            output.say(format_args!("  and {} more", left.len() - LISTED));
        }
    }
    output.json(|| {
        let [generator, discriminator] = networks.map(|(_, taken)| object(taken));
        json!({ "event": "init", "generator": generator, "discriminator": discriminator, "warnings": initial.warnings })
    });
}

fn describe(NotTaken { key, checkpoint, network }: &NotTaken) -> String {
    match (checkpoint, network) {
        (Some(old), Some(new)) if old == new => format!("{key} {new:?}: new, as its layer's weight is"),
        (Some(old), Some(new)) => format!("{key}: new, {new:?}; the checkpoint's is {old:?}"),
        (None, Some(new)) => format!("{key} {new:?}: new; the checkpoint has none"),
        (Some(old), None) => format!("{key} {old:?}: not used; the network has none"),
        (None, None) => key.clone(),
    }
}

fn object(Taken { file, count, total, left }: &Taken) -> Value {
    let left: Vec<Value> = left
        .iter()
        .map(|left| json!({ "key": left.key, "checkpoint": left.checkpoint, "network": left.network }))
        .collect();
    json!({ "file": file.as_deref().map(shown), "taken": count, "tensors": total, "not_taken": left })
}
