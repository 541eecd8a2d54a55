//! The numbers an engine holds to.

use std::time::Duration;

/// Every limit of an engine, with its default. Change single fields of `Limits::default()`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest message, in characters. Default 4,000; never more than 65,535 bytes, even if you set more.
    pub message_chars: usize,
    /// Rooms a session may be attached to. Default 128.
    pub rooms_per_session: usize,
    /// Rooms a session may watch besides. Default 1,000: the rooms of a busy user's list.
    pub watched_rooms_per_session: usize,
    /// Up to this many online users, the others are told how far each has read. Default 100: in a larger room nobody looks at
    /// a thousand marks.
    pub receipts_up_to: usize,
    /// Commands a session may have unanswered. Default 64.
    pub unanswered_commands: usize,
    /// Bytes of text that a session's unanswered commands may have together; a command beyond that is refused as
    /// overloaded. Default 1 MiB: 64 of the longest messages.
    pub unanswered_bytes: usize,
    /// What a session's session queue may hold, in bytes; an event or a signal costs what [`Delivery::cost`](crate::Delivery::cost)
    /// says. Default 1 MiB. A session that reads too slowly fills it, is closed as lagged, and may resume.
    pub session_queue_bytes: usize,
    /// The same of all sessions together. Above it, a session for which more than 64 KiB wait is closed as lagged when more
    /// comes. Default `None`: as much as all sessions may have. An event that waits for several sessions counts for each of
    /// them, although it is kept once.
    pub waiting_bytes: Option<usize>,
    /// Commands that may wait for one room. Default 1,024.
    pub room_mailbox: usize,
    /// Messages that may wait to be stored, in all rooms together. Default 8,192.
    pub journal_messages: usize,
    /// Rooms that may wait to be created, changed or deleted, all together. Default 256: each is a separate transaction, which
    /// takes a few milliseconds, and they take turns with the messages.
    pub journal_changes: usize,
    /// Bytes of text that may wait to be stored, in all rooms together; names and topics count, too. Default 8 MiB.
    pub journal_bytes: usize,
    /// The recent events that a room keeps in memory for sessions that resume: one that missed more has to resync. Default
    /// 2,000.
    pub recent_events: usize,
    /// The same in bytes, whichever is reached first. Default 512 KiB.
    pub recent_bytes: usize,
    /// The same in bytes, of all rooms together. Above it, the quietest rooms drop their events, and the engine reads them
    /// again when a session resumes. Default 64 MiB: 128 rooms at their limit.
    pub recent_total_bytes: usize,
    /// How long a call that is awaited waits for a place where `room_mailbox`, `journal_messages`, `journal_changes` or
    /// `journal_bytes` has none; then it is refused as overloaded. Default 30 s: a database that stands still and comes back does so
    /// sooner, and nobody who asked is still there later. [`ChatEngine::waiting_at_most`](crate::ChatEngine::waiting_at_most) sets it
    /// for one caller. A command that is [submitted](crate::SessionHandle::submit) waits for no place.
    pub place_wait: Duration,
    /// Rooms that may be active at once: those with sessions, and those that were used a moment ago. Near this number, rooms
    /// without sessions leave the memory, the quietest first. When all are in use, commands for other rooms are refused as
    /// overloaded. Default 16,384, at a few KiB each.
    pub active_rooms: usize,
    /// How long a lost session's user still counts as online. Default 10 s: a reload or a tunnel is not a leave.
    pub presence_grace: Duration,
    /// Above this many online users, they are only counted. Default 200.
    pub presence_list_max: usize,
    /// Below this many online users, they are named again. Default 180, so that it does not switch back and forth.
    pub presence_list_again: usize,
    /// How long "is typing" holds without being refreshed. Default 6 s: two refreshes of a client that sends one every 3 s.
    pub typing_expiry: Duration,
    /// How many typing users are named; all are counted. Default 5: more names than anybody reads in a line, and
    /// few enough that a thousand typists cost each reader no more than five.
    pub typing_names: usize,
    /// The least time between two user lists, two typing signals, or two activities, of one room. Default 1 s.
    pub signal_interval: Duration,
    /// How long a room without sessions stays in memory. Default 30 s.
    pub room_linger: Duration,
    /// How often the engine looks for what others stored in its active rooms, where the store
    /// [is shared](crate::store::Store::is_shared). Default 30 s: `ChatEngine::hint` tells sooner, and this finds what hints
    /// have missed. It costs one statement for 1,000 rooms.
    pub sweep_interval: Duration,
    /// How often the engine asks what is to be kept of the rooms, where the host [says so](crate::Retention). Default 1 h: days
    /// are what such rules count in.
    pub retention_interval: Duration,
    /// How long a credential may be good for, from when it was issued. Default 366 days: so long the engine keeps in mind that a
    /// user's [access was taken away](crate::ChatEngine::revoke), and whoever admits users refuses what is older.
    pub credential_life: Duration,
    /// Sessions one user may have at once. Default `None`: unlimited.
    pub sessions_per_user: Option<usize>,
    /// Sessions the engine may have at once. Default `None`: unlimited.
    pub sessions: Option<usize>,
    /// How fast one user may do things. Default [`UserRates::UNLIMITED`].
    pub rates: UserRates,
    /// How fast one connection may send frames. Default `None`: unlimited. The engine does not see frames; a transport counts
    /// them.
    pub connection_frames: Option<Rate>,
    /// How fast one connection may send bytes in frames. Default `None`: unlimited. A transport counts them.
    pub connection_bytes: Option<Rate>,
    /// Event streams that may be open at once. Default `None`: unlimited. The engine sees no streams; a transport counts them.
    pub event_streams: Option<usize>,
    /// How much those who come from one address may do. Default [`AddressLimits::UNLIMITED`]. The engine sees no addresses; a
    /// transport counts them.
    pub addresses: AddressLimits,
    /// Users who are remembered for each of the `rates`. When there are more, those who have done least are forgotten. Default
    /// 16,384, at some 200 bytes each: 26 MB if all eight rates are used by so many.
    pub rated_users: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_chars: 4_000,
            rooms_per_session: 128,
            watched_rooms_per_session: 1_000,
            receipts_up_to: 100,
            unanswered_commands: 64,
            unanswered_bytes: 1 << 20,
            session_queue_bytes: 1 << 20,
            waiting_bytes: None,
            room_mailbox: 1_024,
            journal_messages: 8_192,
            journal_changes: 256,
            journal_bytes: 8 << 20,
            recent_events: 2_000,
            recent_bytes: 512 << 10,
            recent_total_bytes: 64 << 20,
            place_wait: Duration::from_secs(30),
            active_rooms: 16_384,
            presence_grace: Duration::from_secs(10),
            presence_list_max: 200,
            presence_list_again: 180,
            typing_expiry: Duration::from_secs(6),
            typing_names: 5,
            signal_interval: Duration::from_secs(1),
            room_linger: Duration::from_secs(30),
            sweep_interval: Duration::from_secs(30),
            retention_interval: Duration::from_secs(3_600),
            credential_life: Duration::from_secs(366 * 86_400),
            sessions_per_user: None,
            sessions: None,
            rates: UserRates::UNLIMITED,
            connection_frames: None,
            connection_bytes: None,
            event_streams: None,
            addresses: AddressLimits::UNLIMITED,
            rated_users: 16_384,
        }
    }
}

