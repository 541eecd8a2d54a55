//! What the lines of an export say.

use chat_core::{
    Body, Epoch, Event, EventKind, IdempotencyKey, Identity, InvalidField, InvitedBy, Member, MemberChange,
    MemberEvent, Message, MessageEdited, Notify, Reaction, Reason, Restriction, RestrictionKind, Role, RoomId,
    RoomKind, RoomName, Seq, Timestamp, Topic, Until, UserId, UserMark, UserName,
    append::Fingerprint,
    archive::{Archived, ArchivedEvent, RoomHead},
    rights::RoomTerms,
};

use super::line::{Kind, Line, VERSION};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The file has so many rooms.
    Export { rooms: u64 },
    /// One of them; `room` is its id in the database that it comes from.
    Room { room: u64, head: Box<RoomHead> },
    /// Something of a room.
    Item(Box<Archived>),
    /// All of a room was said.
    End(End),
}

/// What an export has had of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    /// Which room.
    pub(super) room: u64,
    /// The number of its newest event.
    pub(super) head: u64,
    /// How many events there were.
    pub(super) events: u64,
    /// How many marks.
    pub(super) marks: u64,
    /// How many users say what they want to be told.
    pub(super) settings: u64,
    /// How many are in it, banned or muted.
    pub(super) members: u64,
}

impl End {
    /// Nothing was said yet of a room.
    pub(super) const fn before(room: u64, head: &RoomHead) -> Self {
        Self { room, head: head.first_seq.0 - 1, events: 0, marks: 0, settings: 0, members: 0 }
    }

    /// Counts something.
    pub(super) const fn count(&mut self, item: &Archived) {
        match item {
            Archived::Event(archived) => {
                self.events += 1;
                self.head = archived.event.seq.0;
            }
            Archived::Mark(_) => self.marks += 1,
            Archived::Member(_) | Archived::Restriction(..) => self.members += 1,
            Archived::Notify(..) => self.settings += 1,
        }
    }
}

impl Line {
    /// The first line.
    pub(super) fn first(epoch: &Epoch, rooms: u64) -> Self {
        let (version, epoch) = (Some(VERSION), Some(epoch.as_str().to_owned()));
        Self { kind: Some(Kind::Export), version, epoch, rooms: Some(rooms), ..Self::default() }
    }

    /// A room.
    pub(super) fn room(room: RoomId, head: &RoomHead) -> Self {
        Self {
            kind: Some(Kind::Room),
            room: Some(room.0),
            name: Some(head.name.as_str().to_owned()),
            topic: Some(head.topic.as_str().to_owned()),
            created_at_us: Some(head.created_at.0),
            visibility: Some(head.terms.kind.as_str().to_owned()),
            owned: Some(head.terms.owned),
            invites: Some(head.terms.invites.as_str().to_owned()),
            external: head.external.clone(),
            first_seq: Some(head.first_seq.0),
            pruned_ordinal: Some(head.pruned_ordinal),
            last_message_seq: head.pruned_last.map(|(seq, _)| seq.0),
            last_message_at_us: head.pruned_last.map(|(_, at)| at.0),
            ..Self::default()
        }
    }

