#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chat_http::fuzzing::command_frame(input));
