//! Puts a load on chat servers over real WebSockets, ours and others, and tells what it costs them.
//!
//! It is the same for every server: what it sends has the time at which it was due, and each time it finds that in what it
//! receives, that is a delivery. What a server took of the machine is what the operating system says of its process.

mod chart;
mod crowd;
mod frame;
mod growth;
mod latency;
mod marker;
mod measure;
mod peer;
mod process;
mod sender;
mod server;
mod table;
mod workload;

use std::{error::Error, io::Write, net::SocketAddr};

use clap::Parser;

use measure::{Target, measure};
use peer::Peer;
use process::Process;
use workload::Workload;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// Puts a load on chat servers.
#[derive(Debug, Parser)]
enum Options {
    /// Starts each server, puts each load on it, and prints a table.
    Table(table::Programs),
    /// Tells how what a message costs ours grows with members, rooms and messages, and draws it.
    Growth(growth::Growth),
    /// Puts one load on a server that runs, and prints what came of it as JSON.
    One(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// What the server speaks.
    peer: Peer,
    /// Where it listens.
    address: SocketAddr,
    /// The number of its process.
    pid: u32,
    #[command(flatten)]
    load: Workload,
}

fn main() -> Result {
    match Options::parse() {
        Options::Table(programs) => table::print(&programs),
        Options::Growth(growth) => growth::print(&growth),
        Options::One(One { peer, address, pid, load }) => {
            let report = measure(Target { peer, address, process: Process(pid) }, &load)?;
            writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
            Ok(())
        }
    }
}
