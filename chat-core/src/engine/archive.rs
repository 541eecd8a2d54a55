//! Taking rooms along: exporting them while the engine runs, and importing them as new rooms.

use std::{collections::HashSet, fmt, sync::Arc};

use tokio::time::Instant;

use crate::{
    ChatEngine, Error, Member, MemberQuery, RestrictionKind, Role, Room, RoomId, Seq, Timestamp, UserId,
    append::Claim,
    archive::{
        ArchiveError, Archived, ArchivedEvent, Misfit, RoomHead, check_mark, check_member, check_restriction,
        check_user,
    },
    engine::{breaker::not_stored, inner::Inner, prepare::check_room},
    log::Excerpt,
    store::{StoreError, StoreErrorKind},
};

impl ChatEngine {
    /// Begins to export a room: everything that is kept of it, for [`import_room`](Self::import_room) of this or another
    /// engine. It reads as of the host itself, and is independent of the policy.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn export_room(&self, room: RoomId) -> Result<RoomExport, Error> {
        let inner = Arc::clone(self.inner());
        check_room(room)?;
        let head = inner.archived_head(room).await?;
        let next = Next::Events(Seq(head.first_seq.0 - 1));
        Ok(RoomExport { inner, room, head, next })
    }

    /// Begins to import a room, as a new one. It is there for nobody until [`RoomImport::finish`]; an import that is dropped
    /// before, or whose process ends, leaves nothing.
    ///
    /// # Errors
    /// [`Error::InvalidField`] of the head, [`Error::NameTaken`] with the room that has its `external`, or without one the name of a
    /// public room, [`Error::Overloaded`],
    /// [`Error::Unavailable`], [`Error::StorageFull`].
    ///
    /// # Cancel safety
    /// Dropped, nothing is imported.
    pub async fn import_room(&self, head: RoomHead) -> Result<RoomImport, Error> {
        let inner = Arc::clone(self.inner());
        head.check()?;
        inner.services.check_running()?;
        inner.services.breaker.check()?;
        let store = &inner.services.store;
        let holder = match head.claim() {
            Some(Claim::External(key)) => store.room_by_external(&key).await,
            Some(Claim::Name(key)) => store.room_by_name(&key).await,
            Some(Claim::Pair(_)) | None => Ok(None),
        };
        if let Some(holder) = inner.services.read(holder)? {
            return Err(Error::NameTaken { room: Some(Box::new(holder)) });
        }
        let begun = inner.services.store.archive().begin_import(&head).await;
        let room = begun.map_err(|failure| inner.import_failed(&failure))?;
        Ok(RoomImport { inner, room: Some(room), head })
    }

    /// Finishes several imports at once: all of them become rooms, or none.
    ///
    /// # Errors
    /// As [`RoomImport::finish`]; [`Error::NameTaken`] without a room, if two of them have the same name or `external`.
    ///
    /// # Cancel safety
    /// As [`RoomImport::finish`].
    pub async fn finish_imports(&self, imports: Vec<RoomImport>) -> Result<Vec<Room>, Error> {
        self.inner().finish(imports).await
    }
}

/// A room on its way out; see [`ChatEngine::export_room`].
pub struct RoomExport {
    inner: Arc<Inner>,
    room: RoomId,
    head: RoomHead,
    next: Next,
}

/// What is read next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// The events after this one.
    Events(Seq),
    /// The marks after this user's.
    Marks(Seq, Option<UserId>),
    /// What users want to be told, after this user.
    Notify(Option<UserId>),
    /// Who is in it, after this one.
    Members(Option<(Role, UserId)>),
    /// Who is banned or muted, after this user.
    Restrictions(RestrictionKind, Option<UserId>),
    Nothing,
}

impl RoomExport {
    /// The room.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// What is known of it beside its log.
    #[must_use]
    pub const fn head(&self) -> &RoomHead {
        &self.head
    }

    /// The next part: first all events, as they are stored up to the moment when the last of them is read; then how far users
    /// have read them, and what they want to be told. Each part is a page, whatever the room has; an empty one is the end.
    ///
    /// A message that is deleted while it is exported may be in an earlier part with its text. Its deletion follows, and an
    /// import erases the text.
    ///
    /// # Errors
    /// [`ArchiveError::Changed`] if the room was renamed, or its log was pruned, since the export began;
    /// [`ArchiveError::Failed`] with [`Error::RoomNotFound`], [`Error::Overloaded`] or [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropped, the same part is read again.
    pub async fn next(&mut self) -> Result<Vec<Archived>, ArchiveError> {
        loop {
            let (part, next) = match self.next.clone() {
                Next::Events(after) => self.events(after).await?,
                Next::Marks(head, after) => self.marks(head, after.as_ref()).await?,
                Next::Notify(after) => self.notify(after.as_ref()).await?,
                Next::Members(after) => self.members(after).await?,
                Next::Restrictions(kind, after) => self.restrictions(kind, after.as_ref()).await?,
                Next::Nothing => return Ok(Vec::new()),
            };
            self.next = next;
            if !part.is_empty() {
                return Ok(part);
            }
        }
    }

