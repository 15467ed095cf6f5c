//! Whether what is asked for fits into memory, said before it begins.

use asap_model::Result;
use asap_model::config::Config;
use asap_model::memory::{self, MemoryPlan};
use serde_json::{Value, json};

use crate::args::Common;
use crate::commands::usage;
use crate::device::{is_cpu, threads};
use crate::machine::{Memory, bytes, memory};
use crate::output::Output;

/// The share of what is available from which on a run is warned.
const NEAR: f64 = 0.8;

/// Refuses training that takes more memory than there is, naming what to lower; warns where it comes near.
pub fn check_training(config: &Config, common: &Common, output: &Output) -> Result<()> {
    if !is_planned(common) {
        return Ok(());
    }
    // A loss that can't be computed is the nearer fault.
    config.check_losses()?;
    let planned = memory::training(config, threads(common))?.total();
    let available = memory();
    if planned > available.available && !common.ignore_memory {
        let lower = memory::advice(config, threads(common), available.available)?;
        let lower: Vec<String> =
            lower.iter().map(|advice| format!("--set {} ({})", advice.assignment, bytes(advice.total))).collect();
        let lower = if lower.is_empty() { String::new() } else { format!("; lower it by {}", lower.join(", or ")) };
        let problem = format!("training takes {}, {}{lower}; {IGNORE}", bytes(planned), there_is(&available));
        return Err(usage("memory", problem));
    }
    if planned as f64 > NEAR * available.available as f64 {
        output.say(format_args!(
            "warning: training takes {} of memory, {}; `asap profile` tells what for",
            bytes(planned),
            there_is(&available)
        ));
    }
    Ok(())
}

/// Refuses what is to be timed, of that plan, if it takes more memory than there is; else tells how much it takes.
pub fn check_timing(preset: &str, plan: &MemoryPlan, lower: &str, common: &Common) -> Result<u64> {
    let (planned, available) = (plan.total(), memory());
    if !is_planned(common) || common.ignore_memory || planned <= available.available {
        return Ok(planned);
    }
    let problem = format!("it takes {}, {}; lower {lower}; {IGNORE}", bytes(planned), there_is(&available));
    Err(usage(preset, problem))
}

/// What is wrong with drawing a picture of that size, and what to do, if it takes more memory than there is.
///
/// # Errors
/// If no plan can be made of it.
pub fn picture_problem(
    config: &Config,
    [height, width]: [usize; 2],
    advice: &str,
    common: &Common,
) -> Result<Option<String>> {
    if !is_planned(common) || common.ignore_memory {
        return Ok(None);
    }
    let planned = memory::inference(config, [1, height, width], threads(common))?;
    // The network itself is there already, and the checkpoint that it was read from is gone.
    let more = MemoryPlan { parameters: 0, program: 0, copies: 0, ..planned }.total();
    let available = memory();
    Ok((more > available.available).then(|| {
        format!(
            "drawing {width}×{height} pixels takes {} more, {}; {advice}; {IGNORE}",
            bytes(more),
            there_is(&available)
        )
    }))
}

const IGNORE: &str = "--ignore-memory goes on all the same";

/// Plans are for the cpu device; the reference devices are for small networks, and a GPU's memory is its own.
fn is_planned(common: &Common) -> bool {
    is_cpu(common)
}

fn there_is(memory: &Memory) -> String {
    let limit =
        memory.limit.map_or_else(String::new, |limit| format!(", this process may take {} of them", bytes(limit)));
    format!("and {} of {} are available here{limit}", bytes(memory.available), bytes(memory.total))
}

/// A plan for scripts: `PART_bytes` of every part, and `total_bytes`.
pub fn plan_json(preset: &str, what: &str, plan: &MemoryPlan) -> Value {
    let mut object = json!({ "preset": preset, "memory": what });
    for (part, bytes) in plan.parts() {
        object[format!("{part}_bytes")] = json!(bytes);
    }
    object["total_bytes"] = json!(plan.total());
    object
}

/// A plan for people: the total, and every part that is not nothing.
pub fn plan_text(what: &str, plan: &MemoryPlan) -> String {
    let parts = plan.parts().into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts.map(|(part, count)| format!("{part} {}", bytes(count))).collect();
    format!("memory, {what}: {} ({})", bytes(plan.total()), parts.join(", "))
}