impl Limits {
    /// The limits for a server that strangers use: those of `Limits::default()`, and besides [`UserRates::FOR_STRANGERS`] and
    /// [`AddressLimits::FOR_STRANGERS`], 50 sessions per user (several devices with several tabs each), for each connection 50
    /// frames and 256 KiB per second (200 frames and 1 MiB at once: what a client says when it starts), 8,192 event streams (half
    /// of the most connections that a server has, so that streams never take the places of all other calls), and 512 MiB that
    /// wait for slow readers (512 of them at their limit).
    #[must_use]
    pub fn for_strangers() -> Self {
        Self {
            rates: UserRates::FOR_STRANGERS,
            connection_frames: Some(Rate { per_second: 50.0, burst: 200 }),
            connection_bytes: Some(Rate { per_second: 262_144.0, burst: 1 << 20 }),
            event_streams: Some(8_192),
            sessions_per_user: Some(50),
            waiting_bytes: Some(512 << 20),
            addresses: AddressLimits::FOR_STRANGERS,
            ..Self::default()
        }
    }
}

/// How fast one user may do things, whatever session or transport they come over. What is `None` is unlimited, and so is the
/// [host](crate::Actor::System). Who says no name is not limited here.
///
/// Above a rate, things are refused as [`Error::RateLimited`](crate::Error::RateLimited). The retry of something that is stored
/// already is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct UserRates {
    /// Messages.
    pub messages: Option<Rate>,
    /// Changes of messages: edits, deletions, reactions, pins. Changes of rooms and of their members, and deletions of rooms, too.
    pub changes: Option<Rate>,
    /// Reports that the user is typing.
    pub typing: Option<Rate>,
    /// Attaches and watches.
    pub attaches: Option<Rate>,
    /// Rooms that are created.
    pub rooms: Option<Rate>,
    /// Rooms that the user joins.
    pub joins: Option<Rate>,
    /// Searches for messages, and for rooms by a part of their name.
    pub searches: Option<Rate>,
    /// Reads of history, and of everything else that is listed in pages; and read marks.
    pub history: Option<Rate>,
}

