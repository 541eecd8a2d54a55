//! Who sends, and when.

use std::{
    io::{ErrorKind, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{Result, crowd::Crowd, marker::Marker, peer::Peer, workload::Workload};

/// The connections that messages are sent over.
#[derive(Debug)]
pub(crate) struct Senders {
    peer: Peer,
    began: Instant,
    /// Each with the index of its connection and its room.
    connections: Vec<(TcpStream, u32, String)>,
    sent: Arc<Sent>,
}

/// How many messages were sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    in_all: AtomicU64,
    measured: AtomicU64,
    is_measuring: AtomicBool,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentCount {
    pub(crate) in_all: u64,
    pub(crate) measured: u64,
}

/// What decides when messages are sent.
#[derive(Debug)]
pub(crate) enum Sender {
    /// They are due at equal intervals, whether or not the server keeps up. A thread sends them, so that none waits for what is
    /// received.
    AtRate { sent: Arc<Sent>, stop: Arc<AtomicBool>, thread: JoinHandle<()> },
    /// Each sender sends the next one when one of its own has come back.
    InAnswer(Senders),
}

impl Senders {
    /// The first ones of each room.
    pub(crate) fn new(peer: Peer, rooms: &[String], load: &Workload, crowd: &Crowd) -> Result<Self> {
        let mut connections = Vec::new();
        for member in 0..load.senders.min(load.members) {
            for (number, room) in rooms.iter().enumerate() {
                let index = number * load.members + member;
                connections.push((crowd.stream(index)?, u32::try_from(index)?, room.clone()));
            }
        }
        Ok(Self { peer, began: crowd.began(), connections, sent: Arc::default() })
    }

    /// Sends a message of the one with this number that was due then.
    fn send(&mut self, number: usize, due: Instant) {
        let number = number % self.connections.len();
        let (stream, sender, room) = &mut self.connections[number];
        let due_us = due.duration_since(self.began).as_micros() as u64;
        let frame = self.peer.message(room, &Marker { due_us, sender: *sender }.text());
        write_all(stream, &frame);
        self.sent.in_all.fetch_add(1, Ordering::Relaxed);
        if self.sent.is_measuring.load(Ordering::Relaxed) {
            self.sent.measured.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Sender {
    /// So many messages per second in all.
    pub(crate) fn at_rate(mut senders: Senders, rate: u64) -> Self {
        let (sent, stop) = (Arc::clone(&senders.sent), Arc::<AtomicBool>::default());
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let begin = Instant::now();
            for number in 0.. {
                let due = begin + Duration::from_nanos(number * 1_000_000_000 / rate);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                senders.send(number as usize, due);
            }
        });
        Self::AtRate { sent, stop, thread }
    }

    /// So many under way per sender.
    pub(crate) fn in_answer(mut senders: Senders, outstanding: usize) -> Self {
        for _ in 0..outstanding {
            for number in 0..senders.connections.len() {
                senders.send(number, Instant::now());
            }
        }
        Self::InAnswer(senders)
    }

    /// A sender got its own message back.
    pub(crate) fn came_back(&mut self, sender: u32) {
        if let Self::InAnswer(senders) = self
            && let Some(number) = senders.connections.iter().position(|(_, index, _)| *index == sender)
        {
            senders.send(number, Instant::now());
        }
    }

    /// From now on, what is sent counts.
    pub(crate) fn measure(&self, is_measuring: bool) {
        self.sent().is_measuring.store(is_measuring, Ordering::Relaxed);
    }

    /// Sends no more.
    pub(crate) fn stop(self) -> SentCount {
        let sent = Arc::clone(self.sent());
        if let Self::AtRate { stop, thread, .. } = self {
            stop.store(true, Ordering::Relaxed);
            drop(thread.join());
        }
        SentCount { in_all: sent.in_all.load(Ordering::Relaxed), measured: sent.measured.load(Ordering::Relaxed) }
    }

    fn sent(&self) -> &Arc<Sent> {
        match self {
            Self::AtRate { sent, .. } | Self::InAnswer(Senders { sent, .. }) => sent,
        }
    }
}

/// Writes all. The stream does not block, since those who receive share it; a server that does not read for a while is waited for.
fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_micros(50)),
            // Whoever receives sees it, too.
            Err(_) => return,
        }
    }
}
