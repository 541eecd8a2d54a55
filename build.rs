//! Sets `cfg(failpoints)` as `chat-core/build.rs` does, when the build has `CHAT_FAILPOINTS=1` in its environment.

use std::env;

fn main() {
    println!("cargo::rerun-if-env-changed=CHAT_FAILPOINTS");
    println!("cargo::rustc-check-cfg=cfg(failpoints)");
    if env::var_os("CHAT_FAILPOINTS").is_some_and(|value| value == "1") {
        println!("cargo::rustc-cfg=failpoints");
    }
}
