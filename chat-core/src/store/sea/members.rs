//! Who is in rooms: what appends have to know of it and change about it, and what is read of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    SeaStore,
    dialect::{
        Heads,
        about::{About, Rows},
    },
    error::SqlError,
    facts::AllFacts,
    pool::Checkout,
    rooms::count,
    rows::{number, optional_number, unsigned},
    run::{Run, Transaction},
    seen,
};
use crate::{
    Identity, InvitedBy, Member, MemberPage, MemberQuery, Reason, Restriction, RestrictionKind, RestrictionPage, Role,
    Room, RoomId, RoomKind, Seq, Timestamp, Until, UserId, UserName,
    append::{Claim, Entry, Op, RoomBatch},
    direct::{Pair, peer_of},
    fold,
    rights::{RoomTerms, Standing, Standings},
    store::{
        Members, SeenRoom, StoreError,
        judge::{Changes, Heir, MemberRow, RestrictionRow},
        paging,
    },
    text_keys::TextPart,
};

/// `kind` and `invites` of a room, `role` of a member, `kind` of a restriction, and `until_us` of one without an end. They are
/// stored: they never change. Roles are numbered so that an index has the highest first.
const KINDS: [RoomKind; 3] = [RoomKind::Public, RoomKind::Private, RoomKind::Direct];
const INVITES: [InvitedBy; 2] = [InvitedBy::Members, InvitedBy::Moderators];
const ROLES: [Role; 3] = [Role::Owner, Role::Moderator, Role::Member];
const RESTRICTIONS: [RestrictionKind; 2] = [RestrictionKind::Ban, RestrictionKind::Mute];
const FOR_GOOD: i64 = i64::MAX;

/// The number that stands for one of these.
fn code<T: PartialEq>(all: &[T], one: &T) -> i16 {
    let place = all.iter().position(|each| each == one);
    place.and_then(|place| i16::try_from(place).ok()).unwrap_or_default()
}

/// What a number stands for.
fn decoded<T: Copy>(all: &[T], row: &QueryResult, index: usize) -> Result<T, SqlError> {
    let code: i16 = row.try_get_by_index(index)?;
    let place = usize::try_from(code).ok().and_then(|place| all.get(place).copied());
    place.ok_or_else(|| SqlError::corrupt(format!("an unknown number in column {index}")))
}

/// A room's kind as a value.
pub(super) fn kind_value(kind: RoomKind) -> Value {
    code(&KINDS, &kind).into()
}

/// Who may bring others in, as a value.
pub(super) fn invites_value(invites: InvitedBy) -> Value {
    code(&INVITES, &invites).into()
}

/// What decides about rights in a room, from the columns `kind`, `owned`, `invites`.
pub(super) fn terms(row: &QueryResult, first: usize) -> Result<RoomTerms, SqlError> {
    let owned: i16 = row.try_get_by_index(first + 1)?;
    let (kind, invites) = (decoded(&KINDS, row, first)?, decoded(&INVITES, row, first + 2)?);
    Ok(RoomTerms { kind, owned: owned != 0, invites })
}

/// The terms of a room as one number, for an event that has changed them.
pub(super) fn packed(kind: RoomKind, invites: InvitedBy) -> u64 {
    (code(&KINDS, &kind) + 4 * code(&INVITES, &invites)).unsigned_abs().into()
}

/// The terms in such a number.
pub(super) fn unpacked(packed: u64) -> Result<(RoomKind, InvitedBy), SqlError> {
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let found = KINDS.get(place(packed % 4)).copied().zip(INVITES.get(place(packed / 4)).copied());
    found.ok_or_else(|| SqlError::corrupt("unknown terms of a room"))
}

