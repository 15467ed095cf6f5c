//! Every backend against values computed by the authors' published code (`fixtures/published`).

use std::path::Path;

use asap_model::verify::{Finding, verify};
use asap_tensor::{Backend, Cpu, Reference};
use asap_tests::gpu::gpu;

/// Recomputes every case and reports all quantities that are out of tolerance.
fn assert_matches_published<B: Backend>(backend: &B) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/published");
    let mut findings = Vec::new();
    verify(backend, &dir, &mut |finding| findings.push(finding)).expect("every case can be computed");
    let compared = findings.iter().filter(|finding| finding.comparison.is_some()).count();
    println!("{}: {compared} quantities", backend.device());
    assert!(compared > 300, "only {compared} quantities were compared");
    let wrong: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.comparison.as_ref().is_none_or(|comparison| !comparison.passes()))
        .collect();
    assert!(wrong.is_empty(), "on {}: {wrong:#?}", backend.device());
}

#[test]
fn cpu_matches_published() {
    assert_matches_published(&Cpu::new(None).expect("threads start"));
}

#[test]
fn cuda_matches_published() {
    if let Some(gpu) = gpu() {
        assert_matches_published(&gpu.cuda);
    }
}

#[test]
fn reference_matches_published() {
    assert_matches_published(&Reference::<f32>::new());
}

#[test]
fn reference64_matches_published() {
    assert_matches_published(&Reference::<f64>::new());
}
