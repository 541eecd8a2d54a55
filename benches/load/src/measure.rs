//! Puts a load on a server, and measures what comes of it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    Result,
    crowd::{Crowd, Heard},
    peer::Peer,
    process::{Process, Usage},
    sender::{Sender, Senders},
    workload::Workload,
};

/// A server that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) peer: Peer,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

/// What came of a load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Messages that were sent per second.
    pub(crate) sent: f64,
    /// Messages that were received per second, by all.
    pub(crate) deliveries: f64,
    /// The same per second of the server's processor time.
    pub(crate) deliveries_per_cpu: f64,
    /// The server's processor time, as a part of one processor.
    pub(crate) cpu: f64,
    /// How often the server's threads were switched, per message.
    pub(crate) switches_per_message: f64,
    /// How often there was something to read, per delivery: about as often as the server wrote.
    pub(crate) reads_per_delivery: f64,
    /// From when a message was due until it was received, in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// Messages that had not been received by everybody 5 s after the end.
    pub(crate) missing: u64,
    /// From the first connection until all were in their rooms, in seconds.
    pub(crate) joined_s: f64,
    /// The server's memory per connection before anybody sent, in KB.
    pub(crate) kb_per_connection: f64,
}

/// How long the last messages are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the server may settle after all have joined.
const SETTLE: Duration = Duration::from_secs(2);

/// Puts a load on a server, in rooms that are made for it.
pub(crate) fn measure(target: Target, load: &Workload) -> Result<Report> {
    let rooms = target.peer.make_rooms(target.address, load.rooms)?;
    measure_in(&rooms, target, load)
}

/// Puts a load on a server, in these rooms.
pub(crate) fn measure_in(rooms: &[String], target: Target, load: &Workload) -> Result<Report> {
    let Target { peer, address, process } = target;
    let empty = process.usage()?;
    let began = Instant::now();
    let mut crowd = Crowd::join(peer, address, rooms, load.members)?;
    let joined_s = began.elapsed().as_secs_f64();
    crowd.listen_for(SETTLE)?;
    let memory_kb = process.usage()?.memory_kb.saturating_sub(empty.memory_kb);
    let measured = talk(load, peer, &mut crowd, rooms, process)?;
    Ok(measured.report(joined_s, memory_kb as f64 / (rooms.len() * load.members) as f64))
}

/// What was heard and used while it was measured.
struct Measured {
    sent: u64,
    expected: u64,
    heard: Heard,
    heard_in_all: u64,
    used: Usage,
    elapsed: Duration,
}

fn talk(load: &Workload, peer: Peer, crowd: &mut Crowd, rooms: &[String], process: Process) -> Result<Measured> {
    let senders = Senders::new(peer, rooms, load, crowd)?;
    crowd.send_with(match load.rate {
        Some(rate) => Sender::at_rate(senders, rate),
        None => Sender::in_answer(senders, load.outstanding),
    });
    crowd.listen_for(Duration::from_secs(load.warm_up))?;
    crowd.start_measuring();
    let (before, began) = (process.usage()?, Instant::now());
    crowd.listen_for(Duration::from_secs(load.seconds))?;
    let used = process.usage()?.since(before);
    let elapsed = began.elapsed();
    let heard = crowd.stop_measuring();
    let sent = crowd.stop_sending();
    let expected = sent.in_all * load.members as u64;
    crowd.listen_until(expected, PATIENCE)?;
    Ok(Measured { sent: sent.measured, expected, heard, heard_in_all: crowd.heard_in_all(), used, elapsed })
}

impl Report {
    /// The server's processor time per message, in microseconds.
    pub(crate) fn us_per_message(&self) -> f64 {
        self.cpu / self.sent * 1e6
    }

    /// The server's processor time per delivery, in microseconds.
    pub(crate) fn us_per_delivery(&self) -> f64 {
        1e6 / self.deliveries_per_cpu
    }
}

impl Measured {
    fn report(mut self, joined_s: f64, kb_per_connection: f64) -> Report {
        let seconds = self.elapsed.as_secs_f64();
        let (sent, deliveries) = (self.sent as f64, self.heard.deliveries as f64);
        let cpu_s = self.used.cpu.as_secs_f64();
        let [p50_ms, p99_ms, max_ms] = self.heard.latencies.at([0.5, 0.99, 1.0]);
        Report {
            sent: sent / seconds,
            deliveries: deliveries / seconds,
            deliveries_per_cpu: deliveries / cpu_s,
            cpu: cpu_s / seconds,
            switches_per_message: self.used.switches as f64 / sent,
            reads_per_delivery: self.heard.reads as f64 / deliveries,
            p50_ms,
            p99_ms,
            max_ms,
            missing: self.expected.saturating_sub(self.heard_in_all),
            joined_s,
            kb_per_connection,
        }
    }
}
