//! Checks, before anything starts, whether it fits into memory.
//!
//! Plans are for the cpu device: the reference devices are for small networks, and a GPU has its own memory.

use asap_model::Result;
use asap_model::config::Config;
use asap_model::memory::{self, MemoryPlan};
use indicatif::DecimalBytes;
use serde_json::{Value, json};

use crate::args::Common;
use crate::commands::usage;
use crate::device::{is_cpu, threads};
use crate::machine::{Memory, memory};
use crate::output::Output;

/// The share of the available memory above which training prints a warning.
const NEAR: f64 = 0.8;

const IGNORE: &str = "--ignore-memory runs it anyway";

/// Refuses training that needs more memory than is available, with settings that need less; warns if it is close.
pub fn check_training(config: &Config, common: &Common, output: &Output) -> Result<()> {
    if !is_cpu(common) {
        return Ok(());
    }
    // A loss that can't be computed is reported first.
    config.check_losses()?;
    let planned = memory::training(config, threads(common))?.total();
    let available = memory();
    let needs = format!("training needs {}, {}", DecimalBytes(planned), there_is(&available));
    if planned > available.available && !common.ignore_memory {
        let lower = memory::advice(config, threads(common), available.available)?;
        let lower: Vec<String> = lower
            .iter()
            .map(|advice| format!("--set {} ({})", advice.assignment, DecimalBytes(advice.total)))
            .collect();
        let lower = if lower.is_empty() { String::new() } else { format!("; lower it by {}", lower.join(", or ")) };
        return Err(usage("memory", format!("{needs}{lower}; {IGNORE}")));
    }
    if planned as f64 > NEAR * available.available as f64 {
        output.say(format_args!("warning: {needs}; `asap profile` shows what for"));
    }
    Ok(())
}

/// Refuses to time what needs more memory than is available; returns the planned bytes.
pub fn check_timing(preset: &str, plan: &MemoryPlan, lower: &str, common: &Common) -> Result<u64> {
    let planned = plan.total();
    match shortage(planned, common) {
        Some(short) => Err(usage(preset, format!("it needs {short}; lower {lower}; {IGNORE}"))),
        None => Ok(planned),
    }
}

/// Why an image of that size can't be generated, and what to do, if it needs more memory than is available.
pub fn image_problem(
    config: &Config,
    [height, width]: [usize; 2],
    advice: &str,
    common: &Common,
) -> Result<Option<String>> {
    if !is_checked(common) {
        return Ok(None);
    }
    let planned = memory::inference(config, [1, height, width], threads(common))?;
    // The network is in memory already, and its checkpoint has been freed.
    let more = MemoryPlan { parameters: 0, program: 0, copies: 0, ..planned }.total();
    let problem = |short| format!("generating {width}×{height} pixels needs another {short}; {advice}; {IGNORE}");
    Ok(shortage(more, common).map(problem))
}

fn is_checked(common: &Common) -> bool {
    is_cpu(common) && !common.ignore_memory
}

/// What is planned and what is available, if that is less.
fn shortage(planned: u64, common: &Common) -> Option<String> {
    let available = memory();
    (is_checked(common) && planned > available.available)
        .then(|| format!("{}, {}", DecimalBytes(planned), there_is(&available)))
}

fn there_is(memory: &Memory) -> String {
    let limit =
        memory.limit.map_or_else(String::new, |limit| format!(" (this process is limited to {})", DecimalBytes(limit)));
    format!("and {} of {} are available{limit}", DecimalBytes(memory.available), DecimalBytes(memory.total))
}

/// A plan for scripts: `PART_bytes` for every part, and `total_bytes`.
pub fn plan_json(preset: &str, what: &str, plan: &MemoryPlan) -> Value {
    let mut object = json!({ "preset": preset, "memory": what });
    for (part, bytes) in plan.parts() {
        object[format!("{part}_bytes")] = json!(bytes);
    }
    object["total_bytes"] = json!(plan.total());
    object
}

/// A plan for people: the total, and every part above 0.
pub fn plan_text(what: &str, plan: &MemoryPlan) -> String {
    let parts = plan.parts().into_iter().filter(|(_, bytes)| *bytes > 0);
    let parts: Vec<String> = parts.map(|(part, bytes)| format!("{part} {}", DecimalBytes(bytes))).collect();
    format!("memory, {what}: {} ({})", DecimalBytes(plan.total()), parts.join(", "))
}
