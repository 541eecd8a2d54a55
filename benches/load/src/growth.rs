//! How what a message costs ours grows: with the members of a room, with rooms, and with messages that are stored.

use std::{fs, io::Write, path::PathBuf};

use clap::Args;

use crate::{
    Result,
    chart::Chart,
    measure::{Report, measure, measure_in},
    peer::Peer,
    server::Program,
    workload::Workload,
};

/// What is measured, and where it is drawn.
#[derive(Debug, Args)]
pub(crate) struct Growth {
    /// Our program.
    #[arg(long)]
    chatd: PathBuf,
    /// The folder of the pictures.
    #[arg(long)]
    charts: PathBuf,
    /// Up to how many messages are stored. Ten million take some five minutes and eight gigabytes.
    #[arg(long, default_value_t = 10_000_000)]
    stored: u64,
}

const MEMBERS: [usize; 4] = [10, 100, 1_000, 10_000];
const ROOMS: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
const STORED: [u64; 5] = [0, 10_000, 100_000, 1_000_000, 10_000_000];

/// How many deliveries per second there are with every number of members.
const DELIVERIES: usize = 20_000;
/// How many messages per second there are with every number of rooms and of messages.
const MESSAGES: u64 = 1_000;
/// In how many rooms at most something is sent.
const ACTIVE: usize = 100;
/// The rooms in which messages are stored, as fast as it goes.
const FILLED: Workload = Workload { seconds: 1, warm_up: 0, ..Workload::senders_alone(32) };
/// What is measured there.
const STEADY: Workload = Workload { rate: Some(MESSAGES), ..Workload::senders_alone(32) };
/// About how many are stored per second when it goes as fast as it can.
const FILLED_PER_SECOND: u64 = 30_000;
/// How many connections do nothing.
const IDLE: usize = 10_000;
/// The most seconds that they are stored in one piece.
const LONGEST: u64 = 30;

/// Something that a report tells of what it cost.
type Cost = fn(&Report) -> f64;

/// What a load cost at one size.
struct Point {
    size: u64,
    report: Report,
}

/// Measures all, prints tables, and draws what a delivery or a message costs.
pub(crate) fn print(growth: &Growth) -> Result {
    fs::create_dir_all(&growth.charts)?;
    let program = Program { name: "chatd", peer: Peer::Chatd, words: vec![(&growth.chatd).into()] };
    let delivery: (_, Cost) = ("µs per delivery", Report::us_per_delivery);
    let message: (_, Cost) = ("µs per message", Report::us_per_message);
    growth.tell("members", "members of the room", delivery, &members(&program)?)?;
    growth.tell("rooms", "rooms", message, &rooms(&program)?)?;
    growth.tell("stored", "messages stored", message, &stored(&program, growth.stored)?)?;
    let (together, alone) = (idle(&program, 1)?, idle(&program, IDLE)?);
    writeln!(
        std::io::stdout(),
        "{together:.1} KB per idle connection in one room, {alone:.1} KB with a room of its own"
    )?;
    Ok(())
}

/// The memory of a connection in kilobytes, where so many rooms share ten thousand.
fn idle(program: &Program, rooms: usize) -> Result<f64> {
    let load = Workload { rooms, members: IDLE / rooms, seconds: 0, warm_up: 0, ..Workload::idle(IDLE) };
    Ok(measure(program.start()?.target, &load)?.kb_per_connection)
}

/// One room of more and more members, and always as many deliveries.
fn members(program: &Program) -> Result<Vec<Point>> {
    let measured = MEMBERS.into_iter().map(|members| {
        let rate = (DELIVERIES / members) as u64;
        let load = Workload { members, seconds: 8, ..Workload::large_room(rate) };
        Ok(Point { size: members as u64, report: measure(program.start()?.target, &load)? })
    });
    measured.collect()
}

/// More and more rooms, of which up to a hundred are written in.
fn rooms(program: &Program) -> Result<Vec<Point>> {
    let measured = ROOMS.into_iter().map(|count| {
        let server = program.start()?;
        let rooms = server.target.peer.make_rooms(server.target.address, count)?;
        server.target.process.settle()?;
        let active: Vec<_> = rooms.into_iter().step_by(count.div_ceil(ACTIVE)).collect();
        Ok(Point { size: count as u64, report: measure_in(&active, server.target, &STEADY)? })
    });
    measured.collect()
}

/// More and more messages in sixteen rooms of one server.
fn stored(program: &Program, most: u64) -> Result<Vec<Point>> {
    let server = program.start()?;
    let target = server.target;
    let rooms = target.peer.make_rooms(target.address, FILLED.rooms)?;
    let (mut stored, mut points) = (0, Vec::new());
    for wanted in STORED.into_iter().filter(|wanted| *wanted <= most) {
        while stored < wanted {
            let seconds = ((wanted - stored) / FILLED_PER_SECOND).clamp(1, LONGEST);
            let report = measure_in(&rooms, target, &Workload { seconds, ..FILLED })?;
            stored += report.sent as u64 * seconds;
        }
        target.process.settle()?;
        let report = measure_in(&rooms, target, &STEADY)?;
        stored += MESSAGES * (STEADY.seconds + STEADY.warm_up);
        points.push(Point { size: stored, report });
    }
    Ok(points)
}

impl Growth {
    fn tell(&self, file: &str, across: &str, (up, cost): (&str, Cost), points: &[Point]) -> Result {
        let mut out = std::io::stdout();
        writeln!(
            out,
            "| {across} | sent/s | µs per message | µs per delivery | p50 ms | p99 ms |\n|---|---|---|---|---|---|"
        )?;
        for Point { size, report } in points {
            let (message, delivery) = (report.us_per_message(), report.us_per_delivery());
            let Report { sent, p50_ms, p99_ms, .. } = report;
            writeln!(out, "| {size} | {sent:.0} | {message:.0} | {delivery:.1} | {p50_ms:.2} | {p99_ms:.2} |")?;
        }
        writeln!(out)?;
        let drawn: Vec<_> = points.iter().map(|point| (point.size as f64, cost(&point.report))).collect();
        Chart { across, up, points: &drawn }.write(&self.charts.join(file).with_extension("svg"))
    }
}