/// Adds to the facts what those are in the rooms who make entries or whom entries are about, with one statement for all whom
/// that is not known of. In a room that is nobody's, and in which rights were never changed, everyone is nothing.
pub(super) async fn facts(
    run: &Transaction<'_>,
    batch: &[RoomBatch],
    heads: &Heads,
    all: &mut AllFacts<'_>,
) -> Result<(), SqlError> {
    let mut wanted = BTreeSet::new();
    for RoomBatch { room, entries } in batch {
        let (Some(head), Some(facts)) = (heads.get(room), all.get_mut(room)) else { continue };
        (facts.terms, facts.members) = (head.terms, head.members);
        // What the host says somebody is counts in all rooms, and of nobody else is anything kept then.
        let mut named: BTreeSet<&UserId> = BTreeSet::new();
        for entry in entries {
            let is_told = entry.standing.is_some_and(|known| known.is_told());
            if head.is_everybodys() && !is_told {
                continue;
            }
            if let Op::Member(op) = &entry.op {
                named.insert(&op.user.id);
            }
            if !is_told {
                named.extend(entry.op.mentions());
            }
            let Some(actor) = &entry.actor else { continue };
            match entry.known_since(Seq(head.rights_seq)) {
                Some(standing) => drop(facts.standings.insert(actor.id.clone(), standing)),
                None => drop(named.insert(&actor.id)),
            }
        }
        wanted.extend(named.into_iter().map(|user| (*room, user.clone())));
    }
    for Found { room, user, standing, name, since, .. } in
        standings(run, &wanted.into_iter().collect::<Vec<_>>()).await?
    {
        let Some(facts) = all.get_mut(&room) else { continue };
        facts.names.extend(name.map(|name| (user.clone(), name)));
        facts.since.extend(since.map(|since| (user.clone(), since)));
        facts.standings.insert(user, standing);
    }
    heirs(run, batch, all).await
}

/// What a user is in a living room, and what they are called there, if they are anything.
pub(super) struct Found {
    pub(super) room: RoomId,
    user: UserId,
    pub(super) standing: Standing,
    name: Option<UserName>,
    since: Option<Seq>,
    pub(super) terms: RoomTerms,
    rights_seq: Seq,
}

/// What these users are in these rooms, with one statement. Rooms that are gone are missing.
pub(super) async fn standings(
    run: &Run<'_, impl ConnectionTrait>,
    wanted: &[(RoomId, UserId)],
) -> Result<Vec<Found>, SqlError> {
    let key = |(place, (room, user)): (usize, &(RoomId, UserId))| {
        [number(place as u64), number(room.0), run.dialect.opaque(Some(user.as_str()))]
    };
    let keys = Rows::new(&["place", "room", "member"], wanted.iter().enumerate().map(key));
    let what = About::Select {
        columns: "k.place, m.role, b.until_us, u.until_us, COALESCE(m.user_name, b.user_name, u.user_name), \
             r.kind, r.owned, r.invites, r.rights_seq, m.since_seq",
        tables: "chat_rooms r LEFT JOIN chat_members m ON m.room_id = r.id AND m.user_id = k.member \
             LEFT JOIN chat_restrictions b ON b.room_id = r.id AND b.kind = 0 AND b.user_id = k.member \
             LEFT JOIN chat_restrictions u ON u.room_id = r.id AND u.kind = 1 AND u.user_id = k.member",
        on: "r.id = k.room AND r.deleted_at IS NULL",
        with_constants: true,
    };
    let mut found = Vec::new();
    for row in keys.query(run, what).await? {
        let place = usize::try_from(unsigned(&row, 0)?).unwrap_or(usize::MAX);
        let Some((room, user)) = wanted.get(place) else { continue };
        let name: Option<String> = row.try_get_by_index(4)?;
        found.push(Found {
            room: *room,
            user: user.clone(),
            standing: standing(&row, 1)?,
            name: name.as_deref().map(UserName::from_stored),
            since: optional_number(&row, 9)?.map(Seq),
            terms: terms(&row, 5)?,
            rights_seq: Seq(unsigned(&row, 8)?),
        });
    }
    Ok(found)
}

/// A role, which may be null.
pub(super) fn role(row: &QueryResult, index: usize) -> Result<Option<Role>, SqlError> {
    let role: Option<i16> = row.try_get_by_index(index)?;
    role.map(|_| decoded(&ROLES, row, index)).transpose()
}

