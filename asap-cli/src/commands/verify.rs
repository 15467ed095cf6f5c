//! `asap verify`: recomputes reference cases.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::verify::{Comparison, Finding, verify};
use asap_tensor::Backend;
use serde_json::json;

use crate::args::common::Precision;
use crate::args::{Common, Verify};
use crate::device::{Task, on_device};
use crate::exit::CHECK_FAILED;
use crate::output::Output;

/// Recomputes every case; exit code 1 if a quantity is out of tolerance.
pub fn run(args: Verify, common: &Common, output: &Output) -> Result<ExitCode> {
    let mut tally = Tally::default();
    // The published values were computed in single precision.
    let common = &Common { matmul_precision: Some(Precision::Highest), ..common.clone() };
    on_device(common, output, Recompute { args, output, tally: &mut tally })?;
    tally.end_case(output);
    let Tally { compared, failed, skipped, .. } = tally;
    let skipped = if skipped > 0 { format!(", {skipped} cases of unknown kind skipped") } else { String::new() };
    output.say(format_args!("{compared} quantities compared, {failed} out of tolerance{skipped}"));
    Ok(if failed > 0 { ExitCode::from(CHECK_FAILED) } else { ExitCode::SUCCESS })
}

struct Recompute<'a> {
    args: Verify,
    output: &'a Output,
    tally: &'a mut Tally,
}

impl Task for Recompute<'_> {
    type Output = ();

    fn run<B: Backend>(self, backend: B) -> Result<()> {
        verify(&backend, &self.args.dir, &mut |finding| self.tally.add(finding, self.output))?;
        Ok(())
    }
}

/// Counts over all cases.
#[derive(Default)]
struct Tally {
    compared: usize,
    failed: usize,
    skipped: usize,
    /// The current case: its name and kind, how many quantities were compared, and the worst of them.
    case: Option<(String, String, usize, Option<Comparison>)>,
}

impl Tally {
    fn add(&mut self, finding: Finding, output: &Output) {
        let Finding { case, kind, comparison } = finding;
        let Some(comparison) = comparison else {
            self.skipped += 1;
            output.json(|| json!({ "case": case, "kind": kind, "skipped": true }));
            return;
        };
        let ok = comparison.passes();
        self.compared += 1;
        self.failed += usize::from(!ok);
        let Comparison { quantity, error, tolerance } = &comparison;
        output.json(|| {
            json!({ "case": case, "kind": kind, "quantity": quantity, "rel_error": error, "tolerance": tolerance, "ok": ok })
        });
        if !ok || output.is_verbose() {
            let result = if ok { "ok" } else { "OUT OF TOLERANCE" };
            output.text(|| format!("  {case}  {quantity}  {error:.2e} of {tolerance:.0e}  {result}"));
        }
        if self.case.as_ref().is_none_or(|(name, ..)| *name != case) {
            self.end_case(output);
            self.case = Some((case, kind, 0, None));
        }
        if let Some((.., count, worst)) = &mut self.case {
            *count += 1;
            // NaN is worse than any error.
            let share =
                |c: &Comparison| if c.error.is_nan() { f64::INFINITY } else { c.error / c.tolerance.max(1e-300) };
            if worst.as_ref().is_none_or(|worst| share(&comparison) > share(worst)) {
                *worst = Some(comparison);
            }
        }
    }

    /// Prints a line for the current case.
    fn end_case(&mut self, output: &Output) {
        let Some((case, kind, count, Some(worst))) = self.case.take() else { return };
        let result = if worst.passes() { "ok    " } else { "FAILED" };
        let Comparison { quantity, error, tolerance } = worst;
        output.text(|| {
            format!(
                "{result}  {case:<24} {kind:<15} {count:>4} quantities, worst {error:.2e} of {tolerance:.0e} ({quantity})"
            )
        });
    }
}