impl UserRates {
    /// No rate is limited.
    pub const UNLIMITED: Self = Self {
        messages: None,
        changes: None,
        typing: None,
        attaches: None,
        rooms: None,
        joins: None,
        searches: None,
        history: None,
    };

    /// Rates that a busy person does not reach, and a script that floods does:
    ///
    /// | what | at once | per second | why |
    /// |---|---|---|---|
    /// | messages | 10 | 5 | people type one in some seconds; a paste of several lines is one message |
    /// | changes | 20 | 10 | somebody who adds reactions clicks several times per second |
    /// | typing | 5 | 1 | a client reports it every 3 s per room |
    /// | attaches | 200 | 20 | a client attaches to 128 rooms when it starts, and again after a loss of the network |
    /// | rooms | 3 | 1 in 20 s | each name is taken from everybody else |
    /// | joins | 10 | 1 in 6 s | people look around; a script that joins all rooms is in everybody's lists |
    /// | searches | 5 | 2 | a client searches while somebody types, and a search is what costs most |
    /// | history | 50 | 20 | a client reads a page per room when it starts; whoever scrolls reads a few per second |
    pub const FOR_STRANGERS: Self = Self {
        messages: Some(Rate { per_second: 5.0, burst: 10 }),
        changes: Some(Rate { per_second: 10.0, burst: 20 }),
        typing: Some(Rate { per_second: 1.0, burst: 5 }),
        attaches: Some(Rate { per_second: 20.0, burst: 200 }),
        rooms: Some(Rate { per_second: 0.05, burst: 3 }),
        joins: Some(Rate { per_second: 10.0 / 60.0, burst: 10 }),
        searches: Some(Rate { per_second: 2.0, burst: 5 }),
        history: Some(Rate { per_second: 20.0, burst: 50 }),
    };

    /// The same with another rate of messages.
    #[must_use]
    pub const fn messages(mut self, rate: Rate) -> Self {
        self.messages = Some(rate);
        self
    }
}

/// How much those who come from one address may do, all together. What is `None` is unlimited. An address is one of IPv4, or a
/// /64 of IPv6, since that is what one subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct AddressLimits {
    /// Connections at once.
    pub connections: Option<usize>,
    /// New connections.
    pub connecting: Option<Rate>,
    /// Attempts to log in, also those that succeed.
    pub logins: Option<Rate>,
    /// Attempts to register an account, also those that succeed.
    pub registrations: Option<Rate>,
}

impl AddressLimits {
    /// Nothing is limited.
    pub const UNLIMITED: Self = Self { connections: None, connecting: None, logins: None, registrations: None };

    /// Limits that an office behind one address does not reach:
    ///
    /// | what | at once | per second | why |
    /// |---|---|---|---|
    /// | connections | 200 | – | an office of 25 people, with some 8 connections for each page that is open |
    /// | new connections | 200 | 20 | all of these come back at once when the server or the network does |
    /// | log-ins | 5 | 1 in 12 s | people log in once a month; 5 per minute guess 7,200 passwords a day, of which none is a good one |
    /// | registrations | 5 | 1 in 12 min | an account is for good, and whoever can make many is many users to every other limit |
    pub const FOR_STRANGERS: Self = Self {
        connections: Some(200),
        connecting: Some(Rate { per_second: 20.0, burst: 200 }),
        logins: Some(Rate { per_second: 5.0 / 60.0, burst: 5 }),
        registrations: Some(Rate { per_second: 5.0 / 3_600.0, burst: 5 }),
    };
}

/// A rate: how many per second on average, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many per second, on average.
    pub per_second: f64,
    /// How many at once, after a pause.
    pub burst: u32,
}
