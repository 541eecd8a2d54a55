//! The document in the repository is the one the code makes.

use std::{env, fs, path::Path};

#[test]
fn openapi_yaml_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml");
    let current = chat_http::openapi_yaml();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "openapi.yaml is out of date: run `cargo xtask openapi` and commit it");
}
