//! What a room is taken along by: everything that is kept of it, as an export reads it and an import stores it.

use crate::{
    Body, Error, Event, EventKind, InvalidField, Member, Message, MessageEdited, Notify, Restriction, RestrictionKind,
    RoomKind, RoomName, Seq, Timestamp, Topic, UserId, UserMark, UserName,
    append::{Claim, Fingerprint, StoredEvent},
    rights::RoomTerms,
    text::{MAX_EXTERNAL, MAX_MESSAGE_BYTES},
};

/// What is known of a room beside its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomHead {
    /// Its name.
    pub name: RoomName,
    /// What it is about.
    pub topic: Topic,
    /// When it was made.
    pub created_at: Timestamp,
    /// What decides about rights in it, beside who is in it.
    pub terms: RoomTerms,
    /// Where its log begins: 1 unless it was pruned.
    pub first_seq: Seq,
    /// How many messages that count stood before that.
    pub pruned_ordinal: u64,
    /// The newest message that counts, if it was pruned.
    pub pruned_last: Option<(Seq, Timestamp)>,
    /// The host's own key for it, if it has one.
    pub external: Option<String>,
}

impl RoomHead {
    /// Whether the log can go on with what was read under the other head.
    #[cfg(feature = "runtime")]
    pub(crate) fn is_continued_by(&self, later: &Self) -> bool {
        let of = |head: &Self| (head.name.clone(), head.topic.clone(), head.terms, head.first_seq, head.pruned_ordinal);
        of(self) == of(later)
    }

    /// What the room is to have for itself, as far as its head says it: the host's key for it, or without one the name of a public room.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        let external = self.external.clone().map(Claim::External);
        external.or_else(|| Claim::of(self.terms.kind, &self.name, None))
    }

    /// Refuses what no room can be.
    ///
    /// # Errors
    /// [`InvalidField`] with the field.
    pub fn check(&self) -> Result<(), InvalidField> {
        check_time("created_at_us", self.created_at)?;
        if let Some(external) = &self.external {
            check_text("external", external, 1..=MAX_EXTERNAL)?;
            if self.terms.kind == RoomKind::Direct {
                return Err(InvalidField::new("external", "must not be there for a direct room"));
            }
        }
        if !(1..=MAX_SEQ).contains(&self.first_seq.0) {
            return Err(InvalidField::new("first_seq", "must be 1 or more, and a number that a log can have"));
        }
        if self.pruned_ordinal >= self.first_seq.0 {
            return Err(InvalidField::new("pruned_ordinal", "must be less than first_seq"));
        }
        match self.pruned_last {
            Some((seq, _)) if seq == Seq(0) || seq >= self.first_seq => {
                Err(InvalidField::new("last_message_seq", "must be a number before first_seq"))
            }
            Some((_, at)) => check_time("last_message_at_us", at),
            None => Ok(()),
        }
    }
}

/// Something that is kept of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archived {
    /// An event of its log.
    Event(ArchivedEvent),
    /// How far a user has read it.
    Mark(UserMark),
    /// What a user wants to be told of it.
    Notify(UserId, Notify),
    /// Who is in it.
    Member(Member),
    /// Who is banned or muted, even if that is over.
    Restriction(RestrictionKind, Restriction),
}

/// Somebody who is in a room, checked.
#[cfg(feature = "runtime")]
pub(crate) fn check_member(member: &Member) -> Result<(), InvalidField> {
    check_user("user", &member.user.id)?;
    check_username(&member.user.name)?;
    if member.since.0 > MAX_SEQ {
        return Err(InvalidField::new("seq", "must be a number that a log can have"));
    }
    check_time("at_us", member.joined_at)
}

/// A ban or a mute, checked.
#[cfg(feature = "runtime")]
pub(crate) fn check_restriction(restriction: &Restriction) -> Result<(), InvalidField> {
    let Restriction { user, until, reason, by, at } = restriction;
    for user in std::iter::once(user).chain(by) {
        check_user("user", &user.id)?;
        check_username(&user.name)?;
    }
    reason.as_ref().map_or(Ok(()), |reason| check_text("reason", reason.as_str(), 1..=2_000))?;
    until.end().map_or(Ok(()), |until| check_time("until_us", until))?;
    check_time("at_us", *at)
}

/// An event as an export has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedEvent {
    /// The event. An import takes no notice of its room, and of a message's ordinal: it counts by itself.
    pub event: Event,
    /// What a retry with the event's key is compared by. Without it, an import computes it from the event, as far as it says
    /// what was submitted: the key of an edit is replayed without comparing then.
    pub fingerprint: Option<Fingerprint>,
}

impl ArchivedEvent {
    /// An event of a log that begins at `first`. What an edit has said of a message that was pruned is gone with the message.
    #[must_use]
    pub fn of(stored: &StoredEvent, first: Seq) -> Self {
        let event = Event::clone(&stored.event);
        let is_gone = event.target().is_some_and(|target| target < first);
        let event = if is_gone { event.erased() } else { event };
        let is_erased = event.tells_text_of().is_some_and(|(_, erased)| erased);
        // A made-up key is never retried.
        let fingerprint = (event.key.is_some() && !is_erased).then_some(stored.fingerprint);
        Self { event, fingerprint: fingerprint.filter(|fingerprint| *fingerprint != Fingerprint::ERASED) }
    }

