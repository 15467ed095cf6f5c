//! The memory that is planned against the memory that the allocator hands out.

use std::sync::{Mutex, PoisonError};

use asap_autograd::Var;
use asap_model::memory::{self, MemoryPlan};
use asap_model::networks::Vgg19;
use asap_model::nn::{FillByName, Random};
use asap_model::training::step::Rates;
use asap_model::{Config, ForwardContext, Gan, Generator, Input, Target};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Cpu, Ids, Tensor};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The allocator counts for the whole process, so that tests measure one after the other. Their backends are kept:
/// threads give their scratch back some time after their pool is gone, which would be counted in the next measurement.
static BACKENDS: Mutex<Vec<Cpu>> = Mutex::new(Vec::new());

fn backend(kept: &mut Vec<Cpu>, threads: usize) -> Cpu {
    let cpu = Cpu::new(Some(threads)).unwrap();
    kept.push(cpu.clone());
    cpu
}

/// What each thread takes that is not planned: panels that matrix products pack their sides into, the tape.
const SLACK: u64 = 1 << 20;

fn require_equal(what: &str, measured: u64, planned: u64, threads: u64) {
    println!("{what}: {measured} bytes measured, {planned} planned");
    assert!(measured.abs_diff(planned) <= threads * SLACK, "{what}: {measured} is not {planned}");
}

fn config(preset: &str, assignments: &[&str]) -> Config {
    let mut config = Config::preset(preset).unwrap();
    assignments.iter().for_each(|assignment| config.set(assignment).unwrap());
    config.validate().unwrap();
    config
}

/// Labels or colors that vary from pixel to pixel.
fn input(cpu: &Cpu, config: &Config, [n, h, w]: [usize; 3]) -> Input<Cpu> {
    let data = &config.data;
    let dense = |name: &str, channels: usize| {
        let numbers = uniform_by_name(name, n * channels * h * w);
        Var::constant(Tensor::from_vec(cpu, [n, channels, h, w], numbers).unwrap())
    };
    let input = match data.input_channels() {
        3 => Input::image(dense("colors", 3)),
        classes => {
            let ids = (0..n * h * w).map(|i| (i % classes) as u8).collect();
            Input::labels(Ids::from_vec(cpu, [n, h, w], ids).unwrap(), classes)
        }
    };
    if data.instances { input.with_edges(&dense("edges", 1)).unwrap() } else { input }
}

/// The maximum bytes that two training steps hold.
fn training_peak(config: &Config, cpu: Cpu) -> u64 {
    let before = ALLOCATOR.current_usage();
    let mut init = FillByName { prefix: String::new(), gain: 1.0 };
    let vgg = (config.loss.lambda_vgg != 0.0)
        .then(|| Vgg19::new(&cpu, &mut init).unwrap().of_channels(config.data.output_shown()));
    let mut gan = Gan::new(&cpu, config, vgg, &mut init).unwrap();
    let [h, w] = config.data.size;
    let (n, channels) = (config.train.batch, config.data.output_channels());
    for step in 0..2 {
        ALLOCATOR.reset_peak_usage();
        let input = input(&cpu, config, [n, h, w]);
        let real = uniform_by_name(&format!("real {step}"), n * channels * h * w);
        let mut target = Target::new(Tensor::from_vec(&cpu, [n, channels, h, w], real).unwrap());
        if config.data.is_masked() {
            target = target.with_mask(Tensor::full(&cpu, [n, 1, h, w], 1.0).unwrap(), n * h * w);
        }
        let rates = Rates { generator: 1e-4, discriminator: 4e-4 };
        gan.training_step(&input, &target, rates).unwrap();
    }
    (ALLOCATOR.peak_usage() - before) as u64
}

#[test]
fn training_takes_planned_memory() {
    let mut kept = BACKENDS.lock().unwrap_or_else(PoisonError::into_inner);
    let narrow = ["generator.max_width=256", "discriminator.max_width=128", "generator.depth=2"];
    for (preset, threads, assignments) in [
        ("quickstart", 1, &["train.batch=4"][..]),
        ("quickstart", 2, &[]),
        // In the second step, which is measured, this seed shifts both axes: no phase takes more.
        ("quickstart", 1, &["generator.seams=phase", "train.batch=2", "train.seed=3"]),
        ("quickstart", 2, &["generator.seams=blend", "generator.seam_band=4", "generator.dropout=0.2"]),
        ("quickstart", 1, &["generator.seams=blend", "generator.context=8", "generator.residual=true"]),
        ("quickstart", 1, &["generator.kind=spade", "generator.width_factor=0.125"]),
        ("quickstart", 2, &["generator.kind=pix2pix-resnet", "generator.width_factor=0.25", "train.batch=2"]),
        ("quickstart", 1, &["generator.kind=pix2pixhd", "generator.width_factor=0.125", "train.batch=2"]),
        ("quickstart", 2, &["discriminator.kind=oasis", "discriminator.levels=4", "discriminator.width=16"]),
        ("cityscapes-256", 1, &["data.size=[64,128]", "loss.lambda_vgg=0"]),
        ("depth-256", 1, &["data.size=[64,64]", "discriminator.spectral_norm=false"]),
        ("depth-synthetic", 1, &["train.batch=12"]),
        ("facades-512", 1, &["data.size=[64,128]", "train.batch=2", "generator.padding=zero"]),
    ] {
        let small = ["quickstart", "depth-synthetic"].contains(&preset);
        let assignments = [if small { &[] } else { &narrow[..] }, assignments].concat();
        let config = config(preset, &assignments);
        let plan = memory::training(&config, threads).unwrap();
        let MemoryPlan { parameters, moments, perceptual, activations, scratch, .. } = plan;
        let planned = parameters + moments + perceptual + activations + scratch;
        let measured = training_peak(&config, backend(&mut kept, threads));
        require_equal(&format!("{preset} {assignments:?}"), measured, planned, threads as u64);
    }
}

#[test]
fn inference_takes_planned_memory() {
    let mut kept = BACKENDS.lock().unwrap_or_else(PoisonError::into_inner);
    for (preset, size, assignments) in [
        ("quickstart", [512, 384], &[][..]),
        ("quickstart", [512, 384], &["generator.seams=blend"]),
        ("quickstart", [256, 384], &["generator.kind=spade", "generator.width_factor=0.125"]),
        ("cityscapes-256", [128, 256], &["generator.max_width=128"]),
        ("cityscapes-256", [128, 256], &["generator.max_width=128", "generator.noise=8"]),
        ("depth-256", [96, 128], &["generator.max_width=128", "generator.positions=false"]),
    ] {
        let config = config(preset, assignments);
        let MemoryPlan { parameters, activations, scratch, .. } =
            memory::inference(&config, [1, size[0], size[1]], 1).unwrap();
        let cpu = backend(&mut kept, 1);
        let before = ALLOCATOR.current_usage();
        let mut init = FillByName { prefix: String::new(), gain: 1.0 };
        let generator = Generator::new(&cpu, &config.generator, &config.data, &mut init).unwrap();
        let input = input(&cpu, &config, [1, size[0], size[1]]);
        // In the second image scratch that late layers took is there while early ones run.
        for _ in 0..2 {
            ALLOCATOR.reset_peak_usage();
            let ctx = ForwardContext::evaluation(&generator.params).with_random(Random::new(1, "pass"));
            generator.forward(&ctx, &input).unwrap();
        }
        let measured = (ALLOCATOR.peak_usage() - before) as u64;
        require_equal(&format!("{preset} {size:?}"), measured, parameters + activations + scratch, 1);
    }
}
