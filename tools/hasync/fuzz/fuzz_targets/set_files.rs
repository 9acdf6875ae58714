#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hasync::fuzz::set_files(data));
