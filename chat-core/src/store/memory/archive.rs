//! Exporting and importing rooms, plainly.

use std::ops::Bound;

use async_trait::async_trait;

use super::{MemoryLog, MemoryStore, RoomLog, members::InRoom};
use crate::{
    Member, Notify, Room, RoomId, RoomName, Seq, UserId, UserMark,
    append::{Claim, EventKey, Lookup, RoomRecord},
    archive::{Archived, ArchivedEvent, Misfit, RoomHead},
    store::{
        Archive, StoreError,
        judge::{self, Facts, Key, Replayed, RestrictionRow, Thread},
    },
};

impl MemoryLog {
    /// See [`Archive::head`].
    #[must_use]
    pub fn archive_head(&self, id: RoomId) -> Option<RoomHead> {
        let log = self.living(id)?;
        let Room { name, topic, created_at, first_seq, external, .. } = log.room.clone();
        let last = log.room.last_message_seq.zip(log.room.last_message_at);
        let pruned_last = last.filter(|(seq, _)| *seq < first_seq);
        let terms = log.room.terms();
        Some(RoomHead { name, topic, created_at, terms, first_seq, pruned_ordinal: log.pruned, pruned_last, external })
    }

    /// See [`Archive::notify_settings`].
    #[must_use]
    pub fn notify_settings(&self, id: RoomId, after: Option<&UserId>, limit: usize) -> Vec<(UserId, Notify)> {
        let Some(log) = self.living(id) else { return Vec::new() };
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let settings = log.state.notify.range::<UserId, _>((after, Bound::Unbounded));
        settings.take(limit).map(|(user, notify)| (user.clone(), *notify)).collect()
    }

    /// See [`Archive::begin_import`].
    pub fn begin_import(&mut self, head: &RoomHead) -> RoomId {
        let RoomHead { name, topic, created_at, terms, first_seq, pruned_ordinal, pruned_last, external: _ } =
            head.clone();
        let mut room = RoomRecord::open(name, topic, created_at).to_room(self.next_room());
        (room.first_seq, room.head) = (first_seq, Seq(first_seq.0 - 1));
        (room.last_message_seq, room.last_message_at) = pruned_last.unzip();
        (room.kind, room.owned, room.invites) = (terms.kind, terms.owned, terms.invites);
        let id = room.id;
        let log = RoomLog {
            is_deleted: true,
            is_importing: true,
            messages: pruned_ordinal,
            pruned: pruned_ordinal,
            ..RoomLog::new(room, String::new())
        };
        self.rooms.insert(id, log);
        id
    }

    /// See [`Archive::import`].
    pub fn import(&mut self, id: RoomId, items: &[Archived]) -> Option<Result<(), Misfit>> {
        self.rooms.get(&id).filter(|log| log.is_importing)?;
        Some(self.import_all(id, items))
    }

    /// See [`Archive::finish_imports`].
    pub fn finish_imports(
        &mut self,
        imports: &[(RoomId, RoomName, Option<String>)],
    ) -> Option<Result<Vec<Room>, Box<Room>>> {
        if imports.iter().any(|(id, ..)| self.rooms.get(id).is_none_or(|log| !log.is_importing)) {
            return None;
        }
        let claim = |(id, name, external): &(RoomId, RoomName, Option<String>)| {
            let external = external.clone().map(Claim::External);
            external.or_else(|| self.rooms.get(id)?.claim(name))
        };
        if let Some(holder) = imports.iter().filter_map(claim).find_map(|claim| self.holder(&claim)) {
            return Some(Err(Box::new(holder)));
        }
        let mut finished = Vec::new();
        for (id, name, external) in imports {
            let Some(log) = self.rooms.get_mut(id) else { continue };
            (log.is_deleted, log.is_importing) = (false, false);
            (log.room.name, log.name_key) = (name.clone(), name.key());
            log.room.external.clone_from(external);
            log.room.members = log.state.members.len() as u64;
            finished.push(log.room.clone());
            let claim = external.clone().map(Claim::External).or_else(|| log.claim(name));
            self.set_claim(claim, *id);
        }
        Some(Ok(finished))
    }

    /// See [`Archive::abandon_import`].
    pub fn abandon_import(&mut self, id: RoomId) {
        if let Some(log) = self.rooms.get_mut(&id) {
            log.is_importing = false;
            // It was there for nobody, so nobody is told.
            log.told = Some(log.room.head);
        }
    }

