//! What the server does while something that it depends on is broken: each promise of the table in `docs/operating.md`.

mod clock;
mod descriptors;
mod disk_full;
mod locked;
mod log_full;
mod network;
mod power_cut;
mod slow_disk;
mod start;
mod sync_fails;
mod unreachable;
mod vanished;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{DEADLINE, Reply, Server};

/// How long a refusal may take once the server knows that it cannot succeed.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Sends a message with a key.
async fn post(server: &Server, room: u64, key: &str, content: &str) -> Reply {
    let path = format!("/rooms/{room}/messages?username=Alice");
    server.call("POST", &path, &[("idempotency-key", key)], Some(json!({"content": content}))).await
}

/// Does something that must not take longer than this.
async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("{what}: it never ends"));
    assert!(began.elapsed() <= limit, "{what}: {:?}", began.elapsed());
    done
}

/// Waits until the server is ready, or until it is not; returns its answer.
async fn until_ready(server: &Server, is_ready: bool) -> Reply {
    let wait = async {
        loop {
            let reply = server.get_path("/readyz").await;
            if (reply.status == 200) == is_ready {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("ready: {is_ready} does not come:\n{}", server.output()))
}

/// The messages of a room, whose numbers must have no gap.
async fn log(server: &Server, room: u64) -> Vec<String> {
    let mut contents = Vec::new();
    loop {
        let path = format!("/rooms/{room}/messages?limit=100&after={}", contents.len());
        let page = server.get(&path).await.json(200);
        for message in page["messages"].as_array().unwrap() {
            assert_eq!(message["seq"], json!(contents.len() + 1), "a hole");
            contents.push(text(message));
        }
        if page["has_after"] == json!(false) {
            return contents;
        }
    }
}

fn text(message: &Value) -> String {
    message["content"].as_str().unwrap().to_owned()
}