    /// Something of a room.
    pub(super) fn item(item: &Archived) -> Self {
        match item {
            Archived::Event(archived) => Self::event(archived),
            Archived::Mark(UserMark { user, seq }) => Self {
                kind: Some(Kind::Mark),
                seq: Some(seq.0),
                user: Some(user.id.as_str().to_owned()),
                username: Some(user.name.as_str().to_owned()),
                ..Self::default()
            },
            Archived::Member(Member { user, role, since, joined_at, .. }) => Self {
                kind: Some(Kind::InRoom),
                seq: Some(since.0),
                at_us: Some(joined_at.0),
                user: Some(user.id.as_str().to_owned()),
                username: Some(user.name.as_str().to_owned()),
                role: Some(role.as_str().to_owned()),
                ..Self::default()
            },
            Archived::Restriction(kind, Restriction { user, until, reason, by, at }) => Self {
                kind: Some(Kind::Restriction),
                restriction: Some(restriction_word(*kind).to_owned()),
                at_us: Some(at.0),
                user: Some(user.id.as_str().to_owned()),
                username: Some(user.name.as_str().to_owned()),
                until_us: until.end().map(|until| until.0),
                reason: reason.as_ref().map(|reason| reason.as_str().to_owned()),
                by: by.as_ref().map(|by| by.id.as_str().to_owned()),
                by_name: by.as_ref().map(|by| by.name.as_str().to_owned()),
                ..Self::default()
            },
            Archived::Notify(user, notify) => Self {
                kind: Some(Kind::Notify),
                user: Some(user.as_str().to_owned()),
                notify: Some(notify_word(*notify).to_owned()),
                ..Self::default()
            },
        }
    }

    /// The end of a room.
    pub(super) fn end(end: End) -> Self {
        let End { room, head, events, marks, settings, members } = end;
        Self {
            kind: Some(Kind::End),
            room: Some(room),
            head: Some(head),
            events: Some(events),
            marks: Some(marks),
            settings: Some(settings),
            members: Some(members),
            ..Self::default()
        }
    }

    fn event(ArchivedEvent { event, fingerprint }: &ArchivedEvent) -> Self {
        let line = Self {
            seq: Some(event.seq.0),
            at_us: Some(event.at.0),
            user: event.actor.as_ref().map(|actor| actor.id.as_str().to_owned()),
            username: event.actor.as_ref().map(|actor| actor.name.as_str().to_owned()),
            target: event.target().map(|target| target.0),
            key: event.key.as_ref().map(|key| key.as_str().to_owned()),
            fingerprint: fingerprint.map(|fingerprint| format!("{:016x}", fingerprint.0)),
            ..Self::default()
        };
        match &event.kind {
            EventKind::Message(message) => Self {
                kind: Some(Kind::Message),
                thread_ordinal: message.thread_ordinal,
                ..line.saying(&message.body, message.erased)
            },
            EventKind::MessageEdited(edit) => Self {
                kind: Some(Kind::MessageEdited),
                count: Some(edit.count),
                ..line.saying(&edit.body, edit.erased)
            },
            EventKind::MessageDeleted { reason, .. } => Self {
                kind: Some(Kind::MessageDeleted),
                reason: reason.as_ref().map(|reason| reason.as_str().to_owned()),
                ..line
            },
            EventKind::Reaction { reaction, added, count, .. } => Self {
                kind: Some(Kind::Reaction),
                reaction: Some(reaction.as_str().to_owned()),
                added: Some(*added),
                count: Some(*count),
                ..line
            },
            EventKind::Pin { pinned, .. } => Self { kind: Some(Kind::Pin), pinned: Some(*pinned), ..line },
            EventKind::Member(member) => Self {
                kind: Some(Kind::Member),
                change: Some(member.change.as_str().to_owned()),
                member: Some(member.user.id.as_str().to_owned()),
                member_name: Some(member.user.name.as_str().to_owned()),
                role: member.role.map(|role| role.as_str().to_owned()),
                until_us: member.until.map(|until| until.0),
                reason: member.reason.as_ref().map(|reason| reason.as_str().to_owned()),
                ..line
            },
            EventKind::RoomUpdated { name, topic, kind, invites } => Self {
                kind: Some(Kind::RoomUpdated),
                name: Some(name.as_str().to_owned()),
                topic: Some(topic.as_str().to_owned()),
                visibility: Some(kind.as_str().to_owned()),
                invites: Some(invites.as_str().to_owned()),
                ..line
            },
            // A living room has no end, and every kind that there is has a line.
            EventKind::RoomDeleted | _ => line,
        }
    }

