//! Autobahn's cases against the sockets' own handshakes and limits. Needs `kosoku` (from PyPI) in the path, or
//! its place in `KOSOKU`.

use std::{collections::BTreeMap, env, path::Path};

use poem::Route;
use serde_json::Value;
use tokio::{net::TcpListener, process::Command};

/// The families that are left out: very large messages and compression, which the server does not support.
const LEFT_OUT: [&str; 3] = ["9", "12", "13"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs kosoku: cargo xtask test"]
async fn autobahn_cases_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let route = Route::new().at("/", chat_http::testing::echo());
    tokio::spawn(chat_http::Server::new(listener).run(route, std::future::pending(), async {}));

    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kosoku");
    drop(std::fs::remove_dir_all(&out));
    let kosoku = env::var_os("KOSOKU").unwrap_or_else(|| "kosoku".into());
    let run = Command::new(kosoku).args(["-m", "fuzzingclient", "-p", "4", "-o"]).arg(&out).arg(&url).output().await;
    let run = run.expect("kosoku can be started");
    // The program also fails for the families that are left out, so only its report counts.
    let index = std::fs::read(out.join("index.json"));
    let index = index.unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&run.stderr)));
    let index: Value = serde_json::from_slice(&index).unwrap();
    let agents = index.as_object().unwrap();
    let mut failed = BTreeMap::new();
    let mut ran = 0;
    for (case, result) in agents.values().flat_map(|cases| cases.as_object().unwrap()) {
        if LEFT_OUT.contains(&case.split('.').next().unwrap()) {
            continue;
        }
        ran += 1;
        for aspect in ["behavior", "behaviorClose"] {
            if result[aspect] == "FAILED" {
                failed.insert(case.clone(), aspect);
            }
        }
    }
    assert!(ran > 200, "only {ran} cases ran");
    assert!(failed.is_empty(), "{failed:?}");
}
