//! See `strait_wire::fuzz::rest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    strait_wire::fuzz::rest(input);
});
