//! The table: ours against others, each offered the same load in turn.

use std::{io::Write, path::PathBuf};

use clap::Args;

use crate::{
    Result,
    measure::{Report, measure},
    peer::Peer,
    server::Program,
    workload::Workload,
};

/// The servers' programs.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// Ours.
    #[arg(long)]
    chatd: PathBuf,
    /// Another build of ours, to compare with instead of the others.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// nats-server.
    #[arg(long)]
    nats: Option<PathBuf>,
    /// The folder of the server on Socket.IO, with its packages.
    #[arg(long)]
    socketio: Option<PathBuf>,
    /// The Python that has the packages of the server on FastAPI, and that server.
    #[arg(long, num_args = 2)]
    fastapi: Option<Vec<PathBuf>>,
    /// Only the loads whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// How often each is measured; the medians are told.
    #[arg(long, default_value_t = 1)]
    runs: usize,
}

/// The loads, and whether the slow servers are offered them, too.
fn loads() -> Vec<(&'static str, Workload, bool)> {
    vec![
        ("large room, 80/s", Workload::large_room(80), true),
        ("large room, 300/s", Workload::large_room(300), false),
        ("large room, 600/s", Workload::large_room(600), false),
        ("large room, 8 under way", Workload::large_room_in_answer(8), true),
        ("large room, 64 under way", Workload::large_room_in_answer(64), false),
        ("small rooms, 1,000/s", Workload::small_rooms(Some(1_000)), true),
        ("small rooms, 4,000/s", Workload::small_rooms(Some(4_000)), false),
        ("small rooms, 8,000/s", Workload::small_rooms(Some(8_000)), false),
        ("small rooms, flat out", Workload::small_rooms(None), true),
        ("16 senders, 32 under way", Workload::senders_alone(32), false),
        ("10,000 idle", Workload::idle(10_000), false),
    ]
}

const HEAD: &str = "\
| load | server | sent/s | deliveries/s | per CPU second | ratio | CPU | p50 ms | p99 ms | reads per delivery | switches per message | KB per connection | joined in |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// Prints the table.
pub(crate) fn print(programs: &Programs) -> Result {
    let mut out = std::io::stdout();
    writeln!(out, "{HEAD}")?;
    for (name, load, also_slow) in loads().into_iter().filter(|(name, ..)| name.contains(&programs.only)) {
        let servers: Vec<_> =
            programs.all().into_iter().filter(|program| also_slow || program.peer.is_fast()).collect();
        let mut reports = vec![Vec::new(); servers.len()];
        // They take turns, so that what else the machine does meets all alike.
        for _ in 0..programs.runs {
            for (program, reports) in servers.iter().zip(&mut reports) {
                let server = program.start()?;
                reports.push(measure(server.target, &load)?);
            }
        }
        let medians: Vec<_> = reports.iter().filter_map(|reports| median(reports)).collect();
        let other = medians.get(1).map_or(f64::NAN, |other| other.deliveries_per_cpu);
        for (program, report) in servers.iter().zip(&medians) {
            writeln!(out, "| {name} | {} | {}", program.name, row(report, report.deliveries_per_cpu / other))?;
        }
    }
    Ok(())
}

/// The run in the middle, by deliveries per second of processor time.
fn median(reports: &[Report]) -> Option<&Report> {
    let mut sorted: Vec<_> = reports.iter().collect();
    sorted.sort_by(|a, b| a.deliveries_per_cpu.total_cmp(&b.deliveries_per_cpu));
    sorted.get(sorted.len() / 2).copied()
}

fn row(report: &Report, ratio: f64) -> String {
    let missing = if report.missing > 0 { format!(" ({} missing)", report.missing) } else { String::new() };
    [
        number(report.sent, 0),
        number(report.deliveries, 0) + &missing,
        number(report.deliveries_per_cpu, 0),
        number(ratio, 2),
        number(report.cpu * 100.0, 1) + " %",
        number(report.p50_ms, 2),
        number(report.p99_ms, 2),
        number(report.reads_per_delivery, 3),
        number(report.switches_per_message, 1),
        number(report.kb_per_connection, 1),
        number(report.joined_s, 2) + " s |",
    ]
    .join(" | ")
}

/// A number as it is printed; there is none where nothing was sent.
fn number(number: f64, decimals: usize) -> String {
    if number.is_finite() { format!("{number:.decimals$}") } else { "–".to_owned() }
}

impl Programs {
    fn all(&self) -> Vec<Program> {
        let ours = |name, path: &PathBuf| Program { name, peer: Peer::Chatd, words: vec![path.into()] };
        let mut all = vec![ours("chatd", &self.chatd)];
        if let Some(other) = &self.compare {
            all.push(ours("chatd (other)", other));
            return all;
        }
        all.extend(self.nats.iter().map(|path| Program {
            name: "nats-server",
            peer: Peer::Nats,
            words: vec![path.into()],
        }));
        all.extend(self.socketio.iter().map(|folder| Program {
            name: "Socket.IO",
            peer: Peer::SocketIo,
            words: vec!["node".into(), folder.join("server.js").into()],
        }));
        all.extend(self.fastapi.iter().map(|words| Program {
            name: "FastAPI",
            peer: Peer::FastApi,
            words: words.iter().map(Into::into).collect(),
        }));
        all
    }
}
