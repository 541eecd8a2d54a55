//! Invites and the audit in SQL.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    SeaStore,
    changes::{All, each},
    dialect::about::{About, Rows},
    error::SqlError,
    facts::AllFacts,
    members::{is_living, user},
    pool::Checkout,
    rooms::count,
    rows::{event, event_columns, number, unsigned},
    run::{Run, Transaction},
};
use crate::{
    AuditPage, AuditQuery, Invite, InviteCode, InvitePage, RoomId, Seq, Timestamp, UserId,
    append::{Entry, Op, RoomBatch},
    store::{Moderation, StoreError, paging},
};

/// `max_uses` of an invite without that.
const NO_END: u64 = 0;
const INVITES: &str = "chat_invites i";
/// The columns that [`invite_of`] reads.
const COLUMNS: &str = "i.code, i.room_id, i.by_id, i.by_name, i.at_us, i.expires_us, i.max_uses, i.uses";

/// Adds to the facts what the entries need of invites: those of the rooms where there is something about one, and which of the users
/// who come in by one are counted already.
pub(super) async fn facts(run: &Transaction<'_>, batch: &[RoomBatch], all: &mut AllFacts<'_>) -> Result<(), SqlError> {
    let (mut rooms, mut uses) = (BTreeSet::new(), BTreeSet::new());
    for (room, entry) in batch.iter().flat_map(|RoomBatch { room, entries }| entries.iter().map(|e| (*room, e))) {
        let Entry { op, actor, .. } = entry;
        if let (Some(code), Some(actor)) = (op.accepts(), actor) {
            uses.insert((room, code, &actor.id));
        }
        if matches!(op, Op::Invite(_)) || op.accepts().is_some() {
            rooms.insert(room);
        }
    }
    let what = About::Select { columns: COLUMNS, tables: INVITES, on: "i.room_id = k.room", with_constants: false };
    for row in Rows::new(&["room"], rooms.into_iter().map(|room| [number(room.0)])).query(run, what).await? {
        let invite = invite_of(run, &row)?;
        if let Some(facts) = all.get_mut(&invite.room) {
            facts.invites.insert(invite.code, invite);
        }
    }
    let opaque = |user: &UserId| run.dialect.opaque(Some(user.as_str()));
    let key = |(room, code, user): (RoomId, InviteCode, &UserId)| [number(room.0), code_value(run, code), opaque(user)];
    let what = About::Select {
        columns: "u.room_id, u.code, u.user_id",
        tables: "chat_invite_uses u",
        on: "u.room_id = k.room AND u.code = k.invite AND u.user_id = k.guest",
        with_constants: true,
    };
    for row in Rows::new(&["room", "invite", "guest"], uses.into_iter().map(key)).query(run, what).await? {
        let user = run.dialect.opaque_from(&row, 2)?.unwrap_or_default();
        if let Some(facts) = all.get_mut(&RoomId(unsigned(&row, 0)?)) {
            facts.invite_uses.insert((code_of(run, &row, 1)?, UserId::from_stored(&user)));
        }
    }
    Ok(())
}

/// Stores what an append changes of invites, and which of its events are audited.
pub(super) async fn store(run: &Transaction<'_>, all: &All<'_>) -> Result<(), SqlError> {
    let changed = each(all, |changes| changes.invites.iter());
    let gone = changed.iter().filter(|(_, (_, invite))| invite.is_none());
    let uses = gone.clone().map(|(room, (code, _))| [number(room.0), code_value(run, **code)]);
    Rows::new(&["room_id", "code"], uses).execute(run, About::Delete { table: "chat_invite_uses" }).await?;
    let gone = gone.map(|(_, (code, _))| [code_value(run, **code)]);
    Rows::new(&["code"], gone).execute(run, About::Delete { table: "chat_invites" }).await?;
    let columns = &["code", "room_id", "by_id", "by_name", "at_us", "expires_us", "max_uses", "uses"];
    let put = About::Put { table: "chat_invites", key: 1, optional: "by_id" };
    let there = changed.iter().filter_map(|(_, (_, invite))| Some(values(run, invite.as_ref()?)));
    Rows::new(columns, there).execute(run, put).await?;

    let uses = each(all, |changes| changes.invite_uses.iter()).into_iter();
    let uses = uses
        .map(|(room, (code, user))| [number(room.0), code_value(run, *code), run.dialect.opaque(Some(user.as_str()))]);
    let put = About::PutNew { table: "chat_invite_uses", key: 3 };
    Rows::new(&["room_id", "code", "user_id"], uses).execute(run, put).await?;

    let audited = each(all, |changes| changes.audited.iter()).into_iter();
    let audited = audited.map(|(room, seq)| [number(room.0), number(seq.0)]);
    Rows::new(&["room_id", "seq"], audited).execute(run, About::PutNew { table: "chat_audit", key: 2 }).await
}

