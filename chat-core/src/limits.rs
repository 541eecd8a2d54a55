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
    /// Sessions one user may have at once. Default `None`: unlimited.
    pub sessions_per_user: Option<usize>,
    /// Sessions the engine may have at once. Default `None`: unlimited.
    pub sessions: Option<usize>,
    /// How fast one user may send. Default `None`: unlimited.
    pub sends: Option<Rate>,
    /// Users whose rate of sending is remembered. When there are more, those who have sent least are forgotten. Default
    /// 65,536, at some 200 bytes each.
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
            room_mailbox: 1_024,
            journal_messages: 8_192,
            journal_changes: 256,
            journal_bytes: 8 << 20,
            recent_events: 2_000,
            recent_bytes: 512 << 10,
            recent_total_bytes: 64 << 20,
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
            sessions_per_user: None,
            sessions: None,
            sends: None,
            rated_users: 65_536,
        }
    }
}

/// A rate: how many per second on average, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many per second, on average.
    pub per_second: f64,
    /// How many at once, after a pause.
    pub burst: u32,
}
