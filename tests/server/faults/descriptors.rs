//! The server runs out of file descriptors.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio::{net::TcpStream, task::yield_now, time::timeout};
use torture::fault::process::{cpu_time, descriptor_limit, descriptors, limit_descriptors};

use super::{log, post, within};
use crate::common::{DEADLINE, Database, Server};

#[tokio::test]
async fn those_who_are_in_live_on_and_the_others_come_in_later() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let (mut alice, mut bob) = (server.join(room, "Alice").await, server.join(room, "Bob").await);
    alice.say("one").await;
    // Many requests at once, so that the server opens everything that it keeps open.
    join_all((0..8).map(|_| log(&server, room))).await;
    let limit = descriptor_limit(server.pid()).unwrap();
    limit_descriptors(server.pid(), descriptors(server.pid()).unwrap() + 8).await.unwrap();
    let crowd = join_all((0..40).map(|_| TcpStream::connect(server.address()))).await;
    let crowd: Vec<_> = crowd.into_iter().map(Result::unwrap).collect();
    let told = async {
        while !server.output().contains("cannot accept connections") {
            yield_now().await
        }
    };
    timeout(DEADLINE, told).await.expect("it never ran out of them");
    let (began, used) = (Instant::now(), cpu_time(server.pid()).unwrap());
    let mut said = 1;
    while began.elapsed() < Duration::from_secs(2) {
        said += 1;
        assert_eq!(alice.say("still here").await, said);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let used = cpu_time(server.pid()).unwrap() - used;
    assert!(used < began.elapsed().mul_f64(0.2), "it spins: {used:?} in {:?}", began.elapsed());
    assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok");

    // When some connections close, there is room for others.
    drop(crowd);
    let stored = within(Duration::from_secs(5), "a request", post(&server, room, "k", "back")).await;
    assert_eq!(stored.json(201)["seq"], json!(said + 1));
    limit_descriptors(server.pid(), limit).await.unwrap();
    assert_eq!(log(&server, room).await.len() as u64, said + 1);
    server.join(room, "Carol").await;
}