    async fn events(&self, after: Seq) -> Result<(Vec<Archived>, Next), ArchiveError> {
        self.inner.services.check_running()?;
        let read = self.inner.services.store.events_after(self.room, after, EVENTS).await;
        let events = self.inner.services.read(read)?;
        let has_hole = events.iter().zip(after.0 + 1..).any(|(stored, seq)| stored.event.seq != Seq(seq));
        if has_hole {
            return Err(ArchiveError::Changed);
        }
        let Some(last) = events.last() else {
            // What was read is one log only if it still begins where it did.
            let now = self.inner.archived_head(self.room).await?;
            let is_same = self.head.is_continued_by(&now);
            return if is_same { Ok((Vec::new(), Next::Marks(after, None))) } else { Err(ArchiveError::Changed) };
        };
        let next = Next::Events(last.event.seq);
        let part = events.iter().map(|stored| Archived::Event(ArchivedEvent::of(stored, self.head.first_seq)));
        Ok((part.collect(), next))
    }

    async fn marks(&self, head: Seq, after: Option<&UserId>) -> Result<(Vec<Archived>, Next), ArchiveError> {
        self.inner.services.check_running()?;
        let read = self.inner.services.store.reader().marks(self.room, None, after, MARKS).await;
        let page = self.inner.services.read(read)?.ok_or(Error::RoomNotFound)?;
        let next = page.next.map_or(Next::Notify(None), |user| Next::Marks(head, Some(user)));
        let part = page.marks.into_iter().map(|mut mark| {
            mark.seq = mark.seq.min(head);
            Archived::Mark(mark)
        });
        Ok((part.collect(), next))
    }

    async fn notify(&self, after: Option<&UserId>) -> Result<(Vec<Archived>, Next), ArchiveError> {
        self.inner.services.check_running()?;
        let read = self.inner.services.store.archive().notify_settings(self.room, after, MARKS).await;
        let settings = self.inner.services.read(read)?;
        let next = settings.last().map_or(Next::Members(None), |(user, _)| Next::Notify(Some(user.clone())));
        Ok((settings.into_iter().map(|(user, notify)| Archived::Notify(user, notify)).collect(), next))
    }

    async fn members(&self, after: Option<(Role, UserId)>) -> Result<(Vec<Archived>, Next), ArchiveError> {
        self.inner.services.check_running()?;
        let query = MemberQuery { limit: MARKS, after, ..MemberQuery::default() };
        let read = self.inner.services.store.members().members(self.room, &query).await;
        let page = self.inner.services.read(read)?.ok_or(Error::RoomNotFound)?;
        let next = page.next.map_or(Next::Restrictions(RestrictionKind::Ban, None), |next| Next::Members(Some(next)));
        let part = page.members.into_iter().map(|member| Archived::Member(Member { muted: None, ..member }));
        Ok((part.collect(), next))
    }

    async fn restrictions(
        &self,
        kind: RestrictionKind,
        after: Option<&UserId>,
    ) -> Result<(Vec<Archived>, Next), ArchiveError> {
        self.inner.services.check_running()?;
        let members = self.inner.services.store.members();
        // What is over is taken along: a time of before all of them.
        let read = members.restrictions(self.room, kind, Timestamp(i64::MIN), after, MARKS).await;
        let page = self.inner.services.read(read)?.ok_or(Error::RoomNotFound)?;
        let later = match kind {
            RestrictionKind::Ban => Next::Restrictions(RestrictionKind::Mute, None),
            RestrictionKind::Mute => Next::Nothing,
        };
        let next = page.next.map_or(later, |user| Next::Restrictions(kind, Some(user)));
        let part = page.restrictions.into_iter().map(|restriction| Archived::Restriction(kind, restriction));
        Ok((part.collect(), next))
    }
}

impl fmt::Debug for RoomExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomExport").field("room", &self.room).field("next", &self.next).finish_non_exhaustive()
    }
}

/// A room on its way in; see [`ChatEngine::import_room`]. Dropped, nothing of it stays.
pub struct RoomImport {
    inner: Arc<Inner>,
    /// `None` once it is finished.
    room: Option<RoomId>,
    head: RoomHead,
}

