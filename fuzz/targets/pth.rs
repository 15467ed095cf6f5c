//! Runs `properties::pth`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| asap_fuzz::properties::pth(bytes));
