//! `asap verify`: recomputes reference cases.

use std::path::PathBuf;
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
    // The published values were computed in single precision.
    let common = &Common { matmul_precision: Some(Precision::Highest), ..common.clone() };
    let tally = Tally { dir: args.dir, output, compared: 0, failed: 0, skipped: 0, case: None };
    let Tally { compared, failed, skipped, .. } = on_device(common, output, tally)?;
    let skipped = if skipped > 0 { format!(", {skipped} cases of unknown kind skipped") } else { String::new() };
    output.say(format_args!("{compared} quantities compared, {failed} out of tolerance{skipped}"));
    Ok(if failed > 0 { ExitCode::from(CHECK_FAILED) } else { ExitCode::SUCCESS })
}

/// Counts over all cases.
struct Tally<'a> {
    dir: PathBuf,
    output: &'a Output,
    compared: usize,
    failed: usize,
    skipped: usize,
    /// The current case: its name and kind, how many quantities were compared, and the worst of them.
    case: Option<(String, String, usize, Comparison)>,
}

impl Task for Tally<'_> {
    type Output = Self;

    fn run<B: Backend>(mut self, backend: B) -> Result<Self> {
        verify(&backend, &self.dir.clone(), &mut |finding| self.add(finding))?;
        self.end_case();
        Ok(self)
    }
}

impl Tally<'_> {
    fn add(&mut self, Finding { case, kind, comparison }: Finding) {
        let Some(comparison) = comparison else {
            self.skipped += 1;
            self.output.json(|| json!({ "case": case, "kind": kind, "skipped": true }));
            return;
        };
        let ok = comparison.passes();
        self.compared += 1;
        self.failed += usize::from(!ok);
        let Comparison { quantity, error, tolerance } = &comparison;
        self.output.json(|| {
            json!({ "case": case, "kind": kind, "quantity": quantity, "rel_error": error, "tolerance": tolerance, "ok": ok })
        });
        if !ok || self.output.is_verbose() {
            let result = if ok { "ok" } else { "OUT OF TOLERANCE" };
            self.output.text(|| format!("  {case}  {quantity}  {error:.2e} of {tolerance:.0e}  {result}"));
        }
        // NaN is worse than any error.
        let share = |c: &Comparison| if c.error.is_nan() { f64::INFINITY } else { c.error / c.tolerance.max(1e-300) };
        match &mut self.case {
            Some((name, _, count, worst)) if *name == case => {
                *count += 1;
                if share(&comparison) > share(worst) {
                    *worst = comparison;
                }
            }
            _ => {
                self.end_case();
                self.case = Some((case, kind, 1, comparison));
            }
        }
    }

    /// Prints a line for the current case.
    fn end_case(&mut self) {
        let Some((case, kind, count, worst)) = self.case.take() else { return };
        let result = if worst.passes() { "ok    " } else { "FAILED" };
        let Comparison { quantity, error, tolerance } = worst;
        self.output.text(|| {
            format!(
                "{result}  {case:<24} {kind:<15} {count:>4} quantities, worst {error:.2e} of {tolerance:.0e} ({quantity})"
            )
        });
    }
}
