#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chat_http::fuzzing::search_query(input));
