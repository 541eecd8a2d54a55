//! Another writer on the database, as a second server would be.

use std::time::Duration;

use histcheck::history::{Content, Outcome, Record, What};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tokio::time::sleep;

use super::Stage;
use crate::{format::counted, rng::Rng, server::Result};

/// Writes some messages to the busiest room, without the server's knowledge.
pub(super) async fn write(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let world = &stage.world;
    let mut options = ConnectOptions::new(&stage.database.direct);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await?;
    let (room, count) = (world.rooms[0], rng.between(1, 5));
    for _ in 0..count {
        let began = world.recorder.now();
        let key = format!("foreign-{began}");
        let body = format!("{key} was here");
        let sql = format!(
            "BEGIN IMMEDIATE;
             UPDATE chat_rooms SET head = head + 1, ordinal = ordinal + 1, last_message_seq = head + 1, last_message_at = 0
             WHERE id = {room};
             INSERT INTO chat_events (room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body)
             SELECT {room}, head, 1, 0, 'foreigner', 'foreigner', ordinal, ' {key}', 0, '{body}'
             FROM chat_rooms WHERE id = {room};
             COMMIT"
        );
        connection.execute_unprepared(&sql).await?;
        // Nobody is told: readers see these messages for certain only after the server's next append.
        let content = Content::text(body);
        let what = What::Send { room, key, content, reply_to: None, thread: None, result: Outcome::Unknown };
        let (process, user) = ("foreigner".to_owned(), "foreigner".to_owned());
        world.recorder.push(Record {
            process,
            user,
            connection: world.recorder.connection(),
            began,
            ended: None,
            what,
        });
        sleep(Duration::from_millis(50)).await;
    }
    connection.close().await?;
    Ok(format!("{} in room {room}", counted(count, "message")))
}