    /// Refuses what no log has, wherever the event stands.
    ///
    /// # Errors
    /// [`InvalidField`] with the field.
    pub fn check(&self) -> Result<(), InvalidField> {
        let Event { at, actor, kind, .. } = &self.event;
        check_time("at_us", *at)?;
        if let Some(actor) = actor {
            check_user("user", &actor.id)?;
            check_username(&actor.name)?;
        }
        match kind {
            EventKind::Message(Message { body, erased, .. }) => check_body(body, *erased)?,
            EventKind::MessageEdited(MessageEdited { body, erased, .. }) => check_body(body, *erased)?,
            EventKind::MessageDeleted { reason, .. } => {
                let reason = reason.as_ref().map(|reason| reason.as_str());
                reason.map_or(Ok(()), |reason| check_text("reason", reason, 1..=2_000))?;
            }
            EventKind::Reaction { reaction, .. } => check_text("reaction", reaction.as_str(), 1..=64)?,
            EventKind::Pin { .. } => {}
            EventKind::Member(member) => {
                check_user("member", &member.user.id)?;
                check_username(&member.user.name)?;
                let reason = member.reason.as_ref().map(|reason| reason.as_str());
                reason.map_or(Ok(()), |reason| check_text("reason", reason, 1..=2_000))?;
                member.until.map_or(Ok(()), |until| check_time("until_us", until))?;
            }
            EventKind::RoomUpdated { name, topic, .. } => {
                check_text("name", name.as_str(), 1..=400)?;
                check_text("topic", topic.as_str(), 0..=4_096)?;
            }
            EventKind::RoomDeleted => return Err(InvalidField::new("type", "must not be the room's end")),
        }
        let is_named = matches!(kind, EventKind::Message(_) | EventKind::Reaction { .. });
        if actor.is_none() && (is_named || self.event.key.is_some()) {
            return Err(InvalidField::new("user", "is missing"));
        }
        Ok(())
    }

    /// Refuses a text that is longer than the store can hold.
    #[cfg(feature = "runtime")]
    pub(crate) fn check_fits(&self, longest_text: usize) -> Result<(), InvalidField> {
        let body = self.event.message().map(|message| &message.body);
        let body = body.or_else(|| self.event.edit().map(|edit| &edit.body));
        let length = body.map_or(0, |body| body.content.len());
        if length <= longest_text {
            return Ok(());
        }
        let reason = format!("must be at most {longest_text} bytes: this database can hold no longer text");
        Err(InvalidField::new("content", reason))
    }
}

/// What of an import does not make sense where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invalid}")]
pub struct Misfit {
    /// Which of the things that were given, from 0.
    pub index: usize,
    /// The field, and what is wrong with it.
    pub invalid: InvalidField,
}

impl Misfit {
    pub(crate) fn new(index: usize, field: &'static str, reason: impl Into<String>) -> Self {
        Self { index, invalid: InvalidField::new(field, reason.into()) }
    }
}

/// Why an export or an import ended.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The room was renamed, or a part of its log was pruned, while it was exported: begin again.
    #[error("the room was renamed or pruned meanwhile; begin again")]
    Changed,
    /// What was given does not fit. Nothing of the import stays.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The engine could not.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// How far a user has read, checked.
#[cfg(feature = "runtime")]
pub(crate) fn check_mark(UserMark { user, .. }: &UserMark) -> Result<(), InvalidField> {
    check_user("user", &user.id)?;
    check_username(&user.name)
}

/// A user's id, checked.
pub(crate) fn check_user(field: &'static str, user: &UserId) -> Result<(), InvalidField> {
    UserId::new(user.as_str()).map(drop).map_err(|invalid| InvalidField { field: field.into(), ..invalid })
}

fn check_username(name: &UserName) -> Result<(), InvalidField> {
    // The rules for names become stricter at times: what was stored under older ones stays.
    check_text("username", name.as_str(), 1..=256)
}

fn check_body(body: &Body, erased: bool) -> Result<(), InvalidField> {
    if erased {
        let is_empty = *body == body.erased();
        return if is_empty { Ok(()) } else { Err(InvalidField::new("erased", "must stand without a text")) };
    }
    check_text("content", &body.content, 1..=MAX_MESSAGE_BYTES)?;
    if let Some(meta) = &body.meta {
        check_text("meta", meta, 1..=Body::MAX_META_BYTES)?;
    }
    if body.mentions.len() > Body::MAX_MENTIONS {
        return Err(InvalidField::new("mentions", format!("must be at most {}", Body::MAX_MENTIONS)));
    }
    body.mentions.iter().try_for_each(|user| check_user("mentions", user))
}

fn check_text(field: &'static str, text: &str, bytes: std::ops::RangeInclusive<usize>) -> Result<(), InvalidField> {
    if text.contains('\0') {
        return Err(InvalidField::new(field, "must not contain U+0000"));
    }
    if bytes.contains(&text.len()) {
        return Ok(());
    }
    Err(InvalidField::new(field, format!("must be {} to {} bytes", bytes.start(), bytes.end())))
}

fn check_time(field: &'static str, at: Timestamp) -> Result<(), InvalidField> {
    if (0..=LAST_TIME).contains(&at.0) {
        return Ok(());
    }
    Err(InvalidField::new(field, "must be microseconds since 1970, and before the year 10000"))
}

/// The greatest number of an event: clients count in doubles.
pub(crate) const MAX_SEQ: u64 = (1 << 53) - 1;
/// The last microsecond of the year 9999.
const LAST_TIME: i64 = 253_402_300_799_999_999;