    fn saying(self, body: &Body, erased: bool) -> Self {
        let mentions: Vec<String> = body.mentions.iter().map(|user| user.as_str().to_owned()).collect();
        Self {
            content: (!erased).then(|| body.content.clone()),
            reply_to: body.reply_to.map(|seq| seq.0),
            thread: body.thread.map(|seq| seq.0),
            mentions: (!mentions.is_empty()).then_some(mentions),
            mentions_room: body.mentions_room.then_some(true),
            meta: body.meta.clone(),
            erased: erased.then_some(true),
            ..self
        }
    }

    /// What the line says.
    pub(super) fn said(mut self) -> Result<Said, InvalidField> {
        let kind = need(self.kind.take(), "type")?;
        let said = match kind {
            Kind::Export => self.take_export()?,
            Kind::Room => {
                let room = need(self.room.take(), "room")?;
                Said::Room { room, head: Box::new(self.take_head()?) }
            }
            Kind::Message
            | Kind::MessageEdited
            | Kind::MessageDeleted
            | Kind::Reaction
            | Kind::Pin
            | Kind::Member
            | Kind::RoomUpdated => Said::Item(Box::new(Archived::Event(self.take_event(kind)?))),
            Kind::Mark => {
                let seq = Seq(need(self.seq.take(), "seq")?);
                let user = need(self.take_actor()?, "user")?;
                Said::Item(Box::new(Archived::Mark(UserMark { user, seq })))
            }
            Kind::Notify => {
                let user = UserId::new(&need(self.user.take(), "user")?)?;
                let notify = notify_of(&need(self.notify.take(), "notify")?)?;
                Said::Item(Box::new(Archived::Notify(user, notify)))
            }
            Kind::InRoom => {
                let (since, joined_at) =
                    (Seq(need(self.seq.take(), "seq")?), Timestamp(need(self.at_us.take(), "at_us")?));
                let role = Role::parse(&need(self.role.take(), "role")?)?;
                let user = need(self.take_actor()?, "user")?;
                Said::Item(Box::new(Archived::Member(Member { user, role, since, joined_at, muted: None })))
            }
            Kind::Restriction => Said::Item(Box::new(self.take_restriction()?)),
            Kind::End => Said::End(End {
                room: need(self.room.take(), "room")?,
                head: need(self.head.take(), "head")?,
                events: need(self.events.take(), "events")?,
                marks: need(self.marks.take(), "marks")?,
                settings: need(self.settings.take(), "settings")?,
                members: self.members.take().unwrap_or_default(),
            }),
        };
        self.refuse_rest()?;
        Ok(said)
    }

    fn take_export(&mut self) -> Result<Said, InvalidField> {
        if !Self::reads_version(need(self.version.take(), "version")?) {
            let reason = format!(
                "is not known: this program reads versions up to {VERSION}, a newer one may have made the file"
            );
            return Err(InvalidField::new("version", reason));
        }
        // It says where the file comes from.
        self.epoch = None;
        Ok(Said::Export { rooms: need(self.rooms.take(), "rooms")? })
    }

    fn take_head(&mut self) -> Result<RoomHead, InvalidField> {
        let (seq, at) = (self.last_message_seq.take(), self.last_message_at_us.take());
        if seq.is_some() != at.is_some() {
            return Err(InvalidField::new("last_message_seq", "stands with last_message_at_us, or not at all"));
        }
        let terms = RoomTerms { owned: self.owned.take().unwrap_or_default(), ..self.take_terms()? };
        let name = need(self.name.take(), "name")?;
        let name = match terms.kind {
            RoomKind::Direct if name.is_empty() => RoomName::from_stored(""),
            RoomKind::Direct => return Err(InvalidField::new("name", "must be empty for a direct room")),
            RoomKind::Public | RoomKind::Private | _ => RoomName::new(&name)?,
        };
        let head = RoomHead {
            terms,
            name,
            topic: Topic::new(&self.topic.take().unwrap_or_default())?,
            created_at: Timestamp(need(self.created_at_us.take(), "created_at_us")?),
            first_seq: Seq(self.first_seq.take().unwrap_or(1)),
            pruned_ordinal: self.pruned_ordinal.take().unwrap_or_default(),
            pruned_last: seq.zip(at).map(|(seq, at)| (Seq(seq), Timestamp(at))),
            external: self.external.take(),
        };
        head.check()?;
        Ok(head)
    }

