#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wolkvox_exporter_fuzz::redaction(bytes));
