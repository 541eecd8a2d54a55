//! Generated clients. Each creates a room, sends, reads, sends again with the same key, edits, reacts,
//! answers in a thread, marks, deletes, and understands a problem: see
//! `talk.py`, `talk.ts` and `rust/src/main.rs`.

use std::{env, fs, path::PathBuf};

use crate::stage::{Stage, repository, run, variable};

#[tokio::test]
#[ignore = "needs Python: cargo xtask test"]
async fn openapi_python_client() {
    let stage = Stage::set("python").await;
    stage.generate_python().await;
    stage.folder.copy("tests/clients/python/talk.py");
    run(stage.python("python").args(["talk.py", &stage.url(), "Python"])).await;
    talked(&stage).await;
}

#[tokio::test]
#[ignore = "needs npm: cargo xtask test"]
async fn openapi_typescript() {
    let stage = Stage::set("typescript").await;
    stage.folder.copy("tests/clients/typescript/talk.ts");
    stage.generate_typescript().await;
    run(stage.command("node").args(["dist/talk.js", &stage.url(), "TypeScript"])).await;
    talked(&stage).await;
}

#[tokio::test]
#[ignore = "needs crates: cargo xtask test"]
async fn progenitor() {
    let stage = Stage::set("rust").await;
    let target = PathBuf::from(variable("CHAT_TEST_RUST"));
    fs::create_dir_all(&target).unwrap();
    let document = target.join("openapi.json");
    let shown = fs::read(stage.folder.file("openapi.json")).unwrap();
    // Written only if it has changed, so that nothing is compiled without need.
    if fs::read(&document).ok().as_ref() != Some(&shown) {
        fs::write(&document, shown).unwrap();
    }
    let manifest = repository().join("tests/clients/rust/Cargo.toml");
    let mut build = stage.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--locked", "--offline", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
    run(build.env("OPENAPI_JSON", &document)).await;
    run(stage.command(target.join("debug/generated-client")).args([&stage.url(), "Rust"])).await;
    talked(&stage).await;
}

/// Checks the result: one room with one message, however often it was sent, as it was edited.
async fn talked(stage: &Stage) {
    let page = stage.server.get("/rooms/1/messages").await.json(200);
    let messages: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["content"]).collect();
    assert_eq!(messages, ["Hello again!"]);
}
