//! The program `asap`.
//!
//! Results go to standard output, progress and messages to standard error. Exit codes are in [`exit`].

mod allocator;
mod args;
mod commands;
mod device;
mod exit;
mod interrupt;
mod machine;
mod memory;
mod output;
mod report;

use std::process::ExitCode;

use args::{Arguments, Command, Data};
use output::Output;

fn main() -> ExitCode {
    let arguments = args::parse();
    let (warnings, uses_threads) = (arguments.without_effect(), arguments.uses_threads());
    let Arguments { command, common } = arguments;
    let output = Output::new(&common);
    for warning in warnings {
        output.say(format_args!("warning: {warning}"));
    }
    allocator::expect_memory(machine::memory().total);
    if uses_threads && let Err(error) = device::start_other_threads(&common) {
        output.error(&error);
        return exit::code(&error);
    }
    let result = match command {
        Command::Train(args) => commands::train::run(args, &common, &output),
        Command::Distill(args) => commands::distill::run(args, &common, &output),
        Command::Infer(args) => commands::infer::run(args, &common, &output),
        Command::Eval(args) => commands::eval::run(args, &common, &output),
        Command::Compare(args) => commands::compare::run(args, &common, &output),
        Command::Sweep(args) => commands::sweep::run(args, &common, &output),
        Command::Segmenter(args) => commands::segmenter::run(args, &common, &output),
        Command::Verify(args) => commands::verify::run(args, &common, &output),
        Command::Bench(args) => commands::bench::run(args, &common, &output),
        Command::Profile(args) => commands::profile::run(args, &common, &output),
        Command::Data(Data::Check(args)) => commands::data::check(args, &common, &output),
        Command::Data(Data::Preview(args)) => commands::preview::run(&args, &common, &output),
        Command::Data(Data::Synth(args)) => commands::data::synth(args, &common, &output),
        Command::Convert(args) => commands::convert::run(args, &common, &output),
        Command::Init(args) => commands::init::run(&args, &common, &output),
        Command::Doctor => commands::doctor::run(&common, &output),
        Command::Completions(args) => commands::completions::run(&args, &output),
    };
    match result {
        Ok(code) => match output::lost() {
            Some(why) => {
                output.error(&anyhow::anyhow!("standard output: cannot write results: {why}"));
                ExitCode::from(exit::DATA)
            }
            None => code,
        },
        Err(error) => {
            output.error(&error);
            exit::code(&error)
        }
    }
}
