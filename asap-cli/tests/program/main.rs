//! The program as people and scripts meet it: arguments in, files, both streams and the exit code out.

mod bench;
mod convert;
mod data;
mod exit_codes;
mod infer;
mod profile;
mod published;
mod support;
mod train;
mod verify;
