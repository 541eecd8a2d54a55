//! The document, as other programs read it.

use std::{fs, path::Path};

use crate::stage::{Stage, repository, run, variable};

#[tokio::test]
async fn the_server_shows_the_committed_document() {
    let stage = Stage::set("shown").await;
    let shown = stage.server.get_path("/openapi.yaml").await;
    assert!(shown.body == fs::read(repository().join("openapi.yaml")).unwrap(), "{}", shown.status);
}

#[tokio::test]
#[ignore = "needs Java and Python: cargo xtask test"]
async fn openapi_generator_takes_it() {
    let stage = Stage::set("openapi-generator").await;
    let mut validate = stage.python("openapi-generator-cli");
    run(validate.args(["validate", "-i"]).arg(repository().join("openapi.yaml"))).await;
}

#[tokio::test]
#[ignore = "needs npm: cargo xtask test"]
async fn redocly_has_no_complaint() {
    let stage = Stage::set("redocly").await;
    stage.folder.copy("tests/clients/redocly.yaml");
    let mut lint = stage.command(Path::new(&variable("CHAT_TEST_REDOCLY")).join("node_modules/.bin/redocly"));
    // It must not look for a newer version, nor report that it was run.
    lint.env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true").env("REDOCLY_TELEMETRY", "off");
    run(lint.arg("lint").arg(repository().join("openapi.yaml"))).await;
}

/// Valid and invalid requests made from the document, alone and in sequences: each answer is what the document says.
#[tokio::test]
#[ignore = "needs Python: cargo xtask test"]
async fn schemathesis_finds_no_failure() {
    let stage = Stage::set("schemathesis").await;
    stage.folder.copy("tests/clients/schemathesis.toml");
    stage.folder.copy("tests/clients/hooks.py");
    let mut fuzz = stage.python("schemathesis");
    fuzz.args(["--config-file", "schemathesis.toml", "run", "openapi.json", "--checks", "all", "--no-color"]);
    // Whatever name a guest gives is right.
    fuzz.args(["--exclude-checks", "ignored_auth"]);
    // The same ones in every run, so that more of them find nothing new from one change to the next.
    fuzz.args(["--generation-deterministic", "--max-examples", "60", "--url", &stage.url()]);
    let told = run(&mut fuzz).await;
    // All operations were reached.
    let operations = fs::read_to_string(repository().join("openapi.yaml")).unwrap().matches("operationId:").count();
    assert!(told.contains(&format!("Tested: {operations}\n")), "{told}");
}
