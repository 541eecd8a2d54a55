//! Sets `cfg(failpoints)` when the build has `CHAT_FAILPOINTS=1` in its environment; see `src/failpoints/mod.rs`.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CHAT_FAILPOINTS");
    println!("cargo::rustc-check-cfg=cfg(failpoints)");
    // Data, state and traits alone have nobody who could be told to die.
    let has_engine = env::var_os("CARGO_FEATURE_RUNTIME").is_some();
    if has_engine && env::var_os("CHAT_FAILPOINTS").is_some_and(|value| value == "1") {
        println!("cargo::rustc-cfg=failpoints");
    }
}