/// From the columns of a role, the end of a ban, and the end of a mute; each may be null.
pub(super) fn standing(row: &QueryResult, first: usize) -> Result<Standing, SqlError> {
    let until = |index| Ok::<_, SqlError>(row.try_get_by_index::<Option<i64>>(index)?.map(until));
    Ok(Standing { role: role(row, first)?, banned: until(first + 1)?, muted: until(first + 2)? })
}

const fn until(stored: i64) -> Until {
    if stored == FOR_GOOD { Until::ForGood } else { Until::At(Timestamp(stored)) }
}

/// How many own the rooms in which one of them may be lost, and who comes next.
async fn heirs(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    let mut ops: BTreeMap<RoomId, u64> = BTreeMap::new();
    for RoomBatch { room, entries } in batch {
        let is_loss = |entry: &&Entry| matches!(&entry.op, Op::Member(op) if op.may_lose_an_owner());
        let losses = entries.iter().filter(is_loss).count() as u64;
        if losses > 0 && all.get(room).is_some_and(|facts| facts.members > 0) {
            ops.insert(*room, losses);
        }
    }
    let what = About::Select {
        columns: "r.id, (SELECT COUNT(*) FROM chat_members m WHERE m.room_id = r.id AND m.role = 0)",
        tables: "chat_rooms r",
        on: "r.id = k.room",
        with_constants: false,
    };
    for row in Rows::new(&["room"], ops.keys().map(|room| [number(room.0)])).query(run, what).await? {
        let (room, owners) = (RoomId(unsigned(&row, 0)?), unsigned(&row, 1)?);
        let (Some(facts), Some(losses)) = (all.get_mut(&room), ops.get(&room)) else { continue };
        facts.owners = owners;
        // Only then somebody else may have to own it. That is rare enough for a statement of its own.
        if (1..=*losses).contains(&owners) {
            facts.heirs = next_in_line(run, room, losses.saturating_add(1)).await?;
        }
    }
    Ok(())
}

async fn next_in_line(run: &Transaction<'_>, room: RoomId, limit: u64) -> Result<Vec<Heir>, SqlError> {
    let sql = "SELECT role, since_seq, user_id, user_name FROM chat_members WHERE room_id = ? AND role > 0 \
         ORDER BY role, since_seq, user_id LIMIT ?";
    let heir = |row: &QueryResult| {
        Ok(Heir { role: decoded(&ROLES, row, 0)?, since: Seq(unsigned(row, 1)?), user: user(run, row, 2)? })
    };
    run.query(sql, vec![number(room.0), number(limit)]).await?.iter().map(heir).collect()
}

/// A user from the columns of an id, here, and of a name.
pub(super) fn user(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult, index: usize) -> Result<Identity, SqlError> {
    let id = run.dialect.opaque_from(row, index)?.unwrap_or_default();
    let name: String = row.try_get_by_index(index + 1)?;
    Ok(Identity::of(UserId::from_stored(&id), UserName::from_stored(&name)))
}

/// Stores what an append changes of who is in rooms.
pub(super) async fn store(run: &Transaction<'_>, all: &[(RoomId, &Changes)]) -> Result<(), SqlError> {
    let opaque = |user: &UserId| run.dialect.opaque(Some(user.as_str()));
    let members =
        || all.iter().flat_map(|(room, changes)| changes.members.iter().map(|(user, row)| (*room, user, row)));
    let gone = members().filter(|(.., row)| **row == MemberRow::Out).map(|(room, id, _)| [number(room.0), opaque(id)]);
    Rows::new(&["room_id", "user_id"], gone).execute(run, About::Delete { table: "chat_members" }).await?;
    let come = members().filter_map(|(room, _, row)| {
        let MemberRow::In { user, role, since, at } = row else { return None };
        Some(member_values(run, room, user, (*role, *since, *at)))
    });
    let put = About::Put { table: "chat_members", key: 2, optional: "" };
    Rows::new(MEMBER_COLUMNS, come).execute(run, put).await?;
    let roles = members().filter_map(|(room, id, row)| {
        let MemberRow::Role(role) = row else { return None };
        Some([number(room.0), opaque(id), code(&ROLES, role).into()])
    });
    let on = "chat_members.room_id = k.room AND chat_members.user_id = k.member";
    let update = About::Update { table: "chat_members", set: "role = k.becomes", on };
    Rows::new(&["room", "member", "becomes"], roles).execute(run, update).await?;
    restrictions(run, all).await?;

    let rights = all.iter().filter_map(|(room, changes)| {
        let rights = changes.rights?;
        Some([number(room.0), number(rights.seq.0), number(rights.members)])
    });
    let (set, on) = ("rights_seq = k.newest, members = k.amount", "chat_rooms.id = k.room");
    let update = About::Update { table: "chat_rooms", set, on };
    Rows::new(&["room", "newest", "amount"], rights).execute(run, update).await
}