    /// What files of before this was said are silent about, is as it was then.
    fn take_terms(&mut self) -> Result<RoomTerms, InvalidField> {
        let kind = self.visibility.take().map(|word| RoomKind::parse(&word)).transpose()?.unwrap_or_default();
        let invites = self.invites.take().map(|word| InvitedBy::parse(&word)).transpose()?.unwrap_or_default();
        Ok(RoomTerms { kind, owned: false, invites })
    }

    fn take_restriction(&mut self) -> Result<Archived, InvalidField> {
        let kind = restriction_of(&need(self.restriction.take(), "restriction")?)?;
        let by = self.by.take().map(|by| UserId::new(&by)).transpose()?;
        let by_name = UserName::from_stored(&self.by_name.take().unwrap_or_default());
        let restriction = Restriction {
            until: Until::of(self.until_us.take().map(Timestamp)),
            reason: self.reason.take().map(|reason| Reason::from_stored(&reason)),
            by: by.map(|by| Identity::of(by, by_name)),
            at: Timestamp(need(self.at_us.take(), "at_us")?),
            user: need(self.take_actor()?, "user")?,
        };
        Ok(Archived::Restriction(kind, restriction))
    }

    fn take_member(&mut self) -> Result<EventKind, InvalidField> {
        let word = need(self.change.take(), "change")?;
        let change = MemberChange::parse(&word).ok_or_else(|| InvalidField::new("change", "is not known"))?;
        let name = UserName::from_stored(&need(self.member_name.take(), "member_name")?);
        Ok(EventKind::Member(MemberEvent {
            change,
            user: Identity::of(UserId::new(&need(self.member.take(), "member")?)?, name),
            role: self.role.take().map(|role| Role::parse(&role)).transpose()?,
            until: self.until_us.take().map(Timestamp),
            reason: self.reason.take().map(|reason| Reason::from_stored(&reason)),
        }))
    }

    fn take_event(&mut self, kind: Kind) -> Result<ArchivedEvent, InvalidField> {
        let fingerprint = self.fingerprint.take().map(|hex| fingerprint_of(&hex)).transpose()?;
        let event = Event {
            // It gets another one.
            room: RoomId(0),
            seq: Seq(need(self.seq.take(), "seq")?),
            at: Timestamp(need(self.at_us.take(), "at_us")?),
            actor: self.take_actor()?,
            key: self.key.take().map(|key| IdempotencyKey::new(&key)).transpose()?,
            kind: self.take_kind(kind)?,
        };
        let archived = ArchivedEvent { event, fingerprint };
        archived.check()?;
        Ok(archived)
    }

    fn take_kind(&mut self, kind: Kind) -> Result<EventKind, InvalidField> {
        if kind == Kind::Message {
            let (body, erased) = self.take_body()?;
            let thread_ordinal = self.thread_ordinal.take();
            return Ok(EventKind::Message(Message { body, ordinal: 0, thread_ordinal, erased }));
        }
        if kind == Kind::RoomUpdated {
            let name = RoomName::from_stored(&need(self.name.take(), "name")?);
            let topic = Topic::from_stored(&need(self.topic.take(), "topic")?);
            let RoomTerms { kind, invites, .. } = self.take_terms()?;
            return Ok(EventKind::RoomUpdated { name, topic, kind, invites });
        }
        if kind == Kind::Member {
            return self.take_member();
        }
        let target = Seq(need(self.target.take(), "target")?);
        match kind {
            Kind::MessageEdited => {
                let (body, erased) = self.take_body()?;
                if body.reply_to.is_some() || body.thread.is_some() {
                    return Err(InvalidField::new("thread", "does not belong into an edit, and reply_to neither"));
                }
                let count = need(self.count.take(), "count")?;
                Ok(EventKind::MessageEdited(MessageEdited { target, body, count, erased }))
            }
            Kind::MessageDeleted => {
                let reason = self.reason.take().map(|reason| Reason::from_stored(&reason));
                Ok(EventKind::MessageDeleted { target, reason })
            }
            Kind::Reaction => Ok(EventKind::Reaction {
                target,
                reaction: Reaction::from_stored(&need(self.reaction.take(), "reaction")?),
                added: need(self.added.take(), "added")?,
                count: need(self.count.take(), "count")?,
            }),
            Kind::Pin => Ok(EventKind::Pin { target, pinned: need(self.pinned.take(), "pinned")? }),
            Kind::Export
            | Kind::Room
            | Kind::Message
            | Kind::Member
            | Kind::RoomUpdated
            | Kind::Mark
            | Kind::Notify
            | Kind::InRoom
            | Kind::Restriction
            | Kind::End => Err(InvalidField::new("type", "is not that of an event with a target")),
        }
    }

