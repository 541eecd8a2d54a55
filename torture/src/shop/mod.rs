//! The shop: a host with the engine in its own process, which is tortured in the place of the server. Besides serving everybody's
//! commands it takes orders: each is a row of its own and a message, both in one transaction. What its table has in the end
//! says which messages there have to be.

mod desk;

use std::time::Duration;

use histcheck::history::{Content, Record, What};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, QueryResult, Statement};
use tokio::time::{Instant, sleep};

pub use self::desk::Desk;
use crate::{client::frame::short, format::counted, server::Result};

/// The desks there are.
pub const DESKS: [&str; 2] = ["desk-1", "desk-2"];

/// Makes the shop's own tables, unless they are there.
///
/// # Errors
/// The database refuses.
pub async fn make_tables(database: &DatabaseConnection) -> std::result::Result<(), DbErr> {
    for table in [
        "orders (desk VARCHAR(64), number BIGINT, room BIGINT, text VARCHAR(200), external VARCHAR(64), PRIMARY KEY (desk, number))",
        "closed (id BIGINT PRIMARY KEY)",
    ] {
        database.execute_unprepared(&format!("CREATE TABLE IF NOT EXISTS shop_{table}")).await?;
    }
    Ok(())
}

/// Has the shop take no more orders, and waits for what it has queued.
///
/// # Errors
/// The database refuses, or something still waits in the outbox when the time is over.
pub async fn close(url: &str, time_limit: Duration) -> Result {
    let database = connect(url).await?;
    let deadline = Instant::now() + time_limit;
    while let Err(error) = database.execute_unprepared("INSERT INTO shop_closed (id) VALUES (1)").await {
        if Instant::now() > deadline {
            return Err(error.into());
        }
        sleep(BETWEEN_LOOKS).await;
    }
    // An order that was begun before is taken meanwhile.
    sleep(BETWEEN_LOOKS).await;
    loop {
        let waiting = number(&database, "SELECT COUNT(*) FROM chat_outbox").await?;
        if waiting == 0 {
            return Ok(database.close().await?);
        }
        if Instant::now() > deadline {
            let waiting = usize::try_from(waiting).unwrap_or_default();
            return Err(format!("{} of the shop not sent", counted(waiting, "message")).into());
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// What the shop has committed, as a history has it: at some time before `now`. Besides, what is wrong with the rooms that it made.
///
/// # Errors
/// The database cannot be read.
pub async fn committed(url: &str, now: u64) -> Result<(Vec<Record>, Vec<String>)> {
    let database = connect(url).await?;
    let sql = "SELECT desk, number, room, text FROM shop_orders ORDER BY desk, number";
    let mut records = Vec::new();
    for row in all(&database, sql).await? {
        let desk: String = row.try_get_by_index(0)?;
        let (order, room): (i64, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let content = Content::text(short(&row.try_get_by_index::<String>(3)?));
        let what = What::Committed { room: room.try_into()?, key: key(&desk, order), content };
        let process = if overtakes(&desk) { key(&desk, order) } else { desk.clone() };
        records.push(Record { process, user: desk, connection: 0, began: 0, ended: Some(now), what });
    }
    let mut complaints = Vec::new();
    let both = "SELECT COUNT(*) FROM shop_orders JOIN chat_rooms ON chat_rooms.external = shop_orders.external \
                AND chat_rooms.id = shop_orders.room";
    let both = number(&database, both).await?;
    for rooms in ["shop_orders", "chat_rooms"] {
        let found = number(&database, &format!("SELECT COUNT(*) FROM {rooms} WHERE external IS NOT NULL")).await?;
        if found != both {
            complaints.push(format!("{rooms} has {found} rooms of the shop, and {both} are in both"));
        }
    }
    database.close().await?;
    Ok((records, complaints))
}

/// Whether a desk also sends what it has queued once more without a transaction. That may overtake what was queued before, so the
/// order of its messages says nothing.
fn overtakes(desk: &str) -> bool {
    desk == DESKS[1]
}

/// The key of an order's message.
fn key(desk: &str, number: i64) -> String {
    format!("{desk}-{number}")
}

async fn connect(url: &str) -> std::result::Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

async fn all(database: &impl ConnectionTrait, sql: &str) -> std::result::Result<Vec<QueryResult>, DbErr> {
    database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await
}

async fn number(database: &impl ConnectionTrait, sql: &str) -> Result<i64> {
    Ok(all(database, sql).await?.first().ok_or("no row")?.try_get_by_index(0)?)
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
