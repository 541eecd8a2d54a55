//! Server-sent events for receiving, REST for sending.

use std::net::SocketAddr;

use chat_core::Body;
use serde_json::{Value, json};

use super::client::{Change, Changed, Client, Entered, Entry, Heard, Marked, Stage, Stored, fields};
use crate::common::http::{EventSource, request};

pub(crate) struct ServerSent {
    events: EventSource,
    addr: SocketAddr,
    /// The path of the room.
    room: String,
    name: String,
}

impl ServerSent {
    /// Calls the REST API below the room. Says whether the answer is a replay.
    async fn call(
        &self,
        method: &str,
        below: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(Value, bool), String> {
        let path = format!("{}/{below}?username={}", self.room, self.name);
        let header = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let (head, body) = request(self.addr, method, &path, &header, body).await;
        if head.status >= 400 {
            return Err(body["code"].as_str().unwrap().to_owned());
        }
        let replayed = head.header("idempotency-replayed").is_some();
        assert!(method != "POST" || replayed == (head.status == 200), "{head:?}");
        Ok((body, replayed))
    }
}

impl Client for ServerSent {
    async fn enter(stage: &Stage, name: &str, entry: Entry) -> Result<(Self, Entered), String> {
        let (addr, room) = (stage.server.addr, stage.room);
        let path = format!("/api/chat/rooms/{room}/events?username={name}&presence={}", entry.presence);
        let (path, header) = match entry.after {
            None => (path, String::new()),
            Some((None, seq)) => (format!("{path}&after={seq}"), String::new()),
            Some((Some(epoch), seq)) => (path, format!("Last-Event-ID: {epoch}:{seq}\r\n")),
        };
        let (head, mut events) = EventSource::open(addr, &path, &header).await;
        if head.status != 200 {
            // The request is made again, now for the body of the refusal.
            let (again, problem) = request(addr, "GET", &path, &header, None).await;
            assert_eq!(head.status, again.status);
            return Err(problem["code"].as_str().unwrap().to_owned());
        }
        let first = events.next().await.expect("a beginning");
        let (epoch, head) = (first.data["epoch"].as_str().unwrap().to_owned(), first.data["head"].as_u64().unwrap());
        let entered = if first.data["type"] == "resync" {
            Entered::Resync { epoch, head }
        } else {
            let stands: u64 = first.id.unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
            let mut missed = Vec::new();
            for seq in stands + 1..=head {
                let event = events.next().await.expect("what was missed");
                assert_eq!(event.id, Some(format!("{epoch}:{seq}")));
                missed.push(Heard::of_frame(&event.data));
            }
            Entered::Attached { epoch, head, missed }
        };
        let room = format!("/api/chat/rooms/{room}");
        Ok((Self { events, addr, room, name: name.to_owned() }, entered))
    }

    async fn send_body(&mut self, body: Body, key: Option<&str>) -> Result<Stored, String> {
        let (sent, replayed) = self.call("POST", "messages", key, Some(&fields(&body))).await?;
        Ok(Stored { seq: sent["seq"].as_u64().unwrap(), replayed })
    }

    async fn change(&mut self, target: u64, change: Change, key: Option<&str>) -> Result<Changed, String> {
        let put = |is_put: bool| if is_put { "PUT" } else { "DELETE" };
        let (method, below, body) = match change {
            Change::Edit(content) => ("PATCH", String::new(), Some(json!({"content": content}))),
            Change::Delete => ("DELETE", String::new(), None),
            Change::React(reaction, added) => (put(added), format!("/reactions/{reaction}"), None),
            Change::Pin(pinned) => (put(pinned), "/pin".to_owned(), None),
        };
        let (answer, replayed) = self.call(method, &format!("messages/{target}{below}"), key, body.as_ref()).await?;
        Ok(Changed { replayed, count: answer["count"].as_u64() })
    }

    async fn mark(&mut self, seq: u64) -> Result<Marked, String> {
        let (answer, _) = self.call("PUT", "read", None, Some(&json!({"seq": seq}))).await?;
        Ok(Marked::of_json(&answer))
    }

    async fn next(&mut self) -> Heard {
        let Some(event) = self.events.next().await else { return Heard::End };
        let heard = Heard::of_frame(&event.data);
        assert_eq!(event.id.is_some(), heard.is_event(), "events have ids, signals have none: {event:?}");
        assert_ne!(event.data, Value::Null);
        heard
    }

    async fn lose(self) {
        drop(self);
    }
}