    fn take_body(&mut self) -> Result<(Body, bool), InvalidField> {
        let erased = self.erased.take().unwrap_or_default();
        let content = self.content.take();
        let mut body = Body::text(if erased { content.unwrap_or_default() } else { need(content, "content")? });
        body.reply_to = self.reply_to.take().map(Seq);
        body.thread = self.thread.take().map(Seq);
        let mentions = self.mentions.take().unwrap_or_default();
        let mention =
            |user: &String| UserId::new(user).map_err(|invalid| InvalidField { field: "mentions".into(), ..invalid });
        body.mentions = mentions.iter().map(mention).collect::<Result<_, _>>()?;
        body.mentions_room = self.mentions_room.take().unwrap_or_default();
        body.meta = self.meta.take();
        Ok((body, erased))
    }

    fn take_actor(&mut self) -> Result<Option<Identity>, InvalidField> {
        let (user, username) = (self.user.take(), self.username.take());
        let Some(user) = user else {
            let is_nobody = username.is_none();
            return if is_nobody { Ok(None) } else { Err(InvalidField::new("user", "is missing")) };
        };
        // Names were checked by the rules of their time.
        let name = UserName::from_stored(&need(username, "username")?);
        Ok(Some(Identity::of(UserId::new(&user)?, name)))
    }
}

fn need<T>(field: Option<T>, name: &'static str) -> Result<T, InvalidField> {
    field.ok_or_else(|| InvalidField::new(name, "is missing"))
}

const fn restriction_word(kind: RestrictionKind) -> &'static str {
    match kind {
        RestrictionKind::Ban => "ban",
        RestrictionKind::Mute => "mute",
    }
}

fn restriction_of(word: &str) -> Result<RestrictionKind, InvalidField> {
    let kind = [RestrictionKind::Ban, RestrictionKind::Mute].into_iter().find(|kind| restriction_word(*kind) == word);
    kind.ok_or_else(|| InvalidField::new("restriction", "must be ban or mute"))
}

fn fingerprint_of(hex: &str) -> Result<Fingerprint, InvalidField> {
    let number = Some(hex).filter(|hex| hex.len() == 16 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let number = number.and_then(|hex| u64::from_str_radix(hex, 16).ok()).filter(|number| *number > 0);
    number.map(Fingerprint).ok_or_else(|| InvalidField::new("fingerprint", "must be 16 hexadecimal digits, not all 0"))
}

const fn notify_word(notify: Notify) -> &'static str {
    match notify {
        Notify::All => "all",
        Notify::Mentions => "mentions",
        Notify::None => "none",
    }
}

fn notify_of(word: &str) -> Result<Notify, InvalidField> {
    match word {
        "all" => Ok(Notify::All),
        "mentions" => Ok(Notify::Mentions),
        "none" => Ok(Notify::None),
        _ => Err(InvalidField::new("notify", "must be all, mentions or none")),
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