const MEMBER_COLUMNS: &[&str; 7] = &["room_id", "user_id", "user_name", "name_key", "role", "since_seq", "at_us"];

fn member_values(
    run: &Transaction<'_>,
    room: RoomId,
    user: &Identity,
    (role, since, at): (Role, Seq, Timestamp),
) -> [Value; 7] {
    [
        number(room.0),
        run.dialect.opaque(Some(user.id.as_str())),
        user.name.as_str().to_owned().into(),
        run.dialect.opaque(Some(&fold::fold(user.name.as_str()))),
        code(&ROLES, &role).into(),
        number(since.0),
        at.0.into(),
    ]
}

async fn restrictions(run: &Transaction<'_>, all: &[(RoomId, &Changes)]) -> Result<(), SqlError> {
    let opaque = |user: &UserId| run.dialect.opaque(Some(user.as_str()));
    let each =
        || all.iter().flat_map(|(room, changes)| changes.restrictions.iter().map(|(key, row)| (*room, key, row)));
    let lifted = each().filter(|(.., row)| row.is_none());
    let lifted = lifted.map(|(room, (kind, id), _)| [number(room.0), code(&RESTRICTIONS, kind).into(), opaque(id)]);
    let keys = Rows::new(&["room_id", "kind", "user_id"], lifted);
    keys.execute(run, About::Delete { table: "chat_restrictions" }).await?;
    let made = each().filter_map(|(room, (kind, _), row)| Some(restriction_values(run, room, *kind, row.as_ref()?)));
    let made = made.collect::<Result<Vec<_>, _>>()?;
    let columns =
        &["room_id", "kind", "user_id", "user_name", "until_us", "reason", "by_id", "by_name", "seq", "at_us"];
    let put = About::Put { table: "chat_restrictions", key: 3, optional: "by_id" };
    Rows::new(columns, made).execute(run, put).await
}

fn restriction_values(
    run: &Transaction<'_>,
    room: RoomId,
    kind: RestrictionKind,
    row: &RestrictionRow,
) -> Result<[Value; 10], SqlError> {
    let Restriction { user, until, reason, by, at } = &row.restriction;
    let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
    let reason = run.sealing.seal((room, row.seq), TextPart::Restriction, reason)?;
    Ok([
        number(room.0),
        code(&RESTRICTIONS, &kind).into(),
        run.dialect.opaque(Some(user.id.as_str())),
        user.name.as_str().to_owned().into(),
        until.end().map_or(FOR_GOOD, |end| end.0).into(),
        reason.unwrap_or_default().into(),
        run.dialect.opaque(by.as_ref().map(|by| by.id.as_str())),
        by.as_ref().map_or("", |by| by.name.as_str()).to_owned().into(),
        number(row.seq.0),
        at.0.into(),
    ])
}

/// The rows of those who are in a room from its beginning, and their marks.
pub(super) async fn first_members(
    run: &Transaction<'_>,
    room: RoomId,
    members: &[(Identity, Role)],
    at: Timestamp,
) -> Result<(), SqlError> {
    let rows = members.iter().map(|(user, role)| member_values(run, room, user, (*role, Seq(0), at)));
    Rows::new(MEMBER_COLUMNS, rows).execute(run, About::Put { table: "chat_members", key: 2, optional: "" }).await?;
    let marks = members.iter().map(|(user, _)| (user.id.clone(), (user.clone(), crate::Mark::NONE)));
    let changes = Changes { first_marks: marks.collect(), ..Changes::default() };
    super::changes::first_marks(run, &[(room, &changes)].into()).await
}

