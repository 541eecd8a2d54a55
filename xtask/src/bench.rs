//! `cargo xtask bench`: puts the same load on our server and on others, and prints what each made of it.

use std::path::{Path, PathBuf};

use crate::{
    install,
    sh::{self, Result, command},
};

/// Builds our server and what puts the load on it, gets the others, and runs them in turn. `--compare A B` takes two builds of
/// ours instead; `--growth` tells and draws how the costs of ours grow.
pub(crate) fn run(options: &[String]) -> Result {
    let mut build = sh::cargo();
    // As it is released, without what tests can make fail.
    build.args(["build", "--release", "--package", "load"]).env_remove(sh::FAILPOINTS);
    let programs = sh::target().join("release");
    // It opens 10,000 connections, as many as the system lets it.
    let mut load = command("sh");
    load.args(["-c", "ulimit -n $(ulimit -H -n); exec \"$@\"", "sh"]).arg(programs.join("load"));
    match options {
        [growth, rest @ ..] if growth == "--growth" => {
            sh::run(build.args(["--package", "chatd"]))?;
            load.arg("growth").arg("--chatd").arg(programs.join("chatd"));
            load.arg("--charts").arg(sh::root().join("benches/charts")).args(rest);
        }
        [compare, one, other, rest @ ..] if compare == "--compare" => {
            sh::run(&mut build)?;
            load.arg("table").arg("--chatd").arg(absolute(one)).arg("--compare").arg(absolute(other)).args(rest);
        }
        rest => {
            sh::run(build.args(["--package", "chatd"]))?;
            load.arg("table").arg("--chatd").arg(programs.join("chatd"));
            let peers = install::peers()?;
            load.arg("--nats").arg(peers.python.join("bin/nats-server"));
            load.arg("--socketio").arg(&peers.socketio);
            load.arg("--fastapi").arg(peers.python.join("bin/python")).arg(server("fastapi/server.py")).args(rest);
        }
    }
    sh::run(&mut load)
}

/// A file of one of the servers that we compare with.
fn server(path: &str) -> PathBuf {
    sh::root().join("benches/peers").join(path)
}

fn absolute(path: &str) -> PathBuf {
    std::path::absolute(Path::new(path)).unwrap_or_else(|_| path.into())
}
