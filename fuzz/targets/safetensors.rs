//! See `promises::safetensors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asap_fuzz::promises::safetensors(bytes));