/// Stores who is in a room that is being imported, and who is banned or muted there.
pub(super) async fn import(
    run: &Transaction<'_>,
    room: RoomId,
    members: &[&Member],
    banned_and_muted: &[(RestrictionKind, &Restriction)],
) -> Result<(), SqlError> {
    let rows = members
        .iter()
        .map(|member| member_values(run, room, &member.user, (member.role, member.since, member.joined_at)));
    Rows::new(MEMBER_COLUMNS, rows).execute(run, About::Put { table: "chat_members", key: 2, optional: "" }).await?;
    let restrictions = banned_and_muted.iter().map(|(kind, restriction)| {
        let row = RestrictionRow { seq: Seq(0), restriction: (*restriction).clone() };
        ((*kind, restriction.user.id.clone()), Some(row))
    });
    let changes = Changes { restrictions: restrictions.collect(), ..Changes::default() };
    self::restrictions(run, &[(room, &changes)]).await?;
    if !members.is_empty() || !banned_and_muted.is_empty() {
        // From now on it counts what everybody is.
        run.execute("UPDATE chat_rooms SET rights_seq = 1 WHERE id = ?", vec![number(room.0)]).await?;
    }
    Ok(())
}

#[async_trait]
impl Members for SeaStore {
    async fn members(&self, room: RoomId, query: &MemberQuery) -> Result<Option<MemberPage>, StoreError> {
        let query = query.clone();
        Ok(self.readers.read(|checkout| async move { members(&checkout.run(), room, &query).await }).await?)
    }

    async fn member(&self, room: RoomId, user: &UserId) -> Result<Option<Member>, StoreError> {
        let user = user.clone();
        Ok(self.readers.read(|checkout| async move { member(&checkout.run(), room, &user).await }).await?)
    }

    async fn restriction(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        user: &UserId,
    ) -> Result<Option<Restriction>, StoreError> {
        let user = user.clone();
        let reading = |checkout: Arc<Checkout>| async move { restriction(&checkout.run(), (room, kind), &user).await };
        Ok(self.readers.read(reading).await?)
    }

