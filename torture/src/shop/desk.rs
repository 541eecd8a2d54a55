//! A desk of the shop takes one order after the other.

use std::time::{Duration, UNIX_EPOCH};

use chat_core::{Actor, ChatEngine, Draft, Error, Identity, NewRoom, Queued, Retry, RoomId, RoomQuery};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait};
use tokio::time::sleep;

use super::{all, connect, key, number, overtakes};
use crate::{rng::Rng, server::Result};

/// A desk: its messages have it as their author.
#[derive(Debug)]
pub struct Desk {
    url: String,
    database: DatabaseConnection,
    engine: ChatEngine,
    author: Identity,
    rng: Rng,
    /// The rooms that it has made.
    own: Vec<RoomId>,
}

/// An order: a row, and a message.
struct Order {
    number: i64,
    room: RoomId,
    text: String,
}

impl Desk {
    /// A desk of this name, with a connection of its own.
    ///
    /// # Errors
    /// Nobody can have such a name, or the database cannot be reached.
    pub async fn new(name: &str, url: &str, engine: ChatEngine) -> Result<Self> {
        // A shop that is started again does something else.
        let now = UNIX_EPOCH.elapsed()?.as_nanos();
        let rng = Rng::of(u64::try_from(now)?, name);
        let (url, database) = (url.to_owned(), connect(url).await?);
        Ok(Self { url, database, engine, author: Identity::named(name)?, rng, own: Vec::new() })
    }

    /// Takes orders until the engine stops. What the database cannot do now is left.
    ///
    /// # Panics
    /// If the engine refuses what it never may: the torture finds that in the log.
    pub async fn run(mut self) {
        loop {
            if let Err(error) = self.turn().await {
                match error.downcast_ref::<Error>() {
                    Some(Error::Stopped) => return,
                    Some(error) if error.retry() == Retry::No => panic!("a desk is refused: {error:?}"),
                    Some(error) => tracing::info!("an order is not taken: {error}"),
                    None => self.reconnect(&*error).await,
                }
            }
            sleep(self.rng.millis(5, 40)).await;
        }
    }

    /// What sqlx believes of a connection is wrong after a commit in an SQLite file that could not be synced: as it sees it, the
    /// transaction is still open. The next one would be within that, and to roll it back would leave it open, and the file locked.
    async fn reconnect(&mut self, error: &(dyn std::error::Error + Send + Sync)) {
        tracing::info!("an order is not taken: {error}");
        if let Ok(database) = connect(&self.url).await {
            drop(std::mem::replace(&mut self.database, database).close().await);
        }
    }

    async fn turn(&mut self) -> Result {
        if number(&self.database, "SELECT COUNT(*) FROM shop_closed").await? > 0 {
            sleep(CLOSED).await;
            return Ok(());
        }
        let sql = format!("SELECT COALESCE(MAX(number), 0) FROM shop_orders WHERE desk = '{}'", self.author.id);
        let last = number(&self.database, &sql).await?;
        let Some(room) = self.room().await? else { return Ok(()) };
        match self.rng.below(10) {
            0 | 1 if last > 0 => self.again(last).await,
            2 => self.make_room(last + 1).await,
            _ => self.take_orders(last + 1, room).await,
        }
    }

    /// Some room that is never deleted. The desks are in none that has owners, and need not be.
    async fn room(&mut self) -> Result<Option<RoomId>> {
        let query = RoomQuery::default().limit(100).name_contains("room ");
        let page = self.engine.rooms(Actor::System, query).await?;
        let named = page.rooms.iter().map(|room| room.id);
        let rooms: Vec<RoomId> = named.chain(self.own.iter().copied()).collect();
        Ok(self.rng.pick(&rooms).copied())
    }

