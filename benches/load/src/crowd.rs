//! Those who are connected, and what they receive. All of it is read by one thread.

use std::{
    io::{ErrorKind, Read, Write},
    mem,
    net::SocketAddr,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use memchr::memmem;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    Result,
    latency::Latencies,
    marker::{LENGTH, Markers},
    peer::Peer,
    sender::{Sender, SentCount},
};

/// Everybody who is connected.
#[derive(Debug)]
pub(crate) struct Crowd {
    peer: Peer,
    began: Instant,
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    markers: Markers,
    /// Where all that is read is put.
    scratch: Vec<u8>,
    sender: Option<Sender>,
    measuring: Option<Heard>,
    heard_in_all: u64,
    joined: usize,
}

/// What was heard while it was measured.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) deliveries: u64,
    pub(crate) reads: u64,
    pub(crate) latencies: Latencies,
    since_us: u64,
}

#[derive(Debug)]
struct Member {
    socket: TcpStream,
    state: State,
    /// The beginning of what may go on in the next read.
    rest: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// What follows the answer to the upgrade is sent then.
    Upgrading(Vec<u8>),
    Joining,
    In,
}

/// More than the members of a room are sent at once.
const SCRATCH: usize = 1 << 20;
/// How many connections may be opened before the server has answered some: fewer than wait in a listening socket.
const OPENING: usize = 256;
/// How long all may take to join.
const JOIN_PATIENCE: Duration = Duration::from_secs(120);

impl Crowd {
    /// Connects so many to each room, and waits until they are in.
    pub(crate) fn join(peer: Peer, address: SocketAddr, rooms: &[String], members: usize) -> Result<Self> {
        let mut crowd = Self {
            peer,
            began: Instant::now(),
            poll: Poll::new()?,
            events: Events::with_capacity(4_096),
            members: Vec::new(),
            markers: Markers::default(),
            scratch: vec![0; SCRATCH],
            sender: None,
            measuring: None,
            heard_in_all: 0,
            joined: 0,
        };
        let deadline = Instant::now() + JOIN_PATIENCE;
        for room in rooms {
            for member in 0..members {
                crowd.connect(address, room, member)?;
                while crowd.members.len() - crowd.joined >= OPENING && Instant::now() < deadline {
                    crowd.turn(deadline)?;
                }
            }
        }
        while crowd.joined < crowd.members.len() {
            if Instant::now() >= deadline {
                return Err(format!("{} of {} are in", crowd.joined, crowd.members.len()).into());
            }
            crowd.turn(deadline)?;
        }
        Ok(crowd)
    }

    fn connect(&mut self, address: SocketAddr, room: &str, member: usize) -> Result {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&self.peer.request(address, room, member))?;
        stream.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(stream);
        self.poll.registry().register(&mut socket, Token(self.members.len()), Interest::READABLE)?;
        let state = State::Upgrading(self.peer.join(room));
        self.members.push(Member { socket, state, rest: Vec::new() });
        Ok(())
    }

    /// When microseconds are counted from.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The stream of one connection, to write to. It does not block.
    pub(crate) fn stream(&self, index: usize) -> Result<std::net::TcpStream> {
        Ok(self.members[index].socket.as_fd().try_clone_to_owned()?.into())
    }

    /// Messages are sent from now on.
    pub(crate) fn send_with(&mut self, sender: Sender) {
        self.sender = Some(sender);
    }

    pub(crate) fn start_measuring(&mut self) {
        self.sender.iter().for_each(|sender| sender.measure(true));
        self.measuring = Some(Heard { since_us: self.now_us(), ..Heard::default() });
    }

    pub(crate) fn stop_measuring(&mut self) -> Heard {
        self.sender.iter().for_each(|sender| sender.measure(false));
        self.measuring.take().unwrap_or_default()
    }

    /// Messages are sent no more.
    pub(crate) fn stop_sending(&mut self) -> SentCount {
        self.sender.take().map_or(SentCount { in_all: 0, measured: 0 }, Sender::stop)
    }

    /// How many deliveries there were in all.
    pub(crate) fn heard_in_all(&self) -> u64 {
        self.heard_in_all
    }

    pub(crate) fn listen_for(&mut self, time: Duration) -> Result {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            self.turn(deadline)?;
        }
        Ok(())
    }

    /// Listens until there were so many deliveries in all.
    pub(crate) fn listen_until(&mut self, deliveries: u64, patience: Duration) -> Result {
        let deadline = Instant::now() + patience;
        while self.heard_in_all < deliveries && Instant::now() < deadline {
            self.turn(deadline)?;
        }
        Ok(())
    }

    fn turn(&mut self, deadline: Instant) -> Result {
        let mut events = mem::replace(&mut self.events, Events::with_capacity(0));
        let left = deadline.saturating_duration_since(Instant::now()).min(Duration::from_millis(100));
        match self.poll.poll(&mut events, Some(left)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        for event in &events {
            self.read(event.token().0)?;
        }
        self.events = events;
        Ok(())
    }

    /// Reads what a member has received.
    fn read(&mut self, index: usize) -> Result {
        loop {
            let member = &mut self.members[index];
            let rest = member.rest.len();
            self.scratch[..rest].copy_from_slice(&member.rest);
            let room = self.scratch.len() - rest;
            let read = match member.socket.read(&mut self.scratch[rest..]) {
                Ok(0) => return Err(format!("the server closed connection {index}").into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let end = rest + read;
            match member.state {
                State::In => self.hear(index, end),
                State::Upgrading(_) | State::Joining => self.go_on(index, end)?,
            }
            // What is less than was asked for is all there is (`man 7 epoll`).
            if read < room {
                return Ok(());
            }
        }
    }

    /// A member on the way in.
    fn go_on(&mut self, index: usize, end: usize) -> Result {
        let (member, bytes) = (&mut self.members[index], &self.scratch[..end]);
        if let State::Upgrading(join) = &member.state
            && memmem::find(bytes, b"\r\n\r\n").is_some()
        {
            if !bytes.starts_with(b"HTTP/1.1 101") {
                return Err(String::from_utf8_lossy(bytes).into());
            }
            member.socket.write_all(join)?;
            member.state = State::Joining;
        }
        if memmem::find(bytes, self.peer.joined()).is_some() {
            member.state = State::In;
            member.rest = Vec::new();
            self.joined += 1;
        } else {
            member.rest = bytes.to_vec();
        }
        Ok(())
    }

    /// Looks for messages in what a member has received.
    fn hear(&mut self, index: usize, end: usize) {
        let now_us = self.now_us();
        if let Some(heard) = &mut self.measuring {
            heard.reads += 1;
        }
        let Self { markers, scratch, measuring, sender, heard_in_all, members, .. } = self;
        let rest = markers.find(&scratch[..end], |marker| {
            *heard_in_all += 1;
            if let Some(heard) = measuring {
                heard.deliveries += 1;
                if marker.due_us >= heard.since_us {
                    heard.latencies.add(now_us.saturating_sub(marker.due_us));
                }
            }
            if marker.sender as usize == index
                && let Some(sender) = sender
            {
                sender.came_back(marker.sender);
            }
        });
        debug_assert!(end - rest < LENGTH);
        let kept = &mut members[index].rest;
        kept.clear();
        kept.extend_from_slice(&scratch[rest..end]);
    }

    fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }
}