    async fn restrictions(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        at: Timestamp,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<RestrictionPage>, StoreError> {
        let after = after.cloned();
        let reading = |checkout: Arc<Checkout>| async move {
            restricted(&checkout.run(), (room, kind), at, after.as_ref(), limit).await
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn seen(&self, room: RoomId, user: Option<&UserId>) -> Result<Option<SeenRoom>, StoreError> {
        let user = user.cloned();
        Ok(self.readers.read(|checkout| async move { seen::one(&checkout.run(), room, user.as_ref()).await }).await?)
    }

    async fn direct(&self, pair: &Pair) -> Result<Option<Room>, StoreError> {
        Ok(self.holder(Claim::Pair(pair.key())).await?)
    }

    async fn peers(&self, rooms: &[RoomId], user: &UserId) -> Result<BTreeMap<RoomId, Identity>, StoreError> {
        let (rooms, user) = (rooms.to_vec(), user.clone());
        Ok(self.readers.read(|checkout| async move { peers(&checkout.run(), &rooms, &user).await }).await?)
    }

    async fn standings(&self, room: RoomId, users: &[UserId]) -> Result<Option<Standings>, StoreError> {
        let users = users.to_vec();
        let reading = |checkout: Arc<Checkout>| async move { standings_now(&checkout.run(), room, &users).await };
        Ok(self.readers.read(reading).await?)
    }

    async fn rooms_of(&self, user: &UserId, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        let user = user.clone();
        Ok(self.readers.read(|checkout| async move { rooms_of(&checkout.run(), &user, after, limit).await }).await?)
    }
}

async fn members(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    query: &MemberQuery,
) -> Result<Option<MemberPage>, SqlError> {
    if !is_living(run, room).await? {
        return Ok(None);
    }
    let mut sql = format!("{MEMBERS} WHERE m.room_id = ?");
    let mut values = vec![number(room.0)];
    let opaque = |text: &str| run.dialect.opaque(Some(text));
    if let Some(role) = query.role {
        sql.push_str(" AND m.role = ?");
        values.push(code(&ROLES, &role).into());
    }
    if let Some((role, user)) = &query.after {
        sql.push_str(" AND (m.role > ? OR (m.role = ? AND m.user_id > ?))");
        let role: Value = code(&ROLES, role).into();
        values.extend([role.clone(), role, opaque(user.as_str())]);
    }
    if let Some(prefix) = &query.name_prefix {
        // What begins with it stands from it on, and before it with the greatest character behind.
        sql.push_str(" AND m.name_key >= ? AND m.name_key < ?");
        values.extend([opaque(prefix), opaque(&format!("{prefix}\u{10ffff}"))]);
    }
    sql.push_str(" ORDER BY m.role, m.user_id LIMIT ?");
    values.push(count(query.limit.saturating_add(1)));
    let found = run.query(&sql, values).await?.iter().map(|row| member_of(run, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(paging::finish_members(found, query.limit)))
}

const MEMBERS: &str = "SELECT m.user_id, m.user_name, m.role, m.at_us, u.until_us, m.since_seq FROM chat_members m \
     LEFT JOIN chat_restrictions u ON u.room_id = m.room_id AND u.kind = 1 AND u.user_id = m.user_id";

fn member_of(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult) -> Result<Member, SqlError> {
    Ok(Member {
        user: user(run, row, 0)?,
        role: decoded(&ROLES, row, 2)?,
        joined_at: Timestamp(row.try_get_by_index(3)?),
        since: Seq(unsigned(row, 5)?),
        muted: row.try_get_by_index::<Option<i64>>(4)?.map(until),
    })
}

async fn member(run: &Run<'_, impl ConnectionTrait>, room: RoomId, user: &UserId) -> Result<Option<Member>, SqlError> {
    let sql = format!(
        "{MEMBERS} JOIN chat_rooms r ON r.id = m.room_id AND r.deleted_at IS NULL WHERE m.room_id = ? AND m.user_id = ?"
    );
    let row = run.query_one(&sql, vec![number(room.0), run.dialect.opaque(Some(user.as_str()))]).await?;
    row.map(|row| member_of(run, &row)).transpose()
}

async fn restricted(
    run: &Run<'_, impl ConnectionTrait>,
    (room, kind): (RoomId, RestrictionKind),
    at: Timestamp,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Option<RestrictionPage>, SqlError> {
    if !is_living(run, room).await? {
        return Ok(None);
    }
    let sql = format!(
        "{RESTRICTED} WHERE u.room_id = ? AND u.kind = ? AND u.user_id > ? AND u.until_us > ? ORDER BY u.user_id LIMIT ?"
    );
    let after = run.dialect.opaque(Some(after.map_or("", UserId::as_str)));
    let kind = code(&RESTRICTIONS, &kind).into();
    let values = vec![number(room.0), kind, after, at.0.into(), count(limit.saturating_add(1))];
    let rows = run.query(&sql, values).await?;
    let found = rows.iter().map(|row| restriction_of(run, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(paging::finish_restrictions(found, limit)))
}

const RESTRICTED: &str = "SELECT u.user_id, u.user_name, u.until_us, u.reason, u.by_id, u.by_name, u.at_us, u.room_id, u.seq FROM chat_restrictions u";

fn restriction_of(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult) -> Result<Restriction, SqlError> {
    let at = (RoomId(unsigned(row, 7)?), Seq(unsigned(row, 8)?));
    let reason: Option<String> = row.try_get_by_index(3)?;
    let reason = reason.filter(|reason| !reason.is_empty());
    let reason = run.sealing.open(at, TextPart::Restriction, reason)?;
    let by = run.dialect.opaque_from(row, 4)?.map(|_| user(run, row, 4)).transpose()?;
    Ok(Restriction {
        user: user(run, row, 0)?,
        until: until(row.try_get_by_index(2)?),
        reason: reason.as_deref().map(Reason::from_stored),
        by,
        at: Timestamp(row.try_get_by_index(6)?),
    })
}

async fn restriction(
    run: &Run<'_, impl ConnectionTrait>,
    (room, kind): (RoomId, RestrictionKind),
    user: &UserId,
) -> Result<Option<Restriction>, SqlError> {
    let sql = format!(
        "{RESTRICTED} JOIN chat_rooms r ON r.id = u.room_id AND r.deleted_at IS NULL \
         WHERE u.room_id = ? AND u.kind = ? AND u.user_id = ?"
    );
    let values = vec![number(room.0), code(&RESTRICTIONS, &kind).into(), run.dialect.opaque(Some(user.as_str()))];
    let row = run.query_one(&sql, values).await?;
    row.map(|row| restriction_of(run, &row)).transpose()
}

/// The room's terms and its newest change of rights are read with the standings: one statement, and so one moment, for all.
pub(super) async fn standings_now(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    users: &[UserId],
) -> Result<Option<Standings>, SqlError> {
    let wanted: Vec<_> = users.iter().map(|user| (room, user.clone())).collect();
    let mut found: Option<Standings> = None;
    for Found { user, standing, terms, rights_seq, .. } in standings(run, &wanted).await? {
        let all = found.get_or_insert_with(|| Standings { at: rights_seq, terms, users: BTreeMap::new() });
        all.users.insert(user, standing);
    }
    Ok(found)
}

/// Those who are in a direct room.
pub(super) async fn pair(run: &Run<'_, impl ConnectionTrait>, room: RoomId) -> Result<Option<Pair>, SqlError> {
    let sql = "SELECT user_id, user_name FROM chat_members WHERE room_id = ? ORDER BY user_id LIMIT 3";
    let rows = run.query(sql, vec![number(room.0)]).await?;
    let members = rows.iter().map(|row| user(run, row, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok(Pair::of(&members))
}

/// All who are in each of these direct rooms are read. Where the other one was erased, nobody is.
async fn peers(
    run: &Run<'_, impl ConnectionTrait>,
    rooms: &[RoomId],
    of: &UserId,
) -> Result<BTreeMap<RoomId, Identity>, SqlError> {
    let what = About::Select {
        columns: "m.room_id, m.user_id, m.user_name, r.members",
        tables: "chat_rooms r JOIN chat_members m ON m.room_id = r.id",
        on: "r.id = k.room AND r.kind = 2",
        with_constants: false,
    };
    let mut members: BTreeMap<RoomId, Vec<Identity>> = BTreeMap::new();
    let mut were: BTreeMap<RoomId, u64> = BTreeMap::new();
    for row in Rows::new(&["room"], rooms.iter().map(|room| [number(room.0)])).query(run, what).await? {
        let room = RoomId(unsigned(&row, 0)?);
        members.entry(room).or_default().push(user(run, &row, 1)?);
        were.insert(room, unsigned(&row, 3)?);
    }
    members.retain(|room, members| were.get(room) == Some(&(members.len() as u64)));
    Ok(members.into_iter().filter_map(|(room, members)| Some((room, peer_of(&members, of)?.clone()))).collect())
}

async fn rooms_of(
    run: &Run<'_, impl ConnectionTrait>,
    user: &UserId,
    after: Option<RoomId>,
    limit: usize,
) -> Result<Vec<RoomId>, SqlError> {
    let sql = "SELECT m.room_id FROM chat_members m JOIN chat_rooms r ON r.id = m.room_id \
         WHERE m.user_id = ? AND m.room_id > ? AND r.deleted_at IS NULL ORDER BY m.room_id LIMIT ?";
    let after = number(after.map_or(0, |room| room.0));
    let rows = run.query(sql, vec![run.dialect.opaque(Some(user.as_str())), after, count(limit)]).await?;
    rows.iter().map(|row| Ok(RoomId(unsigned(row, 0)?))).collect()
}

pub(super) async fn is_living(run: &Run<'_, impl ConnectionTrait>, room: RoomId) -> Result<bool, SqlError> {
    let sql = "SELECT id FROM chat_rooms WHERE id = ? AND deleted_at IS NULL";
    Ok(run.query_one(sql, vec![number(room.0)]).await?.is_some())
}