    /// Takes some orders in one transaction. Of some it thinks better, and the next ones get their numbers.
    async fn take_orders(&mut self, first: i64, room: RoomId) -> Result {
        let transaction = self.database.begin().await?;
        let mut queued = None;
        for number in first..=first + i64::try_from(self.rng.below(3))? {
            let order = self.order(number, room);
            self.insert(&transaction, &order, None).await?;
            queued = Some(self.queue(&transaction, &order).await?);
            if self.rng.percent(10) {
                self.queue(&transaction, &order).await?;
            }
        }
        self.end(transaction, queued).await?;
        Ok(())
    }

    /// Makes a room of its own for an order.
    async fn make_room(&mut self, number: i64) -> Result {
        let transaction = self.database.begin().await?;
        let mut order = self.order(number, RoomId(0));
        let external = self.key(&order);
        self.insert(&transaction, &order, Some(&external)).await?;
        let new = NewRoom::named(external.clone()).external(external);
        order.room = self.engine.create_room_in(&transaction, Actor::System, new).await?.id;
        let sql = format!(
            "UPDATE shop_orders SET room = {} WHERE desk = '{}' AND number = {number}",
            order.room, self.author.id
        );
        transaction.execute_unprepared(&sql).await?;
        let queued = self.queue(&transaction, &order).await?;
        if self.end(transaction, Some(queued)).await? {
            self.own.push(order.room);
        }
        Ok(())
    }

    /// Sends the message of an earlier order again.
    async fn again(&mut self, last: i64) -> Result {
        let number = i64::try_from(self.rng.between(1, u64::try_from(last)?))?;
        let sql = format!("SELECT room, text FROM shop_orders WHERE desk = '{}' AND number = {number}", self.author.id);
        let rows = all(&self.database, &sql).await?;
        let row = rows.first().ok_or("an order is gone")?;
        let room = RoomId(u64::try_from(row.try_get_by_index::<i64>(0)?)?);
        let order = Order { number, room, text: row.try_get_by_index(1)? };
        if overtakes(self.author.id.as_str()) && self.rng.percent(50) {
            self.engine.send(Actor::SystemAs(self.author.clone()), room, self.draft(&order)).await?;
            return Ok(());
        }
        let transaction = self.database.begin().await?;
        self.queue(&transaction, &order).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a transaction; returns whether it was committed.
    async fn end(&mut self, transaction: DatabaseTransaction, queued: Option<Queued>) -> Result<bool> {
        if self.rng.percent(20) {
            transaction.rollback().await?;
            return Ok(false);
        }
        transaction.commit().await?;
        if self.rng.percent(50)
            && let Some(queued) = queued
        {
            queued.committed();
        }
        Ok(true)
    }

    /// An order with a text that no other has, also of those with its number that were rolled back.
    fn order(&mut self, number: i64, room: RoomId) -> Order {
        let text = format!("{} {:016x}", key(self.author.id.as_str(), number), self.rng.next());
        Order { number, room, text }
    }

    /// Writes its row. It comes first, since a transaction of SQLite's that has read cannot always write later.
    async fn insert(&self, transaction: &DatabaseTransaction, order: &Order, external: Option<&str>) -> Result {
        let Order { number, room, text } = order;
        let external = external.map_or("NULL".to_owned(), |external| format!("'{external}'"));
        let sql = format!(
            "INSERT INTO shop_orders (desk, number, room, text, external) VALUES ('{}', {number}, {room}, '{text}', {external})",
            self.author.id
        );
        transaction.execute_unprepared(&sql).await?;
        Ok(())
    }

    async fn queue(&self, transaction: &DatabaseTransaction, order: &Order) -> Result<Queued> {
        Ok(self.engine.send_in(transaction, &self.author, order.room, self.draft(order)).await?)
    }

    fn draft(&self, order: &Order) -> Draft {
        Draft::text(order.text.clone()).key(self.key(order))
    }

    fn key(&self, order: &Order) -> String {
        key(self.author.id.as_str(), order.number)
    }
}

/// How often a desk that is closed looks whether it has to go.
const CLOSED: Duration = Duration::from_millis(200);
