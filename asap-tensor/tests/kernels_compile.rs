//! Every CUDA kernel compiles to machine code for every card that is supported, and keeps its values in registers.
//! No GPU is needed, only NVRTC; without it the tests are skipped, unless `ASAP_REQUIRE_NVRTC` is set.

#![cfg(feature = "cuda")]

use std::sync::atomic::{AtomicUsize, Ordering};

use asap_tensor::cuda::libraries::Library;
use asap_tensor::cuda::{Source, Target, architectures, compile};
use asap_tensor::ops::cuda_sources;

/// Turing, Ampere (server, desktop), Ada, Hopper, Blackwell (server, desktop).
const ARCHITECTURES: [i32; 7] = [75, 80, 86, 89, 90, 100, 120];

/// Whether NVRTC is here; panics where it must be.
fn nvrtc() -> bool {
    match Library::Nvrtc.find() {
        Ok(_) => true,
        Err(why) if std::env::var_os("ASAP_REQUIRE_NVRTC").is_some() => panic!("{why}"),
        Err(why) => {
            eprintln!("skipped: {why}");
            false
        }
    }
}

/// The number in front of some words.
fn before(line: &str, words: &str) -> Option<u32> {
    line.split(words).next()?.split_whitespace().next_back()?.parse().ok().filter(|_| line.contains(words))
}

/// Bytes of memory that each kernel takes for what has no room in registers, from what the compiler says with `-v`.
fn spills(log: &str) -> Vec<u32> {
    let kinds = [" bytes stack frame", " bytes spill stores", " bytes spill loads"];
    log.lines().filter_map(|line| kinds.into_iter().map(|kind| before(line, kind)).sum()).collect()
}

#[test]
fn every_kernel_compiles_for_every_card_without_spilling_registers() {
    if !nvrtc() {
        return;
    }
    // An older NVRTC knows no newer cards. Where it must be there it is one that knows all.
    let known = architectures();
    let wanted = ARCHITECTURES.into_iter().filter(|architecture| known.is_empty() || known.contains(architecture));
    let wanted: Vec<i32> = wanted.collect();
    assert!(wanted.len() == ARCHITECTURES.len() || std::env::var_os("ASAP_REQUIRE_NVRTC").is_none(), "{wanted:?}");
    let of_source = |source| wanted.iter().map(move |architecture| (source, *architecture));
    let jobs: Vec<(Source, i32)> = cuda_sources().into_iter().flat_map(of_source).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((source, architecture)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            compiles_without_spilling(source, *architecture);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

fn compiles_without_spilling(source: &Source, architecture: i32) {
    let compiled = compile(source.name, &source.whole(), Target::Machine(architecture), &["--ptxas-options=-v"])
        .unwrap_or_else(|log| panic!("{} for sm_{architecture}: {log}", source.name));
    assert!(compiled.image.starts_with(b"\x7fELF"), "{} for sm_{architecture}", source.name);
    let spills = spills(&compiled.log);
    assert!(!spills.is_empty(), "the log names no kernel of {}:\n{}", source.name, compiled.log);
    let none = spills.iter().all(|&bytes| bytes == 0);
    assert!(none, "{} spills registers on sm_{architecture}:\n{}", source.name, compiled.log);
}

#[test]
fn every_source_has_a_name_of_its_own() {
    let mut names: Vec<&str> = cuda_sources().iter().map(|source| source.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

#[test]
fn a_kernel_that_spills_is_noticed() {
    if !nvrtc() {
        return;
    }
    // 256 values are alive at once, where a thread of such a block has 64 registers.
    let text = r#"extern "C" __global__ void __launch_bounds__(1024) spill(float* y, const float* x) {
        float v[256];
        for (int i = 0; i < 256; i++) v[i] = x[i * 1024 + threadIdx.x];
        #pragma unroll 1
        for (int k = 0; k < 8; k++)
            for (int i = 0; i < 256; i++) v[i] = v[i] * v[(i * 7 + 1) % 256] + v[(i + 1) % 256];
        for (int i = 0; i < 256; i++) y[i * 1024 + threadIdx.x] = v[i];
    }"#;
    let compiled = compile("spill.cu", text, Target::Machine(90), &["--ptxas-options=-v"]).unwrap();
    assert!(spills(&compiled.log).iter().any(|&bytes| bytes > 0), "{}", compiled.log);
}

#[test]
fn a_mistake_in_a_kernel_is_told_with_its_file_and_line() {
    if !nvrtc() {
        return;
    }
    let text = "\nextern \"C\" __global__ void k() { nothing(); }";
    let log = compile("mistake.cu", text, Target::Machine(90), &[]).unwrap_err();
    assert!(log.contains("mistake.cu(2)") && log.contains("nothing"), "{log}");
}
