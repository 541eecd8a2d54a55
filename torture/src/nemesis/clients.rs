//! Faults of clients: sockets are cut, some clients do not read, and some send too much.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::{Instant, sleep};

use super::Stage;
use crate::{
    client::{
        command::Command,
        socket::{Ask, Seen, Socket},
    },
    format::{counted, times},
    recorder::Name,
    rng::Rng,
    server::Result,
    workload::World,
};

/// Cuts all sockets at once, several times.
pub(super) async fn cut_sockets(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let cuts = rng.between(1, 3);
    for _ in 0..cuts {
        stage.world.controls.cut.send_modify(|cut| *cut += 1);
        sleep(rng.millis(100, 1_500)).await;
    }
    Ok(format!("cut {}", times(cuts)))
}

/// Lazy subscribers stop reading, while all writers send long messages.
pub(super) async fn stop_reading(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let time = rng.millis(2_000, 6_000);
    let controls = &stage.world.controls;
    controls.long_messages.store(true, Ordering::Relaxed);
    controls.stop_reading.send_replace(true);
    sleep(time).await;
    controls.stop_reading.send_replace(false);
    controls.long_messages.store(false, Ordering::Relaxed);
    Ok(format!("read nothing for {} ms", time.as_millis()))
}

/// A few clients send as fast as they are answered, with more unanswered commands than the limit.
pub(super) async fn flood(stage: &Stage, rng: &mut Rng) -> Result<String> {
    let time = rng.millis(500, 1_500);
    let clients = rng.between(1, 3);
    let floods = (0..clients).map(|number| flood_as(&stage.world, number, time, Rng::new(rng.next())));
    let sent: u64 = futures::future::join_all(floods.collect::<Vec<_>>()).await.into_iter().sum();
    if sent == 0 {
        return Err("no client could connect, or send anything".into());
    }
    let (clients, sent) = (counted(clients, "client"), counted(sent, "message"));
    Ok(format!("{clients} sent {sent} and as many pings in {} ms", time.as_millis()))
}

async fn flood_as(world: &World, number: u64, time: Duration, mut rng: Rng) -> u64 {
    let under_way = world.under_way();
    let name = Name::own(&format!("flooder-{number}"));
    let Some(mut socket) = Socket::open(&world.endpoint(&name)).await else { return 0 };
    let end = Instant::now() + time;
    let mut sent = 0;
    while Instant::now() < end && sent < 1_000 {
        let room = world.rooms[rng.zipf(world.rooms.len())];
        sent += 1;
        // These clients do not retry, so their keys are never used again.
        let key = format!("flood-{}-{sent}", world.recorder.now());
        let body = world.body(&key, &mut rng);
        if !socket.ask(Ask::Command(Command::text(room, key, body))).await || !socket.write(PING.to_owned()).await {
            return sent;
        }
        while socket.unanswered() > WINDOW {
            if let Seen::Closed(_) = socket.next().await {
                return sent;
            }
        }
    }
    while socket.unanswered() > 0 {
        if let Seen::Closed(_) = socket.next().await {
            return sent;
        }
    }
    socket.close().await;
    drop(under_way);
    sent
}

const PING: &str = r#"{"type":"ping"}"#;
/// More than the server accepts unanswered. At its limit it stops reading until it has answered.
const WINDOW: usize = 100;