impl RoomImport {
    /// Stores what comes next, in one transaction: events in order, from the head's `first_seq` on; after the last event
    /// marks, and what users want to be told. Some hundred at once are right.
    ///
    /// # Errors
    /// [`ArchiveError::Misfit`] says what does not fit, and why; [`ArchiveError::Failed`] with [`Error::Overloaded`],
    /// [`Error::Unavailable`], [`Error::StorageFull`], [`Error::OutcomeUnknown`], or [`Error::RoomNotFound`] if the import is
    /// over. After an error, drop it and begin again.
    ///
    /// # Cancel safety
    /// Dropped, the part may be stored or not: drop the import.
    pub async fn put(&mut self, items: &[Archived]) -> Result<(), ArchiveError> {
        self.inner.services.check_running()?;
        let room = self.id()?;
        let longest_text = self.inner.services.store.longest_text();
        for (index, item) in items.iter().enumerate() {
            let checked = match item {
                Archived::Event(event) => event.check().and_then(|()| event.check_fits(longest_text)),
                Archived::Mark(mark) => check_mark(mark),
                Archived::Notify(user, _) => check_user("user", user),
                Archived::Member(member) => check_member(member),
                Archived::Restriction(_, restriction) => check_restriction(restriction),
            };
            checked.map_err(|invalid| Misfit { index, invalid })?;
        }
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.inner.services.store.archive().import(room, items).await {
                Ok(Some(stored)) => return Ok(stored?),
                Ok(None) => return Err(Error::RoomNotFound.into()),
                Err(failure) if failure.kind == StoreErrorKind::Conflict && tries > 0 => {}
                Err(failure) => return Err(self.inner.import_failed(&failure).into()),
            }
        }
    }

    /// Makes a room of it. Its users see it from now on, and searches find its messages within a while.
    ///
    /// # Errors
    /// [`Error::NameTaken`] with the room that has got the name or the `external` meanwhile, or that the two of a direct room have already,
    /// [`Error::Overloaded`], [`Error::Unavailable`],
    /// [`Error::StorageFull`], [`Error::RoomNotFound`] if the import is over; [`Error::OutcomeUnknown`] when it may have been
    /// finished.
    ///
    /// # Cancel safety
    /// Dropped, the room is there or not.
    pub async fn finish(self) -> Result<Room, Error> {
        let inner = Arc::clone(&self.inner);
        let rooms = inner.finish(vec![self]).await?;
        rooms.into_iter().next().ok_or(Error::Internal)
    }

    fn id(&self) -> Result<RoomId, Error> {
        self.room.ok_or(Error::RoomNotFound)
    }
}

impl Drop for RoomImport {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        let inner = Arc::clone(&self.inner);
        self.inner.services.runtime.spawn(async move {
            match inner.services.store.archive().abandon_import(room).await {
                Ok(()) => inner.hub.purge(),
                // The next start removes it. When the engine stops, that is all there is to say.
                Err(failure) if inner.services.check_running().is_ok() => drop(inner.import_failed(&failure)),
                Err(_) => {}
            }
        });
    }
}

impl fmt::Debug for RoomImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomImport").field("room", &self.room).finish_non_exhaustive()
    }
}

impl Inner {
    async fn archived_head(&self, room: RoomId) -> Result<RoomHead, Error> {
        self.services.check_running()?;
        let head = self.services.store.archive().head(room).await;
        self.services.read(head)?.ok_or(Error::RoomNotFound)
    }

    /// Makes rooms of all of them, or of none.
    async fn finish(&self, mut imports: Vec<RoomImport>) -> Result<Vec<Room>, Error> {
        self.services.check_running()?;
        let names = imports.iter().map(|import| {
            let RoomHead { name, external, .. } = import.head.clone();
            Ok((import.id()?, name, external))
        });
        let names = names.collect::<Result<Vec<_>, Error>>()?;
        let mut claims = HashSet::new();
        if !imports.iter().filter_map(|import| import.head.claim()).all(|claim| claims.insert(claim)) {
            return Err(Error::NameTaken { room: None });
        }
        let finished = self.services.store.archive().finish_imports(&names).await;
        let rooms = match finished.map_err(|failure| self.import_failed(&failure))? {
            None => return Err(Error::RoomNotFound),
            Some(Err(holder)) => return Err(Error::NameTaken { room: Some(holder) }),
            Some(Ok(rooms)) => rooms,
        };
        // They are rooms now: dropped, they stay.
        for import in &mut imports {
            import.room = None;
        }
        for room in &rooms {
            self.hub.imported(room.id);
        }
        Ok(rooms)
    }

    /// The error that a failed import is answered with. The driver's text goes to the log only.
    fn import_failed(&self, failure: &StoreError) -> Error {
        if let Some(left_out) = self.services.logs.import_failed.pass(Instant::now().into_std()) {
            tracing::error!(left_out, error = %Excerpt(failure), "a room could not be imported");
        }
        if failure.kind == StoreErrorKind::Unknown { Error::OutcomeUnknown } else { not_stored(failure.kind) }
    }
}

/// How many events are read at once: each may be 65 KB.
const EVENTS: usize = 250;
/// How many marks are read at once.
const MARKS: usize = 500;
/// How often a part is stored that came into another transaction's way.
const TRIES: usize = 3;
