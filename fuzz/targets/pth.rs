//! See `promises::pth`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asap_fuzz::promises::pth(bytes));