    fn import_all(&mut self, id: RoomId, items: &[Archived]) -> Result<(), Misfit> {
        let items = || items.iter().enumerate();
        let events: Vec<_> = items()
            .filter_map(|(index, item)| if let Archived::Event(event) = item { Some((index, event)) } else { None })
            .collect();
        self.import_events(id, &events)?;
        let Some(log) = self.rooms.get_mut(&id) else { return Ok(()) };
        let marks: Vec<_> = items()
            .filter_map(|(index, item)| if let Archived::Mark(mark) = item { Some((index, mark)) } else { None })
            .collect();
        log.import_marks(&marks)?;
        for (_, item) in items() {
            if matches!(item, Archived::Member(_) | Archived::Restriction(..)) {
                log.room.rights_seq = Seq(1);
            }
            match item {
                Archived::Member(Member { user, role, since, joined_at, .. }) => {
                    let member = InRoom { user: user.clone(), role: *role, since: *since, at: *joined_at };
                    log.state.members.insert(user.id.clone(), member);
                }
                Archived::Restriction(kind, restriction) => {
                    let row = RestrictionRow { seq: Seq(0), restriction: restriction.clone() };
                    log.state.restrictions.insert((*kind, restriction.user.id.clone()), row);
                }
                Archived::Event(_) | Archived::Mark(_) | Archived::Notify(..) => {}
            }
        }
        for (index, item) in items() {
            if let Archived::Notify(user, notify) = item
                && log.state.notify.insert(user.clone(), *notify).is_some()
            {
                return Err(Misfit::new(index, "user", "has one already"));
            }
        }
        Ok(())
    }

    fn import_events(&mut self, id: RoomId, events: &[(usize, &ArchivedEvent)]) -> Result<(), Misfit> {
        let Some(log) = self.rooms.get(&id) else { return Ok(()) };
        let replayed: Vec<_> = events
            .iter()
            .map(|(index, event)| Replayed::new(*index, event, &format!("{}-{}", id, event.event.seq)))
            .collect();
        let mut facts = log.bare_facts();
        let entries: Vec<_> = replayed.iter().filter_map(|replayed| replayed.entry.clone()).collect();
        for archived in events.iter().map(|(_, archived)| archived) {
            let (Some(actor), Some(key)) = (&archived.event.actor, &archived.event.key) else { continue };
            let lookup = Lookup { user: Some(actor.id.clone()), key: EventKey::given(key) };
            if let Some(stored) = self.keys.get(&(id, lookup)).and_then(|seq| log.events.get(seq)) {
                facts.keys.insert(Key { user: actor.id.as_str(), key: key.as_str() }, stored.clone());
            }
        }
        log.add_facts(&entries, &mut facts);
        log.add_pruned_threads(events, &mut facts);
        let judgement = judge::replay(id, &replayed, facts)?;
        for stored in judgement.new {
            self.insert(id, stored);
        }
        if let Some(log) = self.rooms.get_mut(&id) {
            log.apply(judgement.changes);
        }
        Ok(())
    }
}

impl RoomLog {
    fn bare_facts<'a>(&self) -> Facts<'a> {
        let (first, head) = (self.room.first_seq, self.room.head);
        Facts { first, head, messages: self.messages, pruned: self.pruned, ..Facts::default() }
    }

    /// The newest ordinals in threads whose roots were pruned.
    fn add_pruned_threads(&self, events: &[(usize, &ArchivedEvent)], facts: &mut Facts<'_>) {
        let roots = events.iter().filter_map(|(_, archived)| archived.event.message()?.body.thread);
        for root in roots.filter(|root| *root < self.room.first_seq) {
            let of_thread = self.events.values().filter_map(|stored| stored.event.message());
            let newest = of_thread.rev().find(|message| message.body.thread == Some(root));
            if let Some(last_ordinal) = newest.and_then(|message| message.thread_ordinal) {
                facts.threads.insert(root, Thread { last_ordinal, ..Thread::default() });
            }
        }
    }

    fn import_marks(&mut self, marks: &[(usize, &UserMark)]) -> Result<(), Misfit> {
        let entries: Vec<_> = marks.iter().map(|(_, mark)| judge::mark_entry(mark)).collect();
        let mut facts = self.bare_facts();
        self.add_facts(&entries, &mut facts);
        judge::check_marks(marks, &facts)?;
        let changes = judge::judge(self.room.id, &entries, facts).changes;
        self.apply(changes);
        Ok(())
    }
}

#[async_trait]
impl Archive for MemoryStore {
    async fn head(&self, room: RoomId) -> Result<Option<RoomHead>, StoreError> {
        Ok(self.log().archive_head(room))
    }

    async fn notify_settings(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, Notify)>, StoreError> {
        Ok(self.log().notify_settings(room, after, limit))
    }

    async fn begin_import(&self, head: &RoomHead) -> Result<RoomId, StoreError> {
        Ok(self.log().begin_import(head))
    }

    async fn import(&self, room: RoomId, items: &[Archived]) -> Result<Option<Result<(), Misfit>>, StoreError> {
        Ok(self.log().import(room, items))
    }

    async fn finish_imports(
        &self,
        imports: &[(RoomId, RoomName, Option<String>)],
    ) -> Result<Option<Result<Vec<Room>, Box<Room>>>, StoreError> {
        Ok(self.log().finish_imports(imports))
    }

    async fn abandon_import(&self, room: RoomId) -> Result<(), StoreError> {
        self.log().abandon_import(room);
        Ok(())
    }
}