fn values(run: &Transaction<'_>, invite: &Invite) -> [Value; 8] {
    let by = invite.by.as_ref();
    [
        code_value(run, invite.code),
        number(invite.room.0),
        run.dialect.opaque(by.map(|by| by.id.as_str())),
        by.map_or("", |by| by.name.as_str()).to_owned().into(),
        invite.created_at.0.into(),
        invite.expires_at.0.into(),
        number(invite.max_uses.unwrap_or(NO_END)),
        number(invite.uses),
    ]
}

fn invite_of(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult) -> Result<Invite, SqlError> {
    Ok(Invite {
        code: code_of(run, row, 0)?,
        room: RoomId(unsigned(row, 1)?),
        by: run.dialect.opaque_from(row, 2)?.map(|_| user(run, row, 2)).transpose()?,
        created_at: Timestamp(row.try_get_by_index(4)?),
        expires_at: Timestamp(row.try_get_by_index(5)?),
        max_uses: Some(unsigned(row, 6)?).filter(|uses| *uses != NO_END),
        uses: unsigned(row, 7)?,
    })
}

fn code_value(run: &Run<'_, impl ConnectionTrait>, code: InviteCode) -> Value {
    run.dialect.opaque(Some(&code.to_string()))
}

fn code_of(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult, index: usize) -> Result<InviteCode, SqlError> {
    let code = run.dialect.opaque_from(row, index)?.as_deref().and_then(InviteCode::parse);
    code.ok_or_else(|| SqlError::corrupt("no code of an invite"))
}

#[async_trait]
impl Moderation for SeaStore {
    async fn invite(&self, code: InviteCode) -> Result<Option<Invite>, StoreError> {
        Ok(self.readers.read(|checkout| async move { one(&checkout.run(), code).await }).await?)
    }

    async fn invites(
        &self,
        room: RoomId,
        by: Option<&UserId>,
        at: Timestamp,
        after: Option<InviteCode>,
        limit: usize,
    ) -> Result<Option<InvitePage>, StoreError> {
        let by = by.cloned();
        let reading =
            |checkout: Arc<Checkout>| async move { page(&checkout.run(), room, by.as_ref(), (at, after, limit)).await };
        Ok(self.readers.read(reading).await?)
    }

    async fn audit(&self, room: RoomId, query: AuditQuery) -> Result<Option<AuditPage>, StoreError> {
        Ok(self.readers.read(|checkout| async move { audit(&checkout.run(), room, query).await }).await?)
    }
}

async fn one(run: &Run<'_, impl ConnectionTrait>, code: InviteCode) -> Result<Option<Invite>, SqlError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {INVITES} JOIN chat_rooms r ON r.id = i.room_id AND r.deleted_at IS NULL WHERE i.code = ?"
    );
    run.query_one(&sql, vec![code_value(run, code)]).await?.map(|row| invite_of(run, &row)).transpose()
}

async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    by: Option<&UserId>,
    (at, after, limit): (Timestamp, Option<InviteCode>, usize),
) -> Result<Option<InvitePage>, SqlError> {
    if !is_living(run, room).await? {
        return Ok(None);
    }
    let mut sql = format!("SELECT {COLUMNS} FROM {INVITES} WHERE i.room_id = ? AND i.expires_us > ?");
    let mut values = vec![number(room.0), at.0.into()];
    if let Some(by) = by {
        sql.push_str(" AND i.by_id = ?");
        values.push(run.dialect.opaque(Some(by.as_str())));
    }
    if let Some(after) = after {
        sql.push_str(" AND i.code > ?");
        values.push(code_value(run, after));
    }
    sql.push_str(" ORDER BY i.code LIMIT ?");
    values.push(count(limit.saturating_add(1)));
    let found = run.query(&sql, values).await?.iter().map(|row| invite_of(run, row)).collect::<Result<_, _>>()?;
    Ok(Some(paging::finish_invites(found, limit)))
}

async fn audit(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    AuditQuery { limit, before }: AuditQuery,
) -> Result<Option<AuditPage>, SqlError> {
    if !is_living(run, room).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT {} FROM chat_audit a JOIN chat_rooms r ON r.id = a.room_id \
         JOIN chat_events e ON e.room_id = a.room_id AND e.seq = a.seq \
         WHERE a.room_id = ? AND a.seq < ? AND a.seq >= r.first_seq ORDER BY a.seq DESC LIMIT ?",
        event_columns("e")
    );
    let before = before.map_or(u64::MAX, |Seq(before)| before);
    let rows = run.query(&sql, vec![number(room.0), number(before), count(limit.saturating_add(1))]).await?;
    let events = rows.iter().map(|row| Ok(event(run, row)?.event)).collect::<Result<_, SqlError>>()?;
    Ok(Some(paging::finish_audit(events, limit)))
}
